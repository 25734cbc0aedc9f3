//! Native message boxes, for when there is no window of ours to speak in.

use rfd::{MessageButtons, MessageDialog, MessageDialogResult, MessageLevel};

use crate::os::window::{has_display, has_output};

use super::i18n::tr;

/// Says it in a box, and on standard error for whoever started the program in a terminal.
pub fn error(text: &str) {
    eprintln!("slotdeck: {text}");
    if has_display() {
        dialog(MessageLevel::Error, text).show();
    }
}

/// Asks whether to try again. Nobody to ask is a no.
#[must_use]
pub fn try_again(text: &str) -> bool {
    eprintln!("slotdeck: {text}");
    let buttons = MessageButtons::OkCancelCustom(tr!("run.try_again"), tr!("run.close"));
    let answer = has_display().then(|| dialog(MessageLevel::Warning, text).set_buttons(buttons).show());
    match answer {
        Some(MessageDialogResult::Ok | MessageDialogResult::Yes) => true,
        Some(MessageDialogResult::Custom(button)) => button == tr!("run.try_again"),
        _ => false,
    }
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
