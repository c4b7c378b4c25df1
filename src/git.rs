//! Reads the files of another revision, with the program git.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Why a revision cannot be read, in one line.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program is not there, or cannot run.
    #[error("git cannot be run: {0}")]
    Run(#[from] io::Error),
    /// A folder is in no repository, or git refuses to read it.
    #[error("git cannot read `{folder}`: {answer}")]
    Repository {
        /// The folder.
        folder: PathBuf,
        /// What git says.
        answer: String,
    },
    /// The repository has no such revision.
    #[error("git knows no revision `{revision}`; {advice}")]
    Unknown {
        /// The revision.
        revision: String,
        /// What to do.
        advice: &'static str,
    },
    /// The revision has no commit in common with the one that is checked out.
    #[error("`{revision}` and what is checked out have no commit in common; {advice}")]
    Unrelated {
        /// The revision.
        revision: String,
        /// What to do.
        advice: &'static str,
    },
}

/// What to do about a clone that lacks commits.
const SHALLOW: &str = "the clone is shallow: fetch its history (`git fetch --unshallow`, or `fetch-depth: 0` for actions/checkout)";

/// A revision, as it is seen from a folder of the working tree.
#[derive(Debug)]
pub struct Revision {
    folder: PathBuf,
    /// The commit that it names.
    pub tip: String,
    /// The last commit that it has in common with what is checked out.
    pub base: String,
}

/// A file of a commit.
#[derive(Debug, PartialEq, Eq)]
pub enum Blob {
    /// The working tree has the same.
    Unchanged,
    /// It is another now, or is gone: its bytes.
    Other(Vec<u8>),
}

impl Revision {
    /// Finds a revision from a folder of the working tree on.
    pub fn find(folder: &Path, revision: &str) -> Result<Self, GitError> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let inside = run(folder, &["rev-parse", "--is-inside-work-tree"])?;
        if !inside.status.success() {
            let folder = folder.to_owned();
            return Err(GitError::Repository { folder, answer: first_line(&inside.stderr) });
        }
        let is_shallow = run(folder, &["rev-parse", "--is-shallow-repository"])?;
        let is_shallow = first_line(&is_shallow.stdout) == "true";
        let tip = (!revision.starts_with('-') && !revision.is_empty())
            .then(|| {
                let commit = format!("{revision}^{{commit}}");
                run(folder, &["rev-parse", "--verify", "--quiet", &commit])
            })
            .transpose()?;
        let Some(tip) = tip.filter(|output| output.status.success()) else {
            let advice = if is_shallow { SHALLOW } else { "fetch it first" };
            return Err(GitError::Unknown { revision: revision.to_owned(), advice });
        };
        let tip = first_line(&tip.stdout);
        let base = run(folder, &["merge-base", &tip, "HEAD"])?;
        if !base.status.success() {
            let advice = if is_shallow { SHALLOW } else { "name one from which it began" };
            return Err(GitError::Unrelated { revision: revision.to_owned(), advice });
        }
        Ok(Self { folder: folder.to_owned(), tip, base: first_line(&base.stdout) })
    }

    /// Returns the files that a commit has below the folder, by their paths from there, as far as they
    /// are wanted.
    pub fn files(
        &self,
        commit: &str,
        is_wanted: &dyn Fn(&Path) -> bool,
    ) -> Result<BTreeMap<PathBuf, Blob>, GitError> {
        // With line endings and the like as the working tree has them.
        let diff = ["diff", "--name-only", "--no-renames", "--no-ext-diff", "--relative", "-z"];
        let changed = self.ask(&[&diff[..], &[commit, "--", "."]].concat())?;
        let changed: BTreeSet<PathBuf> = names(&changed).collect();
        let listed = self.ask(&["ls-tree", "-r", "-z", commit])?;
        let mut files = BTreeMap::new();
        let mut others = Vec::new();
        for entry in listed.split(|byte| *byte == 0) {
            let Some(tab) = entry.iter().position(|byte| *byte == b'\t') else { continue };
            let (facts, name) = entry.split_at(tab);
            let facts = String::from_utf8_lossy(facts);
            let mut facts = facts.split(' ');
            let (_, kind, object) = (facts.next(), facts.next(), facts.next());
            let path = path(name.get(1..).unwrap_or_default());
            let (Some("blob"), Some(object), true) = (kind, object, is_wanted(&path)) else {
                continue;
            };
            if changed.contains(&path) {
                others.push((path, object.to_owned()));
            } else {
                files.insert(path, Blob::Unchanged);
            }
        }
        let objects: Vec<&str> = others.iter().map(|(_, object)| object.as_str()).collect();
        let blobs = self.read(&objects)?;
        files.extend(
            others.into_iter().map(|(path, _)| path).zip(blobs.into_iter().map(Blob::Other)),
        );
        Ok(files)
    }

    /// Returns the bytes of objects.
    fn read(&self, objects: &[&str]) -> Result<Vec<Vec<u8>>, GitError> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let mut child = command(&self.folder)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = child.stdin.take();
        let asked = objects.join("\n") + "\n";
        // It answers before it has read everything.
        let output = std::thread::scope(|scope| {
            scope.spawn(move || input.map(|mut input| input.write_all(asked.as_bytes())));
            child.wait_with_output()
        })?;
        let mut rest = &output.stdout[..];
        let mut found = Vec::with_capacity(objects.len());
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let head = String::from_utf8_lossy(&rest[..end]);
            let length = head.rsplit(' ').next().and_then(|length| length.parse::<usize>().ok());
            let start = end + 1;
            let Some(bytes) = length.and_then(|length| rest.get(start..start + length)) else {
                break;
            };
            found.push(bytes.to_vec());
            rest = rest.get(start + bytes.len() + 1..).unwrap_or_default();
        }
        if found.len() < objects.len() {
            let answer = "an object is missing".to_owned();
            return Err(GitError::Repository { folder: self.folder.clone(), answer });
        }
        Ok(found)
    }

    fn ask(&self, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
        let output = run(&self.folder, arguments)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let answer = first_line(&output.stderr);
        Err(GitError::Repository { folder: self.folder.clone(), answer })
    }
}

/// Returns the program as it runs in a folder, whatever a hook that runs us has set.
fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).env("LC_ALL", "C").stdin(Stdio::null());
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    command
}

fn run(folder: &Path, arguments: &[&str]) -> io::Result<Output> {
    command(folder).args(arguments).output()
}

fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("fatal: ").trim().to_owned()
}

fn names(bytes: &[u8]) -> impl Iterator<Item = PathBuf> {
    bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(path)
}

/// Returns the path that git spells, as paths of files are spelled here.
#[cfg(unix)]
fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// Returns the path that git spells, as paths of files are spelled here.
#[cfg(not(unix))]
fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}
