use super::breaking_rename::is_contract_phase;
use super::outage::{acts, env};
use super::spelling::shown;
use crate::catalog::{Catalog, Function, Origin, QualifiedName, RelationKind, Type};
use crate::diagnostic::{Diagnostic, Severity};
use crate::effects::Act;
use crate::layout::Direction;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext};
use crate::source::Span;
use crate::sql::{Action, ObjectKind};

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    // A down takes away what its up made, and a contract phase what nobody uses any more.
    if cx.migration().direction != Direction::Up
        || !cx.script().statements().any(|statement| statement.actions.iter().any(drops))
        || is_contract_phase(cx)
    {
        return;
    }
    let mut lost: Vec<Lost> = Vec::new();
    let end = cx.replay(|cx| {
        lost.extend(acts(cx, drops).filter_map(|act| find(cx, act)));
    });
    out.extend(lost.iter().filter_map(|lost| report(cx, lost, &end)));
}

fn drops(action: &Action) -> bool {
    use ObjectKind::{Domain, Function, MaterializedView, Procedure, Type, View};
    match action {
        Action::Drop(drop) => {
            matches!(drop.kind, View | MaterializedView | Function | Procedure | Type | Domain)
        }
        Action::Do(block) => block.actions.iter().any(drops),
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

fn report(cx: &MigrationContext, lost: &Lost, end: &State) -> Option<Diagnostic> {
    let name = shown(&lost.name);
    let (message, state, severity) = match lost.what {
        What::View(kind) => (
            format!("queries that name {} `{name}` fail as soon as it is dropped", kind.as_str()),
            format!("SQLSTATE 42P01: relation \"{name}\" does not exist"),
            Severity::Warning,
        ),
        What::Function => (
            format!("calls of `{name}()` fail as soon as it is dropped"),
            format!("SQLSTATE 42883: function {name}(...) does not exist"),
            Severity::Info,
        ),
        What::Type => (
            format!("queries that cast to `{name}` fail as soon as it is dropped"),
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
    if back.transaction == lost.transaction {
        return None;
    }
    let place = cx.history.head(back);
    Some(
        diagnostic
            .label(cx.migration().file, place, "the name is there again from here on")
            .note("the two are not one transaction: in between, the name is missing")
            .help("put both in one transaction, or use `create or replace`")
            .at_most(Severity::Info),
    )
}
