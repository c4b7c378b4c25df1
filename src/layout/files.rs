//! What layouts of whole files share, and the runners that need little more than that.

use std::collections::{BTreeMap, HashMap};

use super::marked::share_of_files_with;
use super::sections::down_of;
use super::set::{Down, Migration};
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};
use crate::source::{FileId, Span};

/// Makes an up migration of a whole file.
pub(super) fn whole(sources: &Sources, id: FileId, version: Version, name: &str) -> Migration {
    let file = sources.get(id);
    Migration::up(version, name, id, Span::new(file.text_start()..file.text.len()))
}

/// Sorts ups by version and name, gives each the down of its version, and adds them to the set.
pub(super) fn push_pairs(
    set: &mut MigrationSet,
    sources: &Sources,
    mut ups: Vec<Migration>,
    mut downs: Vec<Migration>,
) {
    ups.sort_by(|a, b| (&a.version, &a.name).cmp(&(&b.version, &b.name)));
    // Taken from the end, so that removing keeps the rest in place.
    downs.sort_by(|a, b| (&b.version, &b.name).cmp(&(&a.version, &a.name)));
    let mut by_version: BTreeMap<Version, Vec<Migration>> = BTreeMap::new();
    for down in downs {
        by_version.entry(down.version.clone()).or_default().push(down);
    }
    for mut up in ups {
        let candidates = by_version.get_mut(&up.version);
        let down = candidates.and_then(|candidates| {
            let same_name = candidates.iter().position(|down| down.name == up.name);
            let at = same_name.or(candidates.len().checked_sub(1))?;
            Some(candidates.remove(at))
        });
        let down = down.map(|down| {
            up.down = down_of(sources.get(down.file), down.file, down.section);
            Migration { transaction: down.transaction, ..up.down(down.file, down.section) }
        });
        let down = down.filter(|_| up.down == Down::Present);
        set.push(up, down);
    }
    for down in by_version.into_values().flatten() {
        set.skip_orphan(down.file);
    }
}

macro_rules! layout {
    ($static:ident, $name:literal, $title:literal, $detect:expr, $read:expr, { $($field:ident: $value:expr),* $(,)? }) => {
        pub(super) static $static: Layout = Layout {
            name: $name,
            title: $title,
            detect: $detect,
            read: $read,
            $($field: $value,)*
            ..BASE
        };
    };
}

layout!(PRISMA, "prisma", "Prisma", |tree, _| {
    let folders = tree.folders.iter().filter(|f| f.file("migration.sql").is_some()).count();
    // Drizzle keeps a snapshot beside each.
    let is_drizzle = tree.file("migration_lock.toml").is_none() && has_snapshots(tree);
    (folders > 0 && !is_drizzle).then(|| Detection::because(format!("{folders} folders with migration.sql")))?
}, |tree, sources, set| read_folders(tree, sources, set, "migration.sql"), {
    transaction: TransactionMode::Message,
    without_transaction: TransactionMode::Message,
    all_pending: false,
    opt_out: Some(OptOut::Advice("put the statement into a migration of its own: a file is sent as one message")),
    downs: DownStyle::None,
    duplicate: "the rest of the folder's name decides the order",
    on_duplicate: OnDuplicate::NameDecides,
    checksums: true,
});

layout!(HASURA, "hasura", "Hasura", |tree, _| {
    let folders = || tree.folders.iter().filter(|folder| folder.file("up.sql").is_some());
    let (count, named) = (folders().count(), folders().filter(|f| has_milliseconds(f.name())).count());
    if named > 0 && named == count {
        return Detection::because(format!("{count} folders with up.sql, named by milliseconds"));
    }
    // Its names may begin with any number, as Diesel's may.
    let config = tree.hint(&["config.yaml"], "metadata_directory");
    let is_below = tree.path.components().any(|part| part.as_os_str() == "hasura");
    if count == 0 || !folders().all(is_numbered) || tree.has_project_file("diesel.toml") {
        return None;
    }
    match config {
        Some(config) => Detection::because(format!("{} names metadata_directory", config.path.display())),
        None if is_below => Detection::because(format!("{count} folders with up.sql below the folder hasura")),
        None => None,
    }
}, read_hasura, {
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::Message,
    all_pending: false,
    opt_out: Some(OptOut::FirstLine("-- hasura:no-transaction")),
    downs: DownStyle::File,
    duplicate: "",
    checksums: false,
});

layout!(DRIZZLE, "drizzle", "Drizzle", |tree, sources| {
    let journal = tree.folder("meta").and_then(|meta| meta.file("_journal.json"));
    if journal.is_some() {
        return Detection::because("meta/_journal.json");
    }
    if has_snapshots(tree) {
        return Detection::because("folders with migration.sql and snapshot.json");
    }
    share_of_files_with(tree, sources, |line| line.contains("--> statement-breakpoint"))
        .then(|| Detection::because("`--> statement-breakpoint`"))?
}, read_drizzle, {
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    all_pending: true,
    opt_out: Some(OptOut::Advice("run the statement outside of Drizzle: its migrator has no way to leave the transaction")),
    downs: DownStyle::None,
    duplicate: "the journal decides the order",
    on_duplicate: OnDuplicate::NameDecides,
    checksums: false,
});

layout!(ATLAS, "atlas", "Atlas", |tree, _| {
    tree.file("atlas.sum").filter(|_| !tree.sql_files().any(|(name, _)| name.ends_with(".down.sql")))?;
    Detection::because("atlas.sum")
}, read_atlas, {
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    all_pending: false,
    opt_out: Some(OptOut::FirstLine("-- atlas:txmode none")),
    downs: DownStyle::None,
    duplicate: "the rest of the file name decides the order",
    on_duplicate: OnDuplicate::NameDecides,
    checksums: true,
});

layout!(SUPABASE, "supabase", "Supabase", |tree, _| {
    let is_supabase = tree.hint(&["config.toml"], "").is_some_and(|hint| {
        hint.path.parent().is_some_and(|folder| folder.ends_with("supabase"))
    });
    (tree.name() == "migrations" && (is_supabase || tree.lies_in("supabase"))).then(|| Detection::because("the folder supabase"))?
}, read_supabase, {
    transaction: TransactionMode::Message,
    // CONCURRENTLY statements are sent on their own, so they never meet a block.
    without_transaction: TransactionMode::None,
    all_pending: false,
    opt_out: Some(OptOut::Advice("put the statement into a migration of its own")),
    downs: DownStyle::None,
    duplicate: "the second one fails on the version table",
    on_duplicate: OnDuplicate::Fails,
    checksums: false,
});

layout!(REFINERY, "refinery", "refinery", |tree, _| {
    let is_named = tree.sql_files().any(|(name, _)| refinery_name(name).is_some());
    let manifest = tree.hint(&["Cargo.toml"], "refinery");
    match (is_named, manifest) {
        (false, _) => None,
        (true, Some(manifest)) => Detection::because(format!("{} names refinery", manifest.path.display())),
        (true, None) if tree.has_project_file("refinery.toml") => Detection::because("refinery.toml"),
        (true, None) if lies_in_crates(tree) => {
            let all_named = tree.sql_files().all(|(name, _)| refinery_name(name).is_some());
            all_named.then(|| Detection::because("files named V1__name.sql below the folder crates"))?
        }
        (true, None) => None,
    }
}, read_refinery, {
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::Message,
    all_pending: false,
    opt_out: Some(OptOut::Advice("run the statement outside of refinery, which has no way to leave the transaction")),
    downs: DownStyle::None,
    duplicate: "the second one runs, then fails on the version table",
    on_duplicate: OnDuplicate::Fails,
    checksums: true,
});

layout!(YOYO, "yoyo", "yoyo", |tree, sources| {
    let twins = tree.sql_files().filter(|(name, _)| name.ends_with(".rollback.sql")).count();
    let depends = share_of_files_with(tree, sources, |line| line.trim_start().starts_with("-- depends:"));
    (twins > 0 || depends || tree.has_project_file("yoyo.ini")).then(|| Detection::because("`-- depends:` lines, *.rollback.sql or yoyo.ini"))?
}, super::yoyo::read, {
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    all_pending: false,
    opt_out: Some(OptOut::FirstLine("-- transactional: false")),
    downs: DownStyle::File,
    duplicate: "both run, since the file name is the identity",
    on_duplicate: OnDuplicate::NameDecides,
    missing_down: "`yoyo rollback` then reports success and undoes nothing",
    empty_down: EmptyDown::Succeeds("`yoyo rollback` then reports success and undoes nothing"),
    checksums: false,
});

layout!(POSTGRATOR, "postgrator", "postgrator", |tree, _| {
    let named = tree.sql_files().filter(|(name, _)| postgrator_name(name).is_some()).count();
    (named > 0 && named * 2 >= tree.sql_files().count()).then(|| Detection::because(format!("{named} files named 001.do.sql")))?
}, read_postgrator, {
    transaction: TransactionMode::Message,
    without_transaction: TransactionMode::Message,
    all_pending: false,
    opt_out: Some(OptOut::Advice("put the statement into a file of its own: a file is sent as one message")),
    downs: DownStyle::File,
    duplicate: "postgrator stops with an error",
    on_duplicate: OnDuplicate::Fails,
    missing_down: "postgrator then reports success and undoes nothing",
    empty_down: EmptyDown::Succeeds("postgrator then reports success and undoes nothing"),
    checksums: true,
});

/// Returns whether a folder lies below one called `crates`, as the parts of a Rust project do.
pub(super) fn lies_in_crates(tree: &Tree) -> bool {
    tree.path.components().any(|part| part.as_os_str() == "crates")
}

/// Returns whether a folder is named by 13 digits and `_`, as Hasura names migrations.
pub(super) fn has_milliseconds(name: &str) -> bool {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    digits == 13 && name[digits..].starts_with('_')
}

fn read_folders(tree: &Tree, sources: &Sources, set: &mut MigrationSet, file: &str) {
    for folder in &tree.folders {
        let (version, name) = folder.name().split_once('_').unwrap_or((folder.name(), ""));
        if set.layout.name == "prisma" && folder.file(file).is_none() && is_numbered(folder) {
            let path = format!("{}/{file}", folder.name());
            set.miss(folder.name(), path, "`prisma migrate deploy` stops with an error (P3015)");
        }
        for (found, id) in folder.sql_files() {
            if found == file {
                let mut up = whole(sources, id, Version::text(version), name);
                up.transaction = set.transaction;
                set.push(up, None);
            } else {
                set.skip(id, format!("is not {file}"));
            }
        }
    }
    for (_, id) in tree.sql_files() {
        set.skip(id, "lies beside the migration folders");
    }
}

/// Returns whether a folder is named as those of migrations are.
fn is_numbered(folder: &Tree) -> bool {
    folder.name().starts_with(|c: char| c.is_ascii_digit())
}

fn read_hasura(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let (mut ups, mut downs) = (Vec::new(), Vec::new());
    for folder in &tree.folders {
        let (version, name) = folder.name().split_once('_').unwrap_or((folder.name(), ""));
        for (file, id) in folder.sql_files() {
            let mut migration = whole(sources, id, Version::number(version), name);
            let first = sources.get(id).text.lines().next().unwrap_or_default();
            let opted_out = first.trim() == "-- hasura:no-transaction";
            migration.transaction =
                if opted_out { TransactionMode::Message } else { set.transaction };
            match file {
                "up.sql" => ups.push(migration),
                "down.sql" => downs.push(migration),
                _ => set.skip(id, "is neither up.sql nor down.sql"),
            }
        }
    }
    for (file, id) in tree.sql_files() {
        let Some((version, name, is_down)) = flat_hasura_name(file) else {
            set.skip(id, "is not named N_name.up.sql: Hasura ignores it");
            continue;
        };
        let mut migration = whole(sources, id, Version::number(version), name);
        migration.transaction = set.transaction;
        if is_down { downs.push(migration) } else { ups.push(migration) }
    }
    push_pairs(set, sources, ups, downs);
}

/// Splits `N_name.up.sql`, as older versions of Hasura name migrations.
fn flat_hasura_name(file: &str) -> Option<(&str, &str, bool)> {
    let stem = file.strip_suffix(".sql")?;
    let (stem, is_down) = match stem.strip_suffix(".down") {
        Some(stem) => (stem, true),
        None => (stem.strip_suffix(".up")?, false),
    };
    let (version, name) = stem.split_once('_')?;
    let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((version, name, is_down))
}

/// Returns whether folders hold `migration.sql` with `snapshot.json`, as Drizzle 1.0 writes them.
fn has_snapshots(tree: &Tree) -> bool {
    let has = |folder: &Tree, name: &str| folder.file(name).is_some();
    tree.folders.iter().any(|f| has(f, "migration.sql") && has(f, "snapshot.json"))
}

fn read_drizzle(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    if has_snapshots(tree) {
        return read_folders(tree, sources, set, "migration.sql");
    }
    let journal = tree.folder("meta").and_then(|meta| meta.file("_journal.json")?.text.as_deref());
    let journal: Option<serde_json::Value> =
        journal.and_then(|text| serde_json::from_str(text).ok());
    let tags: Vec<&str> = journal
        .as_ref()
        .and_then(|journal| journal["entries"].as_array())
        .map(|entries| entries.iter().filter_map(|entry| entry["tag"].as_str()).collect())
        .unwrap_or_default();
    let places = places(&tags);
    for tag in &tags {
        let path = format!("{tag}.sql");
        if tree.file(&path).is_none() {
            set.miss(tag, path, "Drizzle stops with an error, and nothing is applied");
        }
    }
    let mut ups = Vec::new();
    for (name, id) in tree.sql_files() {
        let stem = name.trim_end_matches(".sql");
        let place = places.get(stem).copied();
        if !tags.is_empty() && place.is_none() {
            set.skip(id, "is not in meta/_journal.json: Drizzle never runs it");
            continue;
        }
        let (digits, rest) = stem.split_once('_').unwrap_or((stem, ""));
        let version = place.map_or(Version::number(digits), |place| Version::place(digits, place));
        let mut up = whole(sources, id, version, rest);
        up.transaction = set.transaction;
        ups.push(up);
    }
    push_pairs(set, sources, ups, Vec::new());
}

/// Returns the first place of each name in a list.
fn places<'a>(names: &[&'a str]) -> HashMap<&'a str, usize> {
    let mut places = HashMap::new();
    for (place, name) in names.iter().enumerate() {
        places.entry(*name).or_insert(place);
    }
    places
}

fn read_supabase(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let mut is_first = true;
    for (name, id) in tree.sql_files() {
        let stem = name.strip_suffix(".sql").unwrap_or(name);
        let named = stem.split_once('_').filter(|(digits, _)| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
        let Some((digits, rest)) = named else {
            set.skip(id, "has no version in its name: Supabase skips it");
            continue;
        };
        // Old projects began with a file that the tool made of the remote database.
        if is_first && digits.len() == 14 && digits < "20211209" && rest == "init" {
            set.leave_out(id, "is the first file of an old project, which Supabase skips");
            continue;
        }
        is_first = false;
        let mut up = whole(sources, id, Version::text(digits), rest);
        up.transaction = set.transaction;
        set.push(up, None);
    }
}

fn read_atlas(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let files: Vec<(&str, FileId)> = tree.sql_files().collect();
    let is_checkpoint =
        |id| atlas_directives(&sources.get(id).text).any(|d| d.starts_with("checkpoint"));
    let checkpoint = files.iter().rposition(|(_, id)| is_checkpoint(*id));
    for (at, (name, id)) in files.iter().enumerate() {
        if let Some(checkpoint) = checkpoint.filter(|checkpoint| at < *checkpoint) {
            let later = files[checkpoint].0;
            let reason = format!(
                "comes before the checkpoint `{later}`, with which Atlas begins on an empty database"
            );
            set.leave_out(*id, reason);
            continue;
        }
        let stem = name.strip_suffix(".sql").unwrap_or(name);
        // Everything before the first `_` is the version.
        let (version, rest) = stem.split_once('_').unwrap_or((stem, ""));
        let mut up = whole(sources, *id, Version::text(version), rest);
        let is_off = atlas_directives(&sources.get(*id).text).any(|d| d == "txmode none");
        up.transaction = if is_off { TransactionMode::None } else { set.transaction };
        set.push(up, None);
    }
}

/// Returns what the lines `-- atlas:` at the very top of a file say. Where no blank line follows them
/// they belong to the first statement, and say nothing about the file.
fn atlas_directives(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim_start_matches('\u{feff}');
    let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("--")).collect();
    let is_closed = text.lines().nth(header.len()).is_none_or(|line| line.trim().is_empty());
    let header = if is_closed { header } else { Vec::new() };
    header.into_iter().filter_map(|line| {
        line.trim_start_matches('-').trim().strip_prefix("atlas:").map(str::trim)
    })
}

/// Splits `V1__name.sql` into kind, version and description, as refinery's own pattern does.
fn refinery_name(name: &str) -> Option<(char, &str, &str)> {
    let stem = name.strip_suffix(".sql")?;
    let kind = stem.chars().next().filter(|kind| matches!(kind, 'V' | 'U'))?;
    let (version, description) = stem[1..].split_once("__")?;
    let is_word = |c: char| c == '_' || c.is_alphanumeric();
    let is_named = version.parse::<i64>().is_ok() && !version.starts_with(['+', '-']);
    (is_named && !description.is_empty() && description.chars().all(is_word)).then_some((
        kind,
        version,
        description,
    ))
}

fn read_refinery(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let mut ups = Vec::new();
    for (path, id) in tree.all_sql_files() {
        let name = path.rsplit('/').next().unwrap_or(&path);
        let Some((_, version, description)) = refinery_name(name) else {
            set.skip(id, "is not named V1__name.sql: refinery ignores it");
            continue;
        };
        let mut up = whole(sources, id, Version::number(version), description);
        up.transaction = set.transaction;
        ups.push(up);
    }
    push_pairs(set, sources, ups, Vec::new());
}

/// Splits `001.do.name.sql` into version, direction and name.
fn postgrator_name(name: &str) -> Option<(&str, &str, &str)> {
    let mut parts = name.strip_suffix(".sql")?.splitn(3, '.');
    let (version, direction) = (parts.next()?, parts.next()?);
    let is_named = version.parse::<u64>().is_ok() && matches!(direction, "do" | "undo");
    is_named.then(|| (version, direction, parts.next().unwrap_or_default()))
}

fn read_postgrator(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let (mut ups, mut downs) = (Vec::new(), Vec::new());
    for (name, id) in tree.sql_files() {
        let Some((version, direction, rest)) = postgrator_name(name) else {
            set.skip(id, "is not named 001.do.sql: postgrator never runs it");
            continue;
        };
        let mut migration = whole(sources, id, Version::number(version), rest);
        migration.transaction = set.transaction;
        if direction == "do" { ups.push(migration) } else { downs.push(migration) }
    }
    push_pairs(set, sources, ups, downs);
}
