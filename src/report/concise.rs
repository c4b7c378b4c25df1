//! One line per diagnostic: `path:line:column: error[rule]: message`.

use std::io::{self, Write};

use super::{Report, shown_path, visible};

/// Writes one line per diagnostic.
pub(super) fn write(report: &Report, writer: &mut (impl Write + ?Sized)) -> io::Result<()> {
    for diagnostic in report.diagnostics {
        let file = report.sources.get(diagnostic.file);
        let path = shown_path(&file.path);
        let position = file.position(diagnostic.span.start);
        writeln!(
            writer,
            "{}:{}:{}: {}[{}]: {}",
            visible::one_line(&path),
            position.line,
            position.column,
            diagnostic.severity.as_str(),
            diagnostic.rule,
            visible::one_line(&diagnostic.message)
        )?;
    }
    Ok(())
}
