//! slotctl: the terminal twin of Slotdeck.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(slotdeck::cli::run(std::env::args_os().skip(1).collect()))
}
