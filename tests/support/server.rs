//! Throw-away database servers.
//!
//! ```ignore
//! for major in server::versions() {
//!     let database = server::shared(major).database();
//!     database.run_message("create table t (id bigint)").expect("the table is made");
//! }
//! ```
//!
//! A server listens on a Unix socket in its own temporary directory only, so any number of
//! them run side by side. None outlives the test binary, however that ends.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use postgres::{Client, Config, NoTls};

/// Names the major versions to test, separated by commas, instead of the one of this machine.
const VERSIONS_VARIABLE: &str = "LOCKMASTER_TEST_POSTGRES";

/// Runs the server for as long as the test binary holds the other end of its standard input.
///
/// Statics are not dropped and a test binary may be killed, but its pipes are closed in any
/// case. Arguments: the directory of the programs, the temporary directory, further settings.
const SUPERVISOR: &str = r#"
bin=$1 home=$2 settings=$3
trap 'rm -rf "$home"' EXIT
exec 2>&1
"$bin/initdb" -D "$home/data" -U postgres -A trust --no-locale -E UTF8 -N || exit
cat >>"$home/data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$home'
port = 5432
max_connections = 200
max_locks_per_transaction = 256
max_prepared_transactions = 10
wal_level = logical
fsync = off
full_page_writes = off
synchronous_commit = off
autovacuum = off
jit = off
lc_messages = 'C'
timezone = 'UTC'
statement_timeout = '60s'
$settings
END
"$bin/pg_ctl" -D "$home/data" -l "$home/log" -w start </dev/null || { cat "$home/log"; exit 1; }
echo ready
cat >/dev/null
"$bin/pg_ctl" -D "$home/data" -m immediate -w stop >/dev/null
"#;

/// The major versions to test: what `LOCKMASTER_TEST_POSTGRES` says, or else the server of
/// this machine.
pub(crate) fn versions() -> Vec<u16> {
    match std::env::var(VERSIONS_VARIABLE) {
        Ok(list) => list
            .split(',')
            .map(|major| {
                major.trim().parse().unwrap_or_else(|_| {
                    panic!(
                        "{VERSIONS_VARIABLE} is `{list}`; expected major versions, as in `15,18`"
                    )
                })
            })
            .collect(),
        Err(_) => vec![system_installation().major],
    }
}

/// The server of a major version that all tests of this binary share; started when it is
/// first asked for.
pub(crate) fn shared(major: u16) -> &'static Server {
    static SERVERS: [OnceLock<Server>; 100] = [const { OnceLock::new() }; 100];
    SERVERS
        .get(usize::from(major))
        .unwrap_or_else(|| panic!("PostgreSQL {major} is not a version"))
        .get_or_init(|| Server::start(major))
}

/// A running server. Dropping it stops it and deletes all it had.
pub(crate) struct Server {
    major: u16,
    /// Contains the data and the socket.
    home: PathBuf,
    port: u16,
    supervisor: Child,
    databases: AtomicU32,
}

impl Server {
    /// Starts a server of a major version, from `target/postgres` or of this machine.
    pub(crate) fn start(major: u16) -> Server {
        let found = fetched_installations()
            .chain(system_installations())
            .find(|installation| installation.major == major);
        match found {
            Some(installation) => Server::start_installation(&installation, ""),
            None => panic!(
                "no server of PostgreSQL {major} found: \
                 `make test-oracle` or `scripts/setup --tests --oracle` fetches one"
            ),
        }
    }

    /// Starts the newest server that is installed on this machine.
    pub(crate) fn system() -> Server {
        Server::start_installation(&system_installation(), "")
    }

    /// Starts the newest server that is installed on this machine, with more lines of
    /// `postgresql.conf`, and lets it listen on a port of 127.0.0.1 as well: not every program
    /// knows Unix sockets.
    pub(crate) fn listening(settings: &str) -> Server {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a port of 127.0.0.1 is free").port();
        let address = format!("listen_addresses = '127.0.0.1'\nport = {port}\n{settings}");
        let mut server = Server::start_installation(&system_installation(), &address);
        server.port = port;
        server
    }

    /// The port, which is also a part of the socket's name.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn start_installation(installation: &Installation, settings: &str) -> Server {
        let account = server_account();
        let home = temporary_directory(account);
        let bin = accessible_programs(installation, &home, account);
        let mut command = command("sh", &home, account);
        command.args(["-c", SUPERVISOR, "supervisor"]).arg(bin).arg(&home).arg(settings);
        // Its own process group: Ctrl-C is meant for the tests, it has to clean up after them.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let supervisor = command.spawn().expect("the shell starts");
        let databases = AtomicU32::new(0);
        let mut server =
            Server { major: installation.major, home, port: 5432, supervisor, databases };

        let output = server.supervisor.stdout.take().expect("standard output is a pipe");
        let mut log = String::new();
        for line in BufReader::new(output).lines() {
            let line = line.expect("the supervisor writes UTF-8");
            if line == "ready" {
                return server;
            }
            log.push_str(&line);
            log.push('\n');
        }
        let bin = installation.bin.display();
        panic!("the server in {bin} does not start; `scripts/setup --tests` may repair it:\n{log}");
    }

    /// The major version.
    pub(crate) fn major(&self) -> u16 {
        self.major
    }

    /// Where its socket is, for other programs that are to connect (as user `postgres`).
    pub(crate) fn socket_directory(&self) -> &Path {
        &self.home
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.home.join("log")).expect("a running server has a log");
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Makes a fresh database.
    pub(crate) fn database(&self) -> Database<'_> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.connect("postgres")
            .batch_execute(&format!("create database {name}"))
            .unwrap_or_else(|error| panic!("cannot create database {name}: {error}"));
        Database { server: self, name }
    }

    fn connect(&self, database: &str) -> Client {
        self.try_connect(database)
            .unwrap_or_else(|error| panic!("cannot connect to database {database}: {error}"))
    }

    fn try_connect(&self, database: &str) -> Result<Client, postgres::Error> {
        self.config(database).connect(NoTls)
    }

    fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host_path(&self.home).port(self.port).user("postgres").dbname(database);
        config
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closes its standard input, which tells it to stop the server.
        let _ = self.supervisor.wait();
    }
}

/// A database of its own. Dropping it drops the database, with whoever is still connected.
pub(crate) struct Database<'server> {
    server: &'server Server,
    name: String,
}

impl Database<'_> {
    /// Its name, for other programs.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Connects as superuser.
    pub(crate) fn connect(&self) -> Client {
        self.server.connect(&self.name)
    }

    /// Connects as superuser, and keeps what the server says on the way in `notices`.
    pub(crate) fn connect_with(&self, notices: Arc<Mutex<Vec<String>>>) -> Client {
        let keep = move |notice: postgres::error::DbError| {
            notices
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(notice.message().to_owned());
        };
        let mut config = self.server.config(&self.name);
        config
            .notice_callback(keep)
            .connect(NoTls)
            .unwrap_or_else(|error| panic!("cannot connect to database {}: {error}", self.name))
    }

    /// Sends SQL as one message of the simple query protocol, on a connection of its own: all
    /// of it is one transaction, unless it says otherwise.
    pub(crate) fn run_message(&self, sql: &str) -> Result<(), ServerError> {
        run(&mut self.connect(), sql)
    }

    /// Sends statements one after the other on one connection, whether or not one fails.
    pub(crate) fn run_statements(&self, statements: &[&str]) -> Vec<Result<(), ServerError>> {
        let mut client = self.connect();
        statements.iter().map(|sql| run(&mut client, sql)).collect()
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // The server is deleted anyway, so what goes wrong here does not matter.
        let Ok(mut client) = self.server.try_connect("postgres") else { return };
        let name = &self.name;
        let _ = client.batch_execute(&format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        ));
        let _ = client.batch_execute(&format!("drop database {name}"));
    }
}

fn run(client: &mut Client, sql: &str) -> Result<(), ServerError> {
    client.batch_execute(sql).map_err(|error| match error.as_db_error() {
        Some(refusal) => ServerError {
            sqlstate: refusal.code().code().to_owned(),
            message: refusal.message().to_owned(),
        },
        None => panic!("the server did not answer: {error}\n{sql}"),
    })
}

/// What the server said when it refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerError {
    /// The five characters of the error's code.
    pub(crate) sqlstate: String,
    /// The primary message.
    pub(crate) message: String,
}

impl fmt::Display for ServerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.sqlstate, self.message)
    }
}

impl std::error::Error for ServerError {}

/// A directory with a server's programs.
struct Installation {
    major: u16,
    bin: PathBuf,
}

/// What `scripts/setup --oracle` fetched.
fn fetched_installations() -> impl Iterator<Item = Installation> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/postgres");
    entries(&root).into_iter().filter_map(|home| installation(home.join("bin")))
}

/// What is installed on this machine.
fn system_installations() -> impl Iterator<Item = Installation> {
    let debian = entries(Path::new("/usr/lib/postgresql"));
    let homebrew = ["/opt/homebrew/opt", "/usr/local/opt"].into_iter().flat_map(|directory| {
        let mut formulas = entries(Path::new(directory));
        formulas.retain(|formula| {
            formula.file_name().is_some_and(|name| name.to_string_lossy().starts_with("postgresql"))
        });
        formulas
    });
    debian
        .into_iter()
        .chain(homebrew)
        .map(|home| home.join("bin"))
        .chain(output("pg_config", &["--bindir"]).map(PathBuf::from))
        .filter_map(installation)
}

/// The newest server of this machine; `scripts/setup --tests` tries the same one.
fn system_installation() -> Installation {
    let newest = system_installations().max_by_key(|installation| installation.major);
    newest.expect("no PostgreSQL server found: `make test` or `scripts/setup --tests` installs one")
}

/// The programs in a directory, if there is a server among them and not only a client.
fn installation(bin: PathBuf) -> Option<Installation> {
    if !bin.join("initdb").exists() || !bin.join("pg_ctl").exists() {
        return None;
    }
    let version = output(bin.join("postgres").to_str()?, &["--version"])?;
    let number = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let major = number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    Some(Installation { major, bin })
}

/// The user that runs the servers if it is not the current one.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

/// A server refuses to run as root; `postgres` runs it then.
fn server_account() -> Option<Account> {
    let id = |arguments: &[&str]| output("id", arguments)?.parse::<u32>().ok();
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let user = id(&["-u", "postgres"]);
    let group = id(&["-g", "postgres"]);
    let account = user.zip(group).map(|(user, group)| Account { user, group });
    Some(account.expect(
        "there is no user `postgres` to run a server that refuses to run as root: \
         `make test` or `scripts/setup --tests` makes it",
    ))
}

/// A directory that belongs to the account; the supervisor deletes it.
///
/// In /tmp: the path of a socket has 107 bytes at most, and the account may not be able to
/// enter the directory in TMPDIR.
fn temporary_directory(account: Option<Account>) -> PathBuf {
    let directory = tempfile::Builder::new().prefix("lockmaster-").tempdir_in("/tmp");
    let home = directory.expect("a directory can be made in /tmp").keep();
    if let Some(Account { user, group }) = account {
        chown(&home, Some(user), Some(group)).expect("root may give a directory away");
    }
    home
}

/// The programs, or a copy of them if the account cannot enter the project's directory.
fn accessible_programs(
    installation: &Installation,
    home: &Path,
    account: Option<Account>,
) -> PathBuf {
    let Some(Account { user, group }) = account else { return installation.bin.clone() };
    let program = installation.bin.join("postgres");
    let program = program.to_str().expect("the path of an installation is UTF-8");
    if command(program, home, account).arg("--version").output().is_ok() {
        return installation.bin.clone();
    }
    let copy = home.join("postgres");
    let original = installation.bin.parent().expect("`bin` is in a directory");
    // The account deletes the copy, so it has to own it.
    let copied = Command::new("sh")
        .args(["-c", r#"cp -R "$1" "$2" && chown -R "$3" "$2""#, "copy"])
        .args([original, &copy])
        .arg(format!("{user}:{group}"))
        .status();
    assert!(copied.is_ok_and(|status| status.success()), "cannot copy {}", original.display());
    copy.join("bin")
}

/// A command that runs as the account, in a directory that it can enter.
fn command(program: &str, home: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(home).stdin(Stdio::null());
    if let Some(Account { user, group }) = account {
        command.uid(user).gid(group);
    }
    command
}

/// The first line that a program prints; nothing if it is missing or fails.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}

/// What is in a directory, sorted; nothing if it does not exist.
fn entries(directory: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}
