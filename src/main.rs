//! The `lockmaster` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    match lockmaster::cli::run() {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one place that reports a failure to run")]
            {
                eprintln!("error: {error:#}");
            }
            ExitCode::from(2)
        }
    }
}
