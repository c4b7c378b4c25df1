//! The program as a user meets it: arguments, exit codes, bad input.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn lockmaster(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockmaster"));
    command.current_dir(folder).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    lockmaster(folder).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A project with two migrations, the second of which blocks writes.
fn project() -> TempDir {
    let folder = TempDir::new().unwrap();
    write(
        &folder,
        "migrations/0001_init.sql",
        "create table users (id bigint primary key, email text);\n",
    );
    write(&folder, "migrations/0002_index.sql", "create index users_email on users (email);\n");
    folder
}

fn write(folder: &TempDir, path: &str, text: &str) {
    let path = folder.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Asserts that a run fails with one clear line on standard error, and nothing else.
fn assert_refused(output: &Output, parts: &[&str]) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert_eq!(stdout(output), "");
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
    for part in parts {
        assert!(error.contains(part), "{error} lacks {part}");
    }
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let folder = project();
    assert_refused(&run(folder.path(), &["lint", "nowhere"]), &["`nowhere` does not exist"]);
    assert_refused(
        &run(folder.path(), &["lint", "migrations/0009_x.sql"]),
        &["0009_x.sql` does not exist"],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = project();
    std::os::unix::fs::symlink("loop.sql", folder.path().join("migrations/loop.sql")).unwrap();
    assert_refused(
        &run(folder.path(), &["lint", "migrations/loop.sql"]),
        &["cannot read", "loop.sql"],
    );
}

#[test]
fn a_directory_without_migrations_is_named() {
    let folder = TempDir::new().unwrap();
    assert_refused(&run(folder.path(), &["lint", "."]), &["no migrations in `.`"]);
    assert_refused(&run(folder.path(), &["lint"]), &["no migrations below `.`", "lockmaster init"]);
}

#[test]
fn migrations_in_a_language_that_is_not_read_are_named() {
    let folder = TempDir::new().unwrap();
    write(&folder, "database/migrations/2024_01_01_000000_create_users.php", "<?php");
    write(&folder, "database/migrations/2024_01_02_000000_index.php", "<?php");
    let parts = ["`database/migrations` holds 2 migrations in PHP, as Laravel names them"];
    assert_refused(&run(folder.path(), &["lint"]), &parts);
    assert_refused(&run(folder.path(), &["list", "."]), &parts);

    let folder = TempDir::new().unwrap();
    write(&folder, "migrations/00001_a.sql", "-- +goose Up\ncreate table a (id bigint);\n");
    write(&folder, "migrations/00002_fill.go", "package migrations");
    // Whether the table is there, only the migration in Go knows.
    write(&folder, "migrations/00003_b.sql", "-- +goose Up\nalter table b add column c int;\n");
    let list = stdout(&run(folder.path(), &["list"]));
    assert!(list.contains("not read: `00002_fill.go` is named as a migration in Go"), "{list}");
    let lint = stdout(&run(folder.path(), &["lint"]));
    assert!(lint.contains("holds 1 migration in Go (`00002_fill.go`)"), "{lint}");
    assert!(
        lint.contains("history assumed partial") && !lint.contains("certain-failure"),
        "{lint}"
    );
}

#[test]
fn a_bad_configuration_is_refused_with_the_place_and_the_right_word() {
    let folder = project();
    write(&folder, "lockmaster.toml", "pg-versoin = '15'\n");
    let output = run(folder.path(), &["lint", "migrations"]);
    assert_refused(
        &output,
        &["lockmaster.toml", "unknown key `pg-versoin`", "did you mean `pg-version`"],
    );
}

#[test]
fn an_unknown_rule_is_refused_with_the_right_word() {
    let folder = project();
    assert_refused(
        &run(folder.path(), &["explain", "blocking-idnex"]),
        &["did you mean `blocking-index`?"],
    );
    write(&folder, "lockmaster.toml", "[rules]\nignore = ['blocking-idnex']\n");
    assert_refused(
        &run(folder.path(), &["lint", "migrations"]),
        &["did you mean `blocking-index`?"],
    );
}

#[test]
fn a_version_that_is_not_known_is_refused() {
    let folder = project();
    assert_refused(&run(folder.path(), &["lint", "--pg-version", "9.6"]), &["`9.6`", "12 to 18"]);
}

#[test]
fn a_newer_version_is_treated_as_the_newest_and_said_so() {
    let folder = project();
    let output = run(folder.path(), &["lint", "--pg-version", "23", "migrations"]);
    assert!(stdout(&output).contains("PostgreSQL 23 is treated as 18"), "{}", stdout(&output));
    write(&folder, "lockmaster.toml", "pg-version = 19\n");
    let output = run(folder.path(), &["lint", "migrations"]);
    assert!(stdout(&output).contains("PostgreSQL 19 is treated as 18"), "{}", stdout(&output));
}

#[test]
fn the_exit_code_says_whether_something_bad_was_found() {
    let folder = project();
    let code = |arguments: &[&str]| run(folder.path(), arguments).status.code();
    assert_eq!(code(&["lint", "migrations"]), Some(1));
    assert_eq!(code(&["lint"]), Some(1), "the directory is found without its name");
    assert_eq!(code(&["lint", "--fail-on", "never", "migrations"]), Some(0));
    assert_eq!(code(&["lint", "migrations/0001_init.sql"]), Some(0));
    write(&folder, "lockmaster.toml", "fail-on = 'never'\n");
    assert_eq!(code(&["lint", "migrations"]), Some(0));
}

#[test]
fn a_single_file_is_read_with_its_directory_and_shown_alone() {
    let folder = project();
    write(&folder, "migrations/0003_more.sql", "create index users_id on users (id);\n");
    let output = run(folder.path(), &["lint", "--format", "concise", "migrations/0003_more.sql"]);
    assert!(
        stdout(&output).contains("0003_more.sql:1:1: error[blocking-index]"),
        "{}",
        stdout(&output)
    );
    assert!(!stdout(&output).contains("0002_index.sql"));
}

#[test]
fn lists_of_files_are_read() {
    let folder = project();
    write(&folder, "list", "README.md\nmigrations/0002_index.sql\n");
    let output = run(folder.path(), &["lint", "--format", "concise", "--files-from", "list"]);
    assert!(stdout(&output).contains("0002_index.sql:1:1"));
    write(&folder, "list", "");
    let output = run(folder.path(), &["lint", "--files-from", "list"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), String::new()));
}

#[test]
fn standard_input_is_a_migration_of_the_directory_that_it_is_named_for() {
    let folder = project();
    let lint = |arguments: &[&str], text: &str| {
        let mut command = lockmaster(folder.path());
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let index = "create index concurrently users_x on users (email);\nselect 'oops;\n";
    let output = lint(
        &["lint", "-", "--format", "concise", "--stdin-filename", "migrations/0003_new.sql"],
        index,
    );
    assert!(
        stdout(&output).contains("migrations/0003_new.sql:2:"),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    assert!(!stdout(&output).contains("0002_index"));
    let output = lint(&["lint", "-", "--format", "concise"], "create index i on t (a);");
    assert!(
        stdout(&output).contains(":1:1: error[blocking-index]"),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
}

#[test]
fn globs_choose_files() {
    let folder = project();
    let output = run(folder.path(), &["lint", "--exclude", "**/0002*", "migrations"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let output =
        run(folder.path(), &["lint", "--include", "**/0002*", "--format", "concise", "migrations"]);
    assert!(stdout(&output).contains("0002_index.sql"));
    write(&folder, "lockmaster.toml", "exclude = ['migrations/0002*']\n");
    assert_eq!(run(folder.path(), &["lint", "migrations"]).status.code(), Some(0));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = project();
    for number in 3..400 {
        write(
            &folder,
            &format!("migrations/{number:04}_x.sql"),
            "create index on users (email);\n",
        );
    }
    let mut child = lockmaster(folder.path())
        .args(["lint", "--fail-on", "never", "migrations"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

#[test]
fn colour_is_for_terminals_only() {
    let folder = project();
    assert!(!stdout(&run(folder.path(), &["lint", "migrations"])).contains('\x1b'));
    let forced = run(folder.path(), &["lint", "--color", "always", "migrations"]);
    assert!(stdout(&forced).contains('\x1b'));
}

#[test]
fn init_writes_what_it_recognised_and_does_not_overwrite() {
    let folder = project();
    let output = run(folder.path(), &["init"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = fs::read_to_string(folder.path().join("lockmaster.toml")).unwrap();
    assert!(
        text.contains("path = \"migrations\"") && text.contains("layout = \"numbered\""),
        "{text}"
    );
    assert_eq!(run(folder.path(), &["lint"]).status.code(), Some(1), "the file is valid and used");
    assert_refused(&run(folder.path(), &["init"]), &["`lockmaster.toml` exists", "--force"]);
}

#[test]
fn rules_can_be_listed_and_explained() {
    let folder = TempDir::new().unwrap();
    let list = stdout(&run(folder.path(), &["rules"]));
    for rule in lockmaster::rules::RULES {
        assert!(list.contains(rule.name));
        let page = stdout(&run(folder.path(), &["explain", rule.name]));
        assert!(page.contains(rule.title()), "{page}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&run(folder.path(), &["rules", "--format", "json"]))).unwrap();
    assert_eq!(json["rules"].as_array().unwrap().len(), lockmaster::rules::RULES.len());
}

#[test]
fn the_way_around_a_statement_is_printed_for_its_runner() {
    let folder = TempDir::new().unwrap();
    let up = |sql: &str| format!("-- +goose Up\n{sql}\n-- +goose Down\nselect 1;\n");
    write(
        &folder,
        "db/00001_users.sql",
        &up("create table users (id bigint primary key, email text);"),
    );
    write(&folder, "db/00002_email.sql", &up("alter table users alter column email set not null;"));
    let place = ["explain", "set-not-null-scan", "--for", "db/00002_email.sql:2"];
    insta::assert_snapshot!(stdout(&run(folder.path(), &place)), @"
    -- db/00002_email.sql:2: setting `email` to not null reads all of `users`: reads and writes of it wait until the transaction ends

    -- 1. a migration of its own: new and changed rows are checked from here on; no row may hold a null that anybody updates
    -- +goose Up
    set local lock_timeout = '5s';
    alter table users add constraint users_email_not_null check (email is not null) not valid;

    -- 2. a migration of its own: reads the table while others read and write it
    -- +goose Up
    set local lock_timeout = 0;
    set local statement_timeout = 0;
    alter table users validate constraint users_email_not_null;

    -- 3. a migration of its own: the valid check proves it: nothing is read
    -- +goose Up
    set local lock_timeout = '5s';
    alter table users alter column email set not null;
    alter table users drop constraint users_email_not_null;
    ");
    let on_18 = stdout(&run(folder.path(), &[&place[..], &["--pg-version", "18"]].concat()));
    assert!(
        on_18.contains("add constraint users_email_not_null not null email not valid"),
        "{on_18}"
    );
    let elsewhere = ["explain", "set-not-null-scan", "--for", "db/00001_users.sql:2"];
    assert_refused(&run(folder.path(), &elsewhere), &["`set-not-null-scan` reports nothing at"]);
    let nowhere = ["explain", "set-not-null-scan", "--for", "db/00001_users.sql"];
    assert_refused(&run(folder.path(), &nowhere), &["is not FILE:LINE"]);
}

#[test]
fn completions_are_printed_for_the_usual_shells() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = run(folder.path(), &["completions", shell]);
        assert!(output.status.success() && stdout(&output).contains("lockmaster"), "{shell}");
    }
}

#[test]
fn odd_files_are_read_or_said_not_to_be() {
    let folder = project();
    write(&folder, "migrations/0003_empty.sql", "");
    write(&folder, "migrations/0004_bom.sql", "\u{feff}alter table users add column a int;\r\n");
    fs::write(
        folder.path().join("migrations/0005_latin.sql"),
        b"comment on table users is 'caf\xe9';\n",
    )
    .unwrap();
    fs::write(
        folder.path().join("migrations/0006_wide.sql"),
        "comment on table users is '\u{1f600} 漢字';\nselect 1 from from;\n",
    )
    .unwrap();
    let output = stdout(&run(folder.path(), &["lint", "--format", "concise", "migrations"]));
    assert!(output.contains("0003_empty.sql:1:1: warning[empty-migration]"), "{output}");
    assert!(output.contains("0005_latin.sql:1:31: warning[not-analysed]"), "{output}");
    assert!(output.contains("0006_wide.sql:2:15: error[syntax-error]"), "{output}");
    assert!(!output.contains("0004_bom.sql:1:1: error[syntax-error]"), "{output}");
}

#[test]
fn fixes_are_written_once_and_keep_everything_else() {
    let folder = project();
    write(
        &folder,
        "migrations/0002_index.sql",
        "\u{feff}-- caf\u{e9}\r\ncreate index users_email on users (email);\r\n",
    );
    let diff =
        stdout(&run(folder.path(), &["lint", "--fix", "--unsafe-fixes", "--diff", "migrations"]));
    assert!(diff.contains("+create index concurrently users_email"), "{diff}");
    let before = fs::read(folder.path().join("migrations/0002_index.sql")).unwrap();
    assert!(
        String::from_utf8(before).unwrap().contains("create index users_email"),
        "--diff writes nothing"
    );
    run(folder.path(), &["lint", "--fix", "--unsafe-fixes", "migrations"]);
    let once = fs::read_to_string(folder.path().join("migrations/0002_index.sql")).unwrap();
    assert!(once.starts_with("\u{feff}-- caf\u{e9}\r\n"), "{once:?}");
    assert!(
        once.contains("create index concurrently users_email on users (email);\r\n"),
        "{once:?}"
    );
    run(folder.path(), &["lint", "--fix", "--unsafe-fixes", "migrations"]);
    assert_eq!(fs::read_to_string(folder.path().join("migrations/0002_index.sql")).unwrap(), once);
}

#[test]
fn lists_and_locks_are_what_their_schemas_say() {
    for (schema, arguments) in [
        ("docs/list.schema.json", &["list", "--format", "json", "--sql", "."][..]),
        ("docs/locks.schema.json", &["locks", "--format", "json", "."]),
    ] {
        let schema = fs::read_to_string(support::project(schema)).unwrap();
        let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
        for fixture in ["numbered/digis", "psql/takumi", "diesel/gotong-royong", "up-down/dogepump"]
        {
            let folder = support::project("fixtures").join(fixture);
            let output = stdout(&run(&folder, arguments));
            let json: serde_json::Value = serde_json::from_str(&output).unwrap();
            let errors: Vec<String> =
                validator.iter_errors(&json).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{fixture}: {errors:#?}");
        }
    }
}

#[test]
fn locks_name_the_worst_of_each_migration() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("0001_users.sql", "create table users (id bigint primary key, age int);\n");
    write("0002_age.sql", "alter table users alter column age type bigint;\n");
    let text = stdout(&run(folder.path(), &["locks", "--pg-version", "16", "."]));
    assert!(
        text.contains(
            "blocks reads and writes on `public.users` for as long as it takes to rewrite it"
        ),
        "{text}"
    );
    let markdown = stdout(&run(folder.path(), &["locks", "--format", "markdown", "."]));
    assert!(markdown.contains("AccessExclusiveLock on `public.users`"), "{markdown}");
    write(
        "0003_slow.sql",
        "begin;\nalter table users add column name text;\n\
         create table orders (id bigint);\ncommit;\n\
         begin;\nalter table users add column nick text;\n\
         create index orders_id on orders (id);\ncommit;\n\
         create index users_age on users (age);\ninsert into users values (1);\n",
    );
    let text = stdout(&run(folder.path(), &["locks", "0003_slow.sql"]));
    // What is slow runs under a lock on another table.
    let worst = "(up): blocks reads and writes on `public.users` for as long as it takes to build \
                 `public.orders_id` in line 7";
    assert!(text.contains(worst), "{text}");
    assert!(text.contains("held until line 4\n") && text.contains("held until line 8\n"), "{text}");
    let text = stdout(&run(folder.path(), &["locks", "--table", "orders", "0003_slow.sql"]));
    let worst = "(up): blocks writes on `public.orders` for as long as it takes to build \
                 `public.orders_id`\n";
    assert!(text.contains(worst) && !text.contains("add column"), "{text}");
    // Going back to a savepoint releases what was locked since.
    write(
        "0003_slow.sql",
        "begin;\nsavepoint a;\nalter table users add column name text;\n\
         savepoint b;\ncreate index users_age on users (age);\nrollback to b;\nrollback to a;\n\
         create index users_id on users (id);\ncommit;\n",
    );
    let text = stdout(&run(folder.path(), &["locks", "0003_slow.sql"]));
    assert!(text.contains("held until line 6\n") && text.contains("held until line 7\n"), "{text}");
    let worst = "(up): blocks reads and writes on `public.users` for as long as it takes to build \
                 `public.users_age` in line 5";
    assert!(text.contains(worst), "{text}");
}

/// Returns the places of blocking indexes that a run reports.
fn blocking_indexes(output: &Output) -> Vec<String> {
    let text = stdout(output);
    let lines = text.lines().filter(|line| line.contains("[blocking-index]"));
    lines.map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
}

/// A project with two directories of migrations, each with one that blocks writes.
fn two_sets() -> TempDir {
    let folder = project();
    write(&folder, "other/0001_init.sql", "create table t (a int);\n");
    write(&folder, "other/0002_index.sql", "create index on t (a);\n");
    folder
}

#[test]
fn folders_and_files_that_are_asked_for_are_all_shown_however_they_are_spelled() {
    let folder = two_sets();
    let absolute = folder.path().join("migrations/0002_index.sql");
    let absolute = absolute.to_str().unwrap();
    let both = ["migrations/0002_index.sql", "other/0002_index.sql"];
    for arguments in [
        ["other/0002_index.sql", "migrations"],
        ["other/0002_index.sql", "./migrations"],
        ["other/0002_index.sql", "."],
        [".", "other/0002_index.sql"],
        ["migrations", "./other/"],
        [".", "other"],
        ["migrations", "migrations/../other"],
    ] {
        let output =
            run(folder.path(), &["lint", "--format", "concise", arguments[0], arguments[1]]);
        let shown = blocking_indexes(&output);
        let mut shown: Vec<&str> =
            shown.iter().map(|path| path.trim_start_matches("migrations/../")).collect();
        shown.sort_unstable();
        assert_eq!(shown, both, "{arguments:?}");
    }
    let output = run(folder.path(), &["lint", "--format", "concise", "migrations", absolute]);
    assert_eq!(blocking_indexes(&output), both[..1]);
}

#[test]
fn standard_input_is_never_left_out() {
    let folder = two_sets();
    for (name, paths) in [
        ("./migrations/0002_index.sql", &["-"][..]),
        ("migrations/../migrations/0002_index.sql", &["migrations", "-"]),
        ("new/folder/0001_x.sql", &["-"]),
        ("new/folder/0001_x.sql", &["migrations", "-"]),
        ("other/0003_x.sql", &["migrations", "-"]),
    ] {
        let mut command = lockmaster(folder.path());
        command.args(["lint", "--format", "concise", "--stdin-filename", name]).args(paths);
        let output = with_input(command, "create index on accounts (id);\n");
        assert!(stdout(&output).contains("on `accounts` blocks"), "{name}: {}", stdout(&output));
    }
    let mut command = lockmaster(folder.path());
    command.args(["lint", "--format", "concise", "-", "migrations"]);
    let output = with_input(command, "create index on accounts (id);\n");
    assert_eq!(blocking_indexes(&output), ["<stdin>.sql", "migrations/0002_index.sql"]);
    assert_refused(&run(folder.path(), &["lint", "-", "-"]), &["standard input", "only once"]);
}

fn with_input(mut command: Command, text: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn globs_are_matched_from_the_current_folder() {
    let folder = two_sets();
    for arguments in [
        ["--include", "other/*", "."],
        ["--include", "other/*", "./other"],
        ["--exclude", "migrations", "."],
        ["--exclude", "./migrations/*", "./"],
    ] {
        let output = lockmaster(folder.path())
            .args(["lint", "--format", "concise"])
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(blocking_indexes(&output), ["other/0002_index.sql"], "{arguments:?}");
    }
}

#[test]
fn a_file_that_is_excluded_is_no_error_but_said_not_to_be_checked() {
    let folder = project();
    let output =
        run(folder.path(), &["lint", "migrations/0002_index.sql", "--exclude", "migrations/0002*"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("`migrations/0002_index.sql` is not checked"));
    let output =
        run(folder.path(), &["lint", "migrations/0002_index.sql", "--exclude", "migrations"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("`migrations/0002_index.sql` is not checked"));
}

#[test]
fn a_list_may_hold_names_that_git_has_quoted() {
    let folder = project();
    write(&folder, "migrations/0003_caf\u{e9}.sql", "create index on users (id);\n");
    write(&folder, "list", "\"migrations/0003_caf\\303\\251.sql\"\n");
    let output = run(folder.path(), &["lint", "--format", "concise", "--files-from", "list"]);
    assert_eq!(blocking_indexes(&output), ["migrations/0003_caf\u{e9}.sql"]);
}

#[test]
fn what_is_no_plain_file_is_not_read() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let folder = project();
    let migrations = folder.path().join("migrations");
    let pipe = migrations.join("0003_pipe.sql");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    symlink("/dev/zero", migrations.join("0004_zero.sql")).unwrap();
    symlink("nowhere.sql", migrations.join("0005_nowhere.sql")).unwrap();
    symlink(".", migrations.join("circle")).unwrap();
    fs::create_dir(migrations.join("0006_folder.sql")).unwrap();
    write(&folder, "migrations/0007_empty.sql", "");
    let strange = std::ffi::OsStr::from_bytes(b"0008_\xff.sql");
    fs::write(migrations.join(strange), "create index on users (id);\n").unwrap();
    let output = run(folder.path(), &["lint", "--format", "concise", "migrations"]);
    assert_eq!(
        blocking_indexes(&output),
        ["migrations/0002_index.sql", "migrations/0008_\u{fffd}.sql"]
    );
    assert_refused(
        &run(folder.path(), &["lint", "migrations/0003_pipe.sql"]),
        &["0003_pipe.sql` is neither a directory nor an .sql file"],
    );
}

#[test]
fn folders_that_link_to_each_other_are_not_walked_for_ever() {
    let folder = TempDir::new().unwrap();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    for name in names {
        write(&folder, &format!("{name}/0001_x.sql"), "create table t (a int);\n");
    }
    for (name, other) in names.iter().flat_map(|name| names.map(|other| (name, other))) {
        let link = folder.path().join(name).join(format!("to_{other}"));
        std::os::unix::fs::symlink(format!("../{other}"), link).unwrap();
    }
    assert_eq!(run(folder.path(), &["lint", "."]).status.code(), Some(0));
}

#[test]
fn a_configuration_deeper_than_the_folder_that_is_linted_holds_for_what_is_below_it() {
    let folder = two_sets();
    write(
        &folder,
        "other/lockmaster.toml",
        "layout = 'numbered'\ntransaction = 'runner'\nexclude = ['0003*']\nfail-on = 'never'\n",
    );
    write(&folder, "other/0003_x.sql", "create index on t (a);\n");
    write(&folder, "other/0004_y.sql", "create index concurrently on t (a);\n");
    let output = run(folder.path(), &["lint", "--format", "concise", "."]);
    assert_eq!(
        blocking_indexes(&output),
        ["migrations/0002_index.sql", "other/0002_index.sql"],
        "{}",
        stderr(&output)
    );
    let text = stdout(&output);
    assert!(text.contains("other/0004_y.sql:1:1: error[concurrently-in-transaction]"), "{text}");
    assert_eq!(output.status.code(), Some(1));
    let output = run(folder.path(), &["lint", "other"]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_directory_may_be_named_in_any_way_in_the_configuration() {
    for path in ["./migrations", "migrations/", "other/../migrations"] {
        let folder = two_sets();
        write(&folder, "migrations/0003_x.sql", "create index concurrently on users (id);\n");
        write(
            &folder,
            "lockmaster.toml",
            &format!("[[migrations]]\npath = '{path}'\ntransaction = 'runner'\n"),
        );
        for arguments in [&[][..], &["migrations"], &["./migrations/0003_x.sql"]] {
            let output = lockmaster(folder.path())
                .args(["lint", "--format", "concise"])
                .args(arguments)
                .output()
                .unwrap();
            let text = stdout(&output);
            let expected = "migrations/0003_x.sql:1:1: error[concurrently-in-transaction]";
            assert!(text.contains(expected), "{path} {arguments:?}: {text}");
        }
    }
}

#[test]
fn the_configured_directory_can_be_linted_from_inside() {
    let folder = project();
    assert!(run(folder.path(), &["init"]).status.success());
    let inside = folder.path().join("migrations");
    for arguments in [&["lint", "0002_index.sql"][..], &["lint", "./0002_index.sql"], &["lint"]] {
        let output = run(&inside, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stderr(&output));
        assert!(stdout(&output).contains("blocking-index"), "{}", stdout(&output));
    }
}
