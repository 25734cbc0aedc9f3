//! Native message boxes, for when there is no window of ours to speak in.

use rfd::{MessageButtons, MessageDialog, MessageDialogResult, MessageLevel};

use crate::os::window::{has_display, has_output};

/// Says it in a box, and on standard error for whoever started the program in a terminal.
pub fn error(text: &str) {
    eprintln!("slotdeck: {text}");
    if has_display() {
        dialog(MessageLevel::Error, text).show();
    }
}

/// Asks a question, in words that yes and no answer. Nobody to ask is a no.
#[must_use]
pub fn ask(text: &str) -> bool {
    eprintln!("slotdeck: {text}");
    let ask = || dialog(MessageLevel::Warning, text).set_buttons(MessageButtons::YesNo).show();
    has_display() && ask() == MessageDialogResult::Yes
}

/// Prints what was asked for, in a box where nobody could read it.
pub fn print(text: &str) {
    if has_output() {
        println!("{}", text.trim_end());
    } else {
        dialog(MessageLevel::Info, text).show();
    }
}

/// Says that the arguments can't be read; in a box where nobody could read it.
pub fn complain(text: &str) {
    eprintln!("{}", text.trim_end());
    if !has_output() {
        dialog(MessageLevel::Error, text).show();
    }
}

fn dialog(level: MessageLevel, text: &str) -> MessageDialog {
    MessageDialog::new().set_level(level).set_title("Slotdeck").set_description(text)
}
