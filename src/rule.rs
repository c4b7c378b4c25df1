//! What a rule is: a name, a page that documents and tests it, and a check.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Mutex;

use crate::catalog::{Failure, Lookup, Origin, QualifiedName, Relation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::effects::{self, Act, Lock};
use crate::layout::{Migration, MigrationSet, Sources};
use crate::past::Past;
use crate::recipe::Recipe;
use crate::replay::State;
use crate::session::Holder;
use crate::source::{FileId, SourceFile, Span};
use crate::sql::{Action, RelationName, Script, Statement};
use crate::version::PgVersion;

/// A lint.
pub struct Rule {
    /// The kebab-case name, which is also the stem of the rule's page and module.
    pub name: &'static str,
    /// The text of `rules/<name>.md`.
    pub page: &'static str,
    /// The function.
    pub check: Check,
}

/// How much a rule must see at once.
#[derive(Clone, Copy)]
pub enum Check {
    /// One statement, and everything it depends on.
    Statement(fn(&StatementContext, &mut Vec<Diagnostic>)),
    /// One statement that the server refuses, with its answer; the state is that after the statement,
    /// which did nothing.
    Refusal(fn(&StatementContext, &mut Vec<Diagnostic>)),
    /// One migration: all of its items and the state before it.
    Migration(fn(&MigrationContext, &mut Vec<Diagnostic>)),
    /// One migration, statement by statement; nothing where the rule has nothing to do there.
    Steps(fn(&MigrationContext) -> Option<Box<dyn Watch>>),
    /// Each migration, statement by statement, and then the whole set, for what was noted of each.
    StepsAndHistory(
        fn(&MigrationContext) -> Option<Box<dyn Watch>>,
        fn(&HistoryContext, &mut Vec<Diagnostic>),
    ),
    /// The whole set.
    History(fn(&HistoryContext, &mut Vec<Diagnostic>)),
    /// What remains once the others have reported: the comments that silence them. See `suppress`.
    Suppressions,
}

/// What a rule keeps while the statements of one migration are replayed, once for all rules.
///
/// [`MigrationContext::replay`] does the same for one rule alone, which costs as much as checking the
/// migration: that is for what few migrations need.
pub trait Watch {
    /// Sees the next statement, with the state before it.
    fn statement(&mut self, cx: &StatementContext);
    /// Sees a statement that the server refuses, with its answer; the state is that after it.
    fn refused(&mut self, _: &StatementContext) {}

    /// Reports when the last statement was seen; `end` is the state then, before the runner ends its
    /// transaction.
    fn end(self: Box<Self>, cx: &MigrationContext, end: &State, out: &mut Vec<Diagnostic>);
}

/// The categories of rules, as JSON output and `lockmaster rules` name them.
pub const CATEGORIES: &[&str] = &[
    "layout",
    "syntax",
    "transaction",
    "locking",
    "compatibility",
    "data-loss",
    "correctness",
    "idempotency",
    "reversibility",
    "timeout",
    "performance",
    "security",
    "opinion",
];

impl Rule {
    /// Returns a field of the page's front matter.
    pub fn field(&self, name: &str) -> Option<&'static str> {
        let (front_matter, _) = self.page.strip_prefix("---\n")?.split_once("\n---\n")?;
        front_matter.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Returns the severity that the page gives.
    pub fn severity(&self) -> Severity {
        self.field("severity").and_then(Severity::parse).unwrap_or_default()
    }

    /// Returns the category.
    pub fn category(&self) -> &'static str {
        self.field("category").unwrap_or_default()
    }

    /// Returns whether the rule is on where the configuration says nothing.
    pub fn is_on(&self) -> bool {
        self.field("default") != Some("off") && self.category() != "opinion"
    }

    /// Returns the page's heading.
    pub fn title(&self) -> &'static str {
        self.body().lines().next().unwrap_or_default().trim_start_matches("# ")
    }

    /// Returns the page without its front matter: what `explain` prints.
    pub fn body(&self) -> &'static str {
        self.page.split_once("\n---\n").map_or(self.page, |(_, body)| body.trim_start())
    }
}

/// What the whole run depends on beside the files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Target {
    /// The server version that the migrations are meant for.
    pub version: PgVersion,
}

/// A set with its parsed migrations.
pub struct HistoryContext<'a> {
    /// All files of the run.
    pub sources: &'a Sources,
    /// The set.
    pub set: &'a MigrationSet,
    /// The items of each migration, in the order of the set.
    pub scripts: &'a [Script],
    /// Whether the files begin with what creates their tables, so that what they do not show is not there.
    pub is_complete: bool,
    /// Version and the like.
    pub target: Target,
    /// Whether diagnostics shall bring their recipes.
    pub wants_recipes: bool,
    /// What the set was in another revision, if somebody asked to compare.
    pub past: Option<&'a Past>,
    /// The state when all up migrations have run.
    pub last: &'a State,
    /// In which order transactions lock tables, as migrations are checked; in no order of its own.
    pub lock_orders: Mutex<Vec<LockOrder>>,
}

/// Two tables that one transaction locks against all others, one after the other.
#[derive(Clone, Debug)]
pub struct LockOrder {
    /// The migration, by its place in the set.
    pub migration: usize,
    /// The beginning of the statement that locks the second one.
    pub span: Span,
    /// The table that is locked first.
    pub first: QualifiedName,
    /// The table that is locked then.
    pub next: QualifiedName,
}

impl HistoryContext<'_> {
    /// Notes in which order a migration locks tables.
    pub fn note_lock_orders(&self, orders: Vec<LockOrder>) {
        if !orders.is_empty()
            && let Ok(mut all) = self.lock_orders.lock()
        {
            all.extend(orders);
        }
    }

    /// Returns in which order migrations lock tables, in their own order.
    pub fn lock_orders(&self) -> Vec<LockOrder> {
        let mut all = self.lock_orders.lock().map(|all| all.clone()).unwrap_or_default();
        // One migration notes its own in order.
        all.sort_by_key(|order| order.migration);
        all
    }

    /// Returns the beginning of the statement that runs at `origin`.
    pub fn head(&self, origin: Origin) -> Span {
        crate::sql::head(self.sources.get(origin.file), origin.span)
    }

    /// Returns the file of a migration.
    pub fn file(&self, migration: &Migration) -> &SourceFile {
        self.sources.get(migration.file)
    }

    /// Returns the name of a migration's file, without its folder where that says nothing.
    pub fn file_name(&self, migration: &Migration) -> String {
        self.path(migration.file)
    }

    /// Returns the path of a file from the directory of the set.
    pub fn path(&self, file: FileId) -> String {
        let path = &self.sources.get(file).path;
        let shown = path.strip_prefix(&self.set.root).unwrap_or(path);
        shown.display().to_string()
    }
}

/// A migration with its items.
pub struct MigrationContext<'a> {
    /// The set that it is part of.
    pub history: &'a HistoryContext<'a>,
    /// Its place in the set.
    pub index: usize,
    /// The state when it begins, its transaction not yet open.
    pub before: &'a State,
    /// For a down: the state before its up.
    pub before_up: Option<&'a State>,
}

impl<'a> MigrationContext<'a> {
    /// Returns the migration.
    pub fn migration(&self) -> &'a Migration {
        &self.history.set.migrations[self.index]
    }

    /// Returns its items.
    pub fn script(&self) -> &'a Script {
        &self.history.scripts[self.index]
    }

    /// Returns its file.
    pub fn file(&self) -> &'a SourceFile {
        self.history.sources.get(self.migration().file)
    }

    /// Returns the state before its first statement: the runner or the server may have opened a
    /// transaction.
    pub fn begin(&self) -> State {
        let mut state = self.before.clone();
        let number = u32::try_from(self.index).unwrap_or(u32::MAX);
        state.begin_migration(number, self.migration(), self.history.set.layout, self.script());
        state
    }

    /// Replays the migration: calls `visit` for each statement with the state before it, and returns
    /// the state when the last statement has run, before the runner ends its transaction.
    pub fn replay(&self, visit: impl FnMut(&StatementContext)) -> State {
        self.replay_with(visit, |_| {})
    }

    /// Replays the migration as [`Self::replay`] does, and calls `refused` after each statement that the
    /// server would refuse, with its answer.
    pub fn replay_with(
        &self,
        mut visit: impl FnMut(&StatementContext),
        mut refused: impl FnMut(&StatementContext),
    ) -> State {
        let mut state = self.begin();
        for statement in self.script().statements() {
            visit(&StatementContext::new(self, statement, &state, &[]));
            self.step(statement, &mut state, &mut refused);
        }
        state
    }

    /// Runs one statement, and calls `refused` if the server would refuse it. The state is then that
    /// after the statement: keeping the one before would mean to copy what the statement changes.
    pub(crate) fn step(
        &self,
        statement: &Statement,
        state: &mut State,
        refused: impl FnOnce(&StatementContext),
    ) {
        let failures = state.step(statement);
        if !failures.is_empty() {
            refused(&StatementContext::new(self, statement, state, &failures));
        }
    }
}

/// A statement with everything it depends on.
pub struct StatementContext<'a> {
    /// The migration that it is part of.
    pub migration: &'a MigrationContext<'a>,
    /// The statement.
    pub statement: &'a Statement,
    /// The state before it.
    pub state: &'a State,
    /// What the server answers, for rules about [refusals](Check::Refusal); nothing for the others.
    pub failures: &'a [Failure],
    acts: OnceCell<Vec<Act<'a>>>,
    /// The locks of its actions, as far as a rule has asked for them.
    locks: RefCell<Vec<Known>>,
}

/// An action with its locks.
type Known = (*const Action, Rc<[Lock]>);

/// The locks of so many actions of a statement are kept.
const MOST_KNOWN: usize = 64;

impl<'a> StatementContext<'a> {
    /// Makes one.
    pub fn new(
        migration: &'a MigrationContext<'a>,
        statement: &'a Statement,
        state: &'a State,
        failures: &'a [Failure],
    ) -> Self {
        let (acts, locks) = (OnceCell::new(), RefCell::default());
        Self { migration, statement, state, failures, acts, locks }
    }

    /// Returns what each action of the statement does. It is worked out once for all rules, and costs
    /// more than replaying the statement: a rule looks first whether it is about such an action at all.
    pub fn acts(&self) -> &[Act<'a>] {
        let origin = || self.state.origin(self.statement.span);
        let is_complete = self.migration.history.is_complete;
        let actions = &self.statement.actions;
        self.acts.get_or_init(|| effects::acts(actions, self.state, origin(), is_complete))
    }

    /// Returns whether other sessions may use a relation: no migration but this one made it, and it is
    /// not temporary. One of unknown origin counts as used.
    pub fn is_in_use(&self, name: &QualifiedName) -> bool {
        !self.state.catalog.get(name).is_some_and(|relation| self.is_new_relation(relation))
    }

    /// Makes a recipe, if somebody asked for recipes.
    pub fn recipe(&self, make: impl FnOnce() -> Option<Recipe>) -> Option<Recipe> {
        self.migration.history.wants_recipes.then(make).flatten()
    }

    /// Returns the file.
    pub fn file(&self) -> &SourceFile {
        self.migration.file()
    }

    /// Returns the server version.
    pub fn version(&self) -> PgVersion {
        self.migration.history.target.version
    }

    /// Looks a relation up in the schema before the statement.
    pub fn relation(&self, name: &RelationName) -> Lookup<&Relation> {
        self.state.catalog.relation(name, &self.state.session.search_path)
    }

    /// Returns the locks of an action of the statement. They are worked out once for all rules.
    pub fn locks(&self, action: &Action) -> Rc<[Lock]> {
        let mut known = self.locks.borrow_mut();
        if let Some((_, locks)) = known.iter().find(|(other, _)| std::ptr::eq(*other, action)) {
            return locks.clone();
        }
        let path = &self.state.session.search_path;
        let locks: Rc<[Lock]> =
            effects::locks(action, &self.state.catalog, path, self.version()).into();
        // A block of thousands of actions would make looking one up slow.
        if known.len() < MOST_KNOWN {
            known.push((std::ptr::from_ref(action), locks.clone()));
        }
        locks
    }

    /// Returns whether this migration made `table`, so that nobody uses it yet.
    ///
    /// A table of unknown origin counts as old: the files at hand may not be the whole history.
    pub fn is_new(&self, table: &RelationName) -> bool {
        self.relation(table).found().is_some_and(|table| self.is_new_relation(table))
    }

    /// Returns whether this migration made the relation, or it is temporary.
    pub fn is_new_relation(&self, relation: &Relation) -> bool {
        relation.temporary || self.state.is_in_this_migration(relation.created)
    }

    /// Returns whether a lock matters to other sessions.
    pub fn is_noticed(&self, lock: &Lock) -> bool {
        let is_new = |origin: Origin| self.state.is_in_this_migration(origin);
        !lock.temporary && !lock.created.is_some_and(is_new)
    }

    /// Makes a diagnostic at this statement.
    pub fn report(&self, message: impl Into<String>) -> Diagnostic {
        let file = self.migration.migration().file;
        Diagnostic::new(file, self.statement.head(self.file()), message)
    }

    /// Makes a diagnostic at a part of this statement.
    pub fn report_at(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.migration.migration().file, span, message)
    }

    /// Adds who holds the transaction open, and where it began, to a diagnostic.
    pub fn explain_transaction(&self, diagnostic: Diagnostic) -> Diagnostic {
        let layout = self.migration.history.set.layout;
        let file = self.migration.migration().file;
        match self.state.holder() {
            Holder::File => {
                let begin = self.state.transaction.as_ref().and_then(|open| open.begin);
                match begin {
                    Some(begin) => diagnostic.label(file, begin, "the transaction begins here"),
                    None => diagnostic,
                }
            }
            Holder::Runner if self.migration.history.set.assumed => diagnostic.note(
                "the runner is assumed to wrap each migration in a transaction; if it does not, say `transaction = \"none\"` in lockmaster.toml",
            ),
            Holder::Runner if layout.all_pending => diagnostic.note(format!(
                "{} runs all pending migrations in one transaction",
                layout.runner()
            )),
            Holder::Runner => {
                diagnostic.note(format!("{} runs each migration in a transaction", layout.runner()))
            }
            Holder::Message if self.file().embedded.is_some() => diagnostic.note(
                "the call sends all of its statements as one message, which the server runs as one transaction block",
            ),
            Holder::Message => diagnostic.note(format!(
                "{} sends the whole file as one message, which the server runs as one transaction block",
                layout.runner()
            )),
            Holder::Nobody => diagnostic,
        }
    }
}
