//! The parts of actions that are about privileges and comments.

use std::sync::Arc;

use super::statement::{ObjectKind, RelationName, TypeName};

/// `GRANT` or `REVOKE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// False for `REVOKE`.
    pub is_grant: bool,
    /// The kind of objects; nothing where a role is granted.
    pub on: Option<GrantTarget>,
    /// The privileges, in lower case; empty for `ALL`.
    pub privileges: Vec<String>,
    /// Whether privileges are limited to columns.
    pub has_columns: bool,
    /// Those of the privileges that are limited to columns.
    pub column_privileges: Vec<String>,
    /// The schemas of `ALL ... IN SCHEMA`.
    pub schemas: Vec<String>,
    /// Whether functions or procedures alone are meant; nothing for both.
    pub routines: Option<ObjectKind>,
    /// The relations that are named.
    pub relations: Vec<RelationName>,
    /// All objects that are named.
    pub subjects: Vec<Subject>,
    /// The privileges that are limited to columns, in lower case and empty for `ALL`, with the columns.
    pub of_columns: Vec<(String, Vec<Arc<str>>)>,
    /// The roles that get or lose them, as SQL.
    pub roles: Vec<Arc<str>>,
    /// Whether `WITH GRANT OPTION` or `GRANT OPTION FOR` stands there.
    pub grant_option: bool,
}

/// An object, or a part of a relation, as a statement names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What the object is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: RelationName,
    /// The part of the relation.
    pub part: Option<(SubjectPart, Arc<str>)>,
    /// For a function: its signature, where the statement gives one.
    pub arguments: Option<Vec<Arc<TypeName>>>,
}

/// A kind of part of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectPart {
    /// A column.
    Column,
    /// A constraint.
    Constraint,
    /// A trigger.
    Trigger,
    /// A policy.
    Policy,
}

/// Who may do what, beyond single objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// `ALTER DEFAULT PRIVILEGES`.
    Default {
        /// The roles of `FOR ROLE`, as SQL.
        roles: Vec<Arc<str>>,
        /// The schemas of `IN SCHEMA`.
        schemas: Vec<Arc<str>>,
        /// What is granted or revoked.
        grant: Box<Grant>,
    },
    /// `DROP OWNED` or `REASSIGN OWNED`.
    Owned {
        /// The roles whose objects it is about, as SQL.
        roles: Vec<Arc<str>>,
        /// The new owner, as SQL; nothing for `DROP OWNED`.
        to: Option<Arc<str>>,
        /// Whether `CASCADE` stands there.
        cascade: bool,
    },
    /// `GRANT role TO role` or `REVOKE`.
    Member {
        /// False for `REVOKE`.
        is_grant: bool,
        /// The roles that are given, as SQL.
        roles: Vec<Arc<str>>,
        /// The roles that become members, as SQL.
        members: Vec<Arc<str>>,
    },
}

/// What kind of objects `GRANT` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantTarget {
    /// Tables and views.
    Table,
    /// Sequences.
    Sequence,
    /// Databases.
    Database,
    /// Domains.
    Domain,
    /// Foreign-data wrappers.
    ForeignDataWrapper,
    /// Foreign servers.
    ForeignServer,
    /// Functions, procedures and routines.
    Function,
    /// Languages.
    Language,
    /// Large objects.
    LargeObject,
    /// Schemas.
    Schema,
    /// Tablespaces.
    Tablespace,
    /// Types.
    Type,
    /// Configuration parameters.
    Parameter,
}
