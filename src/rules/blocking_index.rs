use super::concurrent::{insert_concurrently, outside, written};
use super::outage::{Used, acts, used};
use crate::catalog::{Catalog, Index, ObjectId, QualifiedName, Relation, RelationKind};
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::index_on;
use crate::session::Holder;
use crate::sql::{Action, CreateIndex, LockMode};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    let mut is_block_reported = false;
    for act in acts(cx, |action| blocking(action).is_some()) {
        let Some(index) = blocking(act.action) else { continue };
        let Some(table) = table(cx, act, index) else { continue };
        if act.in_block && is_block_reported || !is_built(cx, act, index, &table) {
            continue;
        }
        is_block_reported |= act.in_block;
        let recipe = cx.recipe(|| recipe(cx, act, index, &table));
        out.push(diagnose(cx, act, index, &table).recipe(recipe));
    }
}

fn blocking(action: &Action) -> Option<&CreateIndex> {
    match action {
        Action::CreateIndex(index) if !index.concurrently => Some(index),
        _ => None,
    }
}

/// Returns the table, if others use it: also one whose name is put together at run time.
fn table<'a>(cx: &StatementContext, act: &'a Act, index: &CreateIndex) -> Option<Used<'a>> {
    if index.table.is_dynamic() {
        let name = act.before.resolve(&index.table, &cx.state.session.search_path);
        return Some(Used { name, relation: None });
    }
    used(cx, &act.before, &index.table)
}

/// Returns whether the index is built on something that others write to.
fn is_built(cx: &StatementContext, act: &Act, index: &CreateIndex, table: &Used) -> bool {
    match table.relation {
        None => !index.only && !is_skipped(&act.before, index, &table.name),
        // Its partitions may be made by something else than migrations.
        Some(found) if found.is_partitioned() && act.before.children(found.id).next().is_none() => {
            !index.only && !is_skipped(&act.before, index, &table.name)
        }
        Some(_) => act.effects.index_builds.iter().any(|built| is_on_used(cx, act, built)),
    }
}

/// Returns whether the table of an index is older than the migration.
fn is_on_used(cx: &StatementContext, act: &Act, index: &QualifiedName) -> bool {
    let index = act.after.get(index);
    let table = index.and_then(|index| index.uses.first()).and_then(|id| act.after.by_id(*id));
    table.is_some_and(|table| !cx.is_new_relation(table))
}

/// Returns whether `IF NOT EXISTS` finds the index there.
fn is_skipped(before: &Catalog, index: &CreateIndex, table: &QualifiedName) -> bool {
    let name = index.name.as_ref().filter(|_| index.if_not_exists);
    name.is_some_and(|name| before.get(&table.sibling(name.clone())).is_some())
}

fn is_partitioned(table: &Used) -> bool {
    table.relation.is_some_and(Relation::is_partitioned)
}

fn diagnose(cx: &StatementContext, act: &Act, index: &CreateIndex, table: &Used) -> Diagnostic {
    let until = match cx.state.holder() {
        Holder::Nobody if act.in_block => "the block ends",
        Holder::Nobody => "the index is built",
        Holder::Runner | Holder::File | Holder::Message => "the transaction ends",
    };
    let all = if is_partitioned(table) { " and all its partitions" } else { "" };
    let name = &index.table;
    let diagnostic = cx
        .report(format!("creating an index on `{name}` blocks writes to it{all} until {until}"))
        .relation(&table.name, Some(LockMode::ShareLock));
    let diagnostic = cx.explain_transaction(diagnostic);
    if is_partitioned(table) {
        return diagnostic.help(format!(
            "create the index `on only {name}`, build it concurrently on each partition, then attach those indexes"
        ));
    }
    if act.in_block {
        return diagnostic.help("take it out of the `do` block and use `create index concurrently`, which cannot run inside of one");
    }
    diagnostic.help(outside(cx, "create index concurrently")).fix(insert_concurrently(
        cx,
        "index",
        "build the index concurrently",
    ))
}

fn recipe(cx: &StatementContext, act: &Act, index: &CreateIndex, table: &Used) -> Option<Recipe> {
    match table.relation {
        Some(top) if top.is_partitioned() => of_partitioned(cx, act, top.id),
        Some(found) => {
            let made = new_index(act, found.id)?;
            let sql = index_on(&written(cx, &found.name), made, "concurrently ")?;
            Some(of_table(sql, &written(cx, &found.name.sibling(made.name.clone()))))
        }
        None => {
            let text = cx.statement.text(cx.file());
            let is_plain = !act.in_block && !index.table.is_dynamic();
            let keyword = cx.statement.keyword(cx.file(), "index").filter(|_| is_plain)?;
            let (head, tail) =
                text.split_at_checked((keyword.end - cx.statement.span.start) as usize)?;
            let name = table.name.sibling(index.name.clone()?);
            Some(of_table(format!("{head} concurrently{tail}"), &written(cx, &name)))
        }
    }
}

fn of_table(sql: String, index: &str) -> Recipe {
    Recipe::default()
        .step(Run::OutsideTransaction, "reads the table while others read and write it", [sql])
        .step(
            Run::ByHand,
            "only if that stopped halfway: it leaves the index behind, invalid; drop it and begin again",
            [format!("drop index concurrently if exists {index}")],
        )
}

/// Returns the index that an action made on a table.
fn new_index<'a>(act: &'a Act, table: ObjectId) -> Option<&'a Index> {
    let is_old = |index: &Index| act.before.by_id(index.id).is_some();
    act.after.by_id(table)?.indexes.iter().rev().find(|index| !is_old(index))
}

/// Builds the index on each partition on its own, and puts them together.
fn of_partitioned(cx: &StatementContext, act: &Act, top: ObjectId) -> Option<Recipe> {
    let table = act.after.by_id(top)?;
    let made = new_index(act, top)?;
    let mut parts = Parts { cx, act, empty: Vec::new(), built: Vec::new(), attached: Vec::new() };
    parts.empty.push(index_on(&format!("only {}", written(cx, &table.name)), made, "")?);
    parts.below(table, made)?;
    let mut recipe = Recipe::default().step(
        Run::Briefly,
        "an index without parts: nothing is built, and it counts when all parts are attached",
        parts.empty,
    );
    for sql in parts.built {
        recipe = recipe.step(
            Run::OutsideTransaction,
            "reads one partition while others read and write it; if it stops halfway, drop the invalid index and begin again",
            [sql],
        );
    }
    Some(recipe.step(Run::Briefly, "only the catalog changes", parts.attached))
}

/// The statements for the partitions.
struct Parts<'a, 'b, 'c> {
    cx: &'a StatementContext<'b>,
    act: &'a Act<'c>,
    empty: Vec<String>,
    built: Vec<String>,
    attached: Vec<String>,
}

impl Parts<'_, '_, '_> {
    fn below(&mut self, table: &Relation, index: &Index) -> Option<()> {
        for child in self.act.after.children(table.id) {
            let child = self.act.after.by_id(child)?;
            let part = child.indexes.iter().find(|part| part.parent == Some(index.id))?;
            let on = written(self.cx, &child.name);
            let is_there = self.act.before.by_id(part.id).is_some();
            match child.kind {
                RelationKind::PartitionedTable => {
                    if !is_there {
                        self.empty.push(index_on(&format!("only {on}"), part, "")?);
                    }
                    self.below(child, part)?;
                }
                _ if is_there => {}
                _ => self.built.push(index_on(&on, part, "concurrently ")?),
            }
            self.attached.push(format!(
                "alter index {} attach partition {}",
                written(self.cx, &table.name.sibling(index.name.clone())),
                written(self.cx, &child.name.sibling(part.name.clone()))
            ));
        }
        Some(())
    }
}
