use super::concurrent::written;
use super::outage::{acts, doubt, end, used};
use super::spelling::like;
use crate::catalog::{Index, Relation};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix, Severity};
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::sql::lex::lexemes;
use crate::sql::{Action, LockMode, RelationName};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for act in acts(cx, |action| refreshed(action).is_some()) {
        let Some(name) = refreshed(act.action) else { continue };
        let Some(view) = used(cx, &act.before, name) else { continue };
        let message = format!(
            "refreshing `{}` locks it while its query runs: reads of it wait until {}",
            view.shown(),
            end(cx, act)
        );
        let mut diagnostic =
            cx.report(message).relation(&view.name, Some(LockMode::AccessExclusiveLock));
        diagnostic = cx.explain_transaction(diagnostic);
        let key = view.relation.and_then(|view| view.indexes.iter().find(|index| is_key(index)));
        let empty = view.relation.filter(|view| is_made_empty(cx, view));
        if let Some(empty) = empty {
            let head = cx.migration.history.head(empty.created);
            diagnostic = diagnostic
                .label(empty.created.file, head, "it is made without rows here")
                .note("the first refresh cannot be concurrent: until then the server refuses every query of it")
                .at_most(Severity::Info);
        }
        diagnostic = match (key, view.relation) {
            (Some(_), _) if empty.is_some() => {
                diagnostic.help("use `concurrently` for the refreshes after the first")
            }
            (Some(_), _) => diagnostic
                .help("use `refresh materialized view concurrently`, which may run in a transaction and blocks no reads")
                .fix(fix(cx).filter(|_| !act.in_block)),
            (None, Some(_)) => diagnostic.help(format!(
                "create a unique index on columns of `{}`, and use `refresh materialized view concurrently`",
                view.shown()
            )),
            (None, None) => diagnostic.help("use `refresh materialized view concurrently`, for which it needs a unique index on columns"),
        };
        let recipe = || {
            let refresh =
                format!("refresh materialized view concurrently {}", written(cx, &view.name));
            key.filter(|_| empty.is_none())?;
            Some(Recipe::default().step(Run::AtLeisure, "reads go on meanwhile", [refresh]))
        };
        diagnostic = diagnostic.recipe(cx.recipe(recipe));
        out.push(doubt(diagnostic, &view, "it holds no rows yet"));
    }
}

fn refreshed(action: &Action) -> Option<&RelationName> {
    match action {
        Action::RefreshMaterializedView { name, concurrently: false, no_data: false } => Some(name),
        _ => None,
    }
}

/// Returns whether an index tells the rows apart: unique, on columns, of all rows.
fn is_key(index: &Index) -> bool {
    index.unique && index.valid && !index.partial && index.columns.iter().all(Option::is_some)
}

/// Returns whether the statement that made the view left it empty.
fn is_made_empty(cx: &StatementContext, view: &Relation) -> bool {
    let file = cx.migration.history.sources.get(view.created.file);
    let words: Vec<_> = lexemes(file.slice(view.created.span)).collect();
    match &words[..] {
        [.., with, no, data] => with.is("with") && no.is("no") && data.is("data"),
        _ => false,
    }
}

fn fix(cx: &StatementContext) -> Option<Fix> {
    let keyword = cx.statement.keyword(cx.file(), "view")?;
    let word = like(cx.file().slice(keyword), "concurrently");
    let file = cx.migration.migration().file;
    let edit = Edit::insert(file, keyword.end, format!(" {word}"));
    Some(Fix::new(Applicability::Unsafe, "refresh it concurrently", vec![edit]))
}
