use super::in_transaction::{explain, is_first_of_pipeline, place, refused, removal, way_out};
use super::misspelt_directive::meant_to_leave;
use super::per_transaction::PerTransaction;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix, Label, NewFile};
use crate::layout::{Direction, OptOut, TransactionMode};
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::session::Holder;
use crate::source::Span;
use crate::sql::{
    Action, Item, ObjectKind, ReindexTarget, RelationName, Statement, TransactionAction, head,
};

/// How many more statements of one transaction are pointed at.
const MAX_LABELS: usize = 4;

pub(super) fn watch(_: &MigrationContext) -> Option<Box<dyn Watch>> {
    Some(Box::new(Refused::default()))
}

/// What was reported, each transaction once: it is the transaction that is wrong, not each statement in
/// it.
#[derive(Default)]
struct Refused {
    found: Vec<Diagnostic>,
    /// Whether the transaction was reported.
    is_reported: PerTransaction<bool>,
}

impl Watch for Refused {
    fn statement(&mut self, cx: &StatementContext) {
        let first = self.found.len();
        statement(cx, &mut self.found);
        if self.found.len() == first || cx.state.transaction.is_none() {
            return;
        }
        let is_reported = self.is_reported.of(cx);
        if *is_reported
            && let Some(more) = self.found.pop()
            && let Some(earlier) = self.found.last_mut()
        {
            if earlier.labels.len() <= MAX_LABELS {
                let label =
                    Label { file: more.file, span: more.span, message: "and so is this".into() };
                earlier.labels.push(label);
            }
            earlier.relations.extend(more.relations);
            earlier.relations.sort();
            earlier.relations.dedup();
        }
        *is_reported = true;
    }

    fn end(self: Box<Self>, _: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        out.extend(self.found);
    }
}

fn statement(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    let holder = cx.state.holder();
    for action in &cx.statement.actions {
        if let Action::Do(block) = action {
            let inside = block.actions.iter().find_map(|inner| Some((inner, refused(cx, inner)?)));
            if let Some((inner, command)) = inside {
                return out.push(in_block(cx, inner, command));
            }
        } else if let Some(command) = refused(cx, action).filter(|_| holder != Holder::Nobody) {
            return out.extend(report(cx, action, command));
        }
    }
}

/// Reports a statement of a `DO` block: the server refuses it there with and without a transaction.
fn in_block(cx: &StatementContext, action: &Action, command: &str) -> Diagnostic {
    let reason = match cx.state.holder() {
        Holder::Nobody => "cannot be executed from a function",
        _ => "cannot run inside a transaction block",
    };
    about(cx, action, cx.report(format!("{} is refused in a `do` block", subject(action, command))))
        .help("write it as a statement of its own, outside of a transaction")
        .note(format!("SQLSTATE 25001: {command} {reason}"))
}

fn report(cx: &StatementContext, action: &Action, command: &str) -> Option<Diagnostic> {
    let layout = cx.migration.history.set.layout;
    let is_message = cx.state.holder() == Holder::Message;
    // Supabase takes these out of the batch and sends them on their own.
    let is_taken_out = layout.name == "supabase" && command.contains("CONCURRENTLY");
    if is_message && is_taken_out || is_first_of_pipeline(cx) {
        return None;
    }
    if layout.name == "flyway" && cx.state.holder() == Holder::Runner && flyway_knows(action) {
        return mixed(cx, action, command);
    }
    let message = format!("{} is refused {}", subject(action, command), place(cx));
    let fix = without_begin(cx).or_else(|| opt_out(cx));
    let help = fix.as_ref().map_or_else(|| way_out(cx).into(), |fix| fix.message.clone());
    let mut diagnostic = about(cx, action, cx.report(message))
        .help(help)
        .note(format!("SQLSTATE 25001: {command} cannot run inside a transaction block"));
    if let Some((line, directive)) = unseen_directive(cx) {
        let message = format!(
            "{} does not see this: it must be `{directive}`, before all else",
            layout.title
        );
        diagnostic = diagnostic.label(cx.migration.migration().file, line, message);
    } else if let Some(miss) = meant_to_leave(layout, cx.migration.migration(), cx.file()) {
        let message = format!("{} does not see this", layout.title);
        diagnostic = diagnostic.label(cx.migration.migration().file, miss.line, message);
    }
    Some(explain(cx, diagnostic.fix(fix)))
}

/// Finds a line that is meant to be the runner's directive but is spelled or placed otherwise.
fn unseen_directive(cx: &StatementContext) -> Option<(Span, &'static str)> {
    let layout = cx.migration.history.set.layout;
    let Some(OptOut::FirstLine(directive)) = layout.opt_out else { return None };
    // The others find it on any line.
    let is_first = matches!(layout.name, "sqlx" | "hasura");
    if !is_first || cx.migration.migration().transaction != TransactionMode::Runner {
        return None;
    }
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let file = cx.file();
    let mut start = file.text_start();
    for line in file.text.get(start..)?.split_inclusive('\n').take(20) {
        if line.trim_start().starts_with("--") && letters(line) == letters(directive) {
            let indent = line.len() - line.trim_start().len();
            return Some((Span::new(start + indent..start + line.trim_end().len()), directive));
        }
        start += line.len();
    }
    None
}

/// Reports that Flyway refuses a migration of which only a part can be in a transaction; a migration
/// of nothing else it runs without one.
fn mixed(cx: &StatementContext, action: &Action, command: &str) -> Option<Diagnostic> {
    let is_other = |item: &&Item| match item {
        Item::Statement(statement) => !statement.actions.iter().all(flyway_knows),
        Item::SyntaxError(_) | Item::NotAnalysed(_) => true,
    };
    let other = cx.migration.script().items.iter().find(is_other)?;
    let message = format!(
        "Flyway refuses a migration that mixes {} with other statements",
        subject(action, command)
    );
    let span = head(cx.file(), other.span());
    let diagnostic = about(cx, action, cx.report(message))
        .label(cx.migration.migration().file, span, "this one needs a transaction, as Flyway sees it")
        .help("put it into a migration of its own")
        .note("`flyway.mixed=true`, or `executeInTransaction=false` in a file named like this one with `.conf` appended, runs all of it without a transaction");
    Some(diagnostic)
}

/// Returns whether Flyway recognises the statement as one that must not be in a transaction.
fn flyway_knows(action: &Action) -> bool {
    match action {
        Action::CreateIndex(create) => create.concurrently,
        Action::Drop(drop) => {
            drop.concurrently
                || matches!(
                    drop.kind,
                    ObjectKind::Database | ObjectKind::Tablespace | ObjectKind::Subscription
                )
        }
        Action::Reindex {
            target: ReindexTarget::Many(_) | ReindexTarget::Schema(_),
            concurrently: false,
        }
        | Action::Vacuum { .. }
        | Action::NonTransactional { .. } => true,
        Action::Create(create) => create.kind == ObjectKind::Subscription,
        _ => false,
    }
}

/// Returns the command and what it is about.
fn subject(action: &Action, command: &str) -> String {
    let command = format!("`{}`", command.to_ascii_lowercase());
    let word =
        if matches!(action, Action::CreateIndex(_) | Action::AlterTable(_)) { "on" } else { "of" };
    match relation(action) {
        Some(name) => format!("{command} {word} `{name}`"),
        None => command,
    }
}

fn relation(action: &Action) -> Option<&RelationName> {
    match action {
        Action::CreateIndex(create) => Some(&create.table),
        Action::AlterTable(alter) => Some(&alter.table),
        Action::Drop(drop) => Some(&drop.name),
        Action::Reindex {
            target: ReindexTarget::Index(name) | ReindexTarget::Table(name), ..
        } => Some(name),
        Action::Vacuum { tables, .. } => tables.first(),
        Action::Cluster { table, .. } => table.as_ref(),
        _ => None,
    }
}

fn about(cx: &StatementContext, action: &Action, diagnostic: Diagnostic) -> Diagnostic {
    let is_relation = !matches!(action, Action::Drop(drop) if drop.kind != ObjectKind::Index);
    match relation(action).filter(|_| is_relation) {
        Some(name) => {
            let full = cx.state.catalog.resolve(name, &cx.state.session.search_path);
            diagnostic.relation(&full, None)
        }
        None => diagnostic,
    }
}

/// Takes `begin` and `commit` away where nothing else is between them.
fn without_begin(cx: &StatementContext) -> Option<Fix> {
    let migration = cx.migration.migration();
    let begin = cx.state.transaction.as_ref()?.begin?;
    if migration.transaction != TransactionMode::None {
        return None;
    }
    let items = &cx.migration.script().items;
    let first = items.iter().position(|item| item.span() == begin)?;
    let is_end = |item: &Item| matches!(item, Item::Statement(s) if s.transaction_action() == Some(&TransactionAction::Commit));
    let length = items.get(first + 1..)?.iter().position(is_end)?;
    let last = first + 1 + length;
    let (Some(Item::Statement(begin)), Some(Item::Statement(commit))) =
        (items.get(first), items.get(last))
    else {
        return None;
    };
    if !items.get(first + 1..last)?.iter().all(|item| needs_no_transaction(cx, item)) {
        return None;
    }
    let edit = |statement: &Statement| Edit::remove(migration.file, removal(cx.file(), statement));
    let edits = vec![edit(begin), edit(commit)];
    Some(Fix::new(Applicability::Unsafe, "remove `begin` and `commit`", edits))
}

/// Takes the migration out of the runner's transaction where nothing in it needs one.
fn opt_out(cx: &StatementContext) -> Option<Fix> {
    let layout = cx.migration.history.set.layout;
    let (migration, file) = (cx.migration.migration(), cx.file());
    let items = &cx.migration.script().items;
    let is_possible = migration.transaction == TransactionMode::Runner
        && cx.state.holder() == Holder::Runner
        && items.iter().all(|item| needs_no_transaction(cx, item))
        && (layout.without_transaction == TransactionMode::None || items.len() == 1);
    if !is_possible || !suits_up(cx) {
        return None;
    }
    match layout.opt_out.as_ref()? {
        OptOut::FirstLine(line) => {
            // Behind a byte order mark no runner sees it; tern's is for the section, and for LF only.
            let is_seen = file.text_start() == 0
                && (layout.name != "tern"
                    || migration.direction == Direction::Up && file.line_break() == "\n");
            if let Some((span, _)) = unseen_directive(cx)
                && file.line_index(span.start as usize) == 0
            {
                let span = Span { start: 0, end: span.end };
                let edit = Edit { file: migration.file, span, text: (*line).to_owned() };
                let message = format!("begin the file with `{line}`");
                return is_seen.then(|| Fix::new(Applicability::Unsafe, message, vec![edit]));
            }
            let space = if layout.name == "atlas" { file.line_break() } else { "" };
            let text = format!("{line}{}{space}", file.line_break());
            let edit = Edit::insert(migration.file, 0, text);
            let message = format!("begin the file with `{line}`");
            is_seen.then(|| Fix::new(Applicability::Unsafe, message, vec![edit]))
        }
        OptOut::SideFile { name, text } => {
            let path = file.path.with_file_name(name);
            let message = format!("write `{}` into `{name}`", text.trim());
            let new_files = vec![NewFile { path, content: (*text).to_owned() }];
            let fix = Fix::new(Applicability::Unsafe, message, Vec::new());
            Some(Fix { new_files, ..fix })
        }
        OptOut::Advice(_) => None,
    }
}

/// Returns whether the up section can do without a transaction where it stands in the same file.
fn suits_up(cx: &StatementContext) -> bool {
    let history = cx.migration.history;
    let migration = cx.migration.migration();
    let other =
        cx.migration.index.checked_sub(1).filter(|_| migration.direction == Direction::Down);
    let other = other.and_then(|at| history.set.migrations.get(at).zip(history.scripts.get(at)));
    other
        .filter(|(up, _)| up.file == migration.file)
        .is_none_or(|(_, script)| script.items.iter().all(|item| needs_no_transaction(cx, item)))
}

/// Returns whether an item is as good without a transaction: refused in one, or a setting.
fn needs_no_transaction(cx: &StatementContext, item: &Item) -> bool {
    let Item::Statement(statement) = item else { return false };
    statement.actions.iter().all(|action| match action {
        Action::Set(setting) => !setting.local,
        other => refused(cx, other).is_some(),
    })
}
