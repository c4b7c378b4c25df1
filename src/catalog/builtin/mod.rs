//! What every PostgreSQL server brings, and what the usual extensions add: facts from real servers.
//!
//! The facts are in `data`, one line each with the server versions for which it holds; all but
//! `other_extensions.tsv` are written by `scripts/builtin-facts`. A file is read when it is first
//! asked.
//!
//! Types are spelled as `pg_type.typname` has them: `int4`, `_text`, `bpchar`. Those of
//! `information_schema` carry its name: `information_schema.sql_identifier`. Those that an
//! extension brings, itself or by what it requires, begin with `@`, as their schema is the user's
//! choice: `@citext`.

mod cast;
mod extension;
mod format;
mod function;
mod operator;
mod operator_class;
mod relation;
mod table;
mod types;

pub use cast::{
    BuiltinCast, Cast, CastContext, CastMethod, cast, casts, input_output_cast, is_binary_coercible,
};
pub use extension::{Extension, Other, extension, extensions};
pub use format::{INTERVAL_FULL_PRECISION, INTERVAL_FULL_RANGE, format_type};
pub use function::{
    BuiltinFunction, FunctionKind, functions, functions_named, grammar_function, is_function,
};
pub use operator::{
    BuiltinOperator, is_operator, operator, operator_result, operators, operators_named,
};
pub use operator_class::{
    AccessMethod, Answer, Equality, OperatorClass, access_method, default_operator_class,
    foreign_key_equality, has_default_operator_class, operator_class, operator_classes,
};
pub use relation::{
    BuiltinRelation, RelationColumn, SystemRelationKind, system_relation, system_relations,
};
pub use table::Versions;
pub use types::{BuiltinType, TypeKind, type_in, type_named, types};
