//! Calls, windows and orders.

use pg_query::protobuf::{CoercionForm, FuncCall, SortBy, SortByDir, SortByNulls, WindowDef};
use pg_query::{Node, NodeEnum};

use super::{Lowering, qualified_or_empty};
use crate::sql::lower::names::name;
use crate::sql::tree::{Aggregate, Bound, Call, Direction, Expr, Frame, Sort, Window};

impl Lowering {
    pub(super) fn call(&mut self, call: &FuncCall) -> Expr {
        let arguments = self.exprs(&call.args);
        let has_aggregate =
            !call.agg_order.is_empty() || call.agg_filter.is_some() || call.over.is_some();
        let aggregate = has_aggregate.then(|| {
            Box::new(Aggregate {
                order_by: self.sorts(&call.agg_order),
                within_group: call.agg_within_group,
                filter: self.optional(call.agg_filter.as_deref()),
                over: call.over.as_ref().map(|over| self.window(over)),
            })
        });
        Expr::Call(Box::new(Call {
            name: qualified_or_empty(&call.funcname),
            arguments,
            star: call.agg_star,
            distinct: call.agg_distinct,
            variadic: call.func_variadic,
            special: call.funcformat() == CoercionForm::CoerceSqlSyntax,
            aggregate,
        }))
    }

    pub(super) fn sorts(&mut self, nodes: &[Node]) -> Box<[Sort]> {
        let mut sort = |node: &Node| match &node.node {
            Some(NodeEnum::SortBy(sort)) => Some(self.sort(sort)),
            _ => None,
        };
        nodes.iter().filter_map(&mut sort).collect()
    }

    fn sort(&mut self, sort: &SortBy) -> Sort {
        Sort {
            value: self.required(sort.node.as_deref()),
            direction: match sort.sortby_dir() {
                SortByDir::Undefined | SortByDir::SortbyDefault => Direction::Default,
                SortByDir::SortbyAsc => Direction::Ascending,
                SortByDir::SortbyDesc => Direction::Descending,
                SortByDir::SortbyUsing => {
                    Direction::Using(Box::new(qualified_or_empty(&sort.use_op)))
                }
            },
            nulls_first: match sort.sortby_nulls() {
                SortByNulls::Undefined | SortByNulls::SortbyNullsDefault => None,
                SortByNulls::SortbyNullsFirst => Some(true),
                SortByNulls::SortbyNullsLast => Some(false),
            },
        }
    }

    pub(super) fn window(&mut self, window: &WindowDef) -> Window {
        Window {
            name: name(&window.name),
            base: name(&window.refname),
            partition_by: self.exprs(&window.partition_clause),
            order_by: self.sorts(&window.order_clause),
            frame: self.frame(window).map(Box::new),
        }
    }

    /// Reads a frame; the bits are those of `FRAMEOPTION_*` in the server's `parsenodes.h`.
    fn frame(&mut self, window: &WindowDef) -> Option<Frame> {
        let has = |bit: i32| window.frame_options & bit != 0;
        if !has(0x1) {
            return None;
        }
        let unit = if has(0x4) {
            "ROWS"
        } else if has(0x8) {
            "GROUPS"
        } else {
            "RANGE"
        };
        let start = if has(0x20) {
            Bound::UnboundedPreceding
        } else if has(0x200) {
            Bound::CurrentRow
        } else if has(0x800) {
            Bound::Preceding(self.required(window.start_offset.as_deref()))
        } else {
            Bound::Following(self.required(window.start_offset.as_deref()))
        };
        let end = has(0x10).then(|| {
            if has(0x100) {
                Bound::UnboundedFollowing
            } else if has(0x400) {
                Bound::CurrentRow
            } else if has(0x1000) {
                Bound::Preceding(self.required(window.end_offset.as_deref()))
            } else {
                Bound::Following(self.required(window.end_offset.as_deref()))
            }
        });
        let exclude = if has(0x8000) {
            Some("CURRENT ROW")
        } else if has(0x10000) {
            Some("GROUP")
        } else {
            has(0x20000).then_some("TIES")
        };
        Some(Frame { unit, start, end, exclude })
    }
}
