//! The last half hour in plots: one a metric, all over the same time.

mod curves;
mod plot;

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::Ui;
use egui::containers::menu::{MenuButton, MenuConfig};

use crate::core::history::{History, Metric, SPAN_MS};
use crate::core::topology::{NodeAddr, Role};
use crate::engine::snapshot::{ClusterView, Phase};
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button_enabled;

use curves::{Curve, Series, curves};
use plot::Frame;

/// The times that can be shown, minutes.
const SPANS: [u64; 4] = [1, 5, 15, SPAN_MS / 60_000];
/// The narrowest plot, points.
const NARROWEST: f32 = 250.0;
/// The lowest plot with its title, points.
const LOWEST: f32 = 150.0;
/// The most nodes that are drawn at once: more lines than that nobody can tell apart.
const MOST_NODES: usize = 32;

/// The screen's state.
#[derive(Debug)]
pub struct MetricsUi {
    minutes: u64,
    /// The history at which the plots stand still.
    paused: Option<Arc<History>>,
    cluster: bool,
    nodes: BTreeSet<NodeAddr>,
    filter: String,
    cursor: Option<f64>,
    drawn: Option<Drawn>,
}

impl Default for MetricsUi {
    fn default() -> Self {
        Self {
            minutes: 5,
            paused: None,
            cluster: true,
            nodes: BTreeSet::new(),
            filter: String::new(),
            cursor: None,
            drawn: None,
        }
    }
}

/// The lines as they were worked out last, and what from: a frame without news costs no look at the history.
#[derive(Debug)]
struct Drawn {
    history: Arc<History>,
    series: Vec<Series>,
    since_ms: u64,
    curves: Vec<Vec<Curve>>,
}

impl MetricsUi {
    fn series(&self) -> Vec<Series> {
        let cluster = self.cluster.then_some(Series::Cluster);
        cluster.into_iter().chain(self.nodes.iter().cloned().map(Series::Node)).collect()
    }

    fn draw(&mut self, history: &Arc<History>) -> &[Vec<Curve>] {
        let newest = history.last().map_or(0, |row| row.at_ms);
        let shown_ms = if self.paused.is_some() { SPAN_MS } else { self.minutes * 60_000 };
        let (series, since_ms) = (self.series(), newest.saturating_sub(shown_ms));
        let still = self.drawn.take().filter(|drawn| {
            Arc::ptr_eq(&drawn.history, history) && drawn.since_ms == since_ms && drawn.series == series
        });
        let drawn = still.unwrap_or_else(|| {
            let curves = curves(history, &series, since_ms);
            Drawn { history: history.clone(), series, since_ms, curves }
        });
        &self.drawn.insert(drawn).curves
    }

    /// Draws these nodes, as many as can be told apart.
    fn pick<'a>(&mut self, nodes: impl Iterator<Item = &'a NodeAddr>) {
        self.nodes = nodes.take(MOST_NODES).cloned().collect();
    }
}

/// Shows the plots.
#[must_use]
pub fn metrics_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut MetricsUi) -> Option<Action> {
    // Nodes that have left can't be unticked any more, and would use up the room for others.
    state.nodes.retain(|addr| cluster.nodes.iter().any(|node| node.addr == *addr));
    let mut action = None;
    let history = state.paused.clone().unwrap_or_else(|| cluster.history.clone());
    ui.horizontal(|ui| {
        bits::title(ui, tr!("metrics.title"));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            action = tools_ui(ui, cluster, &history, state);
        });
    });
    ui.add_space(4.0);
    if history.rows().len() < 2 {
        bits::nothing(ui, Icon::Metrics, why_nothing(cluster));
    } else if state.series().is_empty() {
        bits::nothing(ui, Icon::Metrics, tr!("metrics.no_series"));
    } else {
        plots_ui(ui, cluster, &history, state);
    }
    action
}

/// Why there is nothing to draw yet.
fn why_nothing(cluster: &ClusterView) -> String {
    let answers = cluster.nodes.iter().any(|node| !node.is_stale());
    match cluster.phase {
        Phase::Stopped => tr!("metrics.stopped"),
        _ if !answers => tr!("metrics.no_answer"),
        _ => tr!("metrics.collecting"),
    }
}

/// From right to left: save, copy, what is drawn, pause, the time shown.
fn tools_ui(ui: &mut Ui, cluster: &ClusterView, history: &Arc<History>, state: &mut MetricsUi) -> Option<Action> {
    let mut action = None;
    let any = !history.is_empty();
    let csv = |state: &MetricsUi| to_csv(history, &state.series());
    if icon_button_enabled(ui, any, Icon::Export, tr!("metrics.save")).clicked() {
        let name = format!("{}-metrics.csv", cluster.name);
        action = Some(Action::SaveText { name, text: csv(state) });
    }
    if icon_button_enabled(ui, any, Icon::Copy, tr!("metrics.copy")).clicked() {
        action = Some(Action::Copy(csv(state)));
    }
    picker_ui(ui, cluster, state);
    let (icon, word) =
        if state.paused.is_some() { (Icon::Start, tr!("metrics.go_on")) } else { (Icon::Pause, tr!("metrics.pause")) };
    if icon_button_enabled(ui, any, icon, word).on_hover_text(tr!("metrics.pause_hint")).clicked() {
        state.paused = if state.paused.is_some() { None } else { Some(history.clone()) };
    }
    // While they stand still, the wheel and the mouse say which time is shown.
    ui.add_enabled_ui(state.paused.is_none(), |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for minutes in SPANS.into_iter().rev() {
            let label = tr!("metrics.minutes", count = minutes);
            if ui.add(egui::Button::selectable(state.minutes == minutes, label)).clicked() {
                state.minutes = minutes;
            }
        }
    });
    action
}

/// The menu of what is drawn: the cluster, and nodes.
fn picker_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut MetricsUi) {
    let label = match state.nodes.len() {
        0 => tr!("metrics.lines_cluster"),
        count => tr!("metrics.lines", count = count),
    };
    let config = MenuConfig::new().close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    let button = egui::Button::new(Icon::Nodes.with(label));
    MenuButton::from_button(button).config(config).ui(ui, |ui| {
        ui.set_width(260.0);
        ui.checkbox(&mut state.cluster, tr!("metrics.cluster"));
        ui.horizontal(|ui| {
            let masters = || cluster.nodes.iter().filter(|n| n.role == Some(Role::Master)).map(|n| &n.addr);
            if ui.button(tr!("metrics.masters")).clicked() {
                state.pick(masters());
            }
            if ui.button(tr!("metrics.all")).clicked() {
                state.pick(cluster.nodes.iter().map(|n| &n.addr));
            }
            if ui.button(tr!("metrics.none")).clicked() {
                state.nodes.clear();
            }
        });
        bits::search_field(ui, &mut state.filter, tr!("metrics.filter"), f32::INFINITY);
        let needle = state.filter.trim().to_lowercase();
        let hits: Vec<_> = cluster.nodes.iter().filter(|n| n.addr.to_string().contains(&needle)).collect();
        let height = ui.spacing().interact_size.y;
        egui::ScrollArea::vertical().max_height(320.0).show_rows(ui, height, hits.len(), |ui, rows| {
            let colors = Palette::of(ui);
            for node in &hits[rows] {
                ui.horizontal(|ui| {
                    ui.set_height(height);
                    bits::swatch(ui, bits::shard_color(colors, node));
                    let mut picked = state.nodes.contains(&node.addr);
                    let free = picked || state.nodes.len() < MOST_NODES;
                    let role = node.role.map(crate::gui::words::role).unwrap_or_default();
                    let label = format!("{}  {role}", node.addr);
                    if ui.add_enabled(free, egui::Checkbox::new(&mut picked, label)).changed() {
                        if picked {
                            state.nodes.insert(node.addr.clone());
                        } else {
                            state.nodes.remove(&node.addr);
                        }
                    }
                });
            }
        });
        if cluster.nodes.len() > MOST_NODES {
            bits::weak(ui, tr!("metrics.most", count = MOST_NODES));
        }
    });
}

fn plots_ui(ui: &mut Ui, cluster: &ClusterView, history: &Arc<History>, state: &mut MetricsUi) {
    let cursor = state.cursor;
    let newest = history.last().map_or(0.0, curves::secs);
    let follow = state.paused.is_none().then(|| newest - (state.minutes * 60) as f64..=newest);
    legend_ui(ui, cluster, history, state);
    let mut pointed = None;
    let curves = state.draw(history);
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        let gap = theme::GAP;
        let wide = ui.available_width() - ui.spacing().scroll.allocated_width();
        let columns = if wide >= 3.0 * NARROWEST + 2.0 * gap { 3 } else { 2 };
        let rows = Metric::ALL.len().div_ceil(columns);
        let fits = |space: f32, parts: usize| (space - gap * (parts - 1) as f32) / parts as f32;
        let height = fits(ui.available_height() - 4.0, rows).max(LOWEST);
        let size = egui::vec2(fits(wide, columns).max(120.0), height.floor());
        let frame = Frame { cluster, follow, cursor, size };
        ui.spacing_mut().item_spacing = egui::vec2(gap, gap);
        for (row, metrics) in Metric::ALL.chunks(columns).enumerate() {
            ui.horizontal_top(|ui| {
                for (column, metric) in metrics.iter().enumerate() {
                    ui.allocate_ui_with_layout(size, egui::Layout::top_down(egui::Align::Min), |ui| {
                        ui.set_min_size(size);
                        pointed = plot::plot_ui(ui, &frame, *metric, &curves[row * columns + column]).or(pointed);
                    });
                }
            });
        }
    });
    if state.cursor != pointed {
        state.cursor = pointed;
        ui.request_repaint();
    }
}

/// What the colours mean, and whether the picture is a living one.
fn legend_ui(ui: &mut Ui, cluster: &ClusterView, history: &History, state: &MetricsUi) {
    let colors = Palette::of(ui);
    ui.horizontal_wrapped(|ui| {
        let mut series = state.series();
        let more = series.len().saturating_sub(8);
        series.truncate(8);
        for one in &series {
            bits::swatch(ui, plot::color(colors, cluster, one));
            bits::weak(ui, plot::name(one));
        }
        if more > 0 {
            bits::weak(ui, tr!("metrics.more", count = more));
        }
        let newest = plot::time(history.last().map_or(0.0, curves::secs));
        if state.paused.is_some() {
            bits::state(ui, theme::Tone::Warn, Icon::Pause, tr!("metrics.paused_at", time = format::clock(newest)));
        } else if cluster.phase == Phase::Stopped {
            bits::state(ui, theme::Tone::Quiet, Icon::Stopped, tr!("metrics.ended_at", time = format::clock(newest)));
        }
        if history.step_ms() > 1000 {
            bits::weak(ui, tr!("metrics.step", count = history.step_ms() / 1000));
        }
    });
    ui.add_space(2.0);
}

/// The whole history as comma-separated values: a line a moment and a series.
fn to_csv(history: &History, series: &[Series]) -> String {
    let names: Vec<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    let mut text = format!("time,node,{}\n", names.join(","));
    for row in history.rows() {
        let time = format::stamp(plot::time(curves::secs(row)));
        for one in series {
            let Some(sample) = one.sample(row) else { continue };
            let who = if let Series::Node(addr) = one { addr.to_string() } else { "cluster".to_owned() };
            let cells = Metric::ALL.map(|metric| sample.get(metric).map_or(String::new(), |value| value.to_string()));
            text.extend([&time, ",", &who, ",", &cells.join(","), "\n"]);
        }
    }
    text
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
