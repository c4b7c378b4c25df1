//! Statements that write rows, as they may stand inside `WITH`.

use pg_query::protobuf::{
    CmdType, InsertStmt, MergeMatchKind, MergeStmt, MergeWhenClause, OnConflictAction,
    OnConflictClause, OverridingKind, ResTarget, ReturningClause, ReturningOptionKind,
};
use pg_query::{Node, NodeEnum};

use super::from::source;
use super::{Lowering, target};
use crate::sql::lower::names::{name, qualified};
use crate::sql::tree::{
    Assignment, Body, ColumnRef, Conflict, ConflictKey, Delete, Expr, FromItem, Insert, Merge,
    MergeAction, MergeBranch, Place, Query, Returning, Update,
};

impl Lowering {
    pub(super) fn modification(&mut self, statement: &NodeEnum) -> Option<Query> {
        let (with, body) = match statement {
            NodeEnum::InsertStmt(insert) => {
                let with = self.with(insert.with_clause.as_ref());
                (with, Body::Insert(Box::new(self.insert(insert))))
            }
            NodeEnum::UpdateStmt(update) => {
                let with = self.with(update.with_clause.as_ref());
                let update = Update {
                    target: source(update.relation.as_ref()),
                    assignments: self.assignments(&update.target_list),
                    from: self.items(&update.from_clause),
                    condition: self.optional(update.where_clause.as_deref()),
                    returning: self.returning(update.returning_clause.as_ref()),
                };
                (with, Body::Update(Box::new(update)))
            }
            NodeEnum::DeleteStmt(delete) => {
                let with = self.with(delete.with_clause.as_ref());
                let delete = Delete {
                    target: source(delete.relation.as_ref()),
                    using: self.items(&delete.using_clause),
                    condition: self.optional(delete.where_clause.as_deref()),
                    returning: self.returning(delete.returning_clause.as_ref()),
                };
                (with, Body::Delete(Box::new(delete)))
            }
            NodeEnum::MergeStmt(merge) => {
                let with = self.with(merge.with_clause.as_ref());
                (with, Body::Merge(Box::new(self.merge(merge))))
            }
            _ => return None,
        };
        Some(Query { with, body, tail: None })
    }

    fn insert(&mut self, insert: &InsertStmt) -> Insert {
        Insert {
            target: source(insert.relation.as_ref()),
            columns: self.places(&insert.cols),
            overriding: overriding(insert.r#override()),
            rows: insert.select_stmt.as_ref().map(|rows| self.query(rows)),
            conflict: insert.on_conflict_clause.as_ref().map(|c| Box::new(self.conflict(c))),
            returning: self.returning(insert.returning_clause.as_ref()),
        }
    }

    fn places(&mut self, nodes: &[Node]) -> Box<[Place]> {
        let mut place = |node: &Node| target(node).map(|target| self.place(target));
        nodes.iter().filter_map(&mut place).collect()
    }

    fn place(&mut self, target: &ResTarget) -> Place {
        Place { column: target.name.as_str().into(), steps: self.steps(&target.indirection) }
    }

    /// Reads `SET`; the grammar repeats the value of `(a, b) = value` for each of its columns.
    fn assignments(&mut self, nodes: &[Node]) -> Box<[Assignment]> {
        let mut found = Vec::with_capacity(nodes.len());
        let mut targets = nodes.iter().filter_map(target);
        while let Some(first) = targets.next() {
            let value = first.val.as_deref();
            let Some(NodeEnum::MultiAssignRef(multiple)) = value.and_then(|v| v.node.as_ref())
            else {
                let places = Box::new([self.place(first)]);
                found.push(Assignment { places, is_row: false, value: self.required(value) });
                continue;
            };
            let others = usize::try_from(multiple.ncolumns).unwrap_or(1).saturating_sub(1);
            let all = std::iter::once(first).chain(targets.by_ref().take(others));
            let places = all.map(|target| self.place(target)).collect();
            let value = self.required(multiple.source.as_deref());
            found.push(Assignment { places, is_row: true, value });
        }
        found.into()
    }

    fn conflict(&mut self, clause: &OnConflictClause) -> Conflict {
        let infer = clause.infer.as_ref();
        let mut key = |node: &Node| match &node.node {
            Some(NodeEnum::IndexElem(element)) => Some(ConflictKey {
                value: match &element.expr {
                    Some(expression) => self.expr(expression),
                    None => Expr::Column(ColumnRef {
                        qualifier: Box::default(),
                        name: element.name.as_str().into(),
                    }),
                },
                collation: qualified(&element.collation).map(Box::new),
                class: qualified(&element.opclass).map(Box::new),
            }),
            _ => None,
        };
        let keys = infer.into_iter().flat_map(|infer| &infer.index_elems);
        let keys = keys.filter_map(&mut key).collect();
        let updates = clause.action() == OnConflictAction::OnconflictUpdate;
        Conflict {
            keys,
            key_condition: self.optional(infer.and_then(|infer| infer.where_clause.as_deref())),
            constraint: infer.and_then(|infer| name(&infer.conname)),
            update: updates.then(|| self.assignments(&clause.target_list)),
            condition: self.optional(clause.where_clause.as_deref()),
        }
    }

    fn returning(&mut self, clause: Option<&ReturningClause>) -> Returning {
        let Some(clause) = clause else { return Returning::default() };
        let option = |node: &Node| match &node.node {
            Some(NodeEnum::ReturningOption(option)) => Some((
                match option.option() {
                    ReturningOptionKind::ReturningOptionOld => "OLD",
                    _ => "NEW",
                },
                option.value.as_str().into(),
            )),
            _ => None,
        };
        Returning {
            names: clause.options.iter().filter_map(option).collect(),
            targets: self.targets(&clause.exprs),
        }
    }

    fn merge(&mut self, merge: &MergeStmt) -> Merge {
        let source_relation = merge.source_relation.as_deref();
        let mut branch = |node: &Node| match &node.node {
            Some(NodeEnum::MergeWhenClause(branch)) => Some(self.merge_branch(branch)),
            _ => None,
        };
        let branches = merge.merge_when_clauses.iter().filter_map(&mut branch).collect();
        Merge {
            target: source(merge.relation.as_ref()),
            source: source_relation.map_or(FromItem::Unknown, |node| self.item(node)),
            on: self.required(merge.join_condition.as_deref()),
            branches,
            returning: self.returning(merge.returning_clause.as_ref()),
        }
    }

    fn merge_branch(&mut self, branch: &MergeWhenClause) -> MergeBranch {
        MergeBranch {
            when: match branch.match_kind() {
                MergeMatchKind::MergeWhenNotMatchedBySource => "NOT MATCHED BY SOURCE",
                MergeMatchKind::MergeWhenNotMatchedByTarget => "NOT MATCHED",
                MergeMatchKind::MergeWhenMatched | MergeMatchKind::Undefined => "MATCHED",
            },
            condition: self.optional(branch.condition.as_deref()),
            action: match branch.command_type() {
                CmdType::CmdUpdate => MergeAction::Update(self.assignments(&branch.target_list)),
                CmdType::CmdInsert => MergeAction::Insert {
                    columns: self.places(&branch.target_list),
                    overriding: overriding(branch.r#override()),
                    values: self.exprs(&branch.values),
                },
                CmdType::CmdDelete => MergeAction::Delete,
                _ => MergeAction::Nothing,
            },
        }
    }
}

fn overriding(kind: OverridingKind) -> Option<&'static str> {
    match kind {
        OverridingKind::OverridingUserValue => Some("USER VALUE"),
        OverridingKind::OverridingSystemValue => Some("SYSTEM VALUE"),
        OverridingKind::Undefined | OverridingKind::OverridingNotSet => None,
    }
}
