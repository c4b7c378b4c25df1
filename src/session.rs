//! The session that migrations run in: its settings and its open transaction.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::LazyLock;

use imbl::OrdMap;

use crate::catalog::{Catalog, SearchPath};
use crate::source::{FileId, Span};
use crate::sql::{Setting, TransactionAction};

/// The settings of a session, as `SET` changes them.
#[derive(Clone, Debug)]
pub struct Session {
    /// The schemas in which unqualified names are looked up.
    pub search_path: SearchPath,
    /// Parameters that were set, by their lower-case names.
    settings: OrdMap<Arc<str>, Assigned>,
    /// What they are without `SET`, by name; the last one counts.
    presets: Arc<Vec<(Arc<str>, Arc<str>)>>,
}

/// Reads the value of a timeout, in milliseconds, the unit of a value without one.
///
/// Source: PostgreSQL documentation, section 20.1.1 "Parameter Names and Values".
pub fn milliseconds(value: &str) -> Option<f64> {
    let value = value.trim();
    let unit_at = value.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(value.len());
    let (number, unit) = value.split_at(unit_at);
    let factor = match unit {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    Some(number.trim().parse::<f64>().ok()? * factor)
}

/// A parameter's value, and how long it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The value as spelled.
    pub value: Arc<str>,
    /// Whether it lasts until the end of the transaction only.
    pub local: bool,
    /// The file whose statement set it; nothing where it comes from the configuration.
    pub file: Option<FileId>,
    /// The statement that set it.
    pub span: Span,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            search_path: default_search_path(),
            settings: OrdMap::new(),
            presets: Arc::default(),
        }
    }
}

/// Returns the search path of a new session, without the role's own schema, which hardly anybody has.
pub fn default_search_path() -> SearchPath {
    // Every name that is made in it shares its text.
    static PUBLIC: LazyLock<SearchPath> = LazyLock::new(|| Arc::from([Arc::from("public")]));
    PUBLIC.clone()
}

impl Session {
    /// Returns the value of a parameter, if something set it.
    pub fn setting(&self, name: &str) -> Option<&Assigned> {
        self.settings.get(name)
    }

    /// Returns whether waiting for a lock ends by itself: `lock_timeout` is set and not 0.
    pub fn has_lock_timeout(&self) -> bool {
        // A value that a placeholder or an expression makes is meant to be a limit.
        self.setting("lock_timeout")
            .is_some_and(|found| milliseconds(&found.value).is_none_or(|limit| limit > 0.0))
    }

    /// Returns the limit that a timeout sets, in milliseconds; nothing if it sets none.
    pub fn timeout(&self, name: &str) -> Option<f64> {
        milliseconds(&self.setting(name)?.value).filter(|limit| *limit > 0.0)
    }

    /// Applies `SET` or `RESET`.
    pub fn set(&mut self, setting: &Setting, file: FileId, span: Span) {
        let name = setting.name.as_str();
        match &setting.value {
            None if name == "all" => *self = self.reset(),
            None => {
                let fresh = self.reset();
                self.restore(&name.into(), &fresh);
            }
            Some(value) => {
                if name == "search_path" {
                    self.search_path = search_path(value);
                }
                let value = value.as_str().into();
                let assigned = Assigned { value, local: setting.local, file: Some(file), span };
                self.settings.insert(name.into(), assigned);
            }
        }
    }

    /// Returns the session as `RESET ALL` leaves it: as its role, database and runner began it.
    fn reset(&self) -> Self {
        let mut fresh = Self { presets: Arc::clone(&self.presets), ..Self::default() };
        for (name, value) in self.presets.iter() {
            fresh.assign(name, value);
        }
        fresh
    }

    /// Returns what `search_path` was set to for the rest of the session, and where.
    ///
    /// An empty one, as `pg_dump` writes it, would let every later migration fail. Where they are
    /// deployed they do not, so that it does not last there.
    pub(crate) fn lasting_search_path(&self) -> Option<(SearchPath, Assigned)> {
        let set = self.setting("search_path")?;
        let lasts = !set.local && set.file.is_some() && !self.search_path.is_empty();
        lasts.then(|| (self.search_path.clone(), set.clone()))
    }

    /// Takes over what an earlier migration of the same session set.
    pub(crate) fn keep_search_path(&mut self, (path, assigned): (SearchPath, Assigned)) {
        self.search_path = path;
        self.settings.insert("search_path".into(), assigned);
    }

    /// Returns the names of the parameters that were set with `SET LOCAL`.
    pub(crate) fn local_settings(&self) -> impl Iterator<Item = Arc<str>> {
        self.settings.iter().filter(|(_, value)| value.local).map(|(name, _)| name.clone())
    }

    /// Gives the parameter `name` the value that it has in `before`.
    pub(crate) fn restore(&mut self, name: &Arc<str>, before: &Self) {
        match before.settings.get(name) {
            Some(value) => self.settings.insert(name.clone(), value.clone()),
            None => self.settings.remove(name),
        };
        if **name == *"search_path" {
            self.search_path = before.search_path.clone();
        }
    }

    /// Sets a parameter as the configuration says the runner, role or database does.
    pub fn preset(&mut self, name: &str, value: &str) {
        let presets = Arc::make_mut(&mut self.presets);
        presets.retain(|(other, _)| **other != *name);
        presets.push((name.into(), value.into()));
        self.assign(name, value);
    }

    fn assign(&mut self, name: &str, value: &str) {
        let assigned =
            Assigned { value: value.into(), local: false, file: None, span: Span::default() };
        self.settings.insert(name.into(), assigned);
        if name == "search_path" {
            self.search_path = search_path(value);
        }
    }
}

/// Splits the value of `search_path` into schemas; `"$user"` is left out.
fn search_path(value: &str) -> SearchPath {
    let schemas = value.split(',').map(|part| part.trim().trim_matches(['"', '\'']));
    schemas.filter(|schema| !schema.is_empty() && *schema != "$user").map(Arc::from).collect()
}

/// Who holds a transaction open around a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The runner: it sends `BEGIN` before the file and `COMMIT` after it.
    Runner,
    /// The file itself, by `BEGIN`.
    File,
    /// The server: several statements in one simple-query message are one implicit transaction block.
    Message,
    /// Nobody: the statement commits on its own.
    Nobody,
}

impl Holder {
    /// Returns the word that JSON output uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runner => "runner",
            Self::File => "file",
            Self::Message => "message",
            Self::Nobody => "none",
        }
    }
}

/// A transaction that is open.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Who opened it.
    pub holder: Holder,
    /// The `BEGIN`, where a file opened it.
    pub begin: Option<Span>,
    /// Its number; every transaction of a run has another.
    pub id: u32,
    /// The schema when it began, to which `ROLLBACK` returns; nothing where there is none.
    pub catalog: Option<Box<Catalog>>,
    /// The settings when it began.
    pub session: Box<Session>,
    /// Its savepoints, oldest first.
    pub savepoints: Savepoints<(Catalog, Session)>,
}

/// The savepoints of a transaction, with what is kept for each; several may have one name, and the newest
/// counts.
#[derive(Clone, Debug)]
pub struct Savepoints<T> {
    open: Vec<(String, T)>,
    /// How many there are of each name, so that a name that is not there is not searched for.
    names: HashMap<String, usize>,
}

impl<T> Default for Savepoints<T> {
    fn default() -> Self {
        Self { open: Vec::new(), names: HashMap::new() }
    }
}

impl<T: Clone> Savepoints<T> {
    /// Follows a command: `SAVEPOINT` keeps what `now` gives. Returns what `ROLLBACK TO SAVEPOINT` returns to.
    pub fn follow(&mut self, action: &TransactionAction, now: impl FnOnce() -> T) -> Option<T> {
        match action {
            TransactionAction::Savepoint(name) => self.push(name, now()),
            TransactionAction::Release(name) => {
                self.take(name);
            }
            TransactionAction::RollbackTo(name) => {
                let kept = self.take(name)?;
                // The savepoint stays.
                self.push(name, kept.clone());
                return Some(kept);
            }
            TransactionAction::Begin
            | TransactionAction::Commit
            | TransactionAction::Rollback
            | TransactionAction::Prepare
            | TransactionAction::FinishPrepared => {}
        }
        None
    }

    fn push(&mut self, name: &str, kept: T) {
        *self.names.entry(name.to_owned()).or_default() += 1;
        self.open.push((name.to_owned(), kept));
    }

    /// Removes the newest of that name and all after it.
    fn take(&mut self, name: &str) -> Option<T> {
        if !self.names.contains_key(name) {
            return None;
        }
        while let Some((last, kept)) = self.open.pop() {
            if let Some(count) = self.names.get_mut(&last) {
                *count -= 1;
                if *count == 0 {
                    self.names.remove(&last);
                }
            }
            if last == name {
                return Some(kept);
            }
        }
        None
    }
}
