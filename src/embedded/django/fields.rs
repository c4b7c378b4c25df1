//! Fields of Django's models as its PostgreSQL backend writes them.
//!
//! Source: `data_types` of Django 5.2, and what `sqlmigrate` prints.

use super::super::sql::literal;
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::state::{Apps, Field, ManyToMany, Reference};
use crate::source::Span;

/// Reads a field of a model; `None` for one of which nothing is known at all.
pub(super) fn field(
    name: &str,
    value: &Value,
    table: &str,
    model: &str,
    apps: &Apps,
) -> Option<Field> {
    let call = value.call().filter(|call| call.receiver.is_none() && !call.has_spread())?;
    let class = call.name.rsplit('.').next().unwrap_or_default();
    let flag = |name: &str| call.named(name).and_then(Value::bool) == Some(true);
    let is_primary_key = flag("primary_key");
    let mut field = Field {
        name: name.to_owned(),
        host: value.span,
        class: class.to_owned(),
        column: call.named("db_column").and_then(Value::known_text).unwrap_or(name.to_owned()),
        type_name: None,
        is_null: flag("null"),
        is_unique: flag("unique") || is_primary_key,
        is_primary_key,
        is_indexed: flag("db_index") || class == "SlugField",
        counts: false,
        is_positive: class.starts_with("Positive"),
        default: default(call, class),
        db_default: call.named("db_default").map(|value| constant(value, class)),
        collation: call.named("db_collation").and_then(Value::known_text),
        reference: None,
        many_to_many: None,
        unique_name: None,
    };
    if call.named("db_index").and_then(Value::bool) == Some(false) {
        field.is_indexed = false;
    }
    match class {
        "ForeignKey" | "OneToOneField" => relation(&mut field, call, class, table, apps)?,
        "ManyToManyField" => {
            field.many_to_many = Some(many_to_many(name, call, table, model, apps)?);
        }
        "GeneratedField" => return None,
        _ => {
            field.type_name = type_of(call, class);
            field.counts = matches!(class, "AutoField" | "BigAutoField" | "SmallAutoField");
        }
    }
    Some(field)
}

/// Returns the type of a field; nothing for a class that is not known.
fn type_of(call: &CallValue, class: &str) -> Option<String> {
    let number = |name: &str| match &call.named(name)?.kind {
        ValueKind::Number(number) => Some(number.clone()),
        _ => None,
    };
    let varchar =
        |usual: &str| format!("varchar({})", number("max_length").unwrap_or(usual.to_owned()));
    let is_django = call.name.starts_with("django.");
    if !is_django {
        return None;
    }
    Some(match class {
        "AutoField" | "IntegerField" | "PositiveIntegerField" => "integer".to_owned(),
        "BigAutoField" | "BigIntegerField" | "PositiveBigIntegerField" => "bigint".to_owned(),
        "SmallAutoField" | "SmallIntegerField" | "PositiveSmallIntegerField" => {
            "smallint".to_owned()
        }
        "BinaryField" => "bytea".to_owned(),
        "BooleanField" | "NullBooleanField" => "boolean".to_owned(),
        "CharField" => match number("max_length") {
            Some(length) => format!("varchar({length})"),
            None => "varchar".to_owned(),
        },
        "EmailField" => varchar("254"),
        "URLField" => varchar("200"),
        "SlugField" => varchar("50"),
        "FileField" | "ImageField" | "FilePathField" => varchar("100"),
        "DateField" => "date".to_owned(),
        "DateTimeField" => "timestamp with time zone".to_owned(),
        "TimeField" => "time".to_owned(),
        "DecimalField" => {
            format!("numeric({}, {})", number("max_digits")?, number("decimal_places")?)
        }
        "DurationField" => "interval".to_owned(),
        "FloatField" => "double precision".to_owned(),
        "GenericIPAddressField" | "IPAddressField" => "inet".to_owned(),
        "JSONField" => "jsonb".to_owned(),
        "TextField" => "text".to_owned(),
        "UUIDField" => "uuid".to_owned(),
        "CITextField" | "CICharField" | "CIEmailField" => "citext".to_owned(),
        "HStoreField" => "hstore".to_owned(),
        "SearchVectorField" => "tsvector".to_owned(),
        "IntegerRangeField" => "int4range".to_owned(),
        "BigIntegerRangeField" => "int8range".to_owned(),
        "DecimalRangeField" => "numrange".to_owned(),
        "DateTimeRangeField" => "tstzrange".to_owned(),
        "DateRangeField" => "daterange".to_owned(),
        "ArrayField" => {
            let base = call.argument(0, "base_field")?.call()?;
            let inner = type_of(base, base.name.rsplit('.').next().unwrap_or_default())?;
            format!("{inner}[{}]", number("size").unwrap_or_default())
        }
        _ => return None,
    })
}

/// The model that a relation leads to.
struct Target {
    table: String,
    column: String,
    type_name: Option<String>,
    /// The model's name, where it is known.
    model: Option<String>,
}

fn target(call: &CallValue, apps: &Apps, table: &str) -> Target {
    let open = Target {
        table: "{{table}}".to_owned(),
        column: "id".to_owned(),
        type_name: None,
        model: None,
    };
    let Some(to) = call.argument(0, "to") else { return open };
    let Some(path) = to.known_text() else { return open };
    if path == "self" {
        let found = apps.models.values().find(|model| model.table == table);
        let key = found.and_then(|model| model.primary_key());
        return Target {
            table: table.to_owned(),
            column: key.map_or("id".to_owned(), |key| key.column.clone()),
            type_name: key.and_then(|key| key.type_name.clone()),
            model: None,
        };
    }
    let path = path.to_lowercase();
    let (app, model) = path.split_once('.').unwrap_or((&apps.label, &path));
    let found = apps.models.get(model).filter(|_| app == apps.label);
    let to_field = call.named("to_field").and_then(Value::known_text);
    if let Some(found) = found {
        let key = match &to_field {
            Some(name) => found.field(name),
            None => found.primary_key(),
        };
        return Target {
            table: found.table.clone(),
            column: key.map_or("id".to_owned(), |key| key.column.clone()),
            type_name: key.and_then(|key| key.type_name.clone()),
            model: Some(model.to_owned()),
        };
    }
    let other = to_field.is_none().then(|| apps.elsewhere.key(&apps.folder, app, model)).flatten();
    if let Some(key) = other {
        return Target {
            table: key.table.clone(),
            column: key.column.clone(),
            type_name: key.type_name.clone(),
            model: Some(model.to_owned()),
        };
    }
    let (table, type_name) = match (app, model) {
        ("auth", "user" | "group" | "permission") => {
            (format!("auth_{model}"), Some("integer".to_owned()))
        }
        ("contenttypes", "contenttype") => {
            ("django_content_type".to_owned(), Some("integer".to_owned()))
        }
        ("sites", "site") => ("django_site".to_owned(), Some("integer".to_owned())),
        // The table may have any name, and its key any type.
        _ => (open.table, None),
    };
    Target {
        table,
        column: to_field.unwrap_or("id".to_owned()),
        type_name,
        model: Some(model.to_owned()),
    }
}

fn relation(
    field: &mut Field,
    call: &CallValue,
    class: &str,
    table: &str,
    apps: &Apps,
) -> Option<()> {
    let flag = |name: &str| call.named(name).and_then(Value::bool);
    let target = target(call, apps, table);
    if call.named("db_column").is_none() {
        field.column = format!("{}_id", field.name);
    }
    field.is_unique |= class == "OneToOneField";
    field.is_indexed = class == "ForeignKey" && flag("db_index") != Some(false);
    field.type_name = target.type_name;
    field.reference = Some(Reference {
        table: target.table,
        column: target.column,
        has_constraint: flag("db_constraint") != Some(false),
        is_hidden: call
            .named("related_name")
            .and_then(Value::known_text)
            .is_some_and(|name| name.ends_with('+')),
        name: None,
    });
    Some(())
}

fn many_to_many(
    name: &str,
    call: &CallValue,
    table: &str,
    model: &str,
    apps: &Apps,
) -> Option<ManyToMany> {
    if call.named("through").is_some_and(|through| !through.is_nothing()) {
        return Some(ManyToMany::default());
    }
    let to = target(call, apps, table);
    let is_self = to.table == table;
    let column = |prefix: &str, model: &str| format!("{prefix}{model}_id");
    let source = column(if is_self { "from_" } else { "" }, model);
    let other = to
        .model
        .clone()
        .unwrap_or_else(|| if is_self { model.to_owned() } else { "other".to_owned() });
    let other = column(if is_self { "to_" } else { "" }, &other);
    let own = call.named("db_table").and_then(Value::known_text);
    let table_name = own.unwrap_or_else(|| names_table(table, name));
    Some(ManyToMany {
        table: Some(table_name),
        source_column: source,
        target_column: other,
        target_table: to.table,
        target_key: to.column,
        target_type: to.type_name,
        has_constraint: call.named("db_constraint").and_then(Value::bool) != Some(false),
        ..ManyToMany::default()
    })
}

fn names_table(table: &str, name: &str) -> String {
    super::names::truncated(&format!("{table}_{name}"))
}

/// Returns the default with which the rows that are there are filled, as SQL.
fn default(call: &CallValue, class: &str) -> Option<Text> {
    let flag = |name: &str| call.named(name).and_then(Value::bool) == Some(true);
    if let Some(value) = call.named("default") {
        return Some(constant(value, class)).filter(|_| !value.is_nothing());
    }
    let text = |text: &str| Some(Text::translated(text, call.span));
    if flag("auto_now") || flag("auto_now_add") {
        return match class {
            "DateField" => text("'2000-01-01'"),
            "TimeField" => text("'00:00:00'"),
            _ => text("'2000-01-01 00:00:00+00'"),
        };
    }
    let takes_empty = matches!(
        class,
        "CharField"
            | "TextField"
            | "EmailField"
            | "URLField"
            | "SlugField"
            | "FileField"
            | "ImageField"
            | "FilePathField"
    );
    if !flag("null") && flag("blank") && takes_empty { text("''") } else { None }
}

/// Returns a value as a constant of SQL; what Python works out when it runs is a stand-in.
pub(super) fn constant(value: &Value, class: &str) -> Text {
    let made = |text: String| Text::translated(text, value.span);
    match &value.kind {
        ValueKind::Text(_) => match value.known_text() {
            Some(text) if class == "JSONField" => made(literal(&format!("\"{text}\""))),
            Some(text) => made(literal(&text)),
            None => Text::open("default", value.span),
        },
        ValueKind::Number(number) => made(number.replace('_', "")),
        ValueKind::Bool(true) => made("true".to_owned()),
        ValueKind::Bool(false) => made("false".to_owned()),
        ValueKind::Path(path) => match (path.as_str(), class) {
            ("dict", _) | ("list", "ArrayField") => made("'{}'".to_owned()),
            ("list", _) => made("'[]'".to_owned()),
            ("uuid.uuid4", _) => made("'00000000-0000-0000-0000-000000000000'".to_owned()),
            ("django.utils.timezone.now", _) => made("'2000-01-01 00:00:00+00'".to_owned()),
            _ => Text::open("default", value.span),
        },
        ValueKind::Call(call) if call.name.ends_with("Decimal") => {
            match call.positional(0).map(|value| (&value.kind, value.known_text())) {
                Some((_, Some(text))) => made(text),
                Some((ValueKind::Number(number), _)) => made(number.clone()),
                _ => Text::open("default", value.span),
            }
        }
        ValueKind::Call(call) if call.name.rsplit('.').nth(1) == Some("functions") => {
            match call.name.rsplit('.').next() {
                Some("Now") => made("STATEMENT_TIMESTAMP()".to_owned()),
                Some("RandomUUID") => made("GEN_RANDOM_UUID()".to_owned()),
                _ => Text::open("default", value.span),
            }
        }
        _ => Text::open("default", value.span),
    }
}

/// Returns the definition of a column.
pub(super) fn column(field: &Field, with_default: bool, reference: Option<&str>) -> Text {
    let host: Span = field.host;
    let mut out = Text::translated(format!("\"{}\" ", field.column), host);
    match &field.type_name {
        Some(name) => out.push(name.as_str(), host),
        None => out.append(Text::open("type", host)),
    }
    if let Some(collation) = &field.collation {
        out.push(format!(" COLLATE \"{collation}\""), host);
    }
    let default = field.db_default.as_ref().or(field.default.as_ref().filter(|_| with_default));
    if let Some(default) = default {
        out.push(" DEFAULT ", host);
        out.append(default.clone());
    }
    out.push(if field.is_null { " NULL" } else { " NOT NULL" }, host);
    if field.is_primary_key {
        out.push(" PRIMARY KEY", host);
    } else if field.is_unique {
        out.push(" UNIQUE", host);
    }
    if field.is_positive {
        out.push(format!(" CHECK (\"{}\" >= 0)", field.column), host);
    }
    if field.counts {
        out.push(" GENERATED BY DEFAULT AS IDENTITY", host);
    }
    if let Some(reference) = reference {
        out.push(format!(" {reference}"), host);
    }
    out
}
