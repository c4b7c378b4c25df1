use super::breaking_rename::is_contract_phase;
use super::collect::Collect;
use super::outage::{acts, env};
use super::spelling::{listed, shown};
use crate::catalog::{Catalog, Function, Origin, QualifiedName, RelationKind, Type};
use crate::diagnostic::{Diagnostic, Severity};
use crate::effects::Act;
use crate::layout::Direction;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::source::Span;
use crate::sql::{Action, ObjectKind};

/// So many names are listed.
const MAX_SHOWN: usize = 4;

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    let find_all = |cx: &StatementContext, lost: &mut Vec<Lost>| {
        lost.extend(acts(cx, drops).filter_map(|act| find(cx, act)));
    };
    takes_away(cx, drops).then(|| Collect::watch(find_all, report_all))
}

/// Returns whether a migration takes away what is in use: a down takes away what its up made, and a
/// contract phase what nobody uses any more.
pub(super) fn takes_away(cx: &MigrationContext, drops: fn(&Action) -> bool) -> bool {
    cx.migration().direction == Direction::Up
        && cx.script().all_actions().any(drops)
        && !is_contract_phase(cx)
}

fn report_all(cx: &MigrationContext, lost: Vec<Lost>, end: &State, out: &mut Vec<Diagnostic>) {
    // What one statement drops is one mistake.
    let is_one = |a: &Lost, b: &Lost| (a.span, a.what) == (b.span, b.what);
    out.extend(lost.chunk_by(is_one).filter_map(|lost| report(cx, lost, end)));
}

fn drops(action: &Action) -> bool {
    use ObjectKind::{Domain, Function, MaterializedView, Procedure, Type, View};
    match action {
        Action::Drop(drop) => {
            matches!(drop.kind, View | MaterializedView | Function | Procedure | Type | Domain)
        }
        _ => false,
    }
}

/// Something that goes and that an application may name.
struct Lost {
    what: What,
    name: QualifiedName,
    /// The statement.
    span: Span,
    transaction: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    View(RelationKind),
    Function,
    Type,
}

fn find(cx: &StatementContext, act: &Act) -> Option<Lost> {
    let Action::Drop(drop) = act.action else { return None };
    let env = env(cx);
    let is_old = |made: Origin| !cx.state.is_in_this_migration(made);
    let (what, name) = match drop.kind {
        ObjectKind::View | ObjectKind::MaterializedView => {
            let view = act.before.relation(&drop.name, &env.path).found()?;
            let is_used = view.is_view() && !cx.is_new_relation(view);
            is_used.then(|| (What::View(view.kind), view.name.clone()))?
        }
        ObjectKind::Function | ObjectKind::Procedure => {
            let is_it = |function: &&Function| {
                function.name.name == drop.name.name
                    && act.after.function_by_id(function.id).is_none()
                    && is_old(function.created)
                    && !is_trigger(function)
            };
            (What::Function, act.before.functions().find(is_it)?.name.clone())
        }
        _ => {
            let found = act.before.type_by_id(act.before.type_named(&drop.name, &env.path)?)?;
            is_old(found.created).then(|| (What::Type, found.name.clone()))?
        }
    };
    let origin = cx.state.origin(cx.statement.span);
    Some(Lost { what, name, span: cx.statement.head(cx.file()), transaction: origin.transaction })
}

/// Returns whether only triggers call a function: the server refuses to drop it while they do.
fn is_trigger(function: &Function) -> bool {
    let returns = function.returns.as_ref().map(|(name, _)| &*name.name);
    matches!(returns, Some("trigger" | "event_trigger"))
}

/// Returns the statement that made something of the name anew.
fn back(lost: &Lost, end: &Catalog) -> Option<Origin> {
    match lost.what {
        What::View(_) => end.get(&lost.name).map(|relation| relation.created),
        What::Function => {
            end.functions().find(|function| function.name == lost.name).map(|f| f.created)
        }
        What::Type => {
            let is_it = |found: &&Type| found.name == lost.name;
            end.types().find(is_it).map(|found| found.created)
        }
    }
}

fn report(cx: &MigrationContext, all: &[Lost], end: &State) -> Option<Diagnostic> {
    let is_gone = |lost: &&Lost| {
        back(lost, &end.catalog).is_none_or(|back| back.transaction != lost.transaction)
    };
    let gone: Vec<&Lost> = all.iter().filter(is_gone).collect();
    let lost = *gone.first()?;
    let name = shown(&lost.name);
    let spelled = |lost: &&Lost| match lost.what {
        What::Function => format!("{}()", shown(&lost.name)),
        What::View(_) | What::Type => shown(&lost.name),
    };
    let names: Vec<String> = gone.iter().take(MAX_SHOWN).map(spelled).collect();
    let names = match gone.len() - names.len() {
        0 => listed(&names, "or"),
        more => format!("{} or {more} more", listed(&names, ",").replace(" , ", ", ")),
    };
    let when = if gone.len() == 1 { "it is dropped" } else { "they are dropped" };
    let (message, state, severity) = match lost.what {
        What::View(kind) => (
            format!("queries that name {} {names} fail as soon as {when}", kind.as_str()),
            format!("SQLSTATE 42P01: relation \"{name}\" does not exist"),
            Severity::Warning,
        ),
        What::Function => (
            format!("calls of {names} fail as soon as {when}"),
            format!("SQLSTATE 42883: function {name}(...) does not exist"),
            Severity::Info,
        ),
        What::Type => (
            format!("queries that cast to {names} fail as soon as {when}"),
            format!("SQLSTATE 42704: type \"{name}\" does not exist"),
            Severity::Info,
        ),
    };
    let mut diagnostic =
        Diagnostic::new(cx.migration().file, lost.span, message).note(state).at_most(severity);
    if let What::View(_) = lost.what {
        diagnostic = diagnostic.relation(&lost.name, None);
    }
    let Some(back) = back(lost, &end.catalog) else {
        return Some(diagnostic.help(
            "drop it when no running application uses it any more, and say so: a comment `-- Phase: CONTRACT` in the migration silences this",
        ));
    };
    let place = cx.history.head(back);
    Some(
        diagnostic
            .label(cx.migration().file, place, "the name is there again from here on")
            .note("the two are not one transaction: in between, the name is missing")
            .help("put both in one transaction, or use `create or replace`")
            .at_most(Severity::Info),
    )
}
