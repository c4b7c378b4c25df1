use super::in_transaction::{explain, find, is_first_of_pipeline, place, way_out};
use crate::diagnostic::Diagnostic;
use crate::rule::StatementContext;
use crate::session::Holder;
use crate::source::Span;
use crate::sql::lex::{TokenKind, lexemes};
use crate::sql::{Action, DoBlock};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    if cx.state.holder() == Holder::Nobody || is_first_of_pipeline(cx) {
        return;
    }
    for action in &cx.statement.actions {
        if let Action::Do(block) = action
            && block.ends_transaction
        {
            out.push(report(cx, block));
        }
    }
}

fn report(cx: &StatementContext, block: &DoBlock) -> Diagnostic {
    let found = ending(cx);
    let word = found.map_or("commit", |(_, word)| word);
    let message = format!("the server refuses this `do` block's `{word}` {}", place(cx));
    let mut diagnostic = cx
        .report(message)
        .help(format!(
            "take `{word}` out of the block, or the block out of the transaction: {}",
            way_out(cx)
        ))
        .note("SQLSTATE 2D000: invalid transaction termination");
    if block.is_conditional {
        diagnostic =
            diagnostic.note(format!("the block fails when it reaches its `{word}`, not before"));
    }
    if let Some((span, _)) = found {
        let file = cx.migration.migration().file;
        diagnostic = diagnostic.label(file, span, "refused here");
    }
    explain(cx, diagnostic)
}

/// Finds the first `commit` or `rollback` of the block's body.
fn ending(cx: &StatementContext) -> Option<(Span, &'static str)> {
    let word = |word: &'static str| {
        let span = find(cx.statement.text(cx.file()), |text, base| {
            let mut lexemes = lexemes(text).peekable();
            while let Some(lexeme) = lexemes.next() {
                let ends = lexemes.peek().is_some_and(|next| {
                    next.kind == TokenKind::Byte(b';')
                        || next.is("and")
                        || next.is("work")
                        || next.is("transaction")
                });
                if ends && lexeme.is(word) {
                    return Some(Span::new(base + lexeme.start..base + lexeme.end()));
                }
            }
            None
        })?;
        Some((span.shift(cx.statement.span.start), word))
    };
    [word("commit"), word("rollback")].into_iter().flatten().min()
}
