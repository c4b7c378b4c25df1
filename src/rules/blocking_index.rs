use super::spelling::like;
use crate::catalog::{QualifiedName, Relation, RelationKind};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::layout::{OptOut, TransactionMode};
use crate::rule::StatementContext;
use crate::session::Holder;
use crate::sql::{Action, CreateIndex, LockMode};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for action in &cx.statement.actions {
        let index = match action {
            Action::CreateIndex(index) => index,
            Action::Do(block) => {
                out.extend(block.actions.iter().find_map(|action| match action {
                    Action::CreateIndex(index) if is_blocking(cx, index) => {
                        Some(report(cx, index).help("take it out of the `do` block and use `create index concurrently`, which cannot run inside of one"))
                    }
                    _ => None,
                }));
                continue;
            }
            _ => continue,
        };
        if is_blocking(cx, index) {
            let fix = if is_partitioned(cx, index) { None } else { concurrently(cx) };
            out.push(report(cx, index).help(advice(cx, index)).fix(fix));
        }
    }
}

/// Returns whether the statement builds an index on a table that others write to.
fn is_blocking(cx: &StatementContext, index: &CreateIndex) -> bool {
    if index.concurrently || cx.is_new(&index.table) || is_skipped(cx, index) {
        return false;
    }
    match cx.relation(&index.table).found() {
        None => !index.only,
        Some(table) => match table.kind {
            RelationKind::PartitionedTable => !index.only && !has_it_everywhere(cx, table, index),
            RelationKind::Table | RelationKind::MaterializedView => true,
            // The server refuses an index on anything else.
            _ => false,
        },
    }
}

/// Returns whether `IF NOT EXISTS` finds the index there.
fn is_skipped(cx: &StatementContext, index: &CreateIndex) -> bool {
    let Some(name) = index.name.as_ref().filter(|_| index.if_not_exists) else { return false };
    let table = cx.state.catalog.resolve(&index.table, &cx.state.session.search_path);
    cx.state.catalog.get(&QualifiedName::new(&table.schema, name)).is_some()
}

fn is_partitioned(cx: &StatementContext, index: &CreateIndex) -> bool {
    let found = cx.relation(&index.table).found();
    found.is_some_and(|table| table.kind == RelationKind::PartitionedTable)
}

/// Returns whether every partition has such an index already, which the new one then adopts.
fn has_it_everywhere(cx: &StatementContext, table: &Relation, index: &CreateIndex) -> bool {
    let catalog = &cx.state.catalog;
    let mut partitions = catalog.children(table.id).peekable();
    partitions.peek().is_some()
        && partitions.all(|name| {
            catalog.by_id(name).is_some_and(|partition| {
                let has_it = partition.indexes.iter().any(|other| {
                    // The catalog does not know expressions and predicates: only plain ones compare.
                    let is_plain = !other.partial && other.columns.iter().all(Option::is_some);
                    is_plain
                        && !index.partial
                        && other.columns == index.columns
                        && other.unique == index.unique
                });
                cx.is_new_relation(partition)
                    || has_it
                    || partition.kind == RelationKind::PartitionedTable
                        && has_it_everywhere(cx, partition, index)
            })
        })
}

fn report(cx: &StatementContext, index: &CreateIndex) -> Diagnostic {
    let table = &index.table;
    let full = cx.state.catalog.resolve(table, &cx.state.session.search_path);
    let until = match cx.state.holder() {
        Holder::Nobody => "the index is built",
        Holder::Runner | Holder::File | Holder::Message => "the transaction ends",
    };
    let all = if is_partitioned(cx, index) { " and all its partitions" } else { "" };
    let diagnostic = cx
        .report(format!("creating an index on `{table}` blocks writes to it{all} until {until}"))
        .relation(&full, Some(LockMode::ShareLock));
    cx.explain_transaction(diagnostic)
}

/// Says how to build the index without blocking in this migration.
fn advice(cx: &StatementContext, index: &CreateIndex) -> String {
    if is_partitioned(cx, index) {
        return format!(
            "create the index `on only {}`, build it concurrently on each partition, then attach those indexes",
            index.table
        );
    }
    let layout = cx.migration.history.set.layout;
    match cx.state.holder() {
        Holder::Nobody if cx.state.session.has_lock_timeout() => {
            "use `create index concurrently`, with `lock_timeout` set to 0 for it: otherwise it may leave an invalid index".to_owned()
        }
        Holder::Nobody => "use `create index concurrently`".to_owned(),
        Holder::File if cx.migration.migration().transaction != TransactionMode::Message => {
            "use `create index concurrently`, outside of the transaction".to_owned()
        }
        // COMMIT does not end the implicit transaction block of a message.
        Holder::File | Holder::Message => {
            "use `create index concurrently`, alone in a migration of its own".to_owned()
        }
        Holder::Runner => {
            let how = match layout.opt_out {
                Some(OptOut::FirstLine(line)) => format!("in a migration of its own that begins with `{line}`"),
                Some(OptOut::SideFile { name, text }) => {
                    format!("in a migration of its own whose `{name}` says `{}`", text.trim())
                }
                Some(OptOut::Advice(advice)) => {
                    return format!("use `create index concurrently` outside of the transaction; {advice}");
                }
                None => "in a migration of its own that runs outside of a transaction".to_owned(),
            };
            format!("use `create index concurrently`, {how}")
        }
    }
}

/// Inserts `concurrently`, where the statement is not in a transaction and no `lock_timeout` would
/// leave an invalid index behind.
fn concurrently(cx: &StatementContext) -> Option<Fix> {
    if cx.state.holder() != Holder::Nobody || cx.state.session.has_lock_timeout() {
        return None;
    }
    let file = cx.migration.migration().file;
    let keyword = cx.statement.keyword(cx.file(), "index")?;
    let word = like(cx.file().slice(keyword), "concurrently");
    let edit = Edit::insert(file, keyword.end, format!(" {word}"));
    Some(Fix::new(Applicability::Unsafe, "build the index concurrently", vec![edit]))
}
