//! What holds of fixes for every text and every set of edits.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

use lockmaster::diagnostic::{Applicability, Diagnostic, Edit, Fix, Severity};
use lockmaster::fix::{apply, plan, repair};
use lockmaster::layout::Sources;
use lockmaster::source::{FileId, SourceFile, Span};
use proptest::prelude::*;

/// A part of a text, and what replaces it if anything does.
type Part = (String, Option<String>);

fn text(units: &'static [&'static str], length: std::ops::Range<usize>) -> BoxedStrategy<String> {
    prop::collection::vec(prop::sample::select(units), length).prop_map(|u| u.concat()).boxed()
}

fn parts() -> impl Strategy<Value = (String, Vec<Part>)> {
    const OLD: &[&str] = &["a", ";", " ", "é", "漢", "🐘", "\r\n", "\n", "\rx", "--"];
    const NEW: &[&str] = &["b", "ö", "\n", "'"];
    let mark = prop::sample::select(&["", "\u{feff}"][..]).prop_map(str::to_owned);
    let kept = text(OLD, 1..6).prop_map(|old| (old, None));
    let edited = (text(OLD, 0..4), text(NEW, 0..4)).prop_map(|(old, new)| (old, Some(new)));
    // Kept parts between the edited ones, so that no two insertions meet.
    let pairs = prop::collection::vec((edited, kept), 0..12);
    (mark, pairs.prop_map(|pairs| pairs.into_iter().flat_map(|(a, b)| [a, b]).collect()))
}

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile::new(path, text.to_owned())
}

fn with_edits(edits: Vec<Edit>) -> Diagnostic {
    let fix = Fix::new(Applicability::Safe, "repair it", edits);
    Diagnostic::new(FileId(0), Span::at(0), "it is broken").fix(Some(fix))
}

proptest! {
    #[test]
    fn exactly_the_named_bytes_change((mark, parts) in parts(), size in 1_usize..4, order in any::<u64>()) {
        let old = mark.clone() + &parts.iter().map(|(old, _)| old.as_str()).collect::<String>();
        let sources = Sources { files: vec![file("a.sql", &old)] };
        let line_break = sources.files[0].line_break();
        let mut expected = mark.clone();
        let mut edits = Vec::new();
        let mut at = mark.len();
        for (old, new) in &parts {
            let span = Span::new(at..at + old.len());
            at += old.len();
            match new {
                Some(new) => {
                    expected.push_str(&new.replace('\n', line_break));
                    edits.push(Edit { file: FileId(0), span, text: new.clone() });
                }
                None => expected.push_str(old),
            }
        }
        // Any order, and any distribution over fixes.
        edits.sort_by_key(|edit| u64::from(edit.span.start + 1).wrapping_mul(order | 1));
        let diagnostics: Vec<Diagnostic> =
            edits.chunks(size).map(|edits| with_edits(edits.to_vec())).collect();
        let plan = plan(&sources, &diagnostics, false, &|_, _| None);
        prop_assert_eq!(plan.chosen.len(), diagnostics.len());
        let changed = apply(&sources, diagnostics.iter().filter_map(|d| d.fix.as_deref()));
        let new = changed.first().map_or(&old, |changed| &changed.new);
        prop_assert_eq!(new, &expected);
    }

    #[test]
    fn chosen_fixes_can_be_applied_in_any_order_and_nothing_panics(
        text in text(&["a", "é", "\r", "\n", "\r\n", "\u{feff}"], 0..12),
        fixes in prop::collection::vec(
            prop::collection::vec((0_u32..2, 0_u32..20, 0_u32..20, text(&["x", "\n"], 0..3)), 1..3),
            0..8,
        ),
    ) {
        let sources = Sources { files: vec![file("a.sql", &text), file("b.sql", &text)] };
        let edit = |(file, start, end, text)| Edit { file: FileId(file), span: Span { start, end }, text };
        let diagnostics: Vec<Diagnostic> =
            fixes.into_iter().map(|edits| with_edits(edits.into_iter().map(edit).collect())).collect();
        let plan = plan(&sources, &diagnostics, false, &|_, _| None);
        let chosen = || plan.chosen.iter().filter_map(|at| diagnostics[*at].fix.as_deref());
        let backwards: Vec<&Fix> = chosen().collect::<Vec<_>>().into_iter().rev().collect();
        prop_assert_eq!(apply(&sources, chosen()), apply(&sources, backwards));
        prop_assert_eq!(
            plan.chosen.len() + plan.postponed.len() + plan.refused.len(),
            diagnostics.len()
        );
    }

    #[test]
    fn fixing_twice_is_fixing_once(
        texts in prop::collection::vec(text(&["a", "b", "c", "d"], 0..10), 1..4),
        rewrites in prop::collection::vec(rewrite(), 1..6),
        unsafe_fixes in any::<bool>(),
    ) {
        let named = |(at, text): (usize, &String)| file(&format!("{at}.txt"), text);
        let sources = Sources { files: texts.iter().enumerate().map(named).collect() };
        let lint = |sources: &Sources| rewritten(sources, &rewrites);
        let once = repair(unsafe_fixes, &sources, &lint(&sources), &lint, &|_| None);
        let left = lint(&once.sources);
        let twice = repair(unsafe_fixes, &once.sources, &left, &lint, &|_| None);
        prop_assert_eq!(&twice.changed, &[], "after {:?}", once.changed);
        prop_assert_eq!(twice.refused, once.refused);
        prop_assert_eq!(left.len(), once.diagnostics.len());
        let errors = |found: &[Diagnostic]| found.iter().filter(|d| d.severity == Severity::Error).count();
        prop_assert!(errors(&left) <= errors(&lint(&sources)));
    }
}

/// A rule that reports a word and wants another in its place.
#[derive(Clone, Debug)]
struct Rewrite {
    from: String,
    to: String,
    severity: Severity,
    applicability: Applicability,
}

fn rewrite() -> impl Strategy<Value = Rewrite> {
    const WORDS: &[&str] = &["a", "b", "c", "d"];
    let severity = prop::sample::select(&[Severity::Warning, Severity::Error][..]);
    let applicability = prop::sample::select(&[Applicability::Safe, Applicability::Unsafe][..]);
    (text(WORDS, 1..3), text(WORDS, 0..3), severity, applicability).prop_map(
        |(from, to, severity, applicability)| Rewrite { from, to, severity, applicability },
    )
}

fn rewritten(sources: &Sources, rewrites: &[Rewrite]) -> Vec<Diagnostic> {
    const NAMES: [&str; 6] = ["one", "two", "three", "four", "five", "six"];
    let mut found = Vec::new();
    for (at, file) in sources.files.iter().enumerate() {
        let id = FileId(u32::try_from(at).unwrap());
        for (name, rewrite) in NAMES.into_iter().zip(rewrites) {
            for (start, word) in file.text.match_indices(&rewrite.from) {
                let span = Span::new(start..start + word.len());
                let edit = Edit { file: id, span, text: rewrite.to.clone() };
                let fix = Fix::new(rewrite.applicability, "write another word", vec![edit]);
                let mut diagnostic = Diagnostic::new(id, span, "a word").fix(Some(fix));
                diagnostic.rule = name;
                diagnostic.severity = rewrite.severity;
                found.push(diagnostic);
            }
        }
    }
    found
}
