//! The matrix of links, what its colours mean, and everything about the chosen pair.

use egui::Ui;

use crate::core::answers::{BusLink, Line};
use crate::core::regard::Regard;
use crate::core::topology::NodeAddr;
use crate::engine::look::{Look, MOST_LINKED, NodeLinks, Seen};
use crate::engine::snapshot::{ClusterView, NodeView};
use crate::gui::action::Action;
use crate::gui::format::{self, NONE};
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{GAP, Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::words;

use super::Whole;
use super::matrix::{self, MatrixUi};

/// Width of the panel at the right, points.
const PANEL: f32 = 262.0;

pub(super) fn links_ui(
    ui: &mut Ui,
    cluster: &ClusterView,
    whole: &Whole,
    look: Option<&Look>,
    state: &mut MatrixUi,
) -> Option<Action> {
    let width = (ui.available_width() * 0.2).clamp(PANEL, 400.0);
    let action = bits::beside(ui, "link-panel", width, |ui| panel_ui(ui, cluster, whole, look, state));
    parted_ui(ui, cluster, whole);
    matrix::matrix_ui(ui, cluster, whole, state, ui.available_size());
    action
}

/// Says in one line that the cluster is parted, and how.
fn parted_ui(ui: &mut Ui, cluster: &ClusterView, whole: &Whole) {
    if whole.groups.len() < 2 {
        return;
    }
    let name = |row: &usize| whole.order.get(*row).and_then(|at| cluster.nodes.get(*at)).map(|node| node.addr.clone());
    let groups: Vec<String> =
        whole.groups.iter().map(|group| words::addrs(&group.iter().filter_map(name).collect::<Vec<_>>())).collect();
    let text = tr!("topology.parted", count = groups.len(), groups = groups.join("  |  "));
    let colors = Palette::of(ui);
    let label = egui::RichText::new(Icon::Unlinked.with(&text)).color(colors.tone(Tone::Bad));
    ui.add(egui::Label::new(label).truncate()).on_hover_text(groups.join("\n"));
}

fn panel_ui(
    ui: &mut Ui,
    cluster: &ClusterView,
    whole: &Whole,
    look: Option<&Look>,
    state: &mut MatrixUi,
) -> Option<Action> {
    legend_ui(ui, whole, state);
    ui.add_space(GAP);
    let colors = Palette::of(ui);
    let mut action = None;
    colors.card_frame().inner_margin(8).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let Some((from, to)) = state.pinned.clone() else {
            bits::weak(ui, tr!("topology.pin_hint"));
            return;
        };
        let told = match look.and_then(|look| look.seen.as_ref()) {
            Some(Seen::Links(told)) => Some(told),
            _ => None,
        };
        for (one, other) in [(&from, &to), (&to, &from)] {
            let links = told.and_then(|told| told.get(one));
            Action::note(&mut action, direction_ui(ui, cluster, whole, one, other, links));
            ui.add_space(6.0);
        }
        if cluster.nodes.len() > MOST_LINKED {
            bits::weak(ui, tr!("topology.pair_only"));
        }
    });
    action
}

/// What each colour means, and how many pairs have it.
fn legend_ui(ui: &mut Ui, whole: &Whole, state: &mut MatrixUi) {
    let colors = Palette::of(ui);
    let counts = whole.counts;
    bits::subtitle(ui, tr!("topology.legend"));
    state.only = None;
    for (regard, count) in Regard::ALL.into_iter().zip(counts) {
        if regard == Regard::Itself || count == 0 {
            continue;
        }
        let line = ui.horizontal(|ui| {
            bits::swatch(ui, matrix::color(colors, regard));
            ui.label(regard_name(regard));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                bits::weak(ui, format::count(count as u64));
            });
        });
        if line.response.on_hover_text(regard_hint(regard)).contains_pointer() {
            state.only = Some(regard);
        }
    }
}

/// What one node thinks of another, and its link.
fn direction_ui(
    ui: &mut Ui,
    cluster: &ClusterView,
    whole: &Whole,
    from: &NodeAddr,
    to: &NodeAddr,
    links: Option<&NodeLinks>,
) -> Option<Action> {
    let mut action = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (at, node) in [from, to].into_iter().enumerate() {
            if at == 1 {
                bits::weak(ui, "→");
            }
            if ui.link(node.to_string()).on_hover_text(tr!("inspect.open")).clicked() {
                action = Some(Action::InspectNode(node.clone()));
            }
        }
    });
    let row = |addr: &NodeAddr| whole.order.iter().position(|at| cluster.nodes[*at].addr == *addr);
    let regard = row(from).zip(row(to)).and_then(|(row, column)| whole.mesh.at(row, column));
    let Some(regard) = regard else { return action };
    let (tone, icon) = tone(regard);
    bits::state(ui, tone, icon, regard_name(regard)).on_hover_text(regard_hint(regard));
    let lines = facts(cluster, from, to, links);
    for line in &lines {
        bits::weak(ui, line);
    }
    let text = format!("{from} → {to}\n{}\n{}\n", regard_name(regard), lines.join("\n"));
    Action::note(&mut action, bits::copy_button(ui, tr!("topology.copy_pair", from = from, to = to), &text));
    action
}

/// What is known of the link beyond its state, a line each.
pub(super) fn facts(cluster: &ClusterView, from: &NodeAddr, to: &NodeAddr, links: Option<&NodeLinks>) -> Vec<String> {
    let node = |addr: &NodeAddr| cluster.nodes.iter().find(|node: &&NodeView| node.addr == *addr);
    let id = node(to).and_then(|node| node.id.clone());
    let (Some(links), Some(id)) = (links, id) else { return Vec::new() };
    let mut lines = Vec::new();
    match &links.lines {
        Err(why) => lines.push(tr!("inspect.refused", why = why)),
        Ok(all) => lines.extend(
            all.iter().find(|line| line.node == id).map(|line| pings(line, links.now_ms)).into_iter().flatten(),
        ),
    }
    let version = node(from).and_then(|node| node.stats.as_ref()?.version);
    match &links.links {
        Err(_) if version.is_some_and(|version| version.numbers() < (7, 0, 0)) => {
            let shown = version.map_or_else(|| NONE.to_owned(), |version| version.to_string());
            lines.push(tr!("inspect.since", command = "CLUSTER LINKS", since = "7.0", version = shown));
        }
        Err(why) => lines.push(tr!("inspect.refused", why = why)),
        Ok(all) => {
            let of = |outgoing| all.iter().find(|link: &&BusLink| link.node == id && link.outgoing == outgoing);
            for (outgoing, link) in [(true, of(true)), (false, of(false))] {
                lines.push(link_line(outgoing, link, links.now_ms));
            }
        }
    }
    lines
}

fn link_line(outgoing: bool, link: Option<&BusLink>, now_ms: u64) -> String {
    let Some(link) = link else {
        return if outgoing { tr!("topology.no_link_out") } else { tr!("topology.no_link_in") };
    };
    let open = since(now_ms, link.opened_ms);
    let waiting = format::bytes(link.waiting);
    if outgoing {
        tr!("topology.link_out", open = open, waiting = waiting)
    } else {
        tr!("topology.link_in", open = open, waiting = waiting)
    }
}

/// Whether a ping waits for its answer, and when the last answer came.
fn pings(line: &Line, now_ms: u64) -> Vec<String> {
    let mut lines = Vec::new();
    if line.ping_sent_ms > 0 {
        lines.push(tr!("topology.ping_waits", time = since(now_ms, line.ping_sent_ms)));
    }
    lines.push(match line.pong_received_ms {
        0 => tr!("topology.never_answered"),
        at => tr!("topology.answered", time = since(now_ms, at)),
    });
    lines
}

fn since(now_ms: u64, then_ms: u64) -> String {
    format::took(std::time::Duration::from_millis(now_ms.saturating_sub(then_ms)))
}

/// How a regard is shown besides its colour.
pub(super) fn tone(regard: Regard) -> (Tone, Icon) {
    match regard {
        Regard::Itself | Regard::Silent => (Tone::Quiet, Icon::Unknown),
        Regard::Fine => (Tone::Good, Icon::Linked),
        Regard::Joining => (Tone::Busy, Icon::Busy),
        Regard::Unlinked => (Tone::Warn, Icon::Unlinked),
        Regard::Unknown => (Tone::Warn, Icon::Unknown),
        Regard::Suspected => (Tone::Warn, Icon::Warning),
        Regard::Failed => (Tone::Bad, Icon::Error),
    }
}

/// A regard in a word or two.
pub(super) fn regard_name(regard: Regard) -> String {
    match regard {
        Regard::Itself => tr!("regard.itself"),
        Regard::Fine => tr!("regard.fine"),
        Regard::Silent => tr!("regard.silent"),
        Regard::Joining => tr!("regard.joining"),
        Regard::Unlinked => tr!("regard.unlinked"),
        Regard::Unknown => tr!("regard.unknown"),
        Regard::Suspected => tr!("regard.suspected"),
        Regard::Failed => tr!("regard.failed"),
    }
}

/// What a regard means.
fn regard_hint(regard: Regard) -> String {
    match regard {
        Regard::Itself => String::new(),
        Regard::Fine => tr!("regard.fine_hint"),
        Regard::Silent => tr!("regard.silent_hint"),
        Regard::Joining => tr!("regard.joining_hint"),
        Regard::Unlinked => tr!("regard.unlinked_hint"),
        Regard::Unknown => tr!("regard.unknown_hint"),
        Regard::Suspected => tr!("regard.suspected_hint"),
        Regard::Failed => tr!("regard.failed_hint"),
    }
}
