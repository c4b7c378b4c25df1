use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::{DownStyle, NotApplied};
use crate::rule::HistoryContext;

use super::files::{beginning_of_file, is_many, list};

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    // What the configuration leaves out may be the up.
    if cx.set.is_partial {
        return;
    }
    let orphans = cx.set.not_applied.iter().filter(|file| file.is_orphan());
    let all: Vec<&NotApplied> = orphans.filter(|file| !has_code(cx, file)).collect();
    let names: Vec<String> = all.iter().map(|file| cx.path(file.file)).collect();
    let layout = cx.set.layout;
    let consequence = match layout.name {
        // It knows the version by its down, and has nothing to run on the way up.
        "golang-migrate" => "golang-migrate records a version as applied and runs nothing",
        _ => "",
    };
    let report = |file: &NotApplied, message: String| {
        let message = match consequence {
            "" => message,
            _ => format!("{consequence}: {message}"),
        };
        // A directory without a known runner may keep the downs of what it has put away.
        let most =
            if layout.downs == DownStyle::Habit { Severity::Info } else { Severity::Warning };
        Diagnostic::new(file.file, beginning_of_file(cx, file.file), message)
            .help("give it the version of its up, or delete it")
            .at_most(most)
    };
    if let (true, Some(first)) = (is_many(all.len()), all.first()) {
        let message = format!("{} downs have no up: {}", all.len(), list(&names));
        out.push(report(first, message));
        return;
    }
    out.extend(all.iter().zip(&names).map(|(file, name)| {
        report(file, format!("`{name}` takes back a migration that is not there"))
    }));
}

/// Returns whether the up may be in a language that is not read: `1_a.up.go` beside `1_a.down.sql`.
fn has_code(cx: &HistoryContext, file: &NotApplied) -> bool {
    let number = |name: &str| {
        let digits = name.bytes().take_while(u8::is_ascii_digit).count();
        name.get(..digits).filter(|digits| !digits.is_empty()).map(str::to_owned)
    };
    let path = &cx.sources.get(file.file).path;
    let own = path.file_name().and_then(|name| number(name.to_str()?));
    own.is_some() && cx.set.other_files.iter().any(|other| number(other) == own)
}
