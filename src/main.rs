//! slotdeck: the window.

// No console beside the window on Windows; what is printed is still seen through a pipe.
#![windows_subsystem = "windows"]

use std::process::ExitCode;

fn main() -> ExitCode {
    slotdeck::os::streams::keep_from_children();
    if let Some(code) = slotdeck::os::ctrl_c::dispatch(std::env::args_os().skip(1)) {
        return code;
    }
    slotdeck::gui::run::main()
}
