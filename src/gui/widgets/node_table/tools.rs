//! What stands above the table: what is copied, which columns, grouped or not.

use egui::Ui;
use egui::containers::menu::{MenuButton, MenuConfig};

use crate::engine::snapshot::ClusterView;
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button;

use super::{Col, NodeTableUi, to_csv, to_json, to_tsv};

/// The menus and switches, from right to left.
#[must_use]
pub fn tools_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut NodeTableUi) -> Option<Action> {
    let mut action = None;
    let copy = egui::Button::new(Icon::Copy.with(tr!("nodes.copy")));
    MenuButton::from_button(copy).ui(ui, |ui| Action::note(&mut action, copy_ui(ui, cluster, state)));
    Action::note(&mut action, columns_ui(ui, state));
    ui.checkbox(&mut state.grouped, tr!("nodes.grouped")).on_hover_text(tr!("nodes.grouped_hint"));
    let field = bits::search_field(ui, &mut state.filter, tr!("nodes.filter"), 200.0);
    field.on_hover_text(tr!("nodes.filter_hint"));
    action
}

/// The ways to copy what is selected, or all rows.
pub(super) fn copy_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut NodeTableUi) -> Option<Action> {
    let columns = state.columns.clone();
    if icon_button(ui, Icon::Copy, tr!("nodes.copy_table")).clicked() {
        return Some(Action::Copy(to_tsv(&state.picked(cluster), &columns)));
    }
    if icon_button(ui, Icon::Copy, tr!("nodes.copy_csv")).clicked() {
        return Some(Action::Copy(to_csv(&state.picked(cluster), &columns)));
    }
    if icon_button(ui, Icon::Copy, tr!("nodes.copy_json")).clicked() {
        return Some(Action::Copy(to_json(&state.picked(cluster), &columns)));
    }
    None
}

/// The menu of columns: shown ones first, in their order, each to be moved or taken away.
fn columns_ui(ui: &mut Ui, state: &mut NodeTableUi) -> Option<Action> {
    let before = state.columns.clone();
    let config = MenuConfig::new().close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    let button = egui::Button::new(Icon::Settings.with(tr!("nodes.columns")));
    MenuButton::from_button(button).config(config).ui(ui, |ui| {
        ui.set_width(220.0);
        for (i, col) in before.iter().enumerate() {
            ui.horizontal(|ui| shown_column_ui(ui, state, i, *col));
        }
        for col in Col::ALL.into_iter().filter(|col| !before.contains(col)) {
            let mut shown = false;
            if ui.checkbox(&mut shown, col.title()).changed() {
                state.columns.push(col);
            }
        }
        if ui.button(tr!("nodes.all_columns")).clicked() {
            state.columns = Col::ALL.to_vec();
        }
    });
    let names = || state.columns.iter().map(|col| col.name().to_owned()).collect();
    (state.columns != before).then(|| Action::SetNodeColumns(names()))
}

/// A column that is shown: its box, and the buttons that move it. The address stays, and stays first.
fn shown_column_ui(ui: &mut Ui, state: &mut NodeTableUi, i: usize, col: Col) {
    let (title, fixed) = (col.title(), col == Col::Address);
    let mut shown = true;
    ui.add_enabled(!fixed, egui::Checkbox::new(&mut shown, &title));
    if !shown {
        state.columns.retain(|other| *other != col);
        return;
    }
    let last = state.columns.len() - 1;
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let button = |ui: &mut Ui, enabled: bool, icon: Icon, name: String| {
            ui.add_enabled_ui(enabled, |ui| bits::icon_button(ui, icon, name).clicked()).inner
        };
        let later = button(ui, !fixed && i < last, Icon::SortDown, tr!("nodes.later", column = title));
        let earlier = button(ui, !fixed && i > 1, Icon::SortUp, tr!("nodes.earlier", column = title));
        if later {
            state.columns.swap(i, i + 1);
        } else if earlier {
            state.columns.swap(i, i - 1);
        }
    });
}
