//! Problems in words, beside their field: an icon and a text, so that colour is never the only sign.

use egui::{Label, RichText, Ui};

use crate::core::spec::{Problem, ProblemKind, Severity};
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};
use crate::gui::words;

/// How many ports that are in use are named; the rest is counted.
const PORTS_SHOWN: usize = 3;

/// Whether another program has the port.
#[must_use]
pub fn is_port_in_use(problem: &Problem) -> bool {
    matches!(problem.kind, ProblemKind::PortInUse { .. } | ProblemKind::BusPortInUse { .. })
}

/// One line for each problem; ports in use are cut short, as there may be hundreds.
pub fn problem_list<'a>(ui: &mut Ui, problems: impl IntoIterator<Item = &'a Problem>) {
    let mut in_use = 0;
    for problem in problems {
        in_use += usize::from(is_port_in_use(problem));
        if is_port_in_use(problem) && in_use > PORTS_SHOWN {
            continue;
        }
        let tone = match problem.severity {
            Severity::Error => Tone::Bad,
            Severity::Warning => Tone::Warn,
        };
        tone_line(ui, tone, words::problem(&problem.kind));
    }
    if in_use > PORTS_SHOWN {
        ui.weak(tr!("banner.more", count = in_use - PORTS_SHOWN));
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
