//! Runners of whole files for Node.js: postgres-migrations, pg-migrate, marv and db-migrate.

use super::files::{push_pairs, whole};
use super::version::split_number;
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, Migration, MigrationSet, OnDuplicate, OptOut,
    Sources, TransactionMode, Tree, Version,
};

pub(super) static POSTGRES_MIGRATIONS: Layout = Layout {
    name: "postgres-migrations",
    title: "postgres-migrations",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::Message,
    opt_out: Some(OptOut::FirstLine(DISABLE)),
    duplicate: "postgres-migrations stops with an error",
    on_duplicate: OnDuplicate::Fails,
    gap: "postgres-migrations stops with an error",
    checksums: true,
    detect: |tree, sources| {
        if !mostly(tree, |name| postgres_migrations_name(name).is_some()) {
            return None;
        }
        if let Some(package) = tree
            .hint(&["package.json"], "postgres-migrations\"")
            .or_else(|| tree.hint(&["package.json"], "\"pg-node-migrations\""))
        {
            return Detection::because(format!(
                "{} names postgres-migrations",
                package.path.display()
            ));
        }
        let says_so = |id| sources.get(id).text.contains(DISABLE);
        let (name, _) = tree.sql_files().find(|(_, id)| says_so(*id))?;
        Detection::because(format!("`{DISABLE}` in {name}"))
    },
    read: |tree, sources, set| {
        let mut ups = Vec::new();
        for (name, id) in tree.sql_files() {
            let Some((number, rest)) = postgres_migrations_name(name) else {
                set.skip(id, "has no number at its beginning: postgres-migrations stops with an error over it");
                continue;
            };
            let mut up = whole(sources, id, Version::number(number), rest);
            // Anywhere in the text, be it in a string.
            let is_off = sources.get(id).text.contains(DISABLE);
            up.transaction = if is_off { TransactionMode::Message } else { set.transaction };
            ups.push(up);
        }
        push_pairs(set, sources, ups, Vec::new());
    },
    ..BASE
};

const DISABLE: &str = "-- postgres-migrations disable-transaction";

/// Splits `1_name.sql`, `1-name.sql` or `1name.sql`.
fn postgres_migrations_name(name: &str) -> Option<(&str, &str)> {
    let stem = name.strip_suffix(".sql")?;
    let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = stem.split_at(digits);
    (digits > 0).then(|| (number, rest.strip_prefix(['-', '_']).unwrap_or(rest)))
}

pub(super) static PG_MIGRATE: Layout = Layout {
    name: "pg-migrate",
    title: "pg-migrate",
    transaction: TransactionMode::Message,
    without_transaction: TransactionMode::Message,
    duplicate: "the second one runs, then fails on the version table",
    on_duplicate: OnDuplicate::Fails,
    detect: |tree, _| {
        tree.file("migrations.json")?;
        mostly(tree, |name| split_number(name).is_some())
            .then(|| Detection::because("migrations.json beside numbered files"))?
    },
    read: |tree, sources, set| {
        let reason = "has no number at its beginning: pg-migrate ignores it";
        read_numbers(tree, sources, set, postgres_migrations_name, reason);
    },
    ..BASE
};

pub(super) static MARV: Layout = Layout {
    name: "marv",
    title: "marv",
    transaction: TransactionMode::Message,
    without_transaction: TransactionMode::Message,
    duplicate: "marv stops with an error",
    on_duplicate: OnDuplicate::Fails,
    detect: |tree, sources| {
        if !mostly(tree, |name| split_number(name).is_some()) {
            return None;
        }
        if let Some(config) = tree.hint(&[".marvrc"], "") {
            return Detection::because(config.path.display().to_string());
        }
        super::marked::share_of_files_with(tree, sources, |line| line.contains("@MARV "))
            .then(|| Detection::because("`-- @MARV` lines"))?
    },
    read: |tree, sources, set| {
        let reason = "is not named N-name.sql: marv ignores it";
        read_numbers(tree, sources, set, marv_name, reason);
        let all = std::mem::take(&mut set.migrations).into_iter();
        let (skipped, migrations): (Vec<Migration>, Vec<Migration>) =
            all.partition(|up| is_skipped_by_marv(&sources.get(up.file).text));
        set.migrations = migrations;
        for up in skipped {
            set.leave_out(up.file, "says `-- @MARV SKIP = true`");
        }
    },
    ..BASE
};

/// Splits `1-name.sql`, `1_name.sql` or `1.name.sql`: `^(\d+)[^\d](.*?)\.`.
fn marv_name(name: &str) -> Option<(&str, &str)> {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = name.split_at(digits);
    let mut rest = rest.chars();
    rest.next()?;
    let (name, _) = rest.as_str().split_once('.')?;
    (digits > 0).then_some((number, name))
}

/// Returns whether a line says `-- @MARV SKIP = true`, in any case of letters.
fn is_skipped_by_marv(text: &str) -> bool {
    text.lines().filter_map(|line| line.strip_prefix("--")?.split_once('=')).any(|(key, value)| {
        let key = key.trim().to_ascii_lowercase();
        let words: Vec<&str> = key.split_whitespace().collect();
        words == ["@marv", "skip"] && value.trim().eq_ignore_ascii_case("true")
    })
}

/// Reads numbered whole files that only go forward.
fn read_numbers(
    tree: &Tree,
    sources: &Sources,
    set: &mut MigrationSet,
    name_parts: fn(&str) -> Option<(&str, &str)>,
    reason: &str,
) {
    let mut ups = Vec::new();
    for (name, id) in tree.sql_files() {
        let Some((number, rest)) = name_parts(name) else {
            set.skip(id, reason);
            continue;
        };
        let mut up = whole(sources, id, Version::number(number), rest);
        up.transaction = set.transaction;
        ups.push(up);
    }
    push_pairs(set, sources, ups, Vec::new());
}

pub(super) static DB_MIGRATE: Layout = Layout {
    name: "db-migrate",
    title: "db-migrate",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::Message,
    opt_out: Some(OptOut::Advice(
        "put the statement into a migration of its own, and run that with `--non-transactional`",
    )),
    downs: DownStyle::File,
    duplicate: "both run, since the file name is the identity",
    on_duplicate: OnDuplicate::NameDecides,
    missing_down: "db-migrate then stops with an error",
    empty_down: EmptyDown::Succeeds("db-migrate then reports success and undoes nothing"),
    detect: |tree, _| {
        let pairs = tree.sql_files().filter(|(name, _)| db_migrate_name(name).is_some()).count();
        (tree.name() == "sqls" && pairs > 0).then(|| {
            Detection::because(format!(
                "{pairs} files named N-name-up.sql or N-name-down.sql in sqls"
            ))
        })?
    },
    read: |tree, sources, set| {
        let (mut ups, mut downs) = (Vec::new(), Vec::new());
        for (name, id) in tree.sql_files() {
            let Some((number, rest, is_down)) = db_migrate_name(name) else {
                set.skip(
                    id,
                    "is not named N-name-up.sql: the files that db-migrate writes never run it",
                );
                continue;
            };
            let mut migration = whole(sources, id, Version::number(number), rest);
            migration.transaction = set.transaction;
            if is_down { downs.push(migration) } else { ups.push(migration) }
        }
        push_pairs(set, sources, ups, downs);
    },
    ..BASE
};

/// Splits `20240115120000-name-up.sql`.
fn db_migrate_name(name: &str) -> Option<(&str, &str, bool)> {
    let stem = name.strip_suffix(".sql")?;
    let (stem, is_down) = match stem.strip_suffix("-down") {
        Some(stem) => (stem, true),
        None => (stem.strip_suffix("-up")?, false),
    };
    let (number, rest) = stem.split_once('-').unwrap_or((stem, ""));
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((number, rest, is_down))
}

/// Returns whether most SQL files of a folder have names of a kind.
pub(super) fn mostly(tree: &Tree, is_named: impl Fn(&str) -> bool) -> bool {
    let named = tree.sql_files().filter(|(name, _)| is_named(name)).count();
    named > 0 && named * 10 >= tree.sql_files().count() * 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(postgres_migrations_name("1-a_b.sql"), Some(("1", "a_b")));
        assert_eq!(postgres_migrations_name("0002a.sql"), Some(("0002", "a")));
        assert_eq!(postgres_migrations_name("a.sql"), None);
        assert_eq!(
            db_migrate_name("20240115120000-add-x-down.sql"),
            Some(("20240115120000", "add-x", true))
        );
        assert_eq!(db_migrate_name("add-x-up.sql"), None);
        assert_eq!(marv_name("1.a-b.sql"), Some(("1", "a-b")));
        assert_eq!(marv_name("14.sql"), None);
        assert!(is_skipped_by_marv("select 1;\n-- @marv SKIP = True\n"));
        assert!(!is_skipped_by_marv("-- @MARV SKIP = false\n-- @MARV AUDIT = true"));
    }
}
