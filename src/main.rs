//! slotdeck: the window.

// No console beside the window on Windows; what is printed is still seen through a pipe.
#![windows_subsystem = "windows"]

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = slotdeck::os::ctrl_c::dispatch(std::env::args_os().skip(1)) {
        return code;
    }
    match slotdeck::gui::run::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("slotdeck: {why}");
            // Without a console nobody reads the line above.
            rfd::MessageDialog::new()
                .set_level(rfd::MessageLevel::Error)
                .set_title("Slotdeck")
                .set_description(why.to_string())
                .show();
            ExitCode::FAILURE
        }
    }
}
