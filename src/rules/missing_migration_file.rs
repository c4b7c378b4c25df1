use crate::diagnostic::Diagnostic;
use crate::layout::Missing;
use crate::rule::HistoryContext;
use crate::source::{FileId, Span};

use super::files::{beginning, journal};

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    // What the configuration leaves out may well be there.
    if cx.set.is_partial {
        return;
    }
    out.extend(cx.set.missing.iter().filter_map(|missing| {
        let (file, place) = place(cx, missing)?;
        let list = cx.path(file);
        let message = match is_list(cx, file) {
            true => format!(
                "{}: `{list}` names `{}`, and `{}` is not there",
                missing.consequence, missing.name, missing.path
            ),
            false => format!(
                "{}: `{}` is not there, although its folder is",
                missing.consequence, missing.path
            ),
        };
        Some(Diagnostic::new(file, place, message).help(match is_list(cx, file) {
            true => "bring the file back, or take the migration out of the list if it is applied nowhere",
            false => "bring the file back, or delete the folder",
        }))
    }));
}

fn is_list(cx: &HistoryContext, file: FileId) -> bool {
    cx.set.journals.contains(&file)
}

/// Returns where a list names what is missing, or the migration that comes before it.
fn place(cx: &HistoryContext, missing: &Missing) -> Option<(FileId, Span)> {
    let in_list = ["_journal.json", "sqitch.plan"].iter().find_map(|name| {
        let (id, file) = journal(cx, name)?;
        let at = file.text.match_indices(&missing.name).map(|(at, _)| at).find(|at| {
            let before = file.text.get(..*at).unwrap_or_default();
            let after = file.text.get(at + missing.name.len()..).unwrap_or_default();
            before.is_empty()
                || before.ends_with('"') && after.starts_with('"')
                || before.ends_with(['\n', '+']) && after.starts_with([' ', '\t'])
        })?;
        Some((id, Span::new(at..at + missing.name.len())))
    });
    in_list.or_else(|| {
        let before = |path: &str| path < missing.path.as_str();
        let mut ups = cx.set.ups().map(|(_, up)| up);
        let nearest = ups.by_ref().filter(|up| before(&cx.file_name(up))).last();
        let up = nearest.or_else(|| cx.set.ups().map(|(_, up)| up).next())?;
        Some((up.file, beginning(cx, up)))
    })
}
