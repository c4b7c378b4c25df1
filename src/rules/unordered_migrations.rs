use crate::diagnostic::{Diagnostic, Severity};
use crate::rule::HistoryContext;
use crate::source::FileId;

use super::files::{beginning_of_file, list};

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    // What the configuration leaves out may be what is missing.
    if cx.set.is_partial {
        return;
    }
    let host = |file: &FileId| {
        cx.sources.get(*file).embedded.as_ref().map_or(*file, |embedded| embedded.host)
    };
    for unordered in &cx.set.unordered {
        let files: Vec<FileId> = unordered.files.iter().map(host).collect();
        let names: Vec<String> = files.iter().map(|file| cx.path(*file)).collect();
        let Some((first, rest)) = files.split_first() else { continue };
        let message = format!("{}: {}", list(&names), unordered.problem);
        let mut report = Diagnostic::new(*first, beginning_of_file(cx, *first), message)
            .help(unordered.help)
            .at_most(if unordered.is_unsure { Severity::Warning } else { Severity::Error });
        for file in rest {
            report = report.label(*file, beginning_of_file(cx, *file), "and this one");
        }
        out.push(report);
    }
}
