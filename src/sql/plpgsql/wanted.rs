//! Turns what a catalog query wants into the fact that it asks for.

use std::sync::Arc;

use super::catalog_query::{Query, Wanted};
use super::catalog_tables::{Attribute, Kind, Role};
use super::condition::Condition;
use super::fact::{ColumnFact, Fact, ObjectName, RelationKind, SchemaName};
use super::value::boolean;
use crate::sql::ConstraintKind;

/// The most names that a query may list.
const MAX_NAMES: usize = 64;

impl Query {
    /// Returns the condition that the query finds a row.
    pub(super) fn exists(&self) -> Condition {
        // `IN ('a', 'b')` asks for one of several objects, kinds apart: a fact lists those.
        let several = self.wanted.iter().find_map(|(key, wanted)| match wanted {
            Wanted::OneOf(texts) if texts.len() > 1 && !self.lists_kinds(key.1) => {
                Some((*key, texts.clone()))
            }
            _ => None,
        });
        let Some((key, texts)) = several else {
            return self.fact().map_or(Condition::Unknown, Condition::Exists);
        };
        if texts.len() > MAX_NAMES {
            return Condition::Unknown;
        }
        let one = |text: String| {
            let mut query = self.clone();
            query.wanted.insert(key, Wanted::OneOf(vec![text]));
            query.exists()
        };
        Condition::any(texts.into_iter().map(one))
    }

    fn lists_kinds(&self, attribute: Attribute) -> bool {
        self.kind == Kind::Relation && attribute == Attribute::Kind
    }

    fn fact(&self) -> Option<Fact> {
        let mut parts = Parts { query: self.clone() };
        let fact = parts.fact(self.kind)?;
        parts.query.wanted.is_empty().then_some(fact)
    }
}

/// What is wanted, from which each part is taken once; what is left over was not understood.
struct Parts {
    query: Query,
}

impl Parts {
    fn take(&mut self, role: Role, attribute: Attribute) -> Option<Wanted> {
        self.query.wanted.remove(&(role, attribute))
    }

    fn text(&mut self, attribute: Attribute) -> Option<Arc<str>> {
        match self.take(Role::Own, attribute)? {
            Wanted::OneOf(texts) => texts.first().map(|text| text.as_str().into()),
            _ => None,
        }
    }

    fn truth(&mut self, attribute: Attribute) -> Option<bool> {
        let text = self.text(attribute)?;
        match text.to_ascii_lowercase().as_str() {
            "always" | "s" | "v" => Some(true),
            "never" | "" => Some(false),
            other => boolean(other),
        }
    }

    /// Takes the name of the object with `role`; nothing if nothing is said of it.
    fn object(&mut self, role: Role) -> Option<ObjectName> {
        let whole = self.take(role, Attribute::Object);
        let name = self.take(role, Attribute::Name);
        let schema = self.take(role, Attribute::Schema);
        if let Some(Wanted::Object(object)) = whole {
            // The name says it all; a schema beside it says the same or nothing sensible.
            return Some(object);
        }
        if name.is_none() && schema.is_none() {
            return None;
        }
        let name = match name {
            Some(Wanted::OneOf(texts)) => texts.first().map(|text| text.as_str().into()),
            _ => None,
        };
        let schema = match schema {
            None | Some(Wanted::Object(_)) => SchemaName::Any,
            Some(Wanted::CurrentSchema) => SchemaName::Current,
            Some(Wanted::OnSearchPath) => SchemaName::SearchPath,
            Some(Wanted::OneOf(texts)) => SchemaName::Named(texts.first()?.as_str().into()),
        };
        Some(ObjectName { schema, name })
    }

    /// Takes the name of the object itself, which lives in the schema of its table.
    fn fact(&mut self, kind: Kind) -> Option<Fact> {
        Some(match kind {
            Kind::Schema => Fact::Schema { name: self.text(Attribute::Schema)? },
            Kind::Relation => return self.relation(),
            Kind::Type => {
                let kind = self.text(Attribute::Kind).and_then(|text| text.chars().next());
                Fact::Type { name: self.object(Role::Own)?, kind }
            }
            Kind::Function => {
                let arguments = self.text(Attribute::Arguments);
                Fact::Function { name: self.object(Role::Own)?, arguments }
            }
            Kind::Index => self.index(),
            Kind::Inheritance => {
                let (parent, child) = (self.object(Role::Parent), self.object(Role::Child));
                Fact::Inheritance { parent, child }
            }
            Kind::Column => return self.column().map(Fact::Column),
            Kind::Constraint => return self.constraint(),
            Kind::EnumLabel => {
                let label = self.text(Attribute::Name)?;
                Fact::EnumLabel { type_name: self.object(Role::Type), label }
            }
            Kind::Trigger => {
                let name = self.text(Attribute::Name);
                Fact::Trigger { relation: self.object(Role::Table), name }
            }
            Kind::Policy => {
                let name = self.text(Attribute::Name);
                Fact::Policy { relation: self.object(Role::Table), name }
            }
            Kind::Role => Fact::Role { name: self.text(Attribute::Name)? },
            Kind::Database => Fact::Database { name: self.text(Attribute::Name)? },
            Kind::Extension => Fact::Extension { name: self.text(Attribute::Name)? },
            Kind::AvailableExtension => {
                let name = self.text(Attribute::Name)?;
                match self.truth(Attribute::IsInstalled) {
                    Some(true) => Fact::Extension { name },
                    Some(false) => return None,
                    None => Fact::AvailableExtension { name },
                }
            }
            Kind::Publication => Fact::Publication { name: self.text(Attribute::Name)? },
            Kind::PublicationTable => {
                let publication = self.text(Attribute::Name);
                Fact::PublicationTable { publication, relation: self.object(Role::Table)? }
            }
        })
    }

    fn relation(&mut self) -> Option<Fact> {
        let kinds = match self.take(Role::Own, Attribute::Kind) {
            None => self.query.relation_kinds.clone(),
            Some(Wanted::OneOf(texts)) => {
                let mut kinds = Vec::new();
                for text in texts {
                    match text.as_str() {
                        "BASE TABLE" => {
                            kinds.extend([RelationKind::Table, RelationKind::PartitionedTable]);
                        }
                        "VIEW" => kinds.push(RelationKind::View),
                        "FOREIGN" => kinds.push(RelationKind::ForeignTable),
                        relkind => kinds.push(RelationKind::from_relkind(relkind)?),
                    }
                }
                kinds
            }
            Some(_) => return None,
        };
        let row_security = self.truth(Attribute::RowSecurity);
        let name = self.object(Role::Own)?;
        match row_security {
            Some(true) => Some(Fact::RowSecurity { relation: name }),
            Some(false) => None,
            None => Some(Fact::Relation { name, kinds }),
        }
    }

    fn index(&mut self) -> Fact {
        let relation = self.object(Role::Table);
        let name = self.object(Role::Index).or_else(|| {
            // `pg_indexes` has the index's name beside its table's schema, which is its own too.
            let mut name = self.object(Role::Own)?;
            if let Some(table) = &relation
                && name.schema == SchemaName::Any
            {
                name.schema = table.schema.clone();
            }
            Some(name)
        });
        let relation = relation.filter(|relation| name.is_none() || relation.name.is_some());
        let unique = self.truth(Attribute::IsUnique);
        let primary = self.truth(Attribute::IsPrimary);
        Fact::Index { relation, name, unique, primary, valid: self.truth(Attribute::IsValid) }
    }

    fn column(&mut self) -> Option<ColumnFact> {
        let type_name = self.text(Attribute::TypeName);
        let of_type = self.object(Role::Type).and_then(|name| name.name);
        let length = match self.text(Attribute::Length) {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        };
        let not_null = self.truth(Attribute::IsNotNull);
        Some(ColumnFact {
            relation: self.object(Role::Table),
            name: self.text(Attribute::Name),
            data_type: self.text(Attribute::DataType),
            type_name: type_name.or(of_type),
            length,
            is_nullable: self.truth(Attribute::IsNullable).or(not_null.map(|value| !value)),
            has_default: self.truth(Attribute::HasDefault),
            is_identity: self.truth(Attribute::IsIdentity),
            is_generated: self.truth(Attribute::IsGenerated),
        })
    }

    fn constraint(&mut self) -> Option<Fact> {
        let kind = match self.text(Attribute::Kind) {
            None => None,
            Some(text) => Some(match &*text {
                "p" | "PRIMARY KEY" => ConstraintKind::PrimaryKey,
                "u" | "UNIQUE" => ConstraintKind::Unique,
                "c" | "CHECK" => ConstraintKind::Check,
                "f" | "FOREIGN KEY" => ConstraintKind::ForeignKey,
                "x" => ConstraintKind::Exclusion,
                "n" => ConstraintKind::NotNull,
                _ => return None,
            }),
        };
        let name = self.text(Attribute::Name);
        let column = self.text(Attribute::Column);
        let validated = self.truth(Attribute::IsValid);
        let relation = self.object(Role::Table);
        Some(Fact::Constraint { relation, name, kind, column, validated })
    }
}
