//! Theme and language.

use egui::Ui;

use crate::gui::action::{Action, LanguageChoice, ThemeChoice};
use crate::gui::i18n::{Language, tr};
use crate::gui::theme::GAP;
use crate::gui::widgets::bits;
use crate::workspace::settings::Settings;

/// Shows the settings as they are; a choice comes back as an action.
#[must_use]
pub fn settings_ui(ui: &mut Ui, settings: &Settings) -> Option<Action> {
    let mut action = None;
    bits::title(ui, tr!("settings.title"));
    ui.add_space(GAP);
    bits::subtitle(ui, tr!("settings.theme"));
    ui.horizontal(|ui| {
        for (choice, label) in [
            (ThemeChoice::System, tr!("settings.as_system")),
            (ThemeChoice::Dark, tr!("settings.dark")),
            (ThemeChoice::Light, tr!("settings.light")),
        ] {
            if ui.radio(settings.theme == choice, label).clicked() {
                action = Some(Action::SetTheme(choice));
            }
        }
    });
    ui.add_space(GAP);
    bits::subtitle(ui, tr!("settings.language"));
    ui.horizontal(|ui| {
        for (choice, label) in [
            (LanguageChoice::System, tr!("settings.system_language")),
            (LanguageChoice::English, Language::English.name().to_owned()),
            (LanguageChoice::Chinese, Language::Chinese.name().to_owned()),
        ] {
            if ui.radio(settings.language == choice, label).clicked() {
                action = Some(Action::SetLanguage(choice));
            }
        }
    });
    ui.add_space(GAP);
    bits::subtitle(ui, tr!("settings.zoom"));
    bits::weak(ui, tr!("settings.zoom_text"));
    action
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::gui::testing;

    #[test]
    fn choosing_dark_says_so() {
        let mut harness = testing::harness(None, |ui, action: &mut Option<Action>| {
            *action = settings_ui(ui, &Settings::default()).or(action.take());
        });
        harness.run();
        harness.get_by_label("Dark").click();
        harness.run();
        assert!(matches!(harness.state(), Some(Action::SetTheme(ThemeChoice::Dark))));
    }
}
