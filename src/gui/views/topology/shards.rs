//! Shards as groups: the master, and how far its replicas are behind.

use egui::{RichText, Ui};

use crate::core::topology::Role;
use crate::engine::snapshot::{ClusterView, NodeView};
use crate::gui::action::Action;
use crate::gui::format::{self, NONE};
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::summary::{self, Shard};
use crate::gui::theme::{self, GAP, Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::widgets::long_list::long_list;
use crate::gui::widgets::node_table;
use crate::gui::words;

/// Least width of a card, points.
const CARD: f32 = 390.0;
/// Lines of a card besides those of its nodes.
const HEAD: usize = 1;

/// All shards, as many beside each other as fit.
pub(super) fn shards_ui(ui: &mut Ui, cluster: &ClusterView) -> Option<Action> {
    let mut action = None;
    let nodes = summary::by_shard(cluster);
    let shards: Vec<Shard<'_>> = nodes.chunk_by(|a, b| a.shard == b.shard).map(Shard::of).collect();
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        let wide = ui.available_width();
        let columns = bits::fits(wide + GAP, CARD + GAP).clamp(1, 4);
        let width = (wide - GAP * (columns - 1) as f32) / columns as f32;
        let rows = shards.chunks(columns);
        ui.spacing_mut().item_spacing.y = GAP;
        let height = |ui: &Ui, row: &&[Shard<'_>]| {
            let lines = row.iter().map(|shard| shard.others.len() + 1 + HEAD).max().unwrap_or(0) as f32;
            frame(Palette::of(ui)).total_margin().sum().y + lines * line(ui)
        };
        long_list(ui, rows, height, |ui, row| {
            let tall = height(ui, &row);
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = GAP;
                for shard in row {
                    ui.allocate_ui_with_layout(
                        egui::vec2(width, tall),
                        egui::Layout::top_down(egui::Align::Min),
                        |ui| {
                            ui.set_min_size(egui::vec2(width, tall));
                            Action::note(&mut action, shard_ui(ui, cluster, shard));
                        },
                    );
                }
            });
        });
    });
    action
}

fn frame(colors: &Palette) -> egui::Frame {
    colors.card_frame().inner_margin(egui::Margin { left: 16, right: 12, top: 8, bottom: 8 })
}

fn line(ui: &Ui) -> f32 {
    ui.spacing().interact_size.y
}

fn shard_ui(ui: &mut Ui, cluster: &ClusterView, shard: &Shard<'_>) -> Option<Action> {
    let colors = Palette::of(ui);
    let mut action = None;
    let color = shard.number.map_or(colors.weak, |number| colors.shard(number));
    let shown = frame(colors).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 0.0;
        title_ui(ui, shard);
        for node in shard.master.iter().chain(&shard.others) {
            let is_head = shard.master.is_some_and(|master| std::ptr::eq(master, *node));
            Action::note(&mut action, node_ui(ui, cluster, node, is_head));
        }
    });
    let bar = shown.response.rect.with_max_x(shown.response.rect.left() + 5.0);
    ui.painter().rect_filled(bar, theme::RADIUS, color);
    action
}

/// Which shard it is, and what it serves.
fn title_ui(ui: &mut Ui, shard: &Shard<'_>) {
    ui.horizontal(|ui| {
        ui.set_height(line(ui));
        let name =
            shard.number.map_or_else(|| tr!("topology.no_shard"), |number| tr!("topology.shard", number = number + 1));
        ui.label(RichText::new(name).strong().color(Palette::of(ui).strong));
        let Some(master) = shard.master else { return };
        bits::weak(ui, tr!("overview.n_slots", count = format::count(master.slots.len() as u64)));
        let ranges: Vec<String> = master.slots.ranges().iter().map(ToString::to_string).collect();
        let ranges = ranges.join(",");
        let label = egui::Label::new(RichText::new(&ranges).color(Palette::of(ui).weak)).truncate();
        ui.add(label).on_hover_text(ranges);
    });
}

/// A node on one line: role, address, state; at the right how far it is behind.
fn node_ui(ui: &mut Ui, cluster: &ClusterView, node: &NodeView, is_head: bool) -> Option<Action> {
    let colors = Palette::of(ui);
    ui.horizontal(|ui| {
        ui.set_height(line(ui));
        let role = if is_head { Icon::Master } else { Icon::Replica };
        if !is_head {
            ui.add_space(10.0);
        }
        let hint = node.role.map(words::role).unwrap_or_default();
        ui.label(role.rich().color(colors.weak)).on_hover_text(hint);
        let link = ui.link(RichText::new(node.addr.to_string()).color(colors.strong));
        let clicked = link.on_hover_text(tr!("inspect.open")).clicked();
        let (word, tone, icon) = node_table::state_of(node);
        if tone != Tone::Good {
            bits::state(ui, tone, icon, word);
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if node.role == Some(Role::Replica) { replication_ui(ui, cluster, node) } else { offset_ui(ui, node) }
        });
        clicked.then(|| Action::InspectNode(node.addr.clone()))
    })
    .inner
}

/// How far a master has written.
fn offset_ui(ui: &mut Ui, node: &NodeView) {
    let offset = node.stats.as_ref().and_then(|stats| stats.repl_offset);
    let text = offset.map_or_else(|| NONE.to_owned(), |offset| tr!("topology.offset", offset = format::count(offset)));
    bits::weak(ui, text).on_hover_text(tr!("topology.offset_hint"));
}

/// Whether a replica is linked, and what it lacks.
fn replication_ui(ui: &mut Ui, cluster: &ClusterView, node: &NodeView) {
    let Some(stats) = &node.stats else {
        bits::weak(ui, NONE);
        return;
    };
    let (tone, icon, word) = match stats.link_up {
        Some(true) => (Tone::Good, Icon::Linked, behind(stats.lag_bytes)),
        Some(false) => (Tone::Bad, Icon::Unlinked, tr!("nodes.link_down")),
        None => (Tone::Quiet, Icon::Unknown, NONE.to_owned()),
    };
    let late = stats.link_up == Some(true) && stats.lag_bytes.is_some_and(|bytes| bytes > 1 << 20);
    let master = node.master.as_ref().and_then(|id| cluster.node(id)).map(|master| master.addr.to_string());
    bits::state(ui, if late { Tone::Warn } else { tone }, icon, word).on_hover_ui(|ui| {
        ui.label(tr!("topology.copies", master = master.unwrap_or_else(|| NONE.to_owned())));
        if let Some(offset) = stats.repl_offset {
            ui.label(tr!("topology.offset", offset = format::count(offset)));
        }
        if let Some(secs) = stats.lag_secs {
            ui.label(tr!("topology.heard", secs = secs));
        }
        if stats.never_linked {
            ui.label(tr!("topology.never_linked"));
        }
    });
}

/// How many bytes a replica lacks.
fn behind(bytes: Option<u64>) -> String {
    match bytes {
        Some(0) => tr!("topology.in_step"),
        Some(bytes) => tr!("topology.behind", bytes = format::bytes(bytes)),
        None => tr!("nodes.link_up"),
    }
}
