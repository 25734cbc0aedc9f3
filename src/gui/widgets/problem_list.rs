//! Problems in words, beside their field: an icon and a text, so that colour is never the only sign.

use egui::{Label, RichText, Ui};

use crate::core::spec::{Problem, Severity};
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};
use crate::gui::words;

/// One line for each problem.
pub fn problem_list<'a>(ui: &mut Ui, problems: impl IntoIterator<Item = &'a Problem>) {
    for problem in problems {
        let tone = match problem.severity {
            Severity::Error => Tone::Bad,
            Severity::Warning => Tone::Warn,
        };
        tone_line(ui, tone, words::problem(&problem.kind));
    }
}

/// A line with its tone's icon; the text wraps.
pub fn tone_line(ui: &mut Ui, tone: Tone, text: impl Into<String>) {
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        tone_icon(ui, tone);
        let text = RichText::new(text.into());
        let text = match tone {
            Tone::Bad | Tone::Warn => text.color(Palette::of(ui).tone(tone)),
            Tone::Good | Tone::Busy | Tone::Quiet => text,
        };
        ui.add(Label::new(text).wrap());
    });
}

/// The icon of a tone alone; the word that goes with it must stand beside it.
pub fn tone_icon(ui: &mut Ui, tone: Tone) {
    let icon = match tone {
        Tone::Good => Icon::Ok,
        Tone::Busy => Icon::Busy,
        Tone::Warn => Icon::Warning,
        Tone::Bad => Icon::Error,
        Tone::Quiet => Icon::Unknown,
    };
    ui.add(Label::new(icon.rich().color(Palette::of(ui).tone(tone))).selectable(false));
}
