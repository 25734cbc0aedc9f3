//! slotdeck: the window.

// A release build on Windows opens no console beside the window; a debug build keeps it for its messages.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

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
