//! slotctl: the terminal twin of Slotdeck.

use std::process::ExitCode;

fn main() -> ExitCode {
    slotdeck::os::streams::keep_from_children();
    if let Some(code) = slotdeck::os::ctrl_c::dispatch(std::env::args_os().skip(1)) {
        return code;
    }
    ExitCode::from(slotdeck::cli::run(std::env::args_os().skip(1).collect()))
}
