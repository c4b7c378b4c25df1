//! Unified diffs, as `git apply` and `patch` read them.

use std::io::{self, Write};
use std::path::Path;

use similar::{ChangeTag, TextDiff};

use super::edit::Changed;

/// Writes what would be changed.
pub(super) fn write(out: &mut dyn Write, changed: &[Changed]) -> io::Result<()> {
    changed.iter().try_for_each(|change| write_file(out, change))
}

fn write_file(out: &mut dyn Write, change: &Changed) -> io::Result<()> {
    let before = match change.file {
        Some(_) => header_name("a", &change.path),
        None => "/dev/null".to_owned(),
    };
    writeln!(out, "--- {before}\n+++ {}", header_name("b", &change.path))?;
    let (old, new) = (lines(&change.old), lines(&change.new));
    let diff = TextDiff::configure().newline_terminated(true).diff_slices(&old, &new);
    for hunk in diff.unified_diff().iter_hunks() {
        writeln!(out, "{}", hunk.header())?;
        for line in hunk.iter_changes() {
            let sign = match line.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            write!(out, "{sign}{}", line.value())?;
            if !line.value().ends_with('\n') {
                writeln!(out, "\n\\ No newline at end of file")?;
            }
        }
    }
    Ok(())
}

/// Returns the lines of a text as `patch` counts them: a lone `\r` ends none.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Returns a path as it stands in the header of a diff.
fn header_name(side: &str, path: &Path) -> String {
    let path = path.display().to_string().replace(std::path::MAIN_SEPARATOR, "/");
    let path = path.strip_prefix("./").unwrap_or(&path).trim_start_matches('/');
    let name = format!("{side}/{path}");
    if name.contains(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
        return quoted(&name);
    }
    // The tab tells where a name with blanks ends.
    if name.contains(' ') { name + "\t" } else { name }
}

/// Quotes a name as git does.
fn quoted(name: &str) -> String {
    let mut quoted = String::from("\"");
    for c in name.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let bytes = c.to_string().into_bytes();
                quoted.extend(bytes.into_iter().map(|byte| format!("\\{byte:03o}")));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn diff(path: &str, old: Option<&str>, new: &str) -> String {
        let change = Changed {
            file: old.map(|_| FileId(0)),
            path: path.into(),
            old: old.unwrap_or_default().to_owned(),
            new: new.to_owned(),
        };
        let mut out = Vec::new();
        write(&mut out, &[change]).expect("memory takes all");
        String::from_utf8(out).expect("the diff is text")
    }

    #[test]
    fn line_breaks_and_their_absence_are_shown() {
        assert_eq!(
            diff("./db/a.sql", Some("a;\r\nb;\r\nc;\rd;"), "a;\r\nB;\r\nc;\rd;"),
            "--- a/db/a.sql\n+++ b/db/a.sql\n@@ -1,3 +1,3 @@\n a;\r\n-b;\r\n+B;\r\n c;\rd;\n\\ No newline at end of file\n"
        );
        assert_eq!(
            diff("a.sql", Some("a;\r"), "a;\n"),
            "--- a/a.sql\n+++ b/a.sql\n@@ -1 +1 @@\n-a;\r\n\\ No newline at end of file\n+a;\n"
        );
    }

    #[test]
    fn new_files_come_from_nowhere() {
        assert_eq!(
            diff("/tmp/b.sql", None, "b;\n"),
            "--- /dev/null\n+++ b/tmp/b.sql\n@@ -0,0 +1 @@\n+b;\n"
        );
    }

    #[test]
    fn odd_names_are_marked() {
        assert_eq!(header_name("a", Path::new("my files/x.sql")), "a/my files/x.sql\t");
        assert_eq!(header_name("a", Path::new("a\"b\n\u{1}.sql")), "\"a/a\\\"b\\n\\001.sql\"");
        assert_eq!(header_name("a", Path::new("é.sql")), "a/é.sql");
    }
}
