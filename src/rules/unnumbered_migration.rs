use crate::diagnostic::Diagnostic;
use crate::layout::{Migration, NotApplied};
use crate::rule::HistoryContext;

use super::files::{beginning, beginning_of_file, is_many, list};

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    without_number(cx, out);
    out.extend(cx.set.not_applied.iter().filter(|file| is_misnamed(cx, file)).map(|file| {
        let name = file_name(cx, file);
        Diagnostic::new(
            file.file,
            beginning_of_file(cx, file.file),
            format!("`{name}` {}", file.reason),
        )
        .help(match cx.set.layout.name {
            "play-evolutions" if file.reason.contains("gap") => {
                "give it the number that is missing, or add the file that is"
            }
            "drizzle" => "add an entry for it to meta/_journal.json, or delete it",
            "sqitch" => "add it to sqitch.plan, or delete it",
            _ => "rename it as the runner expects, or move it out of the directory",
        })
    }));
}

fn without_number(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    let all: Vec<&Migration> =
        cx.set.ups().map(|(_, migration)| migration).filter(|m| m.unnumbered).collect();
    let help = "give it a number, or move it out of the directory if it is no migration";
    let at = |migration: &Migration, message: String| {
        Diagnostic::new(migration.file, beginning(cx, migration), message)
            .help(help)
            .note("a runner that goes by number never runs such a file; one that goes by name runs it before or after all numbered files")
    };
    if let (true, Some(first)) = (is_many(all.len()), all.first()) {
        let names: Vec<String> = all.iter().map(|migration| cx.file_name(migration)).collect();
        let message = format!(
            "{} files have no number, so nobody can tell when they run, if at all: {}",
            all.len(),
            list(&names)
        );
        out.push(at(first, message));
        return;
    }
    out.extend(all.iter().map(|migration| {
        let name = cx.file_name(migration);
        at(
            migration,
            format!("nobody can tell when `{name}` runs, if at all: its name has no number"),
        )
    }));
}

/// Returns whether a file looks like a migration but has no name that the runner reads.
fn is_misnamed(cx: &HistoryContext, file: &NotApplied) -> bool {
    let path = &cx.sources.get(file.file).path;
    // Sqitch goes by its plan, whatever a script is called.
    if cx.set.layout.name == "sqitch" {
        let folder = path.strip_prefix(&cx.set.root).unwrap_or(path);
        return file.reason.contains("sqitch.plan") && folder.starts_with("deploy");
    }
    let name = file_name(cx, file);
    let name = name.strip_prefix(['v', 'V']).unwrap_or(&name);
    // Some runners do not leave out what they cannot read.
    let begins_with_number = name.starts_with(|c: char| c.is_ascii_digit())
        || file.reason.contains("stops with an error");
    // Some runners read the folders below too.
    let is_beside = path.parent() == Some(&cx.set.root)
        || cx.set.layout.name == "graphile-migrate"
        || matches!(cx.set.layout.name, "flyway" | "evolve" | "refinery");
    !file.is_meant && file.section.is_none() && is_beside && begins_with_number && !file.is_orphan()
}

fn file_name(cx: &HistoryContext, file: &NotApplied) -> String {
    let path = &cx.sources.get(file.file).path;
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned()
}
