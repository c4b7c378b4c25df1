//! graphile-migrate: `committed/000001.sql` in order, then `current.sql`.

use super::files::whole;
use super::{
    BASE, Detection, Layout, Migration, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};
use crate::source::{FileId, SourceFile, Span};

pub(super) static LAYOUT: Layout = Layout {
    name: "graphile-migrate",
    title: "graphile-migrate",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::Message,
    // A committed file must not change any more.
    opt_out: Some(OptOut::Advice(
        "write `--! no-transaction` as the first line of current.sql, with that one statement alone",
    )),
    duplicate: "the chain of hashes has one file for each place",
    on_duplicate: OnDuplicate::Fails,
    checksums: true,
    detect,
    read,
    ..BASE
};

fn detect(tree: &Tree, sources: &Sources) -> Option<Detection> {
    let has_header = |folder: &Tree| {
        folder.sql_files().any(|(_, id)| sources.get(id).text.starts_with("--! Previous:"))
    };
    if tree.name() == "committed" && has_header(tree)
        || tree.folder("committed").is_some_and(has_header)
    {
        return Detection::because("committed files that begin with `--! Previous:`");
    }
    let is_new = tree.file("current.sql").is_some() || tree.folder("current").is_some();
    let config = tree.hint(&[".gmrc", ".gmrc.js", ".gmrc.cjs"], "")?;
    is_new.then(|| Detection::because(format!("{} and current.sql", config.path.display())))?
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let committed = if tree.name() == "committed" { Some(tree) } else { tree.folder("committed") };
    let mut ups = Vec::new();
    for (name, id) in committed.into_iter().flat_map(Tree::sql_files) {
        match committed_name(name) {
            Some((number, rest)) => {
                ups.push(migration(sources, set, id, Version::number(number), rest));
            }
            None => set.skip(
                id,
                "is not named 000001.sql or 000001-name.sql: graphile-migrate ignores it",
            ),
        }
    }
    ups.sort_by(|a, b| (&a.version, &a.name).cmp(&(&b.version, &b.name)));
    for up in ups {
        set.push(up, None);
    }
    if committed.is_some_and(|folder| folder.path == tree.path) {
        return;
    }
    read_current(tree, sources, set);
    let idle = tree.folders.iter().filter(|f| !matches!(f.name(), "committed" | "current"));
    for (_, id) in idle.flat_map(Tree::all_sql_files) {
        set.leave_out(id, "runs only where a migration includes it");
    }
}

/// Reads what is not committed yet, which runs again after each change.
fn read_current(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let parts = tree.folder("current").into_iter().flat_map(Tree::sql_files);
    let parts: Vec<(&str, FileId)> = parts.collect();
    for (name, id) in tree.sql_files() {
        let reason = match name {
            "current.sql" if parts.is_empty() => {
                push_current(sources, set, id, name);
                continue;
            }
            "current.sql" => {
                set.skip(
                    id,
                    "lies beside the folder current: graphile-migrate stops with an error",
                );
                continue;
            }
            _ => "is a hook or lies beside the migrations",
        };
        set.leave_out(id, reason);
    }
    let mut ups = Vec::new();
    for (name, id) in parts {
        match committed_name(name) {
            Some((number, _)) => ups.push((Version::number(number), id, name)),
            None => set.skip(
                id,
                "is not named 001.sql or 001-name.sql: graphile-migrate stops with an error",
            ),
        }
    }
    ups.sort();
    for (_, id, name) in ups {
        push_current(sources, set, id, name);
    }
}

fn push_current(sources: &Sources, set: &mut MigrationSet, id: FileId, name: &str) {
    let name = name.trim_end_matches(".sql");
    let mut up = migration(sources, set, id, Version::text("current"), name);
    up.is_repeatable = true;
    set.push(up, None);
}

fn migration(
    sources: &Sources,
    set: &MigrationSet,
    id: FileId,
    version: Version,
    name: &str,
) -> Migration {
    let mut up = whole(sources, id, version, name);
    up.directive = directive(sources.get(id));
    up.transaction =
        if up.directive.is_some() { TransactionMode::Message } else { set.transaction };
    up
}

/// Splits `000001-name.sql`: `^([0-9]+)(-[-_a-zA-Z0-9]*)?\.sql$`.
fn committed_name(name: &str) -> Option<(&str, &str)> {
    let stem = name.strip_suffix(".sql")?;
    let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = stem.split_at(digits);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_named = rest.is_empty() || rest.starts_with('-') && rest.chars().all(is_name);
    (digits > 0 && is_named).then_some((number, rest.trim_start_matches('-')))
}

/// Returns the line that takes the transaction away. It must be the first behind the headers, which are
/// `--! Key: value` or `--! Key` lines and the blank line after them.
fn directive(file: &SourceFile) -> Option<Span> {
    let mut at = file.text_start();
    for line in file.text.get(at..)?.split_inclusive('\n') {
        let content = line.trim_end();
        let word = content.strip_prefix("--!").map(str::trim_start);
        if let Some(rest) = word.and_then(|word| word.strip_prefix("no-transaction")) {
            let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
            return ends.then(|| Span::new(at..at + content.len()));
        }
        let is_header = word.is_some_and(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
        if !is_header && !content.is_empty() {
            return None;
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_of_the_body_takes_the_transaction_away() {
        let is_off = |text: &str| directive(&SourceFile::new("a.sql", text.to_owned())).is_some();
        assert!(is_off("--! Previous: -\n--! Hash: sha1:x\n\n--! no-transaction\nselect 1;"));
        assert!(is_off("--!no-transaction"));
        assert!(is_off("--! Hash: sha1:x\n--! AllowInvalidHash\n\n--! no-transaction\nselect 1;"));
        assert!(!is_off("-- why\n--! no-transaction\nselect 1;"));
        assert!(!is_off("--! no-transactions\n") && !is_off("select 1;\n--! no-transaction"));
    }
}
