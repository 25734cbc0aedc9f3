//! The page of a workspace without clusters.

use egui::{RichText, Ui};

use crate::engine::snapshot::Snapshot;
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette, Tone};
use crate::gui::widgets::bits;

/// Shows the page.
#[must_use]
pub fn welcome_ui(ui: &mut Ui, snapshot: &Snapshot) -> Option<Action> {
    let colors = Palette::of(ui);
    let mut action = None;
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.18);
        ui.label(Icon::Slots.rich().size(48.0).color(colors.accent));
        ui.add_space(8.0);
        ui.label(RichText::new(tr!("welcome.title")).size(26.0).color(colors.strong));
        ui.set_max_width(520.0);
        ui.label(RichText::new(tr!("welcome.text")).color(colors.weak));
        ui.add_space(20.0);
        let create = theme::primary(colors, Icon::Create.with(tr!("nav.create"))).min_size(egui::vec2(240.0, 40.0));
        if ui.add(create).accessible_name(tr!("nav.create")).clicked() {
            action = Some(Action::OpenWizard);
        }
        let attach = egui::Button::new(Icon::Attach.with(tr!("nav.attach"))).min_size(egui::vec2(240.0, 32.0));
        if ui.add(attach).accessible_name(tr!("nav.attach")).clicked() {
            action = Some(Action::OpenAttach);
        }
        ui.add_space(4.0);
        if ui.button(tr!("definition.open")).clicked() {
            action = Some(Action::OpenDefinition);
        }
        ui.add_space(24.0);
        Action::note(&mut action, servers_ui(ui, snapshot));
    });
    action
}

/// Which server program was found: the first question of everyone who starts.
fn servers_ui(ui: &mut Ui, snapshot: &Snapshot) -> Option<Action> {
    let mut action = None;
    let usable = snapshot.servers.found.iter().find_map(|f| f.version.as_ref().ok().map(|v| (v, &f.path)));
    match usable {
        Some((version, path)) => {
            bits::state(ui, Tone::Good, Icon::Ok, tr!("welcome.server_found", version = version))
                .on_hover_text(path.display().to_string());
        }
        None if snapshot.servers.searching => {
            bits::state(ui, Tone::Busy, Icon::Search, tr!("welcome.server_searching"));
        }
        None => {
            bits::state(ui, Tone::Warn, Icon::Warning, tr!("welcome.server_missing"));
            // The wizard's first page, which explains the choices.
            if ui.link(tr!("welcome.server_how")).clicked() {
                action = Some(Action::OpenWizard);
            }
        }
    }
    action
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::gui::testing;

    #[test]
    fn the_first_page_leads_to_the_wizard() {
        let mut harness = testing::harness(None, |ui, action: &mut Option<Action>| {
            *action = welcome_ui(ui, &Snapshot::default()).or(action.take());
        });
        harness.run();
        harness.get_by_label_contains("No redis-server was found");
        harness.get_by_label("How to get one").click();
        harness.run();
        assert!(matches!(harness.state_mut().take(), Some(Action::OpenWizard)));
        harness.get_by_label_contains("Create cluster").click();
        harness.run();
        assert!(matches!(harness.state(), Some(Action::OpenWizard)));
    }
}
