//! What a history leaves on a server: as data, as SQL, and what changed on the way.

mod access;
pub mod biography;
mod definition;
pub mod diff;
mod model;
mod read;
pub mod sql;

pub(crate) use definition::{
    bound as bound_sql, constraint as constraint_sql, expression_sql, index as index_sql, index_on,
    name as name_sql, quoted as full_name_sql,
};

pub use biography::{Event, History, Life};
pub use diff::{Change, Difference, Entry, Follower};
pub use model::{
    Attached, Attribute, Column, Composite, Constraint, Domain, Enum, Function, Index, Place,
    Places, Range, References, Schema, Sequence, Table, View,
};
