use super::bookkeeping::is_bookkeeping;
use super::outage::quoted;
use super::spelling::shown;
use crate::catalog::{QualifiedName, Relation, RelationKind};
use crate::diagnostic::Diagnostic;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::name_sql;
use crate::session::Holder;
use crate::sql::{Action, ConstraintKind, Dml, DmlKind, LockMode, RelationName};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for action in cx.statement.all_actions() {
        let Action::Dml(dml) = action else { continue };
        if !matches!(dml.kind, DmlKind::Update | DmlKind::Delete) || dml.has_where {
            continue;
        }
        let Some(name) = dml.target.as_ref().filter(|name| !name.is_dynamic()) else { continue };
        let table = cx.state.catalog.resolve(name, &cx.state.session.search_path);
        let is_table = |relation: &Relation| {
            matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable)
        };
        let is_one = cx.relation(name).found().is_none_or(is_table);
        if is_one && cx.is_in_use(&table) && !is_bookkeeping(&table.name) {
            out.push(report(cx, dml, name, &table));
        }
    }
}

fn report(
    cx: &StatementContext,
    dml: &Dml,
    name: &RelationName,
    table: &QualifiedName,
) -> Diagnostic {
    let shown = shown(table);
    let until = match cx.state.holder() {
        Holder::Nobody if dml.kind == DmlKind::Delete => "it has deleted the last one",
        Holder::Nobody => "it has changed the last one",
        Holder::Runner | Holder::File | Holder::Message => "the transaction ends",
    };
    let (verb, what) = match dml.kind {
        DmlKind::Update => ("updates", "update"),
        _ => ("deletes", "delete"),
    };
    let message = format!(
        "`{what}` without `where` {verb} every row of `{shown}`: each stays locked until {until}"
    );
    let diagnostic = cx.report(message).relation(table, Some(LockMode::RowExclusiveLock));
    let diagnostic = match dml.kind {
        DmlKind::Update => diagnostic
            .note("the old rows stay in the table until vacuum removes them: it may grow to twice its size")
            .help(format!(
                "update `{shown}` in batches that commit one by one, outside of the migration's transaction"
            ))
            .recipe(cx.recipe(|| recipe(cx, name, table))),
        _ => diagnostic.help(format!(
            "delete in batches that commit one by one; if all of it shall go, `truncate {shown}` does that at once, under an ACCESS EXCLUSIVE lock"
        )),
    };
    cx.explain_transaction(diagnostic)
}

/// Returns how to update the rows in batches of the primary key.
fn recipe(cx: &StatementContext, name: &RelationName, table: &QualifiedName) -> Option<Recipe> {
    let relation = cx.state.catalog.get(table)?;
    let key = relation.constraints.iter().find(|c| c.kind == ConstraintKind::PrimaryKey)?;
    let [key] = &key.columns[..] else { return None };
    let (sql, key) = (name_sql(name), quoted(key));
    let text = cx.file().slice(cx.statement.span).trim_end_matches([';', ' ', '\n']);
    let batch = format!(
        "create procedure lockmaster_backfill() language plpgsql as $$
declare
    last {sql}.{key}%type;
    ends {sql}.{key}%type;
begin
    select {key} into last from {sql} order by {key} limit 1;
    while last is not null loop
        select {key} into ends
            from (select {key} from {sql} where {key} >= last order by {key} limit 5000) batch
            order by {key} desc limit 1;
        {text}
            where {key} between last and ends;
        commit;
        select {key} into last from {sql} where {key} > ends order by {key} limit 1;
    end loop;
end
$$"
    );
    let is_plain = !text.to_ascii_lowercase().contains("returning") && !text.contains("$$");
    is_plain.then(|| {
        Recipe::default().step(
            Run::ByHand,
            "updates 5,000 rows at a time, each batch in a transaction of its own; the call must not be inside a transaction",
            [batch, "call lockmaster_backfill()".to_owned(), "drop procedure lockmaster_backfill()".to_owned()],
        )
    })
}
