//! Theme, language, and what closing the window does to each cluster's servers.

use egui::Ui;

use crate::engine::command::Command;
use crate::engine::snapshot::Snapshot;
use crate::gui::action::Action;
use crate::gui::commands;
use crate::gui::i18n::tr;
use crate::gui::theme::GAP;
use crate::gui::widgets::bits;
use crate::workspace::document::OnClose;
use crate::workspace::settings::Settings;

/// Shows the settings as they are; a choice comes back as an action.
#[must_use]
pub fn settings_ui(ui: &mut Ui, snapshot: &Snapshot, settings: &Settings) -> Option<Action> {
    let mut action = None;
    bits::title(ui, tr!("settings.title"));
    ui.add_space(GAP);
    bits::subtitle(ui, tr!("settings.theme"));
    ui.horizontal(|ui| {
        for choice in commands::THEMES {
            let offer = commands::theme(choice);
            if ui.radio(settings.theme == choice, offer.label).clicked() {
                action = offer.action.ok();
            }
        }
    });
    ui.add_space(GAP);
    bits::subtitle(ui, tr!("settings.language"));
    ui.horizontal(|ui| {
        for choice in commands::LANGUAGES {
            let offer = commands::language(choice);
            if ui.radio(settings.language == choice, offer.label).clicked() {
                action = offer.action.ok();
            }
        }
    });
    ui.add_space(GAP);
    bits::subtitle(ui, tr!("settings.zoom"));
    bits::weak(ui, tr!("settings.zoom_text"));
    ui.add_space(GAP);
    Action::note(&mut action, on_close_ui(ui, snapshot));
    action
}

/// What closing the window does, for each cluster launched here: the place to change a remembered answer.
fn on_close_ui(ui: &mut Ui, snapshot: &Snapshot) -> Option<Action> {
    let mut action = None;
    let local: Vec<_> = snapshot.clusters.values().filter(|cluster| cluster.spec.is_some()).collect();
    if local.is_empty() {
        return None;
    }
    bits::subtitle(ui, tr!("settings.on_close"));
    egui::Grid::new("on-close").num_columns(2).spacing([24.0, 6.0]).show(ui, |ui| {
        for cluster in local {
            ui.label(&cluster.name);
            ui.horizontal(|ui| {
                for (choice, label) in [
                    (OnClose::Ask, tr!("settings.ask")),
                    (OnClose::Leave, tr!("settings.leave")),
                    (OnClose::Stop, tr!("settings.stop")),
                ] {
                    if ui.radio(cluster.on_close == choice, label).clicked() {
                        let name = cluster.name.clone();
                        action = Some(Action::Do(Command::SetOnClose { cluster: name, on_close: choice }));
                    }
                }
            });
            ui.end_row();
        }
    });
    // A job object of Windows also holds where nobody can ask the servers to stop any more.
    bits::weak(ui, if cfg!(windows) { tr!("settings.stop_windows") } else { tr!("settings.stop_other") });
    action
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::gui::{samples, testing};

    #[test]
    fn choosing_dark_says_so() {
        let mut harness = testing::harness(None, |ui, action: &mut Option<Action>| {
            *action = settings_ui(ui, &samples::snapshot(samples::healthy()), &Settings::default()).or(action.take());
        });
        harness.run();
        harness.get_by_label("Dark").click();
        harness.run();
        assert!(matches!(harness.state(), Some(Action::SetTheme(crate::gui::action::ThemeChoice::Dark))));
    }

    #[test]
    fn a_remembered_answer_can_be_changed() {
        let mut harness = testing::harness(None, |ui, action: &mut Option<Action>| {
            let got = settings_ui(ui, &samples::snapshot(samples::healthy()), &Settings::default());
            *action = got.or(action.take());
        });
        harness.run();
        harness.get_all_by_label("Stop them").next().unwrap().click();
        harness.run();
        let Some(Action::Do(Command::SetOnClose { cluster, on_close })) = harness.state() else { panic!() };
        assert_eq!((cluster.as_str(), *on_close), ("orders", OnClose::Stop));
    }
}
