//! Chooses the fixes that can be applied together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::edit::Replacement;
use super::refused::Reason;
use crate::diagnostic::{Applicability, Diagnostic, Fix, NewFile};
use crate::layout::Sources;
use crate::source::FileId;

/// Which fixes to apply now, by the indices of their diagnostics.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Those that fit together, in the order of file, place and rule.
    pub chosen: Vec<usize>,
    /// Those in whose way a chosen one is.
    pub postponed: Vec<usize>,
    /// Those that cannot be applied, and why.
    pub refused: Vec<(usize, Reason)>,
    /// Those that could be, if unsafe fixes were asked for.
    pub unsafe_left: Vec<usize>,
}

/// Chooses fixes: each whole or not at all, in the order of file, place and rule.
///
/// `obstacle` says what else keeps the fix of a diagnostic, given by its index, from being applied.
pub fn plan(
    sources: &Sources,
    diagnostics: &[Diagnostic],
    unsafe_fixes: bool,
    obstacle: &dyn Fn(usize, &Fix) -> Option<Reason>,
) -> Plan {
    let mut plan = Plan::default();
    let mut taken = Taken::default();
    let paths: BTreeSet<&Path> = sources.files.iter().map(|file| file.path.as_path()).collect();
    for (at, fix) in in_order(sources, diagnostics) {
        let reason = objection(sources, &paths, fix).or_else(|| obstacle(at, fix));
        if fix.applicability == Applicability::Unsafe && !unsafe_fixes {
            if reason.is_none() {
                plan.unsafe_left.push(at);
            }
        } else if let Some(reason) = reason {
            plan.refused.push((at, reason));
        } else if taken.take(sources, fix) {
            plan.chosen.push(at);
        } else {
            plan.postponed.push(at);
        }
    }
    plan
}

/// Returns the fixes with the indices of their diagnostics, by file, place and rule.
fn in_order<'a>(sources: &Sources, diagnostics: &'a [Diagnostic]) -> Vec<(usize, &'a Fix)> {
    let with_fix =
        |(at, diagnostic): (usize, &'a Diagnostic)| Some((at, diagnostic.fix.as_deref()?));
    let mut fixes: Vec<(usize, &Fix)> =
        diagnostics.iter().enumerate().filter_map(with_fix).collect();
    let key = |at: usize| {
        let d = &diagnostics[at];
        (sources.files.get(d.file.index()).map(|file| &file.path), d.span, d.rule, &d.message)
    };
    fixes.sort_by(|a, b| key(a.0).cmp(&key(b.0)));
    fixes
}

/// Returns what is wrong with a fix whatever else is applied.
fn objection(sources: &Sources, paths: &BTreeSet<&Path>, fix: &Fix) -> Option<Reason> {
    let mut edits: Vec<(FileId, Replacement)> = Vec::new();
    for edit in &fix.edits {
        let Some(file) = sources.files.get(edit.file.index()) else {
            return Some(Reason::Misplaced);
        };
        if file.encoding.is_some() {
            return Some(Reason::Encoding);
        }
        let Some(replacement) = Replacement::of(edit, file) else {
            return Some(Reason::Misplaced);
        };
        // What one fix inserts at one place stays in its order.
        let clashes = edits.iter().any(|(file, earlier)| {
            let both_insert = earlier.is_insertion() && replacement.is_insertion();
            *file == edit.file && !both_insert && earlier.is_in_the_way_of(&replacement)
        });
        if clashes {
            return Some(Reason::Misplaced);
        }
        edits.push((edit.file, replacement));
    }
    let exists = fix.new_files.iter().find(|new| paths.contains(new.path.as_path()));
    exists.map(|new| Reason::Exists(new.path.clone()))
}

/// What the chosen fixes change.
#[derive(Default)]
struct Taken {
    edits: BTreeMap<FileId, Vec<Replacement>>,
    new_files: BTreeMap<PathBuf, String>,
}

impl Taken {
    /// Takes the places of a fix, unless one of them is taken.
    fn take(&mut self, sources: &Sources, fix: &Fix) -> bool {
        let edits: Vec<(FileId, Replacement)> = fix
            .edits
            .iter()
            .filter_map(|edit| Some((edit.file, Replacement::of(edit, sources.get(edit.file))?)))
            .collect();
        let is_taken = |(file, edit): &(FileId, Replacement)| {
            let others = self.edits.get(file).into_iter().flatten();
            others.into_iter().any(|other| other.is_in_the_way_of(edit))
        };
        let has_other_text = |new: &NewFile| {
            self.new_files.get(&new.path).is_some_and(|content| *content != new.content)
        };
        if edits.iter().any(is_taken) || fix.new_files.iter().any(has_other_text) {
            return false;
        }
        for (file, edit) in edits {
            self.edits.entry(file).or_default().push(edit);
        }
        let new_files = fix.new_files.iter().cloned();
        self.new_files.extend(new_files.map(|new| (new.path, new.content)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Edit;
    use crate::source::{SourceFile, Span};

    fn sources() -> Sources {
        let file = |path: &str| SourceFile::new(path, "create index on t (a);".to_owned());
        Sources { files: vec![file("b.sql"), file("a.sql")] }
    }

    fn edit(file: u32, start: u32, end: u32, text: &str) -> Edit {
        Edit { file: FileId(file), span: Span { start, end }, text: text.to_owned() }
    }

    fn diagnostic(file: u32, edits: Vec<Edit>) -> Diagnostic {
        let fix = Fix::new(Applicability::Safe, "repair it", edits);
        Diagnostic::new(FileId(file), Span::at(0), "it is broken").fix(Some(fix))
    }

    fn planned(diagnostics: &[Diagnostic]) -> Plan {
        plan(&sources(), diagnostics, false, &|_, _| None)
    }

    #[test]
    fn the_earlier_of_two_overlapping_fixes_is_chosen() {
        let plan = planned(&[
            diagnostic(0, vec![edit(0, 0, 6, "x")]),
            diagnostic(0, vec![edit(0, 3, 8, "y")]),
            diagnostic(0, vec![edit(0, 6, 8, "z")]),
            diagnostic(1, vec![edit(1, 0, 1, "w")]),
        ]);
        assert_eq!((plan.chosen, plan.postponed), (vec![3, 0, 2], vec![1]));
    }

    #[test]
    fn a_fix_is_chosen_whole_or_not_at_all() {
        let plan = planned(&[
            diagnostic(0, vec![edit(0, 0, 6, "x")]),
            diagnostic(0, vec![edit(0, 3, 8, "y"), edit(1, 0, 6, "y")]),
            diagnostic(0, vec![edit(1, 3, 4, "z")]),
        ]);
        assert_eq!((plan.chosen, plan.postponed), (vec![0, 2], vec![1]));
    }

    #[test]
    fn equal_insertions_go_together_and_different_ones_do_not() {
        let plan = planned(&[
            diagnostic(0, vec![edit(0, 3, 3, "x")]),
            diagnostic(0, vec![edit(0, 3, 3, "x"), edit(0, 9, 9, "y")]),
            diagnostic(0, vec![edit(0, 3, 3, "z")]),
        ]);
        assert_eq!((plan.chosen, plan.postponed), (vec![0, 1], vec![2]));
    }

    #[test]
    fn new_files_of_one_path_must_be_equal() {
        let adds = |content: &str| {
            let mut diagnostic = diagnostic(0, Vec::new());
            let new = NewFile { path: "c.sql".into(), content: content.to_owned() };
            diagnostic.fix.as_mut().expect("it has a fix").new_files.push(new);
            diagnostic
        };
        let plan = planned(&[adds("x"), adds("x"), adds("y")]);
        assert_eq!((plan.chosen, plan.postponed), (vec![0, 1], vec![2]));
    }

    #[test]
    fn unsafe_fixes_wait_until_they_are_asked_for() {
        let mut diagnostics = [diagnostic(0, vec![edit(0, 0, 6, "x")])];
        diagnostics[0].fix.as_mut().expect("it has a fix").applicability = Applicability::Unsafe;
        assert_eq!(planned(&diagnostics).unsafe_left, [0]);
        assert_eq!(plan(&sources(), &diagnostics, true, &|_, _| None).chosen, [0]);
    }

    #[test]
    fn fixes_that_cannot_be_applied_say_why() {
        let mut sources = sources();
        sources.files.push(SourceFile::from_bytes("c.sql", b"caf\xe9".to_vec()));
        let mut adds = diagnostic(0, Vec::new());
        let new = NewFile { path: "a.sql".into(), content: String::new() };
        adds.fix.as_mut().expect("it has a fix").new_files.push(new);
        let diagnostics = [
            diagnostic(0, vec![edit(2, 0, 1, "x")]),
            diagnostic(0, vec![edit(0, 90, 91, "x")]),
            diagnostic(0, vec![edit(0, 1, 5, "x"), edit(0, 2, 3, "x")]),
            adds,
        ];
        let refused = plan(&sources, &diagnostics, false, &|_, _| None).refused;
        let expected = [
            (0, Reason::Encoding),
            (1, Reason::Misplaced),
            (2, Reason::Misplaced),
            (3, Reason::Exists("a.sql".into())),
        ];
        assert_eq!(refused, expected);
    }
}
