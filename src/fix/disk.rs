//! Files on disk: are they still what was read, and atomic writes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::edit::Changed;
use super::error::Error;
use super::refused::Reason;
use crate::diagnostic::Fix;
use crate::layout::Sources;
use crate::source::{FileId, SourceFile};

/// The files of a run as they lie on disk; each is looked at once, when a fix asks for it.
pub(super) struct Disk<'a> {
    sources: &'a Sources,
    looked: RefCell<Looked>,
}

#[derive(Default)]
struct Looked {
    files: BTreeMap<FileId, Option<Reason>>,
    /// Whose place on disk is whose.
    places: BTreeMap<PathBuf, FileId>,
}

impl<'a> Disk<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self { sources, looked: RefCell::default() }
    }

    /// Returns why a fix cannot be written.
    pub(super) fn obstacle(&self, fix: &Fix) -> Option<Reason> {
        let existing = fix.edits.iter().find_map(|edit| self.look(edit.file));
        existing.or_else(|| {
            let mut paths = fix.new_files.iter().map(|new| &new.path);
            // The link itself counts: a broken one is there too.
            let taken = paths.find(|path| fs::symlink_metadata(path).is_ok());
            taken.map(|path| Reason::Exists(path.clone()))
        })
    }

    fn look(&self, id: FileId) -> Option<Reason> {
        // What a fix added in this run is not on disk yet.
        let file = self.sources.files.get(id.index())?;
        let Looked { files, places } = &mut *self.looked.borrow_mut();
        let known = files.entry(id).or_insert_with(|| match place_of(file) {
            Err(reason) => Some(reason),
            Ok(place) => {
                let first = *places.entry(place).or_insert(id);
                (first != id).then(|| Reason::SameFile(self.sources.get(first).path.clone()))
            }
        });
        known.clone()
    }
}

/// Returns where a file is, behind all links, if it is what was read.
fn place_of(file: &SourceFile) -> Result<PathBuf, Reason> {
    let path = &file.path;
    let reason = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Reason::Missing(path.clone()),
        _ => Reason::Unreadable(path.clone(), error.to_string()),
    };
    let place = fs::canonicalize(path).map_err(reason)?;
    if !fs::metadata(&place).map_err(reason)?.is_file() {
        return Err(Reason::NotRegular(path.clone()));
    }
    let bytes = fs::read(&place).map_err(reason)?;
    if bytes == file.text.as_bytes() { Ok(place) } else { Err(Reason::Changed(path.clone())) }
}

/// Writes all changes, or none.
///
/// Every text first goes into a temporary file in the folder of the file that it replaces; only when
/// all of them are complete are they renamed over the files. Links are followed, not replaced.
pub(super) fn write(changed: &[Changed]) -> Result<(), Error> {
    let mut folders = NewFolders::default();
    let mut prepared = Vec::new();
    for change in changed {
        prepared.push(prepare(change, &mut folders)?);
    }
    let mut written: Vec<(&Changed, PathBuf)> = Vec::new();
    for (change, next) in changed.iter().zip(prepared) {
        let place = next.place.clone();
        match next.commit(change) {
            Ok(()) => written.push((change, place)),
            Err(error) => return Err(put_back(&written, error)),
        }
    }
    folders.keep();
    for (_, place) in &written {
        sync_folder(place);
    }
    Ok(())
}

/// A complete text that waits to take the place of its file.
struct Prepared {
    place: PathBuf,
    file: NamedTempFile,
}

fn prepare(change: &Changed, folders: &mut NewFolders) -> Result<Prepared, Error> {
    let path = &change.path;
    let failed = |source| Error::Write { path: path.clone(), source };
    if change.file.is_none() {
        if fs::symlink_metadata(path).is_ok() {
            return Err(Error::Exists(path.clone()));
        }
        let folder = folder_of(path);
        folders.create(folder).map_err(failed)?;
        refuse_read_only_folder(folder)?;
        let file = temporary(folder, &change.new, None).map_err(failed)?;
        return Ok(Prepared { place: path.clone(), file });
    }
    let place = fs::canonicalize(path).map_err(failed)?;
    let metadata = fs::metadata(&place).map_err(failed)?;
    if metadata.permissions().readonly() {
        return Err(Error::ReadOnlyFile(path.clone()));
    }
    refuse_read_only_folder(folder_of(&place))?;
    if fs::read(&place).map_err(failed)? != change.old.as_bytes() {
        return Err(Error::Changed(path.clone()));
    }
    let file = temporary(folder_of(&place), &change.new, Some(&metadata)).map_err(failed)?;
    Ok(Prepared { place, file })
}

impl Prepared {
    fn commit(self, change: &Changed) -> Result<(), Error> {
        let failed = |source| Error::Write { path: change.path.clone(), source };
        if change.file.is_some() {
            return self.file.persist(&self.place).map(drop).map_err(|e| failed(e.error));
        }
        self.file.persist_noclobber(&self.place).map(drop).map_err(|e| match e.error.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists(change.path.clone()),
            _ => failed(e.error),
        })
    }
}

/// Undoes what was written before `error`.
fn put_back(written: &[(&Changed, PathBuf)], error: Error) -> Error {
    let undo = |change: &Changed, place: &Path| {
        if change.file.is_none() {
            return fs::remove_file(place);
        }
        let metadata = fs::metadata(place)?;
        let file = temporary(folder_of(place), &change.old, Some(&metadata))?;
        file.persist(place).map(drop).map_err(|e| e.error)
    };
    let is_left = |(change, place): &&(&Changed, PathBuf)| undo(change, place).is_err();
    let left: Vec<PathBuf> =
        written.iter().filter(is_left).map(|(change, _)| change.path.clone()).collect();
    match error {
        error if left.is_empty() => error,
        Error::Write { path, source } => Error::Partly { path, source, written: left },
        Error::Exists(path) => {
            Error::Partly { path, source: io::ErrorKind::AlreadyExists.into(), written: left }
        }
        other => other,
    }
}

/// Writes a text to a temporary file, with the owner and the permissions of the file that it will
/// replace, or those of any new file.
fn temporary(
    folder: &Path,
    text: &str,
    original: Option<&fs::Metadata>,
) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".lockmaster-").suffix(".tmp");
    #[cfg(unix)]
    if original.is_none() {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Some(original) = original {
        keep_owner(file.as_file(), original);
        // After the owner, whose change takes bits away.
        file.as_file().set_permissions(original.permissions())?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

/// Gives a file the owner and the group of the original, as far as the user may.
#[cfg(unix)]
fn keep_owner(file: &fs::File, original: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let (user, group) = (original.uid(), original.gid());
    if fchown(file, Some(user), Some(group)).is_err() {
        // Only root gives files away; a group of one's own may be kept nevertheless.
        let _ = fchown(file, None, Some(group));
    }
}

#[cfg(not(unix))]
fn keep_owner(_: &fs::File, _: &fs::Metadata) {}

/// Refuses a folder that nobody may write to; root could, but was hardly meant to.
fn refuse_read_only_folder(folder: &Path) -> Result<(), Error> {
    let is_read_only = fs::metadata(folder).is_ok_and(|found| found.permissions().readonly());
    if cfg!(unix) && is_read_only {
        return Err(Error::ReadOnlyFolder(folder.to_owned()));
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes renames last, where folders can be synced.
fn sync_folder(place: &Path) {
    if cfg!(unix) {
        let _ = fs::File::open(folder_of(place)).and_then(|folder| folder.sync_all());
    }
}

/// Folders made for new files; removed again unless the files are written.
#[derive(Default)]
struct NewFolders(Vec<PathBuf>);

impl NewFolders {
    fn create(&mut self, folder: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|folder| **folder != *Path::new("") && !folder.exists())
            .collect();
        for folder in missing.into_iter().rev() {
            let parent = folder_of(folder);
            if cfg!(unix) && fs::metadata(parent)?.permissions().readonly() {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            fs::create_dir(folder)?;
            self.0.push(folder.to_owned());
        }
        Ok(())
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for NewFolders {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &Path, old: Option<&str>, new: &str) -> Changed {
        Changed {
            file: old.map(|_| FileId(0)),
            path: path.to_owned(),
            old: old.unwrap_or_default().to_owned(),
            new: new.to_owned(),
        }
    }

    #[test]
    fn what_was_written_is_put_back_when_the_rest_fails() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (a, b) = (folder.path().join("a.sql"), folder.path().join("new/b.sql"));
        fs::write(&a, "old").expect("the folder is ours");
        // The second of two equal files finds the first in its place, when all else is written.
        let changes =
            [change(&a, Some("old"), "new"), change(&b, None, "b"), change(&b, None, "b")];
        let error = write(&changes).expect_err("a file is not made twice");
        assert!(matches!(&error, Error::Exists(path) if *path == b), "{error}");
        assert_eq!(fs::read_to_string(&a).expect("it is there"), "old");
        let left = fs::read_dir(folder.path()).expect("it is there").count();
        assert_eq!(left, 1, "the new folder and the temporary files are gone");
    }

    #[test]
    fn a_file_that_changed_at_the_last_moment_is_not_written() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let a = folder.path().join("a.sql");
        fs::write(&a, "theirs").expect("the folder is ours");
        let error = write(&[change(&a, Some("old"), "new")]).expect_err("it changed");
        assert!(matches!(error, Error::Changed(_)), "{error}");
        assert_eq!(fs::read_to_string(&a).expect("it is there"), "theirs");
    }

    #[test]
    fn only_files_are_regular() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = place_of(&SourceFile::new(folder.path(), String::new()));
        assert_eq!(place, Err(Reason::NotRegular(folder.path().to_owned())));
    }
}
