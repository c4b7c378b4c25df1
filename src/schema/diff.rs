//! What changed between two schemas of one history.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::access;
use super::model::{Index, Place, Schema};
use crate::catalog::ObjectId;

/// What changed, and which migration did it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    /// What is there now, and was not.
    pub added: Vec<Entry>,
    /// What was there, and is not any more.
    pub removed: Vec<Entry>,
    /// What is there in another form.
    pub changed: Vec<Entry>,
}

/// One object that changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// What it is: `table`, `column`, `index`, ...
    pub kind: &'static str,
    /// Its name; after a change the new one.
    pub name: String,
    /// What is different about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The migration, and the statement where that is known.
    #[serde(flatten)]
    pub place: Place,
}

/// One fact that changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What: `name`, `type`, `not null`, ...
    pub what: &'static str,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

/// Which object: the object, or its table; what kind of part, and its number. Its own name only where it
/// has no number.
type Key = (Option<ObjectId>, u8, u32, String);

/// What is known about an object, so that two of them can be compared.
struct Item {
    kind: &'static str,
    name: String,
    facts: Vec<(&'static str, String)>,
    place: Option<Place>,
    /// The table or view that it is part of.
    whole: Option<ObjectId>,
}

/// The differences that a history makes, migration by migration.
pub struct Follower {
    /// The migration that last changed each object.
    last: BTreeMap<Key, Place>,
    items: BTreeMap<Key, Item>,
}

impl Follower {
    /// Begins with the schema to compare with.
    pub fn new(schema: &Schema) -> Self {
        Self { last: BTreeMap::new(), items: items(schema) }
    }

    /// Notes what a migration changed. `place` is where it begins; `only`, which objects have been read,
    /// where it is not all of them.
    pub fn follow(&mut self, after: &Schema, only: Option<&BTreeSet<ObjectId>>, place: &Place) {
        let after = items(after);
        for (key, item) in &after {
            let before = self.items.get(key);
            if before.is_none_or(|before| before.facts != item.facts) {
                // A part that was there is changed by what changes its table.
                let whole =
                    item.whole.filter(|_| before.is_some()).and_then(|id| whole(&after, id));
                let here = whole.unwrap_or(item).place.as_ref();
                let here = here.filter(|here| here.path == place.path);
                self.last.insert(key.clone(), here.unwrap_or(place).clone());
            }
        }
        let Some(only) = only else {
            for key in self.items.keys().filter(|key| !after.contains_key(key)) {
                self.last.insert(key.clone(), place.clone());
            }
            self.items = after;
            return;
        };
        for id in std::iter::once(None).chain(only.iter().map(|id| Some(*id))) {
            let first = (id, 0, 0, String::new());
            let of_it = self.items.range(first..).take_while(|((of, ..), _)| *of == id);
            let of_it: Vec<Key> = of_it.map(|(key, _)| key.clone()).collect();
            for key in of_it {
                self.items.remove(&key);
                if !after.contains_key(&key) {
                    self.last.insert(key, place.clone());
                }
            }
        }
        self.items.extend(after);
    }

    /// Returns what changed between two schemas, the second of which was followed last.
    pub fn finish(&self, before: &Schema, after: &Schema) -> Difference {
        let (before, after) = (items(before), items(after));
        let mut difference = Difference::default();
        let renamed = renamed(&before, &after);
        let is_new = |id: ObjectId| whole(&before, id).is_none();
        for (key, item) in by_kind(&after) {
            match before.get(key) {
                None if item.whole.is_some_and(is_new) => {}
                None => difference.added.push(self.entry(key, item, Vec::new())),
                Some(old) => {
                    let changes = changes(old, item, &renamed);
                    if !changes.is_empty() {
                        difference.changed.push(self.entry(key, item, changes));
                    }
                }
            }
        }
        for (key, item) in by_kind(&before) {
            let is_with_whole = item.whole.is_some_and(|id| whole(&after, id).is_none());
            if !after.contains_key(key) && !is_with_whole {
                difference.removed.push(self.entry(key, item, Vec::new()));
            }
        }
        difference
    }

    fn entry(&self, key: &Key, item: &Item, changes: Vec<Change>) -> Entry {
        let place = self.last.get(key).or(item.place.as_ref());
        let nowhere = || Place { path: String::new(), line: 0 };
        let place = place.cloned().unwrap_or_else(nowhere);
        Entry { kind: item.kind, name: item.name.clone(), changes, place }
    }
}

/// Returns objects, those of one kind together.
fn by_kind(items: &BTreeMap<Key, Item>) -> Vec<(&Key, &Item)> {
    let mut all: Vec<(&Key, &Item)> = items.iter().collect();
    all.sort_by_key(|((_, kind, ..), _)| *kind);
    all
}

/// Returns the table or view that is this object.
fn whole(items: &BTreeMap<Key, Item>, id: ObjectId) -> Option<&Item> {
    [TABLE, VIEW].iter().find_map(|rank| items.get(&(Some(id), *rank, 0, String::new())))
}

/// Returns the old and new names of what was renamed.
fn renamed(before: &BTreeMap<Key, Item>, after: &BTreeMap<Key, Item>) -> Vec<(String, String)> {
    let both = before.iter().filter_map(|(key, old)| Some((old, after.get(key)?)));
    let renamed = both.filter(|(old, new)| old.whole.is_none() && old.name != new.name);
    renamed.map(|(old, new)| (old.name.clone(), new.name.clone())).collect()
}

/// Returns which facts changed. What names something by its new name has not changed.
fn changes(before: &Item, after: &Item, renamed: &[(String, String)]) -> Vec<Change> {
    let pairs = before.facts.iter().zip(&after.facts);
    let different = pairs.filter(|((what, old), (_, new))| {
        // What a definition calls other things follows their names.
        let is_same_text = *what == "definition" && before.place == after.place;
        old != new && !is_same_text && (*what == "name" || with_new_names(old, renamed) != *new)
    });
    different
        .map(|((what, old), (_, new))| Change { what, before: old.clone(), after: new.clone() })
        .collect()
}

/// Returns a text in which every old name is a new one.
fn with_new_names(text: &str, renamed: &[(String, String)]) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let begins = !out.ends_with(is_part);
        let old = renamed.iter().filter(|_| begins).find(|(old, _)| {
            rest.strip_prefix(old.as_str()).is_some_and(|after| !after.starts_with(is_part))
        });
        if let Some((old, new)) = old {
            out.push_str(new);
            rest = &rest[old.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

const TABLE: u8 = 3;
const VIEW: u8 = 9;

fn items(schema: &Schema) -> BTreeMap<Key, Item> {
    let mut all = Items(BTreeMap::new());
    for name in &schema.schemas {
        all.named(0, "schema", name);
    }
    for name in &schema.extensions {
        all.named(1, "extension", name);
    }
    types(schema, &mut all);
    tables(schema, &mut all);
    for view in &schema.views {
        let name = format!("{}.{}", view.schema, view.name);
        let facts = vec![
            ("name", name.clone()),
            ("columns", view.columns.join(", ")),
            ("definition", view.definition.clone().unwrap_or_default()),
        ];
        let kind = if view.materialized { "materialized view" } else { "view" };
        all.add((view.id, VIEW, 0), kind, name, facts, Some(&view.places.changed), None);
        indexes(&view.schema, &view.indexes, view.id, &mut all);
    }
    for sequence in schema.sequences.iter().filter(|sequence| !sequence.is_identity) {
        let name = format!("{}.{}", sequence.schema, sequence.name);
        let facts = vec![
            ("name", name.clone()),
            ("type", sequence.type_name.clone()),
            ("options", sequence.options.join(" ")),
            ("owner", sequence.owned_by.clone().unwrap_or_default()),
        ];
        let place = Some(&sequence.places.changed);
        all.add((sequence.id, 10, 0), "sequence", name, facts, place, None);
    }
    for function in &schema.functions {
        let arguments = function.arguments.join(", ");
        let name = format!("{}.{}({arguments})", function.schema, function.name);
        let facts = vec![
            ("name", name.clone()),
            ("returns", function.returns.clone().unwrap_or_default()),
            ("language", function.language.clone()),
            ("volatility", function.volatility.to_owned()),
            ("security definer", function.security_definer.to_string()),
            ("definition", function.definition.clone().unwrap_or_default()),
        ];
        let place = Some(&function.places.changed);
        all.add((function.id, 11, 0), function.kind, name, facts, place, None);
    }
    for ((id, key), found) in access::facts(&schema.access) {
        let fact = |what| (what, found.facts.get(what).cloned().unwrap_or_default());
        let facts = ["owner", "privileges", "comment"].map(fact).to_vec();
        let relation = id.filter(|id| whole(&all.0, *id).is_some());
        let item =
            Item { kind: "access to", name: found.name, facts, place: None, whole: relation };
        all.0.insert((id, 12, 0, key), item);
    }
    all.0
}

fn types(schema: &Schema, all: &mut Items) {
    for found in &schema.enums {
        let name = format!("{}.{}", found.schema, found.name);
        let facts = vec![("name", name.clone()), ("values", found.values.join(", "))];
        all.add((found.id, 2, 0), "enum", name, facts, Some(&found.places.changed), None);
    }
    for found in &schema.composites {
        let name = format!("{}.{}", found.schema, found.name);
        let attributes = found.attributes.iter().map(|a| format!("{} {}", a.name, a.type_name));
        let attributes: Vec<String> = attributes.collect();
        let facts = vec![("name", name.clone()), ("attributes", attributes.join(", "))];
        let place = Some(&found.places.changed);
        all.add((found.id, 2, 0), "composite type", name, facts, place, None);
    }
    for found in &schema.domains {
        let name = format!("{}.{}", found.schema, found.name);
        let facts = vec![
            ("name", name.clone()),
            ("type", found.type_name.clone()),
            ("not null", found.not_null.to_string()),
            ("default", shown(found.has_default, found.default.as_deref())),
            ("constraints", found.constraints.join(", ")),
        ];
        all.add((found.id, 2, 0), "domain", name, facts, Some(&found.places.changed), None);
    }
    for found in &schema.ranges {
        let name = format!("{}.{}", found.schema, found.name);
        let facts = vec![("name", name.clone()), ("subtype", found.subtype.clone())];
        all.add((found.id, 2, 0), "range type", name, facts, Some(&found.places.changed), None);
    }
}

fn tables(schema: &Schema, all: &mut Items) {
    for table in &schema.tables {
        let name = format!("{}.{}", table.schema, table.name);
        let id = table.id;
        let facts = vec![
            ("name", name.clone()),
            ("kind", table.kind.to_owned()),
            ("persistence", table.persistence.to_owned()),
            ("partition of", table.partition_of.clone().unwrap_or_default()),
            ("inherits", table.inherits.join(", ")),
            ("storage parameters", table.options.join(", ")),
            ("row security", table.row_security.to_string()),
            ("forced row security", table.force_row_security.to_string()),
        ];
        let changed = Some(&table.places.changed);
        all.add((id, TABLE, 0), "table", name.clone(), facts, changed, None);
        for column in &table.columns {
            let facts = vec![
                ("name", column.name.clone()),
                ("type", column.type_name.clone()),
                ("not null", column.not_null.to_string()),
                ("default", shown(column.has_default, column.default.as_deref())),
                ("identity", column.identity.unwrap_or_default().to_owned()),
                ("generated", column.generated.unwrap_or_default().to_owned()),
                ("collation", column.collation.clone().unwrap_or_default()),
                ("storage", column.storage.clone().unwrap_or_default()),
                ("compression", column.compression.clone().unwrap_or_default()),
                ("statistics", column.statistics.map(|n| n.to_string()).unwrap_or_default()),
            ];
            let key = (id, 4, u32::from(column.number));
            let part = format!("{name}.{}", column.name);
            all.add(key, "column", part, facts, Some(&column.created), Some(id));
        }
        for constraint in &table.constraints {
            let references = constraint.references.as_ref();
            let references = references.map(|to| {
                let actions = format!("on delete {}, on update {}", to.on_delete, to.on_update);
                format!("{} ({}) {actions}", to.table, to.columns.join(", "))
            });
            let facts = vec![
                ("name", constraint.name.clone()),
                ("kind", constraint.kind.to_owned()),
                ("columns", constraint.columns.join(", ")),
                ("references", references.unwrap_or_default()),
                ("validated", constraint.validated.to_string()),
                ("deferrable", constraint.deferrable.to_string()),
                ("deferred", constraint.deferred.to_string()),
            ];
            let key = (id, 5, constraint.number);
            let part = format!("{name}.{}", constraint.name);
            all.add(key, constraint.kind, part, facts, Some(&constraint.created), Some(id));
        }
        indexes(&table.schema, &table.indexes, id, all);
        for (rank, kind, attached) in
            [(7, "policy", &table.policies), (8, "trigger", &table.triggers)]
        {
            for attached in attached {
                let facts = vec![
                    ("name", attached.name.clone()),
                    ("command", attached.command.clone().unwrap_or_default()),
                    ("function", attached.function.clone().unwrap_or_default()),
                ];
                let key = (id, rank, attached.number);
                let part = format!("{name}.{}", attached.name);
                all.add(key, kind, part, facts, Some(&attached.created), Some(id));
            }
        }
    }
}

fn indexes(schema: &str, indexes: &[Index], of: ObjectId, all: &mut Items) {
    for index in indexes.iter().filter(|index| !index.is_implied) {
        let keys: Vec<&str> =
            index.keys.iter().map(|key| key.as_deref().unwrap_or("(expression)")).collect();
        let facts = vec![
            ("name", index.name.clone()),
            ("keys", keys.join(", ")),
            ("include", index.include.join(", ")),
            ("unique", index.unique.to_string()),
            ("partial", index.partial.to_string()),
            ("method", index.method.clone()),
            ("valid", index.valid.to_string()),
        ];
        let name = format!("{schema}.{}", index.name);
        all.add((of, 6, index.id.number()), "index", name, facts, Some(&index.created), Some(of));
    }
}

/// Returns a default, or that there is one.
fn shown(is_there: bool, text: Option<&str>) -> String {
    match text {
        Some(text) => text.to_owned(),
        None if is_there => "(an expression)".to_owned(),
        None => String::new(),
    }
}

struct Items(BTreeMap<Key, Item>);

impl Items {
    fn named(&mut self, rank: u8, kind: &'static str, name: &str) {
        let item =
            Item { kind, name: name.to_owned(), facts: Vec::new(), place: None, whole: None };
        self.0.insert((None, rank, 0, name.to_owned()), item);
    }

    fn add(
        &mut self,
        key: (ObjectId, u8, u32),
        kind: &'static str,
        name: String,
        facts: Vec<(&'static str, String)>,
        place: Option<&Place>,
        whole: Option<ObjectId>,
    ) {
        let item = Item { kind, name, facts, place: place.cloned(), whole };
        self.0.insert((Some(key.0), key.1, key.2, String::new()), item);
    }
}

/// Writes a difference for people: one line for each object, `+`, `-` or `~`.
pub fn write(difference: &Difference) -> String {
    let mut out = String::new();
    let groups = [("-", &difference.removed), ("+", &difference.added), ("~", &difference.changed)];
    for (sign, entries) in groups {
        for entry in entries {
            let changes: Vec<String> = entry.changes.iter().map(spelled).collect();
            let changes = match changes.is_empty() {
                true => String::new(),
                false => format!(": {}", changes.join(", ")),
            };
            let place = match entry.place.path.is_empty() {
                true => String::new(),
                false => format!("  ({})", entry.place),
            };
            out.push_str(&format!("{sign} {} {}{changes}{place}\n", entry.kind, entry.name));
        }
    }
    out
}

fn spelled(change: &Change) -> String {
    let Change { what, before, after } = change;
    if before.contains('\n') || after.contains('\n') || *what == "definition" {
        return what.to_string();
    }
    match (before.as_str(), after.as_str()) {
        ("", after) => format!("{what} {after}"),
        (before, "") => format!("no {what}, was {before}"),
        (before, after) => format!("{what} {before} -> {after}"),
    }
}
