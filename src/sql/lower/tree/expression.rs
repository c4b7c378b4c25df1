//! Expressions.

use std::sync::Arc;

use pg_query::protobuf::{
    AConst, AExpr, AExprKind, BoolExpr, BoolExprType, BoolTestType, CoercionForm,
    ColumnRef as PgColumn, GroupingSet as PgGroupingSet, GroupingSetKind, MinMaxOp, NullTestType,
    SqlValueFunction, SqlValueFunctionOp, SubLink, SubLinkType, a_const,
};
use pg_query::{Node, NodeEnum};

use super::{Lowering, qualified_or_empty};
use crate::sql::lower::names::{qualified, str};
use crate::sql::tree::{
    BooleanTest, Case, Cast, Collate, ColumnRef, Expr, GroupingSet, Operator, OperatorKind,
    Subquery, SubqueryKind, ValueFunction,
};

impl Lowering {
    pub(super) fn expr(&mut self, node: &Node) -> Expr {
        let Some(node) = &node.node else { return Expr::Unknown };
        match node {
            NodeEnum::AConst(value) => constant(value),
            NodeEnum::ColumnRef(reference) => column(reference),
            _ => self.deeper(|deeper| deeper.compound(node)).unwrap_or_default(),
        }
    }

    fn compound(&mut self, node: &NodeEnum) -> Expr {
        match node {
            NodeEnum::ParamRef(parameter) => Expr::Parameter(parameter.number),
            NodeEnum::SetToDefault(_) => Expr::Default,
            NodeEnum::TypeCast(cast) => Expr::Cast(Box::new(Cast {
                value: self.required(cast.arg.as_deref()),
                to: self.type_of(cast.type_name.as_ref()),
            })),
            NodeEnum::FuncCall(call) => self.call(call),
            NodeEnum::NamedArgExpr(argument) => Expr::Named {
                name: argument.name.as_str().into(),
                value: self.boxed(argument.arg.as_deref()),
            },
            NodeEnum::AExpr(operation) => self.operator(operation),
            NodeEnum::BoolExpr(operation) => self.boolean(operation),
            NodeEnum::NullTest(test) => Expr::IsNull {
                value: self.boxed(test.arg.as_deref()),
                negated: test.nulltesttype() == NullTestType::IsNotNull,
            },
            NodeEnum::BooleanTest(test) => Expr::Is {
                value: self.boxed(test.arg.as_deref()),
                test: match test.booltesttype() {
                    BoolTestType::Undefined | BoolTestType::IsTrue => BooleanTest::True,
                    BoolTestType::IsNotTrue => BooleanTest::NotTrue,
                    BoolTestType::IsFalse => BooleanTest::False,
                    BoolTestType::IsNotFalse => BooleanTest::NotFalse,
                    BoolTestType::IsUnknown => BooleanTest::Unknown,
                    BoolTestType::IsNotUnknown => BooleanTest::NotUnknown,
                },
            },
            NodeEnum::CaseExpr(case) => {
                let operand = self.optional(case.arg.as_deref());
                let mut branch = |node: &Node| match &node.node {
                    Some(NodeEnum::CaseWhen(when)) => Some((
                        self.required(when.expr.as_deref()),
                        self.required(when.result.as_deref()),
                    )),
                    _ => None,
                };
                let branches = case.args.iter().filter_map(&mut branch).collect();
                let otherwise = self.optional(case.defresult.as_deref());
                Expr::Case(Box::new(Case { operand, branches, otherwise }))
            }
            NodeEnum::CoalesceExpr(coalesce) => Expr::Coalesce(self.exprs(&coalesce.args)),
            NodeEnum::MinMaxExpr(extreme) if extreme.op() == MinMaxOp::IsLeast => {
                Expr::Least(self.exprs(&extreme.args))
            }
            NodeEnum::MinMaxExpr(extreme) => Expr::Greatest(self.exprs(&extreme.args)),
            NodeEnum::RowExpr(row) => Expr::Row {
                items: self.exprs(&row.args),
                explicit: row.row_format() != CoercionForm::CoerceImplicitCast,
            },
            NodeEnum::List(list) => Expr::List(self.exprs(&list.items)),
            NodeEnum::AArrayExpr(array) => Expr::Array(self.exprs(&array.elements)),
            NodeEnum::AIndirection(indirection) => Expr::Indirection {
                value: self.boxed(indirection.arg.as_deref()),
                steps: self.steps(&indirection.indirection),
            },
            NodeEnum::CollateClause(collate) => Expr::Collate(Box::new(Collate {
                value: self.required(collate.arg.as_deref()),
                collation: qualified_or_empty(&collate.collname),
            })),
            NodeEnum::SqlvalueFunction(function) => value_function(function),
            NodeEnum::GroupingFunc(grouping) => Expr::Grouping(self.exprs(&grouping.args)),
            NodeEnum::GroupingSet(set) => self.grouping_set(set),
            NodeEnum::SubLink(link) => self.subquery(link),
            _ => self.syntax(node),
        }
    }

    fn boolean(&mut self, operation: &BoolExpr) -> Expr {
        match operation.boolop() {
            BoolExprType::AndExpr | BoolExprType::Undefined => {
                Expr::And(self.exprs(&operation.args))
            }
            BoolExprType::OrExpr => Expr::Or(self.exprs(&operation.args)),
            BoolExprType::NotExpr => Expr::Not(self.boxed(operation.args.first())),
        }
    }

    fn operator(&mut self, operation: &AExpr) -> Expr {
        let kind = match operation.kind() {
            AExprKind::Undefined | AExprKind::AexprOp => OperatorKind::Plain,
            AExprKind::AexprOpAny => OperatorKind::Any,
            AExprKind::AexprOpAll => OperatorKind::All,
            AExprKind::AexprDistinct => OperatorKind::Distinct,
            AExprKind::AexprNotDistinct => OperatorKind::NotDistinct,
            AExprKind::AexprNullif => OperatorKind::NullIf,
            AExprKind::AexprIn => OperatorKind::In,
            AExprKind::AexprLike => OperatorKind::Like,
            AExprKind::AexprIlike => OperatorKind::ILike,
            AExprKind::AexprSimilar => OperatorKind::Similar,
            AExprKind::AexprBetween => OperatorKind::Between,
            AExprKind::AexprNotBetween => OperatorKind::NotBetween,
            AExprKind::AexprBetweenSym => OperatorKind::BetweenSymmetric,
            AExprKind::AexprNotBetweenSym => OperatorKind::NotBetweenSymmetric,
        };
        let name = qualified_or_empty(&operation.name);
        Expr::Operator(Box::new(Operator {
            kind,
            schema: name.schema,
            name: name.name,
            left: self.optional(operation.lexpr.as_deref()),
            right: self.optional(operation.rexpr.as_deref()),
        }))
    }

    fn grouping_set(&mut self, set: &PgGroupingSet) -> Expr {
        let kind = match set.kind() {
            GroupingSetKind::Undefined | GroupingSetKind::GroupingSetEmpty => GroupingSet::Empty,
            GroupingSetKind::GroupingSetRollup => GroupingSet::Rollup,
            GroupingSetKind::GroupingSetCube => GroupingSet::Cube,
            GroupingSetKind::GroupingSetSimple | GroupingSetKind::GroupingSetSets => {
                GroupingSet::Sets
            }
        };
        Expr::GroupingSet { kind, items: self.exprs(&set.content) }
    }

    fn subquery(&mut self, link: &SubLink) -> Expr {
        let Some(query) = &link.subselect else { return Expr::Unknown };
        let kind = match link.sub_link_type() {
            SubLinkType::ExistsSublink => SubqueryKind::Exists,
            SubLinkType::AllSublink => SubqueryKind::All,
            SubLinkType::AnySublink => SubqueryKind::Any,
            SubLinkType::ArraySublink => SubqueryKind::Array,
            _ => SubqueryKind::Scalar,
        };
        Expr::Subquery(Box::new(Subquery {
            kind,
            test: self.optional(link.testexpr.as_deref()),
            operator: qualified(&link.oper_name),
            query: self.query(query),
        }))
    }
}

fn constant(value: &AConst) -> Expr {
    match &value.val {
        Some(a_const::Val::Ival(integer)) => Expr::Integer(integer.ival),
        Some(a_const::Val::Fval(float)) => Expr::Float(float.fval.as_str().into()),
        Some(a_const::Val::Boolval(boolean)) => Expr::Bool(boolean.boolval),
        Some(a_const::Val::Sval(string)) => Expr::String(string.sval.as_str().into()),
        Some(a_const::Val::Bsval(bits)) => Expr::BitString(bits.bsval.as_str().into()),
        None => Expr::Null,
    }
}

fn column(reference: &PgColumn) -> Expr {
    let Some((last, qualifier)) = reference.fields.split_last() else { return Expr::Unknown };
    let qualifier: Box<[Arc<str>]> = qualifier.iter().filter_map(str).map(Arc::from).collect();
    match str(last) {
        Some(name) => Expr::Column(ColumnRef { qualifier, name: name.into() }),
        None => Expr::Star(qualifier),
    }
}

fn value_function(value: &SqlValueFunction) -> Expr {
    let function = match value.op() {
        SqlValueFunctionOp::SqlvalueFunctionOpUndefined => return Expr::Unknown,
        SqlValueFunctionOp::SvfopCurrentDate => ValueFunction::CurrentDate,
        SqlValueFunctionOp::SvfopCurrentTime | SqlValueFunctionOp::SvfopCurrentTimeN => {
            ValueFunction::CurrentTime
        }
        SqlValueFunctionOp::SvfopCurrentTimestamp | SqlValueFunctionOp::SvfopCurrentTimestampN => {
            ValueFunction::CurrentTimestamp
        }
        SqlValueFunctionOp::SvfopLocaltime | SqlValueFunctionOp::SvfopLocaltimeN => {
            ValueFunction::LocalTime
        }
        SqlValueFunctionOp::SvfopLocaltimestamp | SqlValueFunctionOp::SvfopLocaltimestampN => {
            ValueFunction::LocalTimestamp
        }
        SqlValueFunctionOp::SvfopCurrentRole => ValueFunction::CurrentRole,
        SqlValueFunctionOp::SvfopCurrentUser => ValueFunction::CurrentUser,
        SqlValueFunctionOp::SvfopUser => ValueFunction::User,
        SqlValueFunctionOp::SvfopSessionUser => ValueFunction::SessionUser,
        SqlValueFunctionOp::SvfopCurrentCatalog => ValueFunction::CurrentCatalog,
        SqlValueFunctionOp::SvfopCurrentSchema => ValueFunction::CurrentSchema,
    };
    let has_precision = matches!(
        value.op(),
        SqlValueFunctionOp::SvfopCurrentTimeN
            | SqlValueFunctionOp::SvfopCurrentTimestampN
            | SqlValueFunctionOp::SvfopLocaltimeN
            | SqlValueFunctionOp::SvfopLocaltimestampN
    );
    Expr::Value { function, precision: has_precision.then_some(value.typmod) }
}
