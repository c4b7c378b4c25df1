//! What a rule reports.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::recipe::Recipe;
use crate::source::{FileId, Span};
use crate::sql::LockMode;

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Can hurt.
    #[default]
    Warning,
    /// Fails, or hurts.
    Error,
}

impl Severity {
    /// Returns the word that configuration and output use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// Reads the word that configuration and output use.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Error].into_iter().find(|level| level.as_str() == text)
    }
}

/// One problem at one place, with what to do about it.
///
/// There can be tens of thousands: their lists are no longer than they must be, and texts that are
/// always the same are not copied.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The rule's name; stamped by the checker.
    pub rule: &'static str,
    /// Stamped by the checker, from the page and the configuration.
    pub severity: Severity,
    /// The file.
    pub file: FileId,
    /// The place.
    pub span: Span,
    /// What is wrong, consequence first: lower case, no period, names in backticks.
    pub message: String,
    /// A thing to do.
    pub help: Option<Cow<'static, str>>,
    /// More that a reader needs to know, such as what the server answers.
    pub notes: Vec<Cow<'static, str>>,
    /// Other places that matter.
    pub labels: Vec<Label>,
    /// What is written at the place itself.
    pub place: Option<Cow<'static, str>>,
    /// The relations that it is about.
    pub relations: Vec<String>,
    /// The locks that it is about.
    pub locks: Vec<(String, LockMode)>,
    /// A repair. Many have none.
    pub fix: Option<Box<Fix>>,
    /// The way around it; only where recipes are asked for.
    pub recipe: Option<Box<Recipe>>,
    /// The migration, by its index in its set; stamped by the checker where it can be told.
    pub migration: Option<MigrationRef>,
    /// Whether the severity is at most this, whatever the page says.
    pub at_most: Option<Severity>,
    /// Parts of the file that must not be shown, such as a password; asterisks stand for them in
    /// every excerpt of the run.
    pub redact: Vec<Span>,
    /// What it is known by when lines move; stamped by [`crate::report::stamp_fingerprints`].
    pub fingerprint: Option<u64>,
}

/// Which migration a diagnostic is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrationRef {
    /// The set.
    pub set: usize,
    /// The migration in it.
    pub index: usize,
}

/// A place that a diagnostic refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The file.
    pub file: FileId,
    /// The place.
    pub span: Span,
    /// What is to be seen there.
    pub message: Cow<'static, str>,
}

impl Diagnostic {
    /// Makes a diagnostic; the checker stamps rule and severity.
    pub fn new(file: FileId, span: Span, message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.shrink_to_fit();
        Self {
            rule: "",
            severity: Severity::Warning,
            file,
            span,
            message,
            help: None,
            notes: Vec::new(),
            labels: Vec::new(),
            place: None,
            relations: Vec::new(),
            locks: Vec::new(),
            fix: None,
            recipe: None,
            migration: None,
            at_most: None,
            redact: Vec::new(),
            fingerprint: None,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<Cow<'static, str>>) -> Self {
        self.notes.reserve_exact(1);
        self.notes.push(note.into());
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn label(
        mut self,
        file: FileId,
        span: Span,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.labels.reserve_exact(1);
        self.labels.push(Label { file, span, message: message.into() });
        self
    }

    /// Says what is to be seen at the place itself.
    #[must_use]
    pub fn place(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.place = Some(message.into());
        self
    }

    /// Adds a relation and, if one matters, the lock on it.
    #[must_use]
    pub fn relation(mut self, name: &impl ToString, mode: Option<LockMode>) -> Self {
        let name = name.to_string();
        if let Some(mode) = mode {
            self.locks.reserve_exact(1);
            self.locks.push((name.clone(), mode));
        }
        self.relations.reserve_exact(1);
        self.relations.push(name);
        self
    }

    /// Keeps a part of the file from being shown.
    #[must_use]
    pub fn redact(mut self, span: Span) -> Self {
        self.redact.push(span);
        self
    }

    /// Adds a repair.
    #[must_use]
    pub fn fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix.map(Box::new);
        self
    }

    /// Adds the way around it.
    #[must_use]
    pub fn recipe(mut self, recipe: Option<Recipe>) -> Self {
        self.recipe = recipe.map(Box::new);
        self
    }

    /// Makes it no worse than `severity`.
    #[must_use]
    pub fn at_most(mut self, severity: Severity) -> Self {
        self.at_most = Some(self.at_most.map_or(severity, |other| other.min(severity)));
        self
    }
}

/// Edits that resolve a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// May it be applied unread?
    pub applicability: Applicability,
    /// What it does, as a thing to do.
    pub message: Cow<'static, str>,
    /// The changes of existing files.
    pub edits: Vec<Edit>,
    /// The files that it adds.
    pub new_files: Vec<NewFile>,
}

impl Fix {
    /// Makes a fix that changes existing files only.
    pub fn new(
        applicability: Applicability,
        message: impl Into<Cow<'static, str>>,
        edits: Vec<Edit>,
    ) -> Self {
        Self { applicability, message: message.into(), edits, new_files: Vec::new() }
    }
}

/// Whether a fix may be applied without a human reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applicability {
    /// The resulting schema is the same and the migration still runs the same way.
    Safe,
    /// It may change the schema, the data, or how the migration runs.
    Unsafe,
}

/// Replaces the text at a place; an empty span inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The file.
    pub file: FileId,
    /// The place.
    pub span: Span,
    /// The new text.
    pub text: String,
}

impl Edit {
    /// Makes an edit that inserts.
    pub fn insert(file: FileId, at: u32, text: impl Into<String>) -> Self {
        Self { file, span: Span::at(at), text: text.into() }
    }

    /// Makes an edit that removes.
    pub fn remove(file: FileId, span: Span) -> Self {
        Self { file, span, text: String::new() }
    }
}

/// A file that a fix adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Its path.
    pub path: PathBuf,
    /// Its text.
    pub content: String,
}
