//! The last lines of a server's own log.

use egui::{RichText, Ui};

use crate::core::topology::NodeAddr;
use crate::engine::snapshot::{ClusterView, NodeView};
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button_enabled;
use crate::gui::widgets::node_table;
use crate::gui::words;

/// The screen's state.
#[derive(Debug)]
pub struct LogUi {
    /// The node whose log is shown; the first one where it is none of the cluster's.
    pub node: Option<NodeAddr>,
    filter: String,
    follow: bool,
}

impl Default for LogUi {
    fn default() -> Self {
        Self { node: None, filter: String::new(), follow: true }
    }
}

/// Shows the log of the chosen node.
#[must_use]
pub fn log_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut LogUi) -> Option<Action> {
    bits::title(ui, tr!("log.title"));
    ui.add_space(4.0);
    let known = |addr: &NodeAddr| cluster.nodes.iter().find(|n| n.addr == *addr);
    let Some(node) = state.node.as_ref().and_then(known).or_else(|| cluster.nodes.first()) else {
        bits::nothing(ui, Icon::Log, tr!("log.no_nodes"));
        return None;
    };
    let mut action = None;
    ui.horizontal(|ui| {
        choose_ui(ui, cluster, node, &mut state.node);
        let (word, tone, icon) = node_table::state_of(node);
        bits::state(ui, tone, icon, word).on_hover_text(words::process(&node.process.state).0);
        action = tools_ui(ui, node, state);
    });
    shown_ui(ui, cluster, node, state);
    action
}

/// The log of one node, with its filter.
#[must_use]
pub fn log_body_ui(ui: &mut Ui, cluster: &ClusterView, node: &NodeView, state: &mut LogUi) -> Option<Action> {
    let action = ui.horizontal(|ui| tools_ui(ui, node, state)).inner;
    shown_ui(ui, cluster, node, state);
    action
}

/// The lines that pass the filter.
fn lines_of<'a>(node: &'a NodeView, state: &LogUi) -> Vec<&'a String> {
    let needle = state.filter.trim().to_lowercase();
    let passes = |line: &&String| needle.is_empty() || line.to_lowercase().contains(&needle);
    node.process.log_tail.iter().filter(passes).collect()
}

/// From right to left: copy, follow, the filter.
fn tools_ui(ui: &mut Ui, node: &NodeView, state: &mut LogUi) -> Option<Action> {
    let mut action = None;
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let lines = lines_of(node, state);
        if icon_button_enabled(ui, !lines.is_empty(), Icon::Copy, tr!("log.copy")).clicked() {
            action = Some(Action::Copy(lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()));
        }
        ui.checkbox(&mut state.follow, tr!("log.follow"));
        bits::search_field(ui, &mut state.filter, tr!("log.filter"), 200.0);
    });
    action
}

fn shown_ui(ui: &mut Ui, cluster: &ClusterView, node: &NodeView, state: &LogUi) {
    let lines = lines_of(node, state);
    ui.add_space(4.0);
    if lines.is_empty() {
        let text = match (node.process.log_tail.is_empty(), cluster.spec.is_some()) {
            (false, _) => tr!("log.no_hit"),
            (true, true) => tr!("log.empty"),
            (true, false) => tr!("log.external"),
        };
        bits::nothing(ui, Icon::Log, text);
    } else {
        lines_ui(ui, &lines, state.follow);
    }
}

fn choose_ui(ui: &mut Ui, cluster: &ClusterView, node: &NodeView, chosen: &mut Option<NodeAddr>) {
    let combo = egui::ComboBox::from_id_salt("log-node").selected_text(node.addr.to_string()).width(180.0);
    let response = combo.show_ui(ui, |ui| {
        for other in cluster.nodes.iter() {
            if ui.selectable_label(other.addr == node.addr, other.addr.to_string()).clicked() {
                *chosen = Some(other.addr.clone());
            }
        }
    });
    let name = tr!("log.node");
    response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &name));
}

fn lines_ui(ui: &mut Ui, lines: &[&String], follow: bool) {
    let colors = Palette::of(ui);
    let height = ui.text_style_height(&egui::TextStyle::Monospace);
    egui::Frame::new().fill(colors.side).inner_margin(8).corner_radius(6).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let area = egui::ScrollArea::both().auto_shrink([false, false]).stick_to_bottom(follow);
        area.show_rows(ui, height, lines.len(), |ui, range| {
            for line in &lines[range] {
                let color = line_color(colors, line);
                ui.add(egui::Label::new(RichText::new(line.as_str()).monospace().color(color)).extend());
            }
        });
    });
}

/// Redis marks warnings with `#` after the time stamp; these stand out.
fn line_color(colors: &Palette, line: &str) -> egui::Color32 {
    let mark = line.split(' ').nth(5);
    let is_bad = ["error", "fatal", "can't", "failed"].iter().any(|word| line.to_lowercase().contains(word));
    match mark {
        _ if is_bad => colors.tone(Tone::Bad),
        Some("#") => colors.tone(Tone::Warn),
        _ => colors.text,
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::gui::{samples, testing};

    #[test]
    fn the_log_is_filtered_and_copied() {
        let state = LogUi { filter: "ready".to_owned(), ..LogUi::default() };
        let mut harness = testing::harness((state, None), |ui, (state, action): &mut (_, Option<Action>)| {
            *action = log_ui(ui, &samples::healthy(), state).or(action.take());
        });
        harness.run();
        harness.get_by_label_contains("Copy").click();
        harness.run();
        let Some(Action::Copy(text)) = &harness.state().1 else { panic!() };
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("Ready to accept connections"));
    }
}
