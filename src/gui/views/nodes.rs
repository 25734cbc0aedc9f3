//! All nodes as a table.

use egui::Ui;

use crate::engine::snapshot::ClusterView;
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::widgets::bits;
use crate::gui::widgets::node_table::{self, NodeTableUi};

/// Shows the table with its filter.
#[must_use]
pub fn nodes_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut NodeTableUi) -> Option<Action> {
    let mut action = None;
    let shown = state.shown(cluster);
    ui.horizontal(|ui| {
        bits::title(ui, tr!("nodes.title"));
        let selected = state.selected(cluster);
        if selected > 0 {
            bits::weak(ui, tr!("nodes.selected", count = selected));
        } else if shown < cluster.nodes.len() {
            bits::weak(ui, tr!("nodes.some", shown = shown, total = cluster.nodes.len()));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            action = node_table::tools_ui(ui, cluster, state);
        });
    });
    ui.add_space(4.0);
    if shown == 0 {
        let text = if cluster.nodes.is_empty() { tr!("nodes.none") } else { tr!("nodes.no_hit") };
        bits::nothing(ui, Icon::Nodes, text);
        return action;
    }
    let from_table = node_table::node_table_ui(ui, cluster, state);
    action.or(from_table)
}
