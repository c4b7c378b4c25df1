use super::finished::named;
use super::spelling::{listed, shown};
use crate::catalog::{Catalog, Function, ObjectId, Origin, QualifiedName, Relation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::source::Span;
use crate::sql::lex::lexemes;
use crate::sql::{
    Action, BodyNames, ObjectKind, RelationName, RenamedPart, TableChange, names_in_function,
};

/// So many names are listed.
const MAX_SHOWN: usize = 6;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    if cx.migration.migration().direction != Direction::Up || !cx.failures.is_empty() {
        return;
    }
    for action in &cx.statement.actions {
        for gone in gone(cx, action) {
            out.extend(in_functions(cx, &gone));
        }
    }
}

/// What a statement takes away from those who know it by its name.
struct Gone<'a> {
    /// The relation, or that of the column; or the function.
    name: &'a QualifiedName,
    what: What<'a>,
    is_renamed: bool,
}

enum What<'a> {
    Relation,
    Column(&'a Relation, &'a str),
    Function,
}

impl Gone<'_> {
    /// Returns the part that a function body would spell.
    fn word(&self) -> &str {
        match self.what {
            What::Column(_, column) => column,
            What::Relation | What::Function => &self.name.name,
        }
    }

    /// Returns whether something of that name is there again when all migrations have run.
    fn is_back(&self, last: &Catalog) -> bool {
        match self.what {
            What::Relation => last.get(self.name).is_some(),
            What::Column(_, column) => {
                last.get(self.name).is_some_and(|table| table.column(column).is_some())
            }
            What::Function => last.functions().any(|function| function.name == *self.name),
        }
    }
}

fn gone<'a>(cx: &StatementContext<'a>, action: &'a Action) -> Vec<Gone<'a>> {
    let catalog = &cx.state.catalog;
    let found = |name: &RelationName| {
        catalog.relation(name, &cx.state.session.search_path).found().filter(|r| !r.temporary)
    };
    let column = |table: &'a Relation, column: &'a str, is_renamed| {
        let what = What::Column(table, column);
        table.column(column).map(|_| Gone { name: &table.name, what, is_renamed })
    };
    let one = match action {
        Action::AlterTable(alter) => match &alter.change {
            TableChange::DropColumn { column: name, .. } => {
                found(&alter.table).and_then(|table| column(table, name, false))
            }
            _ => None,
        },
        Action::Rename(rename) if rename.kind.is_relation() => match &rename.part {
            RenamedPart::Column(name) => {
                found(&rename.name).and_then(|table| column(table, name, true))
            }
            RenamedPart::Whole => found(&rename.name)
                .filter(|relation| !relation.is_index())
                .map(|r| Gone { name: &r.name, what: What::Relation, is_renamed: true }),
            _ => None,
        },
        Action::Drop(drop) if drop.kind.is_relation() => found(&drop.name)
            .filter(|relation| !relation.is_index())
            .map(|r| Gone { name: &r.name, what: What::Relation, is_renamed: false }),
        Action::Drop(drop) if is_function(drop.kind) => function(cx, &drop.name).map(|name| Gone {
            name,
            what: What::Function,
            is_renamed: false,
        }),
        Action::Rename(rename) if is_function(rename.kind) && rename.part == RenamedPart::Whole => {
            function(cx, &rename.name).map(|name| Gone {
                name,
                what: What::Function,
                is_renamed: true,
            })
        }
        _ => None,
    };
    one.into_iter().collect()
}

fn is_function(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Function | ObjectKind::Procedure)
}

fn function<'a>(cx: &StatementContext<'a>, name: &RelationName) -> Option<&'a QualifiedName> {
    let path = &cx.state.session.search_path;
    let is_it = |function: &&Function| {
        function.name.name == name.name
            && match &name.schema {
                Some(schema) => function.name.schema == *schema,
                None => path.contains(&function.name.schema),
            }
    };
    let found = cx.state.catalog.functions().find(is_it)?;
    // Others of that name may be what is called.
    let all = cx.state.catalog.functions().filter(|other| other.name == found.name).count();
    (all == 1).then_some(&found.name)
}

/// Reports the functions whose bodies still spell what is gone.
fn in_functions(cx: &StatementContext, gone: &Gone) -> Option<Diagnostic> {
    let last = &cx.migration.history.last.catalog;
    if gone.is_back(last) {
        return None;
    }
    let origin = cx.state.origin(cx.statement.span);
    let is_older = |function: &&Function| is_before(function.changed, origin);
    let users: Vec<&Function> = last
        .functions()
        .filter(|function| function.extension.is_none() && is_older(function))
        // It goes with the session that made it.
        .filter(|function| !function.name.schema.starts_with("pg_temp"))
        .filter(|function| function.name != *gone.name)
        .filter(|function| !last.is_guess(function.changed) && uses(cx, function, gone))
        .collect();
    if users.is_empty() {
        return None;
    }
    let names: Vec<String> = users.iter().map(|user| format!("{}()", shown(&user.name))).collect();
    let of = shown(gone.name);
    let what = match gone.what {
        What::Column(_, column) => format!("`{of}.{column}`"),
        What::Relation => format!("`{of}`"),
        What::Function => format!("`{of}()`"),
    };
    let message = format!(
        "{} {} at the next call: {} still {} {what}, which this statement {}",
        few(&names, "and"),
        if users.len() > 1 { "fail" } else { "fails" },
        if users.len() > 1 { "they" } else { "it" },
        if users.len() > 1 { "name" } else { "names" },
        if gone.is_renamed { "renames" } else { "drops" },
    );
    let answer = match gone.what {
        What::Column(..) => "the server answers with SQLSTATE 42703 when the function is called",
        What::Relation => "the server answers with SQLSTATE 42P01 when the function is called",
        What::Function => "the server answers with SQLSTATE 42883 when the function is called",
    };
    let mut diagnostic = at(cx, gone.word(), message)
        .help("replace the functions in the same migration; the server does not look into their bodies")
        .note(answer)
        .relation(&of, None);
    for user in users.iter().take(MAX_SHOWN) {
        let place = place(cx, user.changed, gone.word());
        diagnostic = diagnostic.label(
            user.changed.file,
            place,
            format!("`{}()` names it here", shown(&user.name)),
        );
    }
    // Many keep their functions in files of their own, which are run after each deploy.
    let is_function = matches!(gone.what, What::Function);
    Some(if is_function { diagnostic.at_most(Severity::Info) } else { diagnostic })
}

fn is_before(one: Origin, other: Origin) -> bool {
    (one.migration, one.span.start) < (other.migration, other.span.start)
}

fn at(cx: &StatementContext, word: &str, message: String) -> Diagnostic {
    match named(cx.file(), cx.statement.span, word) {
        Some(span) => cx.report_at(span, message),
        None => cx.report(message),
    }
}

/// Returns where a statement, or the body of the function that it makes, spells a word.
fn place(cx: &StatementContext, origin: Origin, word: &str) -> Span {
    let file = cx.migration.history.sources.get(origin.file);
    let text = file.slice(origin.span);
    let found = super::in_transaction::find(text, |text, base| {
        let found = lexemes(text).find(|lexeme| lexeme.name().as_deref() == Some(word))?;
        Some(Span::new(base + found.start..base + found.end()))
    });
    found.map_or_else(|| cx.migration.history.head(origin), |span| span.shift(origin.span.start))
}

/// Returns whether a function's body names what is gone.
fn uses(cx: &StatementContext, function: &Function, gone: &Gone) -> bool {
    let is_spelled = function
        .body
        .as_deref()
        .is_some_and(|body| body.to_ascii_lowercase().contains(&gone.word().to_ascii_lowercase()));
    if !is_spelled {
        return false;
    }
    let file = cx.migration.history.sources.get(function.changed.file);
    let Some(names) = names_in_function(file.slice(function.changed.span)) else { return false };
    match gone.what {
        What::Relation => names.relations.iter().any(|name| is_it(cx, name, gone.name)),
        What::Function => names.functions.iter().any(|name| {
            name.name == gone.name.name
                && name.schema.as_ref().is_none_or(|schema| *schema == gone.name.schema)
        }),
        What::Column(table, column) => uses_column(cx, function, &names, table, column),
    }
}

/// Returns whether a name in a body is that of a relation, and cannot be that of another.
fn is_it(cx: &StatementContext, name: &RelationName, full: &QualifiedName) -> bool {
    if name.name != full.name {
        return false;
    }
    let catalog = &cx.state.catalog;
    match &name.schema {
        Some(schema) => *schema == full.schema,
        None => catalog.relations().filter(|other| other.name.name == full.name).count() == 1,
    }
}

fn uses_column(
    cx: &StatementContext,
    function: &Function,
    names: &BodyNames,
    table: &Relation,
    column: &str,
) -> bool {
    let path = &cx.state.session.search_path;
    names.columns.iter().filter(|reference| *reference.column == *column).any(|reference| {
        match &reference.relations[..] {
            [] => {
                let is_row = matches!(reference.qualifier.as_deref(), Some("new" | "old"));
                is_row && is_trigger_of(cx, function.id, table.id)
            }
            relations => {
                relations.iter().any(|name| is_it(cx, name, &table.name))
                    && relations.iter().filter(|name| !is_it(cx, name, &table.name)).all(|name| {
                        let other = cx.state.catalog.relation(name, path).found();
                        other.is_some_and(|other| {
                            !other.columns_unknown && other.column(column).is_none()
                        })
                    })
            }
        }
    })
}

/// Returns whether triggers call a function for one table only.
fn is_trigger_of(cx: &StatementContext, function: ObjectId, table: ObjectId) -> bool {
    let mut tables = cx
        .migration
        .history
        .last
        .catalog
        .relations()
        .filter(|relation| {
            relation.extra().triggers.iter().any(|trigger| trigger.function_id == Some(function))
        })
        .map(|relation| relation.id)
        .peekable();
    tables.peek().is_some() && tables.all(|id| id == table)
}

fn few(names: &[String], last: &str) -> String {
    match names.len() {
        0..=MAX_SHOWN => listed(names, last),
        many => format!("{} and {} more", listed(&names[..MAX_SHOWN], ","), many - MAX_SHOWN),
    }
}
