//! The items of `FROM` and the columns that they have.

use std::rc::Rc;
use std::sync::Arc;

use super::super::depend::Part;
use super::super::object::{Class, TypeKind};
use super::super::{ObjectId, Relation, builtin};
use super::Analyser;
use super::scope::{Entry, Item, ItemColumn, Output, Outputs, Scope};
use super::types::{Key, Value, builtin_type, typed};
use crate::sql::RelationName;
use crate::sql::tree::{
    Alias, ColumnType, Expr, FromItem, Functions, Join, Part as Piece, Source, SyntaxTable,
};

/// The first version that notes which columns of a function's row type a view uses.
const FUNCTION_COLUMNS: u16 = 15;

impl Analyser<'_> {
    pub(super) fn from(&mut self, scope: &mut Scope, items: &[FromItem]) {
        for item in items {
            let entries = self.item(scope, item);
            scope.open |= matches!(item, FromItem::Unknown);
            self.refuse_same_names(&scope.entries, &entries);
            scope.entries.extend(entries);
        }
    }

    /// Refuses two items of one name, unless they are tables of different schemas.
    fn refuse_same_names(&mut self, left: &[Entry], right: &[Entry]) {
        for new in right.iter().filter(|entry| entry.has_name) {
            let is_same = |old: &&Entry| {
                let (old, new) = (&old.item, &new.item);
                let is_other_table =
                    old.schema.is_some() && new.schema.is_some() && old.schema != new.schema;
                old.name == new.name && !is_other_table
            };
            if left.iter().filter(|entry| entry.has_name).any(|old| is_same(&old)) {
                let name = new.item.name.as_deref().unwrap_or_default();
                let message = format!("table name \"{name}\" specified more than once");
                self.fail("42712", message, "", true);
            }
        }
    }

    /// Returns what an item adds to a scope that holds the items to its left.
    fn item(&mut self, scope: &Scope, item: &FromItem) -> Vec<Entry> {
        match item {
            FromItem::Unknown => {
                self.lose();
                vec![shown(Item::default())]
            }
            FromItem::Relation(source) => vec![self.relation(scope, source)],
            FromItem::Subquery(derived) => {
                let mut outputs = match derived.lateral {
                    true => self.query(scope, &derived.query),
                    false => self.query(&without_siblings(scope), &derived.query),
                };
                for column in &mut outputs.columns {
                    column.value = std::mem::replace(&mut column.value, Value::Unknown).settled();
                }
                vec![shown(self.aliased(outputs, derived.alias.as_ref(), None))]
            }
            FromItem::Functions(functions) => {
                let item = self.functions(scope, functions);
                vec![shown(item)]
            }
            FromItem::Join(join) => self.join(scope, join),
            FromItem::Sample(sample) => {
                let entries = self.item(scope, &sample.item);
                self.each(scope, sample.arguments.iter().chain(&sample.repeatable));
                entries
            }
            FromItem::Syntax(table) => vec![shown(self.syntax_table(scope, table))],
        }
    }

    /// Returns the item of a relation or of a query of `WITH`.
    pub(super) fn relation(&mut self, scope: &Scope, source: &Source) -> Entry {
        let name = &source.name;
        let common = name.schema.is_none().then(|| scope.common(&name.name)).flatten();
        let alias = source.alias.as_ref();
        if let Some(common) = common {
            let outputs = common.outputs.clone();
            return shown(self.aliased(outputs, alias, Some(&name.name)));
        }
        let mut item = self.named_relation(name);
        item.name = Some(name.name.clone());
        if let Some(alias) = alias {
            item.schema = None;
            item.name = Some(alias.name.clone());
            let what = format!("table \"{}\"", alias.name);
            self.rename_item(&mut item, &alias.columns, &what);
        }
        shown(item)
    }

    fn named_relation(&mut self, name: &RelationName) -> Item {
        let schema = name.schema.as_deref().unwrap_or("pg_catalog");
        let version = self.types.env.version;
        if let Some(system) = builtin::system_relation(schema, &name.name, version) {
            let columns = system.columns().map(|column| ItemColumn {
                name: column.name.into(),
                value: self.types.spelled(column.data_type),
                sources: Vec::new(),
            });
            let columns: Vec<ItemColumn> = columns.collect();
            let complete = !columns.is_empty();
            let schema = Some(schema.into());
            return Item { schema, columns, complete, is_table: true, ..Item::default() };
        }
        let Some(id) = self.types.catalog.find_if_exists(name, self.types.env) else {
            self.lose();
            return Item::default();
        };
        let Some(relation) = self.types.catalog.by_id(id) else { return Item::default() };
        self.read.push(id);
        self.needs.insert((id, Part::Whole));
        let has_columns = relation.is_table() || relation.is_view();
        Item {
            schema: Some(relation.name.schema.clone()),
            relation: Some(id),
            columns: Self::relation_columns(relation),
            complete: has_columns && !relation.external && !relation.columns_unknown,
            is_table: !relation.is_view(),
            ..Item::default()
        }
    }

    fn relation_columns(relation: &Relation) -> Vec<ItemColumn> {
        let columns = relation.columns.iter().map(|column| ItemColumn {
            name: column.name.clone(),
            value: typed(&column.type_name, column.type_id),
            sources: vec![(relation.id, Part::Column(column.number))],
        });
        columns.collect()
    }

    /// Returns the scope of the own columns of a table: under its name, or under these.
    pub(super) fn scope_of(&mut self, id: ObjectId, names: &[&str]) -> Scope<'static> {
        let Some(relation) = self.types.catalog.by_id(id) else {
            return Scope { open: true, ..Scope::default() };
        };
        let item = Item {
            name: Some(relation.name.name.clone()),
            schema: Some(relation.name.schema.clone()),
            relation: Some(id),
            columns: Self::relation_columns(relation),
            complete: !relation.external && !relation.columns_unknown,
            is_table: true,
            is_scalar: false,
        };
        self.read.push(id);
        let entry = |name: &&str| {
            let name = Some((*name).into());
            Entry { has_columns: false, ..shown(Item { name, schema: None, ..item.clone() }) }
        };
        let entries = match names {
            [] => vec![shown(item)],
            names => names.iter().map(entry).collect(),
        };
        Scope { entries, ..Scope::default() }
    }

    fn rename_item(&mut self, item: &mut Item, names: &[Arc<str>], what: &str) {
        if names.is_empty() {
            return;
        }
        let columns = item
            .columns
            .iter()
            .map(|column| Output { name: column.name.clone(), value: column.value.clone() });
        let mut outputs = Outputs { columns: columns.collect(), complete: item.complete };
        self.rename(&mut outputs, names, what);
        item.columns.resize_with(outputs.columns.len(), || ItemColumn {
            name: Arc::default(),
            value: Value::Unknown,
            sources: Vec::new(),
        });
        for (column, renamed) in item.columns.iter_mut().zip(outputs.columns) {
            column.name = renamed.name;
            column.value = renamed.value;
        }
    }

    /// Makes an item of the columns of a query.
    fn aliased(
        &mut self,
        mut outputs: Outputs,
        alias: Option<&Alias>,
        own: Option<&Arc<str>>,
    ) -> Item {
        if let Some(alias) = alias {
            let what = format!("table \"{}\"", alias.name);
            self.rename(&mut outputs, &alias.columns, &what);
        }
        let columns = outputs.columns.into_iter().map(|column| ItemColumn {
            name: column.name,
            value: column.value,
            sources: Vec::new(),
        });
        Item {
            name: alias.map(|alias| &alias.name).or(own).cloned(),
            columns: columns.collect(),
            complete: outputs.complete,
            ..Item::default()
        }
    }

    fn functions(&mut self, scope: &Scope, functions: &Functions) -> Item {
        let alias = functions.alias.as_ref();
        let mut item = Item { complete: true, ..Item::default() };
        item.name = alias.map(|alias| alias.name.clone());
        let is_single = functions.calls.len() == 1;
        for (call, definitions) in &functions.calls {
            let definitions = if definitions.is_empty() { &functions.columns } else { definitions };
            if item.name.is_none() {
                item.name = call.column_name();
            }
            let (columns, is_scalar) = self.function_columns(scope, call, definitions);
            let Some(mut columns) = columns else {
                self.lose();
                item.complete = false;
                continue;
            };
            if let ([column], true, Some(alias), true) =
                (&mut columns[..], is_scalar, alias, is_single)
            {
                column.name = alias.name.clone();
            }
            item.is_scalar = is_scalar && is_single && !functions.ordinality;
            item.columns.extend(columns);
        }
        if functions.ordinality {
            let (name, value) = ("ordinality".into(), builtin_type("int8"));
            item.columns.push(ItemColumn { name, value, sources: Vec::new() });
        }
        if let Some(alias) = alias {
            let what = format!("table \"{}\"", alias.name);
            self.rename_item(&mut item, &alias.columns, &what);
        }
        item
    }

    /// Returns the columns of a function in `FROM`, and whether it is one that the function itself does
    /// not name.
    fn function_columns(
        &mut self,
        scope: &Scope,
        call: &Expr,
        definitions: &[ColumnType],
    ) -> (Option<Vec<ItemColumn>>, bool) {
        let name = call.column_name().unwrap_or_default();
        let single = |name, value| vec![ItemColumn { name, value, sources: Vec::new() }];
        let Expr::Call(function) = call else {
            let value = self.expr(scope, call);
            return (Some(single(name, value)), true);
        };
        if *function.name.name == *"unnest" && function.arguments.len() > 1 {
            let mut columns = Vec::new();
            for argument in &function.arguments {
                let value = self.expr(scope, argument);
                let value = self.subscripted(&value, true);
                columns.extend(single("unnest".into(), value));
            }
            return (Some(columns), false);
        }
        let called = self.call(scope, function);
        if !definitions.is_empty() {
            return (Some(self.defined_columns(definitions)), false);
        }
        if let [(name, value)] = &called.outputs[..] {
            return (Some(single(name.clone(), value.clone())), false);
        }
        if !called.outputs.is_empty() {
            let columns = called.outputs.into_iter();
            let columns =
                columns.map(|(name, value)| ItemColumn { name, value, sources: Vec::new() });
            return (Some(columns.collect()), false);
        }
        match &called.value {
            Value::Unknown => (None, false),
            value if self.types.key(value) == Some(Key::Builtin("record")) => (None, false),
            value => match self.fields(value) {
                Some(mut fields) => {
                    if self.types.env.version.major < FUNCTION_COLUMNS {
                        fields.iter_mut().for_each(|field| field.sources.clear());
                    }
                    (Some(fields), false)
                }
                None => (Some(single(name, value.clone())), true),
            },
        }
    }

    fn defined_columns(&mut self, definitions: &[ColumnType]) -> Vec<ItemColumn> {
        let mut columns = Vec::with_capacity(definitions.len());
        for column in definitions {
            let value = match &column.of {
                Some(of) => self.needed_type(of),
                None => builtin_type("int4"),
            };
            columns.push(ItemColumn { name: column.name.clone(), value, sources: Vec::new() });
        }
        columns
    }

    /// Returns the fields of a row, if they are known.
    pub(super) fn fields(&self, value: &Value) -> Option<Vec<ItemColumn>> {
        let Key::Own(id) = self.types.base(self.types.key(value)?) else { return None };
        if id.class == Class::Relation {
            let relation = self.types.catalog.by_id(id)?;
            let is_known = !relation.external && !relation.columns_unknown;
            return is_known.then(|| Self::relation_columns(relation));
        }
        match &self.types.catalog.type_by_id(id)?.kind {
            TypeKind::Composite(attributes) => {
                let fields = attributes.iter().map(|column| ItemColumn {
                    name: column.name.clone(),
                    value: typed(&column.type_name, column.type_id),
                    sources: vec![(id, Part::Whole), (id, Part::Column(column.number))],
                });
                Some(fields.collect())
            }
            _ => None,
        }
    }

    fn syntax_table(&mut self, scope: &Scope, table: &SyntaxTable) -> Item {
        for part in &table.syntax.parts {
            if let Piece::Expr(value) | Piece::Tight(value) = part {
                self.expr(scope, value);
            }
        }
        let columns = self.defined_columns(&table.columns);
        let alias = table.alias.as_ref();
        let name = alias.map(|alias| alias.name.clone());
        let name = name.or_else(|| Some(table.syntax.name.into()));
        let mut item = Item { name, columns, complete: true, ..Item::default() };
        if let Some(alias) = alias {
            let what = format!("table \"{}\"", alias.name);
            self.rename_item(&mut item, &alias.columns, &what);
        }
        item
    }

    fn join(&mut self, scope: &Scope, join: &Join) -> Vec<Entry> {
        let left = self.item(scope, &join.left);
        let right = {
            let mut lateral = without_siblings(scope);
            lateral.entries = scope.entries.iter().chain(&left).cloned().collect();
            self.item(&lateral, &join.right)
        };
        let (from_left, left_complete) = visible(&left);
        let (from_right, right_complete) = visible(&right);
        let complete = left_complete && right_complete;
        let names: Vec<Arc<str>> = match join.natural {
            true => {
                let is_shared = |name: &&Arc<str>| from_right.iter().any(|c| c.name == **name);
                from_left.iter().map(|c| &c.name).filter(is_shared).cloned().collect()
            }
            false => join.using.to_vec(),
        };
        let mut merged = Vec::new();
        for name in &names {
            let sides =
                [(&from_left, left_complete, "left"), (&from_right, right_complete, "right")];
            merged.push(self.merged(name, sides));
        }
        self.refuse_same_names(&left, &right);
        let mut entries: Vec<Entry> = left.into_iter().chain(right).collect();
        if let Some(on) = &join.on {
            let mut inner = without_siblings(scope);
            inner.entries.clone_from(&entries);
            self.expr(&inner, on);
        }
        let mut columns = merged.clone();
        let is_merged = |column: &ItemColumn| names.contains(&column.name);
        columns.extend(from_left.into_iter().filter(|column| !is_merged(column)));
        columns.extend(from_right.into_iter().filter(|column| !is_merged(column)));
        // What else a natural join merges is not known.
        let mut item = Item { columns, complete, ..Item::default() };
        if join.natural && !complete {
            item.columns.clear();
        }
        if let Some(alias) = &join.alias {
            item.name = Some(alias.name.clone());
            let what = format!("join expression \"{}\"", alias.name);
            self.rename_item(&mut item, &alias.columns, &what);
        }
        for entry in &mut entries {
            entry.has_columns = false;
            entry.has_name &= join.alias.is_none();
        }
        if let Some(alias) = &join.using_alias {
            let name = Some(alias.clone());
            let merged = Item { name, columns: merged, complete: true, ..Item::default() };
            entries.push(Entry { has_columns: false, ..shown(merged) });
        }
        let has_name = item.name.is_some();
        entries.push(Entry { has_name, ..shown(item) });
        entries
    }

    /// Returns the column that `USING` makes of one of each side.
    fn merged(
        &mut self,
        name: &Arc<str>,
        sides: [(&Vec<ItemColumn>, bool, &str); 2],
    ) -> ItemColumn {
        let mut column =
            ItemColumn { name: name.clone(), value: Value::Unknown, sources: Vec::new() };
        let mut values = Vec::new();
        for (columns, complete, side) in sides {
            let mut found = columns.iter().filter(|column| column.name == *name);
            let first = found.next();
            if found.next().is_some() {
                let message =
                    format!("common column name \"{name}\" appears more than once in {side} table");
                self.fail("42702", message, name, true);
            }
            if let Some(found) = first {
                column.sources.extend(found.sources.iter().copied());
                values.push(self.take(found));
                continue;
            }
            let message = format!(
                "column \"{name}\" specified in USING clause does not exist in {side} table"
            );
            values.push(self.fail("42703", message, name, complete));
        }
        column.value = self.common(&values);
        column
    }
}

/// Returns the columns that names without qualifier find, and whether these are all.
fn visible(entries: &[Entry]) -> (Vec<ItemColumn>, bool) {
    let visible = entries.iter().filter(|entry| entry.has_columns);
    let complete = visible.clone().all(|entry| entry.item.complete);
    (visible.flat_map(|entry| entry.item.columns.iter().cloned()).collect(), complete)
}

/// Returns a scope in which the items of the same `FROM` cannot be used.
fn without_siblings<'p>(scope: &Scope<'p>) -> Scope<'p> {
    let siblings = scope.entries.iter().filter_map(|entry| entry.item.name.clone());
    Scope {
        parent: scope.parent,
        entries: Vec::new(),
        hidden: scope.hidden.iter().cloned().chain(siblings).collect(),
        common: scope.common.clone(),
        open: scope.open,
    }
}

fn shown(item: Item) -> Entry {
    let has_name = item.name.is_some();
    Entry { item: Rc::new(item), has_columns: true, has_name }
}
