//! What the rules about functions and views that are made anew share: what they were before, and what a
//! later statement of the migration still changes.

use crate::catalog::{Function, ObjectId};
use crate::effects::Act;
use crate::rule::StatementContext;
use crate::sql::lex::lexemes;
use crate::sql::{Action, Create, Detail, FunctionDefinition, ObjectKind};

/// Returns the function or procedure that an action makes.
pub(super) fn function(action: &Action) -> Option<(&Create, &FunctionDefinition)> {
    let Action::Create(create) = action else { return None };
    let is_one = matches!(create.kind, ObjectKind::Function | ObjectKind::Procedure);
    match &create.detail {
        Detail::Function(definition) if is_one => Some((create, definition)),
        _ => None,
    }
}

/// Returns the function that an action replaced, before and after it.
pub(super) fn replaced<'a>(act: &'a Act, create: &Create) -> Option<(&'a Function, &'a Function)> {
    let is_named = |function: &&Function| function.name.name == create.name.name;
    let is_changed = |id: ObjectId, now: &Function| {
        act.before.function_by_id(id).filter(|before| before.changed != now.changed)
    };
    let mut named = act.after.functions().filter(is_named);
    named.find_map(|now| Some((is_changed(now.id, now)?, now)))
}

/// Returns whether the statement spells one of these words outside of strings.
pub(super) fn says(cx: &StatementContext, words: &[&str]) -> bool {
    lexemes(cx.statement.text(cx.file())).any(|lexeme| words.iter().any(|word| lexeme.is(word)))
}

/// Returns whether a later statement of the migration is an `alter` that names the object and spells a
/// word.
pub(super) fn is_altered_later(cx: &StatementContext, name: &str, word: &str) -> bool {
    let later = cx.migration.script().statements();
    let mut later = later.filter(|statement| statement.span.start > cx.statement.span.start);
    later.any(|statement| {
        let mut words = lexemes(statement.text(cx.file()));
        words.next().is_some_and(|first| first.is("alter")) && {
            let words: Vec<_> = words.collect();
            words.iter().any(|lexeme| lexeme.name().as_deref() == Some(name))
                && words.iter().any(|lexeme| lexeme.is(word))
        }
    })
}
