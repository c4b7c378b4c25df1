//! What a `DO` block or a function does, step by step.

use std::sync::Arc;

use super::condition::Condition;
use crate::sql::{Action, RelationName};

/// One step of a block, in the order in which the server takes them.
///
/// What can be computed has been: expressions over constants, `EXECUTE` of such texts, loops over
/// listed values. What is left unknown is said to be unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// SQL that runs as it stands here: static SQL, or an `EXECUTE` whose text is known.
    Sql(Run),
    /// SQL of which only parts are known.
    Dynamic(Dynamic),
    /// `IF` or `CASE`: the first branch whose condition is true.
    If {
        /// The conditions in order, each with what happens if it is the first that is true.
        branches: Vec<(Condition, Vec<Step>)>,
        /// What happens if none is.
        otherwise: Vec<Step>,
    },
    /// `BEGIN ... EXCEPTION ... END`. An error in `body` undoes all of it, then the first handler that
    /// names the error runs. A block without handlers stands for itself only where it has a label.
    Block {
        /// The name that `EXIT` may leave it by.
        label: Option<Arc<str>>,
        /// What is tried.
        body: Vec<Step>,
        /// What catches errors.
        handlers: Vec<Handler>,
    },
    /// A loop.
    Loop {
        /// The name that `EXIT` and `CONTINUE` may give.
        label: Option<Arc<str>>,
        /// How often it runs, and what.
        passes: Passes,
    },
    /// `EXIT`: leaves a loop or a labelled block.
    Exit {
        /// Which; nothing for the innermost loop.
        label: Option<Arc<str>>,
    },
    /// `CONTINUE`: goes on with the next pass of a loop.
    Continue {
        /// Which; nothing for the innermost loop.
        label: Option<Arc<str>>,
    },
    /// `RETURN`: the block ends here.
    Return,
    /// `RAISE EXCEPTION` or a failed `ASSERT`; messages of lower levels are left out.
    Raise {
        /// The error's SQLSTATE, or the name of the condition where the block gives that; nothing
        /// where it is raised again or computed.
        sqlstate: Option<Arc<str>>,
        /// The message, with its `%` places as spelled.
        message: Option<Arc<str>>,
        /// The line of the block that raises it, from 1.
        line: u32,
    },
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`.
    Rollback,
}

/// SQL that a block runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What it does; several statements where a computed text holds them.
    pub actions: Vec<Action>,
    /// Its text.
    pub sql: Arc<str>,
    /// The line of the block that runs it, from 1; the first is that of the opening quote.
    pub line: u32,
    /// Whether the text was computed: it ran by `EXECUTE`.
    pub is_computed: bool,
}

/// SQL of which only parts are known before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dynamic {
    /// What it does as far as its known parts tell; names that are not known answer
    /// [`is_dynamic`](crate::sql::RelationName::is_dynamic) or hold the mark of placeholders. Nothing
    /// where the text with placeholders does not parse.
    pub actions: Vec<Action>,
    /// Its text, with `…` for each part that is not known.
    pub sql: Arc<str>,
    /// The command that it begins with, in capitals, such as `ALTER TABLE`; nothing where that is
    /// not known either, so that it may do anything.
    pub command: Option<Arc<str>>,
    /// The relation that it is about, where the text names it: `ALTER TABLE users …`.
    pub target: Option<RelationName>,
    /// The line of the block that runs it, from 1.
    pub line: u32,
}

impl Dynamic {
    /// Returns whether nothing is known about what it changes.
    pub fn is_unknown(&self) -> bool {
        self.actions.is_empty()
    }
}

/// An exception handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The conditions that it catches: names as the documentation spells them, SQLSTATEs, `others`.
    pub conditions: Vec<Arc<str>>,
    /// What it does.
    pub body: Vec<Step>,
}

/// The passes of a loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passes {
    /// Exactly these, unless one of them leaves the loop.
    Known(Vec<Vec<Step>>),
    /// Any number of this one, with values that are not known.
    Unknown(Vec<Step>),
    /// As many as a system catalog has rows, which a reader with [`Surroundings`](super::Surroundings)
    /// knows.
    Rows {
        /// Which question it is, to be answered in [`Answers`](super::Answers).
        question: usize,
        /// What it does with values that are not known. Nothing where the rows decide other values.
        pass: Vec<Step>,
    },
}

/// Calls `visit` with every step of `body`, wherever it is nested.
pub fn for_each_step<'a>(body: &'a [Step], visit: &mut impl FnMut(&'a Step)) {
    for step in body {
        visit(step);
        match step {
            Step::If { branches, otherwise } => {
                branches.iter().for_each(|(_, branch)| for_each_step(branch, visit));
                for_each_step(otherwise, visit);
            }
            Step::Block { body, handlers, .. } => {
                for_each_step(body, visit);
                handlers.iter().for_each(|handler| for_each_step(&handler.body, visit));
            }
            Step::Loop { passes: Passes::Known(passes), .. } => {
                passes.iter().for_each(|pass| for_each_step(pass, visit));
            }
            Step::Loop { passes: Passes::Unknown(pass) | Passes::Rows { pass, .. }, .. } => {
                for_each_step(pass, visit);
            }
            Step::Sql(_)
            | Step::Dynamic(_)
            | Step::Exit { .. }
            | Step::Continue { .. }
            | Step::Return
            | Step::Raise { .. }
            | Step::Commit
            | Step::Rollback => {}
        }
    }
}
