//! All nodes as a table; or everything about one of them, beside the table where there is room for both.

use egui::Ui;

use crate::engine::look::Look;
use crate::engine::snapshot::ClusterView;
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::widgets::bits;
use crate::gui::widgets::node_table::{self, NodeTableUi};

use super::inspect::{InspectUi, inspect_ui};

/// From this width on, points, the table stays beside the inspected node.
const WIDE: f32 = 1500.0;
/// The table's part of that width.
const TABLE: f32 = 0.4;

/// Shows the table, the inspected node, or both.
#[must_use]
pub fn nodes_ui(
    ui: &mut Ui,
    cluster: &ClusterView,
    look: Option<&Look>,
    table: &mut NodeTableUi,
    inspected: &mut InspectUi,
) -> Option<Action> {
    if inspected.node.is_none() {
        return table_ui(ui, cluster, table);
    }
    let wide = ui.available_width();
    if wide < WIDE {
        return inspect_ui(ui, cluster, look, inspected);
    }
    let mut action = None;
    let panel = egui::Panel::left("nodes-beside").default_size(wide * TABLE).size_range(400.0..=wide * 0.6);
    let margin = egui::Margin { right: 12, ..egui::Margin::ZERO };
    panel.resizable(true).frame(egui::Frame::new().inner_margin(margin)).show(ui, |ui| {
        action = table_ui(ui, cluster, table);
    });
    let frame = egui::Frame::new().inner_margin(egui::Margin { left: 12, ..egui::Margin::ZERO });
    egui::CentralPanel::default().frame(frame).show(ui, |ui| {
        Action::note(&mut action, inspect_ui(ui, cluster, look, inspected));
    });
    action
}

/// The table with its filter.
fn table_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut NodeTableUi) -> Option<Action> {
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
