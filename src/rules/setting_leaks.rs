use crate::diagnostic::Diagnostic;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::source::Span;
use crate::sql::Action;

/// Settings that change what later migrations do, not only how long they may take.
const FAR_REACHING: &[(&str, &str)] = &[
    ("search_path", "unqualified names mean other objects"),
    ("role", "what they make belongs to that role"),
    ("session_authorization", "what they make belongs to that role"),
    ("session_replication_role", "no trigger fires and no foreign key is checked"),
    ("row_security", "row security policies apply otherwise"),
    ("default_tablespace", "tables and indexes are stored there"),
    ("default_table_access_method", "tables are stored another way"),
    ("check_function_bodies", "mistakes in functions are not found"),
];

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    let layout = cx.history.set.layout;
    // Each file has a session of its own there, or the runner is not known; Flyway returns to its role
    // and schema itself.
    let is_harmless = layout.is_new_session() || cx.history.set.assumed || layout.name == "flyway";
    (!is_harmless).then(|| Box::new(Leaks::default()) as Box<dyn Watch>)
}

/// What one migration sets for the rest of the session.
#[derive(Default)]
struct Leaks {
    set: Vec<(&'static str, &'static str, Span)>,
}

impl Watch for Leaks {
    fn statement(&mut self, cx: &StatementContext) {
        for action in &cx.statement.actions {
            let Action::Set(setting) = action else { continue };
            if setting.name == "all" {
                self.set.clear();
                continue;
            }
            self.set.retain(|(name, _, _)| *name != setting.name || setting.local);
            let is_it = |(name, _): &&(&'static str, &'static str)| *name == setting.name;
            let Some((name, what)) = FAR_REACHING.iter().find(is_it) else { continue };
            // A value that is what every session begins with leaves nothing behind.
            if setting.value.as_deref().is_some_and(|value| !is_default(name, value))
                && !setting.local
            {
                self.set.push((name, what, cx.statement.span));
            }
        }
    }

    fn end(self: Box<Self>, cx: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        for (name, what, span) in self.set {
            let message = format!(
                "`{name}` stays set when the migration has ended: in those that the same session runs next, {what}"
            );
            let mut help = format!("end the migration with `reset {name}`");
            if cx.migration().transaction != crate::layout::TransactionMode::None {
                help = format!("use `set local {name}`, which the end of the transaction undoes");
            }
            out.push(
                Diagnostic::new(cx.migration().file, crate::sql::head(cx.file(), span), message)
                    .help(help),
            );
        }
    }
}

fn is_default(name: &str, value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    match name {
        "search_path" => {
            let is_usual =
                |part: &str| matches!(part.trim().trim_matches(['"', '\'']), "$user" | "public");
            value.split(',').all(is_usual)
        }
        "role" => value == "none",
        "session_authorization" => value == "default",
        "session_replication_role" => value == "origin",
        "row_security" | "check_function_bodies" => matches!(value.as_str(), "on" | "true" | "1"),
        "default_tablespace" => value.is_empty(),
        "default_table_access_method" => value == "heap",
        _ => false,
    }
}
