//! `SELECT`, `VALUES`, set operations and `WITH`.

use pg_query::protobuf::{
    CommonTableExpr, CteCycleClause, CteMaterialize, CteSearchClause, LimitOption,
    LockClauseStrength, LockWaitPolicy, SelectStmt, SetOperation as PgSetOperation, WithClause,
};
use pg_query::{Node, NodeEnum};

use super::{Lowering, names, target, target_alias};
use crate::sql::lower::names::relation_node;
use crate::sql::tree::{
    Body, CommonTable, Distinct, Expr, Grouping, Locking, Part, Query, Select, SetKind,
    SetOperation, Syntax, Tail, Target, With,
};

impl Lowering {
    pub(super) fn query(&mut self, node: &Node) -> Query {
        let lowered = self.deeper(|deeper| match node.node.as_ref()? {
            NodeEnum::SelectStmt(select) => Some(deeper.select_statement(select)),
            statement => deeper.modification(statement),
        });
        lowered.flatten().unwrap_or(Query { with: None, body: Body::Unknown, tail: None })
    }

    pub(super) fn select_statement(&mut self, select: &SelectStmt) -> Query {
        let with = self.with(select.with_clause.as_ref());
        let body = self.body(select);
        Query { with, body, tail: self.tail(select).map(Box::new) }
    }

    fn body(&mut self, select: &SelectStmt) -> Body {
        if let (Some(left), Some(right)) = (&select.larg, &select.rarg) {
            let sides = self
                .deeper(|deeper| (deeper.select_statement(left), deeper.select_statement(right)));
            let Some((left, right)) = sides else { return Body::Unknown };
            let kind = match select.op() {
                PgSetOperation::SetopIntersect => SetKind::Intersect,
                PgSetOperation::SetopExcept => SetKind::Except,
                _ => SetKind::Union,
            };
            let operation = SetOperation { kind, all: select.all, left, right };
            return Body::SetOperation(Box::new(operation));
        }
        if !select.values_lists.is_empty() {
            let mut row = |node: &Node| match &node.node {
                Some(NodeEnum::List(list)) => self.exprs(&list.items),
                _ => Box::default(),
            };
            return Body::Values(select.values_lists.iter().map(&mut row).collect());
        }
        let distinct = self.distinct(&select.distinct_clause);
        let targets = self.targets(&select.target_list);
        let from = self.items(&select.from_clause);
        let condition = self.optional(select.where_clause.as_deref());
        let has_grouping = !select.group_clause.is_empty()
            || select.having_clause.is_some()
            || !select.window_clause.is_empty();
        let grouping = has_grouping.then(|| Box::new(self.grouping(select)));
        Body::Select(Box::new(Select { distinct, targets, from, condition, grouping }))
    }

    fn distinct(&mut self, clause: &[Node]) -> Distinct {
        match clause {
            [] => Distinct::No,
            [Node { node: None }] => Distinct::Rows,
            on => Distinct::On(self.exprs(on)),
        }
    }

    pub(super) fn targets(&mut self, nodes: &[Node]) -> Box<[Target]> {
        let mut lower = |node: &Node| {
            let target = target(node)?;
            let value = self.required(target.val.as_deref());
            Some(Target { value, alias: target_alias(target) })
        };
        nodes.iter().filter_map(&mut lower).collect()
    }

    fn grouping(&mut self, select: &SelectStmt) -> Grouping {
        let by = self.exprs(&select.group_clause);
        let having = self.optional(select.having_clause.as_deref());
        let mut window = |node: &Node| match &node.node {
            Some(NodeEnum::WindowDef(window)) => Some(self.window(window)),
            _ => None,
        };
        let windows = select.window_clause.iter().filter_map(&mut window).collect();
        Grouping { by, distinct: select.group_distinct, having, windows }
    }

    fn tail(&mut self, select: &SelectStmt) -> Option<Tail> {
        let has_tail = !select.sort_clause.is_empty()
            || select.limit_count.is_some()
            || select.limit_offset.is_some()
            || !select.locking_clause.is_empty();
        has_tail.then(|| Tail {
            order_by: self.sorts(&select.sort_clause),
            limit: self.optional(select.limit_count.as_deref()),
            with_ties: select.limit_option() == LimitOption::WithTies,
            offset: self.optional(select.limit_offset.as_deref()),
            locking: select.locking_clause.iter().filter_map(locking).collect(),
        })
    }

    pub(super) fn with(&mut self, with: Option<&WithClause>) -> Option<Box<With>> {
        let with = with?;
        let mut table = |node: &Node| match &node.node {
            Some(NodeEnum::CommonTableExpr(table)) => Some(self.common_table(table)),
            _ => None,
        };
        let queries = with.ctes.iter().filter_map(&mut table).collect();
        Some(Box::new(With { recursive: with.recursive, queries }))
    }

    fn common_table(&mut self, table: &CommonTableExpr) -> CommonTable {
        let query = match &table.ctequery {
            Some(query) => self.query(query),
            None => Query { with: None, body: Body::Unknown, tail: None },
        };
        let (mut parts, mut added) = (Vec::new(), Vec::new());
        if let Some(search) = &table.search_clause {
            search_clause(search, &mut parts);
            added.push(search.search_seq_column.as_str().into());
        }
        if let Some(cycle) = &table.cycle_clause {
            self.cycle_clause(cycle, &mut parts);
            added.push(cycle.cycle_mark_column.as_str().into());
            added.push(cycle.cycle_path_column.as_str().into());
        }
        let has_search = !parts.is_empty();
        CommonTable {
            name: table.ctename.as_str().into(),
            columns: names(&table.aliascolnames),
            materialized: match table.ctematerialized() {
                CteMaterialize::Always => Some(true),
                CteMaterialize::Never => Some(false),
                CteMaterialize::CtematerializeUndefined | CteMaterialize::Default => None,
            },
            query,
            added: added.into(),
            search: has_search.then(|| Box::new(Syntax { name: "", parts: parts.into() })),
        }
    }

    fn cycle_clause(&mut self, cycle: &CteCycleClause, parts: &mut Vec<Part>) {
        parts.push(Part::Word("CYCLE"));
        name_list(&cycle.cycle_col_list, parts);
        parts.extend([Part::Word("SET"), Part::Name(cycle.cycle_mark_column.as_str().into())]);
        let value = self.required(cycle.cycle_mark_value.as_deref());
        let default = self.required(cycle.cycle_mark_default.as_deref());
        if (&value, &default) != (&Expr::Bool(true), &Expr::Bool(false)) {
            let values = [Part::Word("TO"), Part::Expr(value), Part::Word("DEFAULT")];
            parts.extend(values.into_iter().chain([Part::Expr(default)]));
        }
        parts.extend([Part::Word("USING"), Part::Name(cycle.cycle_path_column.as_str().into())]);
    }
}

fn search_clause(search: &CteSearchClause, parts: &mut Vec<Part>) {
    parts.push(Part::Word(match search.search_breadth_first {
        true => "SEARCH BREADTH FIRST BY",
        false => "SEARCH DEPTH FIRST BY",
    }));
    name_list(&search.search_col_list, parts);
    parts.extend([Part::Word("SET"), Part::Name(search.search_seq_column.as_str().into())]);
}

fn name_list(nodes: &[Node], parts: &mut Vec<Part>) {
    for (at, name) in names(nodes).iter().enumerate() {
        if at > 0 {
            parts.push(Part::Word(","));
        }
        parts.push(Part::Name(name.clone()));
    }
}

fn locking(node: &Node) -> Option<Locking> {
    let Some(NodeEnum::LockingClause(clause)) = &node.node else { return None };
    Some(Locking {
        strength: match clause.strength() {
            LockClauseStrength::LcsForkeyshare => "KEY SHARE",
            LockClauseStrength::LcsForshare => "SHARE",
            LockClauseStrength::LcsFornokeyupdate => "NO KEY UPDATE",
            _ => "UPDATE",
        },
        of: clause.locked_rels.iter().filter_map(relation_node).collect(),
        wait: match clause.wait_policy() {
            LockWaitPolicy::LockWaitSkip => Some("SKIP LOCKED"),
            LockWaitPolicy::LockWaitError => Some("NOWAIT"),
            _ => None,
        },
    })
}
