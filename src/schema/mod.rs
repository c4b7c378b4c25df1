//! What a history leaves on a server: as data, as SQL, and what changed on the way.

mod definition;
mod model;
mod read;

pub use model::{
    Attached, Attribute, Column, Composite, Constraint, Domain, Enum, Function, Index, Place,
    Places, Range, References, Schema, Sequence, Table, View,
};
