use super::collect::Collect;
use super::outage::acts;
use super::spelling::shown;
use crate::catalog::ObjectId;
use crate::diagnostic::Diagnostic;
use crate::layout::Direction;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::sql::{Action, AlterTable, TableChange, TableEffect};

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    let is_here = cx.script().all_actions().any(|action| enabled(action).is_some());
    (is_here && cx.migration().direction == Direction::Up).then(|| Collect::watch(find, report))
}

fn find(cx: &StatementContext, found: &mut Vec<(ObjectId, Diagnostic)>) {
    for act in acts(cx, |action| enabled(action).is_some()) {
        let Some(alter) = enabled(act.action) else { continue };
        let path = &cx.state.session.search_path;
        let Some(table) = act.before.relation(&alter.table, path).found() else { continue };
        if table.extra().row_security || cx.is_new_relation(table) {
            continue;
        }
        let name = shown(&table.name);
        let diagnostic = cx
                .report(format!("`{name}` has row security and no policy: whoever does not own it sees no rows and writes none"))
                .relation(&table.name, None)
                .help("create the policies in the same transaction, before the application notices; if only its owner and roles with `bypassrls` shall use it, leave it so")
                .note("its owner, superusers and roles with `bypassrls` are not held back");
        found.push((table.id, diagnostic));
    }
}

fn report(
    _: &MigrationContext,
    found: Vec<(ObjectId, Diagnostic)>,
    end: &State,
    out: &mut Vec<Diagnostic>,
) {
    for (table, diagnostic) in found {
        let table = end.catalog.by_id(table);
        if table
            .is_some_and(|table| table.extra().row_security && table.extra().policies.is_empty())
        {
            out.push(diagnostic);
        }
    }
}

fn enabled(action: &Action) -> Option<&AlterTable> {
    let Action::AlterTable(alter) = action else { return None };
    match &alter.change {
        TableChange::Other { effect: Some(effect), .. }
            if **effect == (TableEffect::RowSecurity { force: false, on: true }) =>
        {
            Some(alter)
        }
        _ => None,
    }
}
