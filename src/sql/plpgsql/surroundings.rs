//! What is known of the server where a body runs: the rows of its system catalogs.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;

/// What is known where a body runs.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The first schema of the search path.
    pub schema: Option<Arc<str>>,
    /// The answers to the questions so far.
    pub answers: Answers,
    /// Whether there may be further questions.
    pub asks: bool,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { schema: None, answers: Answers::new(), asks: true }
    }
}

/// The system catalogs as they stood where a question was reached, by the question.
pub type Answers = BTreeMap<usize, Rc<dyn SystemTables>>;

/// The system catalogs at some moment.
pub trait SystemTables: Debug {
    /// Returns the rows of a catalog; nothing for one that is not followed.
    fn rows(&self, schema: &str, table: &str) -> Option<TableRows>;

    /// Returns the name by which the rows know an object: what `'name'::regclass` and the like come to.
    fn object(&self, type_name: &str, text: &str) -> Cell;
}

/// The rows of a system catalog.
#[derive(Clone, Debug, Default)]
pub struct TableRows {
    /// The names of the columns that are followed.
    pub columns: &'static [&'static str],
    /// The rows. Objects of which little is known are rows with unknown values.
    pub rows: Vec<Vec<Cell>>,
}

/// A value in a system catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nobody knows.
    Unknown,
    /// Null.
    Null,
    /// A name, type, object or number.
    Text(Arc<str>),
    /// A truth value.
    Truth(bool),
}

impl Cell {
    /// Part of a name that stands for those of the server's own objects: it is no other name, but which
    /// it is is not known.
    pub const NOBODY: char = '\u{2ad}';
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&Arc<str>> for Cell {
    fn from(text: &Arc<str>) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Truth(value)
    }
}
