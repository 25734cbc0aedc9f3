//! How to get a server: shown where none was found, and folded away below those that were.

use egui::{Label, RichText, Ui};

use crate::core::getting::{How, System, Way, ways};
use crate::core::limits::{Limit, Weight};
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::words;

/// The ways of this system, each with what it brings and a line to copy.
#[must_use]
pub(super) fn getting_ui(ui: &mut Ui) -> Option<Action> {
    let mut action = None;
    for way in ways(system(ui)) {
        ui.add_space(2.0);
        ui.separator();
        Action::note(&mut action, way_ui(ui, way));
    }
    action
}

/// The system of the window: in a test, the one it plays.
fn system(ui: &Ui) -> System {
    match ui.os() {
        egui::os::OperatingSystem::Windows => System::Windows,
        egui::os::OperatingSystem::Mac => System::Mac,
        egui::os::OperatingSystem::Nix => System::Linux,
        _ => System::here(),
    }
}

fn way_ui(ui: &mut Ui, way: &Way) -> Option<Action> {
    let mut action = None;
    ui.horizontal_wrapped(|ui| {
        ui.strong(way.name);
        ui.hyperlink_to(tr!("getting.page"), way.link).on_hover_text(way.link);
        if way.is_sound() {
            bits::state(ui, Tone::Good, Icon::Ok, tr!("getting.tried"));
        }
        limits_ui(ui, &way.limits());
    });
    match way.how {
        How::Lines(lines) => {
            for line in lines {
                ui.horizontal_wrapped(|ui| {
                    Action::note(&mut action, bits::copy_button(ui, tr!("getting.copy", line = line), line));
                    ui.add(Label::new(RichText::new(*line).monospace()));
                });
            }
        }
        How::Download => {
            ui.add(Label::new(tr!("getting.download")).wrap());
        }
    }
    action
}

/// What a server can't do, each as icon and word, with the reason on hover. Put into a row that wraps.
pub(super) fn limits_ui(ui: &mut Ui, limits: &[Limit]) {
    let colors = Palette::of(ui);
    for limit in limits {
        let (tone, icon) = sign(limit.weight());
        let text = RichText::new(icon.with(words::limit(*limit))).color(colors.tone(tone));
        // Not broken within: the next one goes to the next line.
        ui.add(Label::new(text).extend()).on_hover_text(words::limit_why(*limit));
    }
}

fn sign(weight: Weight) -> (Tone, Icon) {
    match weight {
        Weight::Serious => (Tone::Bad, Icon::Error),
        Weight::Warning => (Tone::Warn, Icon::Warning),
        Weight::Note => (Tone::Quiet, Icon::Info),
    }
}
