//! The items of `FROM`.

use pg_query::protobuf::{ColumnDef, JoinExpr, JoinType, RangeFunction, RangeVar};
use pg_query::{Node, NodeEnum};

use super::{Lowering, alias, names, qualified_or_empty};
use crate::sql::RelationName;
use crate::sql::lower::names::{qualified, relation};
use crate::sql::tree::{
    ColumnType, Derived, Expr, FromItem, Functions, Join, JoinKind, Sample, Source, SyntaxTable,
};

impl Lowering {
    pub(super) fn items(&mut self, nodes: &[Node]) -> Box<[FromItem]> {
        nodes.iter().map(|node| self.item(node)).collect()
    }

    pub(super) fn item(&mut self, node: &Node) -> FromItem {
        let lowered = self.deeper(|deeper| match node.node.as_ref()? {
            NodeEnum::RangeVar(range) => Some(FromItem::Relation(Box::new(source(Some(range))))),
            NodeEnum::RangeSubselect(derived) => Some(FromItem::Subquery(Box::new(Derived {
                query: deeper.query(derived.subquery.as_ref()?),
                lateral: derived.lateral,
                alias: alias(derived.alias.as_ref()),
            }))),
            NodeEnum::RangeFunction(function) => {
                Some(FromItem::Functions(Box::new(deeper.functions(function))))
            }
            NodeEnum::JoinExpr(join) => Some(FromItem::Join(Box::new(deeper.join(join)?))),
            NodeEnum::RangeTableSample(sample) => Some(FromItem::Sample(Box::new(Sample {
                item: deeper.item(sample.relation.as_ref()?),
                method: qualified_or_empty(&sample.method),
                arguments: deeper.exprs(&sample.args),
                repeatable: deeper.optional(sample.repeatable.as_deref()),
            }))),
            NodeEnum::RangeTableFunc(table) => {
                let (syntax, columns) = deeper.xml_table(table);
                let (lateral, alias) = (table.lateral, alias(table.alias.as_ref()));
                let table = SyntaxTable { lateral, syntax, columns, alias };
                Some(FromItem::Syntax(Box::new(table)))
            }
            NodeEnum::JsonTable(table) => {
                let (syntax, columns) = deeper.json_table(table);
                let (lateral, alias) = (table.lateral, alias(table.alias.as_ref()));
                let table = SyntaxTable { lateral, syntax, columns, alias };
                Some(FromItem::Syntax(Box::new(table)))
            }
            _ => None,
        });
        lowered.flatten().unwrap_or(FromItem::Unknown)
    }

    fn join(&mut self, join: &JoinExpr) -> Option<Join> {
        Some(Join {
            kind: match join.jointype() {
                JoinType::JoinLeft => JoinKind::Left,
                JoinType::JoinRight => JoinKind::Right,
                JoinType::JoinFull => JoinKind::Full,
                _ => JoinKind::Inner,
            },
            natural: join.is_natural,
            left: self.item(join.larg.as_ref()?),
            right: self.item(join.rarg.as_ref()?),
            using: names(&join.using_clause),
            using_alias: join.join_using_alias.as_ref().map(|a| a.aliasname.as_str().into()),
            on: self.optional(join.quals.as_deref()),
            alias: alias(join.alias.as_ref()),
        })
    }

    fn functions(&mut self, function: &RangeFunction) -> Functions {
        let mut call = |node: &Node| -> Option<(Expr, Box<[ColumnType]>)> {
            let Some(NodeEnum::List(pair)) = &node.node else { return None };
            let call = self.expr(pair.items.first()?);
            let columns = match pair.items.get(1).and_then(|node| node.node.as_ref()) {
                Some(NodeEnum::List(columns)) => self.column_types(&columns.items),
                _ => Box::default(),
            };
            Some((call, columns))
        };
        Functions {
            calls: function.functions.iter().filter_map(&mut call).collect(),
            rows_from: function.is_rowsfrom,
            lateral: function.lateral,
            ordinality: function.ordinality,
            alias: alias(function.alias.as_ref()),
            columns: self.column_types(&function.coldeflist),
        }
    }

    fn column_types(&mut self, nodes: &[Node]) -> Box<[ColumnType]> {
        let mut column = |node: &Node| match &node.node {
            Some(NodeEnum::ColumnDef(column)) => Some(self.column_type(column)),
            _ => None,
        };
        nodes.iter().filter_map(&mut column).collect()
    }

    fn column_type(&mut self, column: &ColumnDef) -> ColumnType {
        let collation = column.coll_clause.as_ref().and_then(|c| qualified(&c.collname));
        ColumnType {
            name: column.colname.as_str().into(),
            of: Some(self.type_of(column.type_name.as_ref())),
            collation: collation.map(Box::new),
        }
    }
}

pub(super) fn source(range: Option<&RangeVar>) -> Source {
    Source {
        name: relation(range).unwrap_or(RelationName::unqualified("")),
        only: range.is_some_and(|range| !range.inh),
        alias: alias(range.and_then(|range| range.alias.as_ref())),
    }
}
