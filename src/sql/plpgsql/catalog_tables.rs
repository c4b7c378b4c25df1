//! The columns of the system catalogs, by what they say about an object.

/// What kind of object the rows of a catalog are, the most specific last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Schema,
    Relation,
    Type,
    Function,
    Index,
    Inheritance,
    Column,
    Constraint,
    EnumLabel,
    Trigger,
    Policy,
    Role,
    Database,
    Extension,
    AvailableExtension,
    Publication,
    PublicationTable,
}

/// Of which object a column speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// That of the row.
    Own,
    /// The table that it is on.
    Table,
    /// The type that it has or is part of.
    Type,
    /// The index that it describes.
    Index,
    Parent,
    Child,
}

/// What a column says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attribute {
    Name,
    Schema,
    /// Its identity: `oid`, or what refers to one.
    Object,
    Kind,
    Column,
    DataType,
    TypeName,
    Length,
    IsNullable,
    IsNotNull,
    HasDefault,
    IsIdentity,
    IsGenerated,
    IsUnique,
    IsPrimary,
    IsValid,
    RowSecurity,
    IsInstalled,
    Version,
    Arguments,
    /// Nothing that tells one object of a history from another.
    Nothing,
}

/// Returns what the rows of a catalog are.
pub(super) fn kind(schema: &str, table: &str) -> Option<Kind> {
    let information = match table {
        "tables" | "views" | "sequences" => Some(Kind::Relation),
        "columns" => Some(Kind::Column),
        "table_constraints"
        | "key_column_usage"
        | "constraint_column_usage"
        | "referential_constraints"
        | "check_constraints" => Some(Kind::Constraint),
        "routines" => Some(Kind::Function),
        "schemata" => Some(Kind::Schema),
        "triggers" => Some(Kind::Trigger),
        _ => None,
    };
    match schema {
        "information_schema" => return information,
        "" | "pg_catalog" => {}
        _ => return None,
    }
    Some(match table {
        "pg_class" | "pg_tables" | "pg_views" | "pg_matviews" | "pg_sequences" => Kind::Relation,
        "pg_namespace" => Kind::Schema,
        "pg_type" => Kind::Type,
        "pg_enum" => Kind::EnumLabel,
        "pg_constraint" => Kind::Constraint,
        "pg_attribute" => Kind::Column,
        "pg_index" | "pg_indexes" => Kind::Index,
        "pg_inherits" => Kind::Inheritance,
        "pg_proc" => Kind::Function,
        "pg_trigger" => Kind::Trigger,
        "pg_policies" | "pg_policy" => Kind::Policy,
        "pg_roles" | "pg_user" | "pg_authid" => Kind::Role,
        "pg_database" => Kind::Database,
        "pg_extension" => Kind::Extension,
        "pg_available_extensions" => Kind::AvailableExtension,
        "pg_publication" => Kind::Publication,
        "pg_publication_tables" => Kind::PublicationTable,
        _ => return None,
    })
}

/// Returns whether a catalog has a column of this name, whether it says something or not.
pub(super) fn is_column(table: &str, column: &str) -> bool {
    attribute(table, column).is_some()
}

/// Returns what a column of a catalog says.
pub(super) fn attribute(table: &str, column: &str) -> Option<(Role, Attribute)> {
    use Attribute as A;
    use Role::{Child, Index, Own, Parent, Table, Type};
    Some(match (table, column) {
        (_, "table_catalog" | "constraint_catalog" | "routine_catalog" | "catalog_name")
        | ("pg_attribute", "attnum" | "attisdropped")
        | ("pg_trigger", "tgisinternal")
        | ("pg_proc", "prokind")
        | ("routines", "routine_type") => (Own, A::Nothing),

        ("pg_class", "relname")
        | ("pg_tables", "tablename")
        | ("pg_views", "viewname")
        | ("pg_matviews", "matviewname")
        | ("pg_sequences", "sequencename")
        | ("tables" | "views", "table_name")
        | ("sequences", "sequence_name")
        | ("pg_type", "typname")
        | ("pg_enum", "enumlabel")
        | ("pg_constraint", "conname")
        | ("pg_attribute", "attname")
        | ("pg_indexes", "indexname")
        | ("pg_proc", "proname")
        | ("pg_trigger", "tgname")
        | ("pg_policies", "policyname")
        | ("pg_policy", "polname")
        | ("pg_roles" | "pg_authid", "rolname")
        | ("pg_user", "usename")
        | ("pg_database", "datname")
        | ("pg_extension", "extname")
        | ("pg_available_extensions", "name")
        | ("pg_publication" | "pg_publication_tables", "pubname")
        | ("columns", "column_name")
        | (_, "constraint_name")
        | ("routines", "routine_name")
        | ("triggers", "trigger_name") => (Own, A::Name),

        ("pg_class", "relnamespace")
        | ("pg_tables" | "pg_views" | "pg_matviews" | "pg_sequences", "schemaname")
        | ("tables" | "views", "table_schema")
        | ("sequences", "sequence_schema")
        | ("pg_namespace", "nspname" | "oid")
        | ("schemata", "schema_name")
        | ("pg_type", "typnamespace")
        | ("pg_proc", "pronamespace")
        | ("routines", "routine_schema" | "specific_schema") => (Own, A::Schema),

        ("pg_indexes" | "pg_policies" | "pg_publication_tables", "schemaname")
        | ("pg_constraint", "connamespace")
        | (
            "columns" | "table_constraints" | "key_column_usage" | "constraint_column_usage",
            "table_schema",
        )
        | (_, "constraint_schema")
        | ("triggers", "trigger_schema" | "event_object_schema") => (Table, A::Schema),

        ("pg_indexes" | "pg_policies" | "pg_publication_tables", "tablename")
        | (
            "columns" | "table_constraints" | "key_column_usage" | "constraint_column_usage",
            "table_name",
        )
        | ("triggers", "event_object_table") => (Table, A::Name),

        ("pg_class" | "pg_type" | "pg_proc", "oid") => (Own, A::Object),
        ("pg_constraint", "conrelid")
        | ("pg_attribute", "attrelid")
        | ("pg_index", "indrelid")
        | ("pg_trigger", "tgrelid")
        | ("pg_policy", "polrelid") => (Table, A::Object),
        ("pg_index", "indexrelid") => (Index, A::Object),
        ("pg_enum", "enumtypid") | ("pg_attribute", "atttypid") => (Type, A::Object),
        ("pg_inherits", "inhrelid") => (Child, A::Object),
        ("pg_inherits", "inhparent") => (Parent, A::Object),

        ("pg_class", "relkind")
        | ("tables", "table_type")
        | ("pg_type", "typtype")
        | ("pg_constraint", "contype")
        | ("table_constraints", "constraint_type") => (Own, A::Kind),
        ("pg_class", "relrowsecurity") | ("pg_tables", "rowsecurity") => (Own, A::RowSecurity),
        ("pg_available_extensions", "installed_version") => (Own, A::IsInstalled),
        ("pg_extension", "extversion") => (Own, A::Version),
        ("pg_constraint", "convalidated") | ("pg_index", "indisvalid") => (Own, A::IsValid),
        ("pg_index", "indisunique") => (Own, A::IsUnique),
        ("pg_index", "indisprimary") => (Own, A::IsPrimary),
        ("key_column_usage" | "constraint_column_usage", "column_name") => (Own, A::Column),
        ("columns", "data_type") => (Own, A::DataType),
        ("columns", "udt_name") => (Own, A::TypeName),
        ("columns", "character_maximum_length") => (Own, A::Length),
        ("columns", "is_nullable") => (Own, A::IsNullable),
        ("columns", "column_default") | ("pg_attribute", "atthasdef") => (Own, A::HasDefault),
        ("columns", "is_identity") => (Own, A::IsIdentity),
        ("columns", "is_generated") => (Own, A::IsGenerated),
        ("pg_attribute", "attnotnull") => (Own, A::IsNotNull),
        _ => return None,
    })
}
