//! A button with an icon before its label. Assistive technology is told the label alone: an icon font's glyph has no
//! name.

use egui::{Button, Response, Ui};

use crate::gui::icons::Icon;

/// The button.
pub fn icon_button(ui: &mut Ui, icon: Icon, label: impl AsRef<str>) -> Response {
    icon_button_enabled(ui, true, icon, label)
}

/// The button, which may be greyed.
pub fn icon_button_enabled(ui: &mut Ui, enabled: bool, icon: Icon, label: impl AsRef<str>) -> Response {
    let label = label.as_ref();
    ui.add_enabled(enabled, Button::new(icon.with(label))).accessible_name(label)
}
