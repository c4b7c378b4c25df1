//! Evolve, Flyway's cousin for .NET: the same names, words on the first line instead of side files.

use super::super::files::{push_pairs, whole};
use super::super::{
    BASE, Detection, DownStyle, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};
use super::name::{self, Kind};
use super::{base_name, push_repeatable};
use crate::source::Span;

pub(in super::super) static EVOLVE: Layout = Layout {
    name: "evolve",
    title: "Evolve",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::Message,
    opt_out: Some(OptOut::FirstLine(DIRECTIVE)),
    downs: DownStyle::None,
    duplicate: "Evolve stops with an error",
    on_duplicate: OnDuplicate::Fails,
    checksums: true,
    detect,
    read,
    ..BASE
};

const DIRECTIVE: &str = "-- evolve-tx-off";

fn detect(tree: &Tree, _: &Sources) -> Option<Detection> {
    let all = tree.sql_files().count();
    let named = tree.sql_files().filter(|(name, _)| parse(name).is_some()).count();
    if named == 0 || named * 10 < all * 6 {
        return None;
    }
    let names_it = |text: &str| {
        text.contains("Include=\"Evolve\"") || text.contains("Include=\"Evolve.Tool\"")
    };
    let is_project = |path: &std::path::Path| path.extension().is_some_and(|e| e == "csproj");
    let project = tree.hints.iter().find(|hint| is_project(&hint.path) && names_it(&hint.text))?;
    Detection::because(format!("{} names Evolve", project.path.display()))
}

/// Takes a name apart; the prefix may be in either case.
fn parse(file: &str) -> Option<name::Name<'_>> {
    let stem = file.strip_suffix(".sql")?;
    let kind = match stem.chars().next()? {
        'v' | 'V' => Kind::Versioned,
        'r' | 'R' => Kind::Repeatable,
        _ => return None,
    };
    // Without the separator it is no name at all.
    stem.contains("__").then(|| name::split(kind, &stem[1..], "__")).flatten()
}

/// Returns why a file is none that Evolve runs: it stops at a prefix with a version that it cannot read.
fn why_not(path: &str) -> &'static str {
    let name = base_name(path);
    match name.starts_with(['v', 'V']) && name.contains("__") {
        true => "has no version that Evolve reads: it stops with an error",
        false => "is not named V1__name.sql: Evolve does not run it",
    }
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let (mut versioned, mut repeatable) = (Vec::new(), Vec::new());
    for (path, id) in tree.all_sql_files() {
        let Some(name) = parse(base_name(&path)) else {
            set.skip(id, why_not(&path));
            continue;
        };
        let mut migration = whole(sources, id, Version::parts(name.version), name.description);
        let file = sources.get(id);
        let first = file.text.lines().next().unwrap_or_default();
        migration.transaction = match first.find("evolve-tx-off") {
            Some(at) => {
                migration.directive = Some(Span::new(at..at + "evolve-tx-off".len()));
                TransactionMode::Message
            }
            None => set.transaction,
        };
        match name.kind {
            Kind::Repeatable => repeatable.push(migration),
            _ => versioned.push(migration),
        }
    }
    push_pairs(set, sources, versioned, Vec::new());
    push_repeatable(set, repeatable);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_may_be_in_either_case_and_nothing_else_may_change() {
        assert_eq!(parse("v1_2__x.sql").map(|name| name.version), Some("1_2"));
        assert_eq!(parse("R__views.sql").map(|name| name.kind), Some(Kind::Repeatable));
        for name in ["V127a__x.sql", "V6.sql", "U1__x.sql", "V1_x.sql"] {
            assert_eq!(parse(name), None, "{name}");
        }
        assert!(!Version::parts("1").is_same(&Version::parts("1.0")));
        assert!(Version::parts("1").is_same(&Version::parts("001")));
    }
}
