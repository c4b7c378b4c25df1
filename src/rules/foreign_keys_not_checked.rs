use super::outage::{acts, used};
use super::spelling::shown;
use crate::catalog::{Catalog, Relation};
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::rule::StatementContext;
use crate::sql::{Action, ConstraintKind, LockMode, TableChange};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for action in &cx.statement.actions {
        let Action::Set(setting) = action else { continue };
        let is_replica = |value: &str| value.eq_ignore_ascii_case("replica");
        if setting.name == "session_replication_role"
            && setting.value.as_deref().is_some_and(is_replica)
        {
            out.push(
                cx.report("no foreign key is checked and no trigger fires from here on: rows that break them stay unnoticed")
                    .note("`validate constraint` does not read the rows of a constraint that counts as valid: nothing finds them later")
                    .help("leave the checks on, or drop the foreign keys, and add them again `not valid` and validate them"),
            );
        }
    }
    for act in acts(cx, disables_all) {
        let Action::AlterTable(alter) = act.action else { continue };
        let Some(table) = used(cx, &act.before, &alter.table) else { continue };
        out.push(report(cx, act, table.relation, &table.name));
    }
}

fn disables_all(action: &Action) -> bool {
    let Action::AlterTable(alter) = action else { return false };
    matches!(alter.change, TableChange::Other { command: "DisableTrigAll", .. })
}

fn report(
    cx: &StatementContext,
    act: &Act,
    relation: Option<&Relation>,
    name: &crate::catalog::QualifiedName,
) -> Diagnostic {
    let shown = shown(name);
    let keys = relation.map(|relation| keys(&act.before, relation)).unwrap_or_default();
    let which = match &keys[..] {
        [] => String::new(),
        keys => format!(" (`{}`)", keys.join("`, `")),
    };
    cx.report(format!(
        "`disable trigger all` on `{shown}` switches its foreign keys off{which}: rows that break them stay unnoticed"
    ))
    .relation(name, Some(LockMode::ShareRowExclusiveLock))
    .note("`validate constraint` does not read the rows of a constraint that counts as valid: nothing finds them later")
    .help("use `disable trigger user`, which leaves the foreign keys on")
}

/// Returns the foreign keys of a table, and those that refer to it.
fn keys(catalog: &Catalog, table: &Relation) -> Vec<String> {
    let own = table.constraints.iter().filter(|key| key.kind == ConstraintKind::ForeignKey);
    let mut names: Vec<String> = own.map(|key| key.name.to_string()).collect();
    for other in catalog.related(table.id).into_iter().filter(|other| other.id != table.id) {
        let to_it = other.constraints.iter().filter(|key| key.references == Some(table.id));
        names.extend(to_it.map(|key| key.name.to_string()));
    }
    names
}
