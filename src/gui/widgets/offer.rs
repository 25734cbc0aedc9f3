//! A command of the table as a button: its label, its keys on hover, greyed with the reason where it can't be done now.

use egui::{Button, Ui};

use crate::gui::action::Action;
use crate::gui::commands::Offer;

use super::icon_button::icon_button_enabled;

/// The command as this button, which shows it already.
#[must_use]
pub fn offer_ui(ui: &mut Ui, offer: Offer, button: Button<'_>) -> Option<Action> {
    let response = ui.add_enabled(offer.action.is_ok(), button).accessible_name(&offer.label);
    answer(response, offer)
}

/// The command as a button with its icon.
#[must_use]
pub fn offer_button(ui: &mut Ui, offer: Offer) -> Option<Action> {
    let response = icon_button_enabled(ui, offer.action.is_ok(), offer.icon, &offer.label);
    answer(response, offer)
}

fn answer(response: egui::Response, offer: Offer) -> Option<Action> {
    let keys = offer.keys.map(|keys| response.ctx.format_shortcut(&keys));
    let more: Vec<String> = offer.hint.into_iter().chain(keys).collect();
    match offer.action {
        Ok(action) if more.is_empty() => response.clicked().then_some(action),
        Ok(action) => response.on_hover_text(more.join("\n")).clicked().then_some(action),
        Err(why) => {
            response.on_disabled_hover_text(why);
            None
        }
    }
}
