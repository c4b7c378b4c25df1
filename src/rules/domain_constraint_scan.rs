use super::outage::{acts, end};
use super::spelling::listed;
use crate::catalog::{QualifiedName, TypeKind};
use crate::diagnostic::Diagnostic;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::{expression_sql, name_sql};
use crate::sql::{Action, Alter, ConstraintKind, LockMode, ObjectChange, ObjectKind};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for act in acts(cx, |action| checked(action).is_some()) {
        let Some((alter, what)) = checked(act.action) else { continue };
        let is_noticed = |name: &&QualifiedName| {
            act.before.get(name).is_some_and(|table| !cx.is_new_relation(table))
        };
        let tables: Vec<QualifiedName> =
            act.effects.scans.iter().filter(is_noticed).cloned().collect();
        if tables.is_empty() {
            continue;
        }
        let names: Vec<String> = tables.iter().map(super::spelling::shown).collect();
        let them = if tables.len() > 1 { "them" } else { "it" };
        let mut diagnostic = cx.report(format!(
            "{} reads all of {}: writes to {them} wait until {}",
            what.replace("{}", &alter.name.to_string()),
            listed(&names, "and"),
            end(cx, act)
        ));
        for name in &tables {
            diagnostic = diagnostic.relation(name, Some(LockMode::ShareLock));
        }
        let is_validation = matches!(alter.change, ObjectChange::ValidateConstraint(_));
        let help = if is_validation {
            "do it when there are few writes: validating a domain's constraint blocks them, too; a check on each table could be validated without"
        } else {
            "add it as a check that is `not valid`, which reads nothing, and validate it when there are few writes; or check the tables instead, where validation blocks nobody"
        };
        let recipe = cx.recipe(|| recipe(alter, &act.before, cx).filter(|_| !is_validation));
        out.push(cx.explain_transaction(diagnostic.help(help).recipe(recipe)));
    }
}

/// Returns what makes the server check the values of a domain, in words.
fn checked(action: &Action) -> Option<(&Alter, &'static str)> {
    let Action::Alter(alter) = action else { return None };
    if alter.kind != ObjectKind::Domain {
        return None;
    }
    match &alter.change {
        ObjectChange::AddConstraint(_) => Some((alter, "adding a constraint to the domain `{}`")),
        ObjectChange::ValidateConstraint(_) => {
            Some((alter, "validating a constraint of the domain `{}`"))
        }
        ObjectChange::NotNull(true) => Some((alter, "setting the domain `{}` to not null")),
        _ => None,
    }
}

fn recipe(
    alter: &Alter,
    before: &crate::catalog::Catalog,
    cx: &StatementContext,
) -> Option<Recipe> {
    let id = before.type_named(&alter.name, &cx.state.session.search_path)?;
    let TypeKind::Domain(_) = before.type_by_id(id)?.kind else { return None };
    let domain = name_sql(&alter.name);
    let (name, check) = match &alter.change {
        ObjectChange::AddConstraint(constraint) if constraint.kind == ConstraintKind::Check => {
            let check = expression_sql(constraint.expression.as_deref()?)?;
            (constraint.name.as_ref().map(ToString::to_string), check)
        }
        _ => (None, "value is not null".to_owned()),
    };
    let suffix = if check == "value is not null" { "not_null" } else { "check" };
    let name = name.unwrap_or_else(|| format!("{}_{suffix}", alter.name.name));
    let name = super::outage::quoted(&name);
    Some(
        Recipe::default()
            .step(
                Run::Briefly,
                "new values are checked from here on; nothing is read",
                [format!("alter domain {domain} add constraint {name} check ({check}) not valid")],
            )
            .step(
                Run::ByHand,
                "when there are few writes: they wait until the tables are read",
                [format!("alter domain {domain} validate constraint {name}")],
            ),
    )
}
