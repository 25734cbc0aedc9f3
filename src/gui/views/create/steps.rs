//! The header that shows where in the wizard one is.

use std::cmp::Ordering;

use egui::{Label, RichText, Ui};

use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};

use super::Page;

/// The pages in order: those behind with a tick, the present one strong.
pub(super) fn steps_header(ui: &mut Ui, page: Page) {
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        for (i, step) in Page::ALL.into_iter().enumerate() {
            if i > 0 {
                ui.add(Label::new(Icon::Expand.rich().weak()).selectable(false));
            }
            step_label(ui, i + 1, step, page);
        }
    });
    ui.add_space(4.0);
}

fn step_label(ui: &mut Ui, number: usize, step: Page, page: Page) {
    let palette = Palette::of(ui);
    let name = name(step);
    let numbered = |name| RichText::new(tr!("create.step.numbered", n = number, name = name));
    let text = match step.cmp(&page) {
        Ordering::Less => RichText::new(Icon::Ok.with(name)).color(palette.tone(Tone::Good)),
        Ordering::Equal => numbered(name).strong().underline(),
        Ordering::Greater => numbered(name).weak(),
    };
    ui.add(Label::new(text).selectable(false).extend());
}

fn name(page: Page) -> String {
    match page {
        Page::Server => tr!("create.step.server"),
        Page::Shape => tr!("create.step.shape"),
        Page::Configuration => tr!("create.step.configuration"),
        Page::Launch => tr!("create.step.launch"),
        Page::Plan => tr!("create.step.plan"),
        Page::Done => tr!("create.step.done"),
    }
}
