//! What is different between two states of one schema, by names and definitions: an object that was
//! dropped and made anew as it was is no difference.

mod expression;

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::object::{Column, Constraint, Function, Index, ObjectId, Origin, Relation, Type};
use super::{Catalog, Other, QualifiedName, RelationKind, Space, TypeKind};
use crate::sql::lex::lexemes;
use crate::sql::{ConstraintKind, Generated, ObjectKind};
use expression::{UNREADABLE, text, without_casts};

/// One object that is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is: `table`, `column`, `enum label`, ...
    pub kind: &'static str,
    /// Its name; that of a part begins with that of its table, and `public` is left out.
    pub name: String,
    /// The relation that it is or is part of.
    pub relation: Option<QualifiedName>,
    /// For a part: its own name.
    pub part: Option<String>,
    /// Which object it was before, where it is one of its own.
    pub id: Option<ObjectId>,
    /// What is different.
    pub how: How,
}

/// What is different about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It was there, and is not any more.
    Missing {
        /// The statement that made it.
        made: Origin,
        /// The statement that last took an object of its name away, where that is known.
        gone: Option<Origin>,
    },
    /// It is there, and was not.
    Extra(Origin),
    /// It has another name.
    Renamed {
        /// The other name.
        to: String,
        /// The statement that made it as it is called now.
        made: Origin,
    },
    /// It was defined in another way.
    Changed(Vec<Change>),
    /// It was defined anew, perhaps in another way: its definition is not kept.
    Redefined {
        /// The statement that last defined it before.
        before: Origin,
        /// The statement that last defined it.
        after: Origin,
    },
}

/// One fact that is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which: `type`, `default`, ...
    pub what: &'static str,
    /// What it was; empty for nothing.
    pub before: String,
    /// What it is; empty for nothing.
    pub after: String,
}

/// Returns what is different in `after`. What both share is not looked at.
pub fn differences(before: &Catalog, after: &Catalog) -> Vec<Difference> {
    let mut out = Vec::new();
    relations(before, after, &mut out);
    types(before, after, &mut out);
    functions(before, after, &mut out);
    others(before, after, &mut out);
    out
}

/// Returns the entries of two maps that are not the same in both.
fn unequal<'a, V: Clone + PartialEq>(
    before: &'a OrdMap<ObjectId, V>,
    after: &'a OrdMap<ObjectId, V>,
) -> (Vec<&'a V>, Vec<&'a V>) {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for item in before.diff(after) {
        match item {
            DiffItem::Add(_, value) => new.push(value),
            DiffItem::Remove(_, value) => old.push(value),
            DiffItem::Update { old: (_, was), new: (_, is) } => {
                old.push(was);
                new.push(is);
            }
        }
    }
    (old, new)
}

/// Something with a name and facts that can be compared.
struct Item {
    name: String,
    /// What tells two of one kind apart beside the name; nothing where names alone are compared.
    facts: Vec<(&'static str, String)>,
    made: Origin,
    /// Which it is, whatever its name.
    number: Option<u32>,
    /// Whether another one with the same facts is the same thing with another name.
    known_by_facts: bool,
    /// The statement that took it away, where that is known.
    gone: Option<Origin>,
}

impl Item {
    fn new(name: String, facts: Vec<(&'static str, String)>, made: Origin) -> Self {
        Self { name, facts, made, number: None, known_by_facts: false, gone: None }
    }

    fn number(self, number: u32) -> Self {
        Self { number: Some(number), ..self }
    }
}

/// Compares things of one kind by their names. `make` makes the difference of a name.
fn compare(
    before: Vec<Item>,
    after: Vec<Item>,
    make: &dyn Fn(&str, How) -> Difference,
    out: &mut Vec<Difference>,
) {
    let mut old: BTreeMap<String, Item> =
        before.into_iter().map(|item| (item.name.clone(), item)).collect();
    let mut new: Vec<Item> = Vec::new();
    for item in after {
        match old.remove(&item.name) {
            None => new.push(item),
            Some(was) => {
                let changes = changes(&was.facts, &item.facts);
                if !changes.is_empty() {
                    out.push(make(&item.name, How::Changed(changes)));
                }
            }
        }
    }
    for (name, was) in old {
        let is_it = |item: &Item| {
            let is_same = was.number.is_some() && was.number == item.number;
            is_same || was.known_by_facts && changes(&was.facts, &item.facts).is_empty()
        };
        match new.iter().position(is_it) {
            Some(at) => {
                let item = new.remove(at);
                out.push(make(&name, How::Renamed { to: item.name, made: item.made }));
            }
            None => out.push(make(&name, How::Missing { made: was.made, gone: was.gone })),
        }
    }
    out.extend(new.into_iter().map(|item| make(&item.name, How::Extra(item.made))));
}

fn changes(before: &[(&'static str, String)], after: &[(&'static str, String)]) -> Vec<Change> {
    let pairs = before.iter().zip(after);
    let is_different = |what: &str, before: &str, after: &str| {
        let is_expression = matches!(what, "default" | "expression" | "where" | "keys");
        // An expression that cannot be read may be the same.
        let is_unreadable = before.contains(UNREADABLE) || after.contains(UNREADABLE);
        before != after
            && !is_unreadable
            && (!is_expression || without_casts(before) != without_casts(after))
    };
    let different = pairs.filter(|((what, before), (_, after))| is_different(what, before, after));
    different
        .map(|((what, before), (_, after))| Change {
            what,
            before: before.clone(),
            after: after.clone(),
        })
        .collect()
}

/// Returns a name as messages show it.
fn shown(name: &QualifiedName) -> String {
    match &*name.schema {
        "public" | "" => name.name.to_string(),
        _ => name.to_string(),
    }
}

fn word(is_so: bool) -> String {
    if is_so { "yes".to_owned() } else { String::new() }
}

fn relations(before: &Catalog, after: &Catalog, out: &mut Vec<Difference>) {
    let (old, new) = unequal(&before.relations, &after.relations);
    let is_compared = |catalog: &Catalog, relation: &Relation| {
        !relation.temporary
            && !relation.external
            && !relation.is_index()
            && relation.kind != RelationKind::CompositeType
            && !is_owned(catalog, relation)
    };
    let old: Vec<&Relation> = old.iter().map(|relation| &***relation).collect();
    let new: Vec<&Relation> = new.iter().map(|relation| &***relation).collect();
    let old: Vec<&Relation> = old.into_iter().filter(|r| is_compared(before, r)).collect();
    let new: Vec<&Relation> = new.into_iter().filter(|r| is_compared(after, r)).collect();
    let new_names: BTreeMap<&QualifiedName, &Relation> =
        new.iter().map(|relation| (&relation.name, *relation)).collect();
    let old_names: BTreeMap<&QualifiedName, &Relation> =
        old.iter().map(|relation| (&relation.name, *relation)).collect();
    let whole = |relation: &Relation, how| Difference {
        kind: relation.kind.as_str(),
        name: shown(&relation.name),
        relation: Some(relation.name.clone()),
        part: None,
        id: Some(relation.id),
        how,
    };
    for was in old {
        if let Some(is) = new_names.get(&was.name) {
            parts(before, after, was, is, out);
        } else if let Some(is) = after.by_id(was.id) {
            out.push(whole(was, How::Renamed { to: shown(&is.name), made: is.changed }));
        } else {
            let gone = after.dropped_at(Space::Relation, &was.name);
            out.push(whole(was, How::Missing { made: was.created, gone }));
        }
    }
    for is in new.into_iter().filter(|is| !old_names.contains_key(&is.name)) {
        // Under its old name it has been reported.
        if before.by_id(is.id).is_none_or(|was| was.external || was.temporary) {
            out.push(whole(is, How::Extra(is.created)));
        }
    }
}

/// Returns whether it is a sequence that comes and goes with a column.
fn is_owned(catalog: &Catalog, relation: &Relation) -> bool {
    let owner = relation.extra().sequence.as_ref().and_then(|sequence| sequence.owned_by);
    owner.is_some_and(|(table, _)| catalog.by_id(table).is_some())
}

/// Compares two relations of one name.
fn parts(
    before: &Catalog,
    after: &Catalog,
    was: &Relation,
    is: &Relation,
    out: &mut Vec<Difference>,
) {
    let facts = changes(&relation_facts(before, was), &relation_facts(after, is));
    let part = |kind: &'static str, part: Option<&str>, how: How| Difference {
        kind,
        name: match part {
            Some(part) if kind != "index" => format!("{}.{part}", shown(&was.name)),
            Some(part) => part.to_owned(),
            None => shown(&was.name),
        },
        relation: Some(was.name.clone()),
        part: part.map(str::to_owned),
        id: Some(was.id),
        how,
    };
    if !facts.is_empty() {
        out.push(part(is.kind.as_str(), None, How::Changed(facts)));
        if was.kind != is.kind {
            return;
        }
    }
    if was.is_view() && was.changed != is.changed {
        let how = How::Redefined { before: was.changed, after: is.changed };
        out.push(part(is.kind.as_str(), None, how));
    }
    let first = out.len();
    let same_table = was.id == is.id;
    if was.is_table() && !was.columns_unknown && !is.columns_unknown {
        let columns = |catalog: &Catalog, relation: &Relation| -> Vec<Item> {
            let columns = relation.columns.iter().filter(|c| c.local || c.inherited == 0);
            let item = |column: &Column| Item {
                gone: is
                    .extra()
                    .dropped_columns
                    .iter()
                    .rev()
                    .find(|(name, _)| *name == column.name)
                    .map(|(_, origin)| *origin),
                number: same_table.then_some(column.number.into()),
                ..column_item(catalog, column)
            };
            columns.map(item).collect()
        };
        let make = |name: &str, how| part("column", Some(name), how);
        compare(columns(before, was), columns(after, is), &make, out);
    }
    let is_about_reported = |columns: &[String], reported: &[Difference]| {
        columns.iter().any(|column| {
            reported.iter().any(|difference| {
                let is_gone = !matches!(difference.how, How::Changed(_));
                is_gone && difference.part.as_ref() == Some(column)
            })
        })
    };
    // What is on a column comes and goes with it.
    let reported: Vec<Difference> = out[first..].to_vec();
    let constraints = |catalog: &Catalog, relation: &Relation| -> Vec<Item> {
        let constraints = relation.constraints.iter().filter(|constraint| {
            constraint.kind != ConstraintKind::NotNull
                && (constraint.local || constraint.inherited == 0)
                && !is_about_reported(&constraint.columns, &reported)
        });
        constraints.map(|constraint| constraint_item(catalog, constraint)).collect()
    };
    let make = |name: &str, how| part("constraint", Some(name), how);
    compare(constraints(before, was), constraints(after, is), &make, out);
    let indexes = |relation: &Relation| -> Vec<Item> {
        let indexes = relation.indexes.iter().filter(|index| {
            let columns: Vec<String> = index.columns.iter().flatten().cloned().collect();
            !index.is_constraint
                && index.parent.is_none()
                && !is_about_reported(&columns, &reported)
        });
        indexes.map(index_item).collect()
    };
    let make = |name: &str, how| part("index", Some(name), how);
    compare(indexes(was), indexes(is), &make, out);
    attached(was, is, &part, out);
}

fn attached(
    was: &Relation,
    is: &Relation,
    part: &dyn Fn(&'static str, Option<&str>, How) -> Difference,
    out: &mut Vec<Difference>,
) {
    let triggers = |relation: &Relation| -> Vec<Item> {
        let triggers = relation.extra().triggers.iter().filter(|trigger| !trigger.inherited);
        triggers
            .map(|trigger| {
                let facts = vec![
                    ("function", trigger.function.name.to_string()),
                    ("for each row", word(trigger.for_each_row)),
                    ("columns", trigger.columns.join(", ")),
                ];
                Item::new(trigger.name.to_string(), facts, trigger.created).number(trigger.number)
            })
            .collect()
    };
    let policies = |relation: &Relation| -> Vec<Item> {
        let policies = relation.extra().policies.iter();
        policies
            .map(|policy| {
                let facts = vec![
                    ("command", policy.command.to_string()),
                    ("permissive", word(policy.permissive)),
                ];
                Item::new(policy.name.to_string(), facts, policy.created).number(policy.number)
            })
            .collect()
    };
    let rules = |relation: &Relation| -> Vec<Item> {
        let rules = relation.extra().rules.iter();
        rules.map(|rule| Item::new(rule.name.to_string(), Vec::new(), relation.changed)).collect()
    };
    for (kind, items) in [
        ("trigger", &triggers as &dyn Fn(&Relation) -> Vec<Item>),
        ("policy", &policies),
        ("rule", &rules),
    ] {
        compare(items(was), items(is), &|name, how| part(kind, Some(name), how), out);
    }
}

fn relation_facts(catalog: &Catalog, relation: &Relation) -> Vec<(&'static str, String)> {
    let extra = relation.extra();
    let mut parents: Vec<String> =
        relation.parents.iter().filter_map(|id| catalog.name_of(*id)).map(shown).collect();
    parents.sort();
    let sequence = extra.sequence.as_ref();
    vec![
        ("kind", relation.kind.as_str().to_owned()),
        ("unlogged", word(relation.unlogged)),
        (if extra.is_partition { "partition of" } else { "parent" }, parents.join(", ")),
        ("row level security", word(extra.row_security)),
        ("forced row level security", word(extra.force_row_security)),
        ("type", sequence.map(|sequence| sequence.data_type.to_string()).unwrap_or_default()),
    ]
}

fn column_item(catalog: &Catalog, column: &Column) -> Item {
    let identity = column.identity.map(|identity| identity.as_str().to_owned());
    let generated = column.generated.map(|generated| match generated {
        Generated::Stored => "stored".to_owned(),
        Generated::Virtual => "virtual".to_owned(),
    });
    Item::new(
        column.name.to_string(),
        vec![
            ("type", catalog.format_type(&column.type_name, column.type_id)),
            ("not null", word(column.not_null)),
            ("default", text(column.default.as_deref())),
            ("identity", identity.unwrap_or_default()),
            ("generated", generated.unwrap_or_default()),
            (
                "collation",
                column.collation.as_ref().map(|c| c.name.to_string()).unwrap_or_default(),
            ),
        ],
        column.created,
    )
}

fn constraint_item(catalog: &Catalog, constraint: &Constraint) -> Item {
    let kind = match constraint.kind {
        ConstraintKind::PrimaryKey => "primary key",
        ConstraintKind::Unique => "unique",
        ConstraintKind::Check => "check",
        ConstraintKind::ForeignKey => "foreign key",
        ConstraintKind::Exclusion => "exclude",
        ConstraintKind::NotNull => "not null",
    };
    let mut columns = constraint.columns.clone();
    if constraint.kind == ConstraintKind::Check {
        columns.sort();
        columns.dedup();
    }
    let references = constraint.references.and_then(|id| catalog.name_of(id)).map(shown);
    let (delete, update) = constraint.actions;
    let facts = vec![
        ("kind", kind.to_owned()),
        ("columns", columns.join(", ")),
        ("references", references.unwrap_or_default()),
        ("referenced columns", constraint.referenced_columns.join(", ")),
        ("on delete", delete.as_str().to_owned()),
        ("on update", update.as_str().to_owned()),
        ("deferrable", word(constraint.deferrable)),
        ("initially deferred", word(constraint.deferred)),
        ("not enforced", word(!constraint.enforced)),
        ("no inherit", word(constraint.no_inherit)),
        ("expression", text(constraint.expression.as_deref())),
    ];
    let item = Item::new(constraint.name.to_string(), facts, constraint.created);
    Item { known_by_facts: true, ..item.number(constraint.number) }
}

fn index_item(index: &Index) -> Item {
    let detail = index.detail();
    let mut expressions = detail.expressions.iter();
    let keys: Vec<String> = index
        .columns
        .iter()
        .map(|column| match column {
            Some(column) => column.clone(),
            None => expressions
                .next()
                .map_or_else(|| UNREADABLE.to_owned(), |(_, expression)| text(Some(expression))),
        })
        .collect();
    let predicate = match &detail.predicate {
        Some(predicate) => text(Some(predicate)),
        None if index.partial => UNREADABLE.to_owned(),
        None => String::new(),
    };
    let sorting = detail.sorting.iter().map(|(at, words)| format!("{at} {words}"));
    let sorting: Vec<String> = sorting.collect();
    let classes = detail.operator_classes.iter().map(|(at, class)| format!("{at} {}", class.name));
    let classes: Vec<String> = classes.collect();
    let facts = vec![
        ("keys", keys.join(", ")),
        ("include", index.include.join(", ")),
        ("unique", word(index.unique)),
        ("method", index.method.to_string()),
        ("where", predicate),
        ("order", sorting.join(", ")),
        ("operator classes", classes.join(", ")),
        ("nulls not distinct", word(detail.nulls_not_distinct)),
    ];
    let item = Item::new(index.name.to_string(), facts, index.created);
    Item { known_by_facts: true, ..item.number(index.id.number) }
}

fn types(before: &Catalog, after: &Catalog, out: &mut Vec<Difference>) {
    let item = |catalog: &Catalog, found: &Type| {
        let is_implied = matches!(found.kind, TypeKind::External | TypeKind::Multirange);
        (found.extension.is_none() && !is_implied).then(|| {
            let gone = after.dropped_at(Space::Type, &found.name);
            (ObjectKind::Type, Item { gone, ..type_item(catalog, found) })
        })
    };
    objects(before, after, |catalog| &catalog.types, item, out);
}

fn type_item(catalog: &Catalog, found: &Type) -> Item {
    let fact = match &found.kind {
        TypeKind::Enum(labels) => {
            let labels: Vec<String> = labels.iter().map(|label| label.label.to_string()).collect();
            ("labels", labels.join(", "))
        }
        TypeKind::Composite(columns) => {
            let attribute = |column: &Column| {
                format!(
                    "{} {}",
                    column.name,
                    catalog.format_type(&column.type_name, column.type_id)
                )
            };
            let attributes: Vec<String> = columns.iter().map(attribute).collect();
            ("attributes", attributes.join(", "))
        }
        TypeKind::Domain(domain) => {
            let checks = domain
                .checks
                .iter()
                .map(|(name, says, _)| format!(" check {name} {}", text(says.as_deref())));
            let base = catalog.format_type(&domain.base, domain.base_id);
            let not_null = if domain.not_null { " not null" } else { "" };
            let default = text(domain.default.as_deref());
            let checks: String = checks.collect();
            ("definition", format!("{base}{not_null} {default}{checks}").trim().to_owned())
        }
        TypeKind::Range(subtype) => ("subtype", catalog.format_type(subtype, None)),
        TypeKind::Multirange | TypeKind::Base | TypeKind::External => ("kind", String::new()),
    };
    Item::new(shown(&found.name), vec![fact], found.created).number(found.id.number)
}

fn functions(before: &Catalog, after: &Catalog, out: &mut Vec<Difference>) {
    let item = |catalog: &Catalog, function: &Function| {
        // An aggregate goes with its functions, which nothing here follows.
        let is_aggregate = function.kind == ObjectKind::Aggregate;
        (function.extension.is_none() && !is_aggregate).then(|| {
            let gone = after.dropped_at(Space::Function, &function.name);
            (ObjectKind::Function, Item { gone, ..function_item(catalog, function) })
        })
    };
    objects(before, after, |catalog| &catalog.functions, item, out);
}

fn function_item(catalog: &Catalog, function: &Function) -> Item {
    let arguments: Vec<String> = function
        .inputs()
        .map(|(argument, id)| {
            let plain = super::lookup::without_modifiers(&argument.type_name);
            catalog.format_type(&plain, *id)
        })
        .collect();
    let returns = function.returns.as_ref();
    let returns = returns.map(|(name, id)| catalog.format_type(name, *id)).unwrap_or_default();
    // White space and comments do not count.
    let body = function.body.as_deref().map(|body| {
        let words: Vec<String> =
            lexemes(body).map(|lexeme| lexeme.text.to_ascii_lowercase()).collect();
        words.join(" ")
    });
    let facts = vec![
        ("returns", returns),
        ("language", function.language.to_string()),
        ("volatility", function.volatility.as_str().to_owned()),
        ("security definer", word(function.security_definer)),
        ("strict", word(function.strict)),
        ("body", body.unwrap_or_default()),
    ];
    let name = format!("{}({})", shown(&function.name), arguments.join(", "));
    Item::new(name, facts, function.created).number(function.id.number)
}

fn others(before: &Catalog, after: &Catalog, out: &mut Vec<Difference>) {
    let item = |_: &Catalog, other: &Other| {
        let gone = after.dropped_at(Space::Other(other.kind), &other.name);
        let item = Item::new(shown(&other.name), Vec::new(), other.created);
        Some((other.kind, Item { gone, ..item.number(other.id.number) }))
    };
    objects(before, after, |catalog| &catalog.others, item, out);
}

/// Compares the objects of one map of the catalogs, kind by kind. `item` returns the kind of one and what
/// is compared of it; nothing for one that is left out.
fn objects<V: Eq>(
    before: &Catalog,
    after: &Catalog,
    map: fn(&Catalog) -> &OrdMap<ObjectId, Arc<V>>,
    item: impl Fn(&Catalog, &V) -> Option<(ObjectKind, Item)>,
    out: &mut Vec<Difference>,
) {
    let (old, new) = unequal(map(before), map(after));
    let mut kinds: BTreeMap<ObjectKind, (Vec<Item>, Vec<Item>)> = BTreeMap::new();
    for (kind, item) in old.into_iter().filter_map(|object| item(before, object)) {
        kinds.entry(kind).or_default().0.push(item);
    }
    for (kind, item) in new.into_iter().filter_map(|object| item(after, object)) {
        kinds.entry(kind).or_default().1.push(item);
    }
    for (kind, (old, new)) in kinds {
        let make = |name: &str, how| Difference {
            kind: kind.as_str(),
            name: name.to_owned(),
            relation: None,
            part: None,
            id: None,
            how,
        };
        compare(old, new, &make, out);
    }
}
