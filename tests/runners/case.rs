//! A runner, and a directory that it is to apply.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::log::{self, Message};
use crate::observation::observe;
use crate::prediction::{self, Statement};
use crate::support::project;
use crate::support::server::{Database, Server};

/// How a real runner is called.
pub(crate) struct Runner {
    /// The layout that its directories are to be taken for.
    pub(crate) layout: &'static str,
    /// Words of the statements that it sends for itself, in lower case and without white space.
    pub(crate) own: &'static [&'static str],
    /// Applies everything.
    pub(crate) up: fn(&Place<'_>) -> Command,
    /// Takes everything back, given the number of migrations; not every runner can.
    pub(crate) down: Option<fn(&Place<'_>, usize) -> Command>,
    /// Takes a file that cannot be applied out of the directory.
    pub(crate) remove: fn(&Path, &str),
}

/// A runner without habits of its own.
pub(crate) const RUNNER: Runner = Runner {
    layout: "",
    own: &[],
    up: |_| Command::new("false"),
    down: None,
    remove: |folder, path| fs::remove_file(folder.join(path)).unwrap(),
};

/// Where a runner works.
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a Path,
    database: &'a Database<'static>,
}

impl Place<'_> {
    /// Returns a command of a program that `scripts/setup` put below `target/tools`.
    pub(crate) fn tool(&self, path: &str, arguments: &[&str]) -> Command {
        let program = project("target/tools").join(path);
        let name = program.display();
        assert!(program.exists(), "{name} is missing: `scripts/setup --tests` installs it");
        self.command(program, arguments)
    }

    /// Returns a command that runs a program of an npm package a number of times, as long as it succeeds.
    pub(crate) fn node(&self, name: &str, arguments: &[&str], times: usize) -> Command {
        let path = format!("node-runners/node_modules/.bin/{name}");
        let once = self.tool(&path, arguments);
        let mut command = self.command("sh", &["-c", AGAIN, "again", &times.to_string()]);
        command.arg(once.get_program()).args(once.get_args());
        command
    }

    /// Returns a command that runs JavaScript which has the npm packages at hand.
    pub(crate) fn script(&self, script: &str) -> Command {
        self.tool("node-runners/node_modules/pg", &[]);
        self.command("node", &["-e", script])
    }

    /// Returns a command of a program of this machine.
    pub(crate) fn installed(&self, name: &str, arguments: &[&str]) -> Command {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let is_there = std::env::split_paths(&paths).any(|folder| folder.join(name).is_file());
        assert!(is_there, "{name} is missing: `scripts/setup --tests` installs it");
        self.command(name, arguments)
    }

    /// Returns a command that finds the database in its environment.
    pub(crate) fn command(&self, program: impl Into<PathBuf>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program.into());
        command.args(arguments).current_dir(self.folder).stdin(Stdio::null());
        command.env("DATABASE_URL", self.url()).env("PGHOST", "127.0.0.1");
        command.env("PGPORT", self.port()).env("PGUSER", "postgres").env("PGPASSWORD", "postgres");
        command.env("PGDATABASE", self.database.name()).env("PGSSLMODE", "disable");
        let modules = project("target/tools/node-runners/node_modules");
        let mut paths = vec![modules.join(".bin")];
        paths.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        command.env("NODE_PATH", modules).env("PATH", std::env::join_paths(paths).unwrap());
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    pub(crate) fn port(&self) -> &str {
        static PORT: OnceLock<String> = OnceLock::new();
        PORT.get_or_init(|| server().port().to_string())
    }

    pub(crate) fn database(&self) -> &str {
        self.database.name()
    }

    pub(crate) fn url(&self) -> String {
        let (port, name) = (self.port(), self.database.name());
        format!("postgres://postgres:postgres@127.0.0.1:{port}/{name}?sslmode=disable")
    }
}

/// Runs a command as often as the first argument says.
const AGAIN: &str = r#"n=$1; shift; while [ "$n" -gt 0 ]; do "$@" || exit; n=$((n - 1)); done"#;

/// The server of all cases.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::listening(log::SETTINGS))
}

/// Writes files, each headed by `==> path`.
pub(crate) fn directory(files: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    write(folder.path(), files);
    folder
}

/// Adds files to a directory.
pub(crate) fn write(folder: &Path, files: &str) {
    for file in files.split("==> ").skip(1) {
        let (name, text) = file.split_once('\n').unwrap_or((file, ""));
        let path = folder.join(name.trim());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Applies a directory with the runner, and takes it back, and asserts that the server received what
/// Lockmaster says. Where the server refuses a statement, as it is to be, the file is taken out and all
/// begins again, on an empty database.
///
/// Returns what was refused: file and SQLSTATE, in the order in which it came up.
pub(crate) fn apply(runner: &Runner, files: &str) -> Vec<String> {
    let folder = directory(files);
    assert_eq!(prediction::layout(folder.path()), runner.layout);
    let mut refused = Vec::new();
    loop {
        let database = server().database();
        let place = Place { folder: folder.path(), database: &database };
        let ups = prediction::statements(folder.path(), "up");
        let output = run(&mut (runner.up)(&place));
        let messages = log::messages(server(), &database);
        if let Some(is_one) =
            observe(&messages, &ups, runner.own).is_one_transaction(&messages, &ups)
        {
            let said = prediction::is_one_transaction(folder.path());
            assert_eq!(is_one, said, "one transaction for all: {messages:#?}");
        }
        let Some(at) = compare(runner, &ups, &messages, &output) else {
            if let Some(down) = runner.down {
                let downs = prediction::statements(folder.path(), "down");
                let output = run(&mut down(&place, count(&ups)));
                let messages = log::messages(server(), &database).split_off(messages.len());
                let failed = compare(runner, &downs, &messages, &output);
                assert_eq!(failed, None, "a way back is refused: {downs:#?}");
            }
            return refused;
        };
        refused.push(format!("{} {}", ups[at].path, ups[at].fails.as_deref().unwrap_or_default()));
        (runner.remove)(folder.path(), &ups[at].path);
    }
}

/// A directory that a runner may refuse, with a database of its own.
pub(crate) struct Attempt<'a> {
    runner: &'a Runner,
    folder: TempDir,
    database: Database<'static>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(runner: &'a Runner, files: &str) -> Self {
        Self { runner, folder: directory(files), database: server().database() }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Applies everything; what the runner says is the error if it fails.
    pub(crate) fn up(&self) -> Result<(), String> {
        self.run(self.runner.up)
    }

    /// Takes everything back.
    pub(crate) fn down(&self, count: usize) -> Result<(), String> {
        let down = self.runner.down.unwrap();
        self.run(|place| down(place, count))
    }

    fn run(&self, command: impl FnOnce(&Place<'_>) -> Command) -> Result<(), String> {
        let place = Place { folder: self.folder(), database: &self.database };
        let output = run(&mut command(&place));
        if output.succeeded { Ok(()) } else { Err(output.text) }
    }

    /// Removes those of the files, each headed by `==> path`, in whose path a name occurs.
    pub(crate) fn remove(&self, files: &str, name: &str) {
        let paths = files.lines().filter_map(|line| line.strip_prefix("==> "));
        for path in paths.filter(|path| path.contains(name)) {
            let path = self.folder().join(path);
            fs::remove_file(&path).unwrap();
            // Where a folder is the migration, it goes with its last file.
            let _ = fs::remove_dir(path.parent().unwrap());
        }
    }

    /// Returns which of the tables `first` and `second` there are.
    pub(crate) fn tables(&self) -> Vec<String> {
        let sql =
            "select relname::text from pg_class where relname in ('first', 'second') order by 1";
        let rows = self.database.connect().query(sql, &[]).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// What became of a program.
struct Output {
    succeeded: bool,
    text: String,
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    Output { succeeded: output.status.success(), text: text.concat() }
}

fn count(statements: &[Statement]) -> usize {
    let mut versions: Vec<&str> = statements.iter().map(|s| s.version.as_str()).collect();
    versions.dedup();
    versions.len()
}

/// Asserts that what was predicted is what happened, and returns which statement the server refused.
fn compare(
    runner: &Runner,
    predicted: &[Statement],
    messages: &[Message],
    output: &Output,
) -> Option<usize> {
    let seen = observe(messages, predicted, runner.own);
    let context = || format!("predicted {predicted:#?}\nreceived {messages:#?}\n{}", output.text);
    assert!(seen.surprises.is_empty(), "not predicted: {:#?}\n{}", seen.surprises, context());
    for arrival in seen.arrivals.iter().filter(|arrival| !arrival.transaction.is_empty()) {
        let statement = &predicted[arrival.statement];
        assert_eq!(arrival.transaction, statement.transaction, "{statement:#?}\n{}", context());
    }
    let expected = predicted.iter().position(|statement| statement.fails.is_some());
    let failed = seen.arrivals.iter().find(|arrival| messages[arrival.message].error.is_some());
    let Some(failed) = failed else {
        assert_eq!(expected, None, "not refused: {}", context());
        assert_eq!(seen.arrivals.len(), predicted.len(), "not all arrived: {}", context());
        assert!(output.succeeded, "{}", context());
        return None;
    };
    let with = seen.arrivals.iter().filter(|arrival| arrival.message == failed.message);
    let with: Vec<usize> = with.map(|arrival| arrival.statement).collect();
    let Some(expected) = expected.filter(|expected| with.contains(expected)) else {
        panic!("refused: {:?}\n{}", messages[failed.message], context());
    };
    let sqlstate = messages[failed.message].error.as_ref().map(|(sqlstate, _)| sqlstate.as_str());
    assert_eq!(sqlstate, predicted[expected].fails.as_deref(), "{}", context());
    assert_eq!(with.last(), Some(&(seen.arrivals.len() - 1)), "it went on: {}", context());
    assert!(!output.succeeded, "it says nothing of it: {}", context());
    Some(expected)
}
