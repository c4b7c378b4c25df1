use crate::catalog::RelationKind;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::rule::StatementContext;
use crate::session::Holder;
use crate::sql::{Action, CreateIndex, LockMode};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for action in &cx.statement.actions {
        let Action::CreateIndex(index) = action else { continue };
        if index.concurrently || index.only || cx.is_new(&index.table) {
            continue;
        }
        out.push(report(cx, index));
    }
}

fn report(cx: &StatementContext, index: &CreateIndex) -> Diagnostic {
    let table = &index.table;
    let found = cx.relation(table).found();
    let diagnostic = cx
        .report(format!("creating an index on `{table}` blocks writes until the index is built"))
        .relation(
            &cx.state.catalog.resolve(table, &cx.state.session.search_path),
            Some(LockMode::ShareLock),
        );
    match found.map(|found| found.kind) {
        Some(RelationKind::PartitionedTable) => diagnostic.help(format!(
            "create the index `on only {table}`, build it concurrently on each partition, then attach those indexes"
        )),
        Some(RelationKind::MaterializedView) => diagnostic
            .help("use `create index concurrently`, outside a transaction")
            .fix(concurrently(cx)),
        _ => diagnostic
            .help(advice(cx))
            .fix(concurrently(cx)),
    }
}

/// Says how to build the index concurrently in this migration.
fn advice(cx: &StatementContext) -> String {
    match cx.state.holder() {
        Holder::Nobody => "use `create index concurrently`".to_owned(),
        Holder::File => "use `create index concurrently`, after the transaction's `commit`".to_owned(),
        Holder::Message => {
            "use `create index concurrently`, alone in a migration of its own".to_owned()
        }
        Holder::Runner => {
            "use `create index concurrently`, in a migration of its own that runs outside a transaction".to_owned()
        }
    }
}

/// Inserts `concurrently`, where the statement is not in a transaction.
fn concurrently(cx: &StatementContext) -> Option<Fix> {
    if cx.state.holder() != Holder::Nobody {
        return None;
    }
    let file = cx.migration.migration().file;
    let keyword = cx.statement.keyword(cx.file(), "index")?;
    let word = if cx.file().slice(keyword) == "INDEX" { " CONCURRENTLY" } else { " concurrently" };
    let edit = Edit::insert(file, keyword.end, word);
    Some(Fix::new(Applicability::Unsafe, "build the index concurrently", vec![edit]))
}
