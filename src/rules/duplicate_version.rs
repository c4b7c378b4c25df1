use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::{Direction, Migration, OnDuplicate, Version};
use crate::rule::HistoryContext;
use crate::source::FileId;

use super::files::{beginning, list, more_numbers};
use super::overlap::{Overlap, Touched, both, touched};
use super::spelling::shown;

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    let mut groups: BTreeMap<(&Version, Vec<&str>, &Path), Vec<usize>> = BTreeMap::new();
    for (index, migration) in cx.set.ups().filter(|(_, migration)| !migration.unnumbered) {
        let key = (&migration.version, more_numbers(&migration.name), folder(cx, migration));
        groups.entry(key).or_default().push(index);
    }
    let groups = groups.values().filter(|group| group.len() > 1 && !are_variants(cx, group));
    out.extend(groups.filter_map(|group| report(cx, group)));
    out.extend(copies(cx));
}

/// Finds the copies of migrations that golang-migrate takes for migrations: it reads `1_a.up.sql.bak`.
fn copies(cx: &HistoryContext) -> Vec<Diagnostic> {
    if cx.set.layout.name != "golang-migrate" {
        return Vec::new();
    }
    let copy = |name: &String| {
        let (digits, rest) = name.split_once('_')?;
        let is_up = rest.contains(".up.");
        let version = Version::number(digits);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let same = |migration: &&Migration| {
            is_up == (migration.direction == Direction::Up) && migration.version.is_same(&version)
        };
        let is_read = is_number && (is_up || rest.contains(".down."));
        let migration = cx.set.migrations.iter().find(same).filter(|_| is_read)?;
        let what = if is_up { "up" } else { "down" };
        let message = format!(
            "{}: `{name}` counts as a second {what} of version `{digits}`",
            cx.set.layout.duplicate
        );
        let most = if is_certain(cx) { Severity::Error } else { Severity::Warning };
        let diagnostic = Diagnostic::new(migration.file, beginning(cx, migration), message);
        Some(diagnostic.help(format!("move `{name}` out of the directory")).at_most(most))
    };
    cx.set.other_files.iter().filter_map(copy).collect()
}

/// Returns whether the files are one migration for several databases: `1_a.up.sql` and
/// `1_a.postgres.up.sql`, of which a runner takes one.
fn are_variants(cx: &HistoryContext, group: &[usize]) -> bool {
    let files: BTreeSet<FileId> = group.iter().map(|&at| cx.set.migrations[at].file).collect();
    if files.len() < group.len() {
        return false;
    }
    let stems =
        group.iter().map(|&at| cx.set.migrations[at].name.split('.').next().unwrap_or_default());
    let stems: BTreeSet<&str> = stems.collect();
    stems.len() == 1 && stems.iter().all(|stem| !stem.is_empty())
}

/// Returns the folder in which a migration's version must be its own. Flyway reads folders below the
/// one at hand, but whether it reads all of them in one run depends on its configuration.
fn folder<'a>(cx: &'a HistoryContext, migration: &Migration) -> &'a Path {
    let path = &cx.file(migration).path;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let above = if matches!(name, "up.sql" | "migration.sql") { 2 } else { 1 };
    path.ancestors().nth(above).unwrap_or(path)
}

fn report(cx: &HistoryContext, group: &[usize]) -> Option<Diagnostic> {
    let layout = cx.set.layout;
    let migrations: Vec<&Migration> = group.iter().map(|&at| &cx.set.migrations[at]).collect();
    let (first, second) = (*migrations.first()?, *migrations.get(1)?);
    let overlap = overlap(cx, group).filter(|overlap| match (layout.on_duplicate, overlap) {
        // The names decide the order, wherever the runner runs, and it is the right one.
        (OnDuplicate::NameDecides, Overlap::Needs { user, maker, .. }) => maker > user,
        _ => true,
    });
    let most = match (layout.on_duplicate, &overlap) {
        (OnDuplicate::Fails, None) if !is_certain(cx) => Severity::Warning,
        (OnDuplicate::Fails, _) | (OnDuplicate::Unknown, Some(_)) => Severity::Error,
        (OnDuplicate::NameDecides | OnDuplicate::LocaleDecides, Some(_))
        | (OnDuplicate::Unknown, None) => Severity::Warning,
        (OnDuplicate::LocaleDecides, None) => Severity::Info,
        (OnDuplicate::NameDecides, None) => return None,
    };
    let names: Vec<String> = migrations.iter().map(|migration| cx.file_name(migration)).collect();
    let files = list(&names);
    let version = versions(&migrations);
    let message = match (layout.on_duplicate, &overlap) {
        (OnDuplicate::Fails, _) => {
            format!("{}: {files} have one version, {version}", layout.duplicate)
        }
        (_, Some(Overlap::Both { object, .. })) => format!(
            "which of {files} runs first decides what becomes of `{object}`: they have one version, {version}"
        ),
        (_, Some(Overlap::Needs { object, user, maker })) => format!(
            "the order of two migrations with one version, {version}, decides whether they succeed: `{}` needs `{}`, which `{}` makes",
            cx.file_name(&cx.set.migrations[*user]),
            shown(object),
            cx.file_name(&cx.set.migrations[*maker]),
        ),
        (OnDuplicate::Unknown, None) => {
            format!(
                "a runner that goes by number takes {files} for one migration: they have one version, {version}"
            )
        }
        (_, None) => format!(
            "the order of {files} depends on how their names are sorted: they have one version, {version}"
        ),
    };
    let mut diagnostic = Diagnostic::new(second.file, beginning(cx, second), message)
        .label(first.file, beginning(cx, first), "the earlier file with this number")
        .help(format!(
            "give `{}` a number of its own, if it has not been applied anywhere yet",
            cx.file_name(second)
        ))
        .at_most(most);
    for other in migrations.iter().skip(2) {
        diagnostic =
            diagnostic.label(other.file, beginning(cx, other), "another file with this number");
    }
    if let Some(overlap) = &overlap {
        diagnostic = diagnostic.relation(overlap.name(), None);
    }
    if let (OnDuplicate::Fails, Some(Overlap::Both { object, .. })) =
        (layout.on_duplicate, &overlap)
    {
        diagnostic = diagnostic.note(format!("both change `{object}`, so their order matters"));
    }
    if layout.on_duplicate != OnDuplicate::Fails && !layout.duplicate.is_empty() {
        let sentence = match layout.on_duplicate {
            OnDuplicate::Unknown => layout.duplicate.to_owned(),
            _ => format!("{}: {}", layout.title, layout.duplicate),
        };
        diagnostic = diagnostic.note(sentence);
    }
    if !is_certain(cx) {
        diagnostic = diagnostic.note(format!(
            "the directory is taken for one of {} by its file names only; `layout` in lockmaster.toml can say otherwise",
            layout.title
        ));
    }
    Some(diagnostic)
}

/// Returns whether more than file names says which runner it is; other runners, of the team's own or
/// not, name files as golang-migrate does.
fn is_certain(cx: &HistoryContext) -> bool {
    let by_names = cx.set.evidence.len() == 1
        && cx.set.evidence.iter().all(|signal| signal.contains(".up.sql"));
    cx.set.layout.name != "golang-migrate" || !by_names
}

/// Names the version, in each way in which the files spell it.
fn versions(migrations: &[&Migration]) -> String {
    let mut spelled: Vec<&str> =
        migrations.iter().map(|migration| migration.version.text.as_str()).collect();
    spelled.sort_unstable();
    spelled.dedup();
    spelled.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" or ")
}

/// Returns why the order of the migrations matters, if the files show a reason.
fn overlap(cx: &HistoryContext, group: &[usize]) -> Option<Overlap> {
    let all: Vec<(usize, Touched)> = group
        .iter()
        .map(|&at| (at, touched(&cx.scripts[at], cx.set.migrations[at].file)))
        .collect();
    let pairs =
        || all.iter().enumerate().flat_map(|(at, a)| all[at + 1..].iter().map(move |b| (a, b)));
    let needs = pairs().flat_map(|(a, b)| [(a, b), (b, a)]).find_map(|(user, maker)| {
        let object = user.1.needs_of(&maker.1)?.clone();
        Some(Overlap::Needs { object, user: user.0, maker: maker.0 })
    });
    needs.or_else(|| pairs().find_map(|(a, b)| both(&a.1, &b.1)))
}
