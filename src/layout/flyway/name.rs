//! How Flyway and Evolve read the names of files.

use super::configuration::Configuration;

/// What a file is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Versioned,
    Undo,
    Repeatable,
    Baseline,
}

/// A file name, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<'a> {
    pub(super) kind: Kind,
    /// `1_2`, `20240101`; empty for repeatable migrations.
    pub(super) version: &'a str,
    pub(super) description: &'a str,
}

/// Takes a file name apart; nothing for a name that Flyway skips in silence.
pub(super) fn parse<'a>(name: &'a str, configuration: &Configuration) -> Option<Name<'a>> {
    let stem = stem(name, configuration)?;
    let prefixes = [
        (Kind::Versioned, &configuration.versioned),
        (Kind::Undo, &configuration.undo),
        (Kind::Repeatable, &configuration.repeatable),
        (Kind::Baseline, &configuration.baseline),
    ];
    // The longest prefix decides, and no other is tried.
    let prefixes = prefixes.into_iter().filter(|(_, prefix)| stem.starts_with(prefix.as_str()));
    let (kind, prefix) = prefixes.max_by_key(|(_, prefix)| prefix.len())?;
    split(kind, &stem[prefix.len()..], &configuration.separator)
}

/// Splits what follows the prefix. A versioned migration needs no description.
pub(super) fn split<'a>(kind: Kind, rest: &'a str, separator: &str) -> Option<Name<'a>> {
    let (version, description) = rest.split_once(separator).unwrap_or((rest, ""));
    let is_named = match kind {
        Kind::Repeatable => version.is_empty() && !description.is_empty(),
        Kind::Versioned | Kind::Undo | Kind::Baseline => is_version(version),
    };
    is_named.then_some(Name { kind, version, description })
}

/// Returns whether a text is numbers between dots or underscores.
fn is_version(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split(['.', '_']).all(is_number)
}

fn stem<'a>(name: &'a str, configuration: &Configuration) -> Option<&'a str> {
    configuration.suffixes.iter().find_map(|suffix| {
        let at = name.len().checked_sub(suffix.len())?;
        let end = name.get(at..)?;
        end.eq_ignore_ascii_case(suffix).then(|| &name[..at])
    })
}

/// Returns whether a file is a callback, such as `beforeMigrate.sql` or `afterEachMigrate__x.sql`.
///
/// Source: the list of events in Flyway's documentation.
pub(super) fn is_callback(name: &str, configuration: &Configuration) -> bool {
    let Some(stem) = stem(name, configuration) else { return false };
    let event = stem.split_once(configuration.separator.as_str()).map_or(stem, |(event, _)| event);
    let Some(rest) = event.strip_prefix("before").or_else(|| event.strip_prefix("after")) else {
        return event == "createSchema";
    };
    let rest = rest.strip_suffix("Error").unwrap_or(rest);
    let rest = rest.strip_suffix("Statement").unwrap_or(rest);
    let rest = rest.strip_prefix("Each").unwrap_or(rest);
    matches!(
        rest,
        "Migrate"
            | "MigrateApplied"
            | "Versioned"
            | "Repeatables"
            | "Undo"
            | "Deploy"
            | "Clean"
            | "Info"
            | "Validate"
            | "Baseline"
            | "Repair"
            | "Connect"
            | "CreateSchema"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str) -> Option<(Kind, &str)> {
        parse(name, &Configuration::default()).map(|name| (name.kind, name.version))
    }

    #[test]
    fn names_that_flyway_skips_in_silence_are_none() {
        for name in [
            "V127a__x.sql",
            "V3_x.sql",
            "v2__x.sql",
            "V8-__x.sql",
            "R1__x.sql",
            "R_x.sql",
            "V1__x.txt",
        ] {
            assert_eq!(kind(name), None, "{name}");
        }
    }

    #[test]
    fn a_version_needs_no_description_and_may_have_parts() {
        assert_eq!(kind("V6.sql"), Some((Kind::Versioned, "6")));
        assert_eq!(kind("V1_2__x.SQL"), Some((Kind::Versioned, "1_2")));
        assert_eq!(kind("U1.2__x.sql"), Some((Kind::Undo, "1.2")));
        assert_eq!(kind("R__views.sql"), Some((Kind::Repeatable, "")));
        assert_eq!(kind("B5__all.sql"), Some((Kind::Baseline, "5")));
    }

    #[test]
    fn callbacks_are_named_after_events() {
        let is = |name: &str| is_callback(name, &Configuration::default());
        for name in
            ["beforeMigrate.sql", "afterEachMigrate__x.sql", "afterEachUndoStatementError.sql"]
        {
            assert!(is(name), "{name}");
        }
        assert!(!is("beforehand.sql") && !is("after.sql") && !is("V1__x.sql"));
    }
}
