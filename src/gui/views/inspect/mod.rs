//! Everything about one node: what it says of itself, its settings beside those of its peers, its clients, its slow log,
//! what its latency monitor saw, and its log.

mod clients;
mod config;
mod facts;
mod groups;
mod latency;
mod slow_log;

use std::collections::BTreeSet;

use egui::Ui;

use crate::core::topology::NodeAddr;
use crate::engine::command::Command;
use crate::engine::look::{Look, Subject};
use crate::engine::snapshot::{ClusterView, NodeView};
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::widgets::node_table;
use crate::gui::widgets::sheet::SheetUi;
use crate::gui::words;

use super::log::{LogUi, log_body_ui};

/// A part of what is known of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    /// What it says of itself.
    #[default]
    Facts,
    /// Its settings.
    Config,
    /// Its clients.
    Clients,
    /// Calls that took long.
    SlowLog,
    /// What its latency monitor saw.
    Latency,
    /// Its log.
    Log,
}

impl Tab {
    /// All of them, in order.
    pub const ALL: [Tab; 6] = [Tab::Facts, Tab::Config, Tab::Clients, Tab::SlowLog, Tab::Latency, Tab::Log];

    fn name(self) -> String {
        match self {
            Tab::Facts => tr!("inspect.facts"),
            Tab::Config => tr!("inspect.config"),
            Tab::Clients => tr!("inspect.clients"),
            Tab::SlowLog => tr!("inspect.slow_log"),
            Tab::Latency => tr!("inspect.latency"),
            Tab::Log => tr!("log.title"),
        }
    }
}

/// The screen's state.
#[derive(Debug)]
pub struct InspectUi {
    /// The node that is inspected.
    pub node: Option<NodeAddr>,
    /// What of it is shown.
    pub tab: Tab,
    filter: String,
    /// Only settings that differ from those of peers.
    pub only_differences: bool,
    /// Groups of which everything is shown, or nothing, against what is usual.
    turned: BTreeSet<String>,
    config: SheetUi,
    clients: SheetUi,
    slow_log: SheetUi,
    latency: SheetUi,
    /// The latency event whose history is drawn.
    event: Option<String>,
    log: LogUi,
}

impl Default for InspectUi {
    fn default() -> Self {
        Self {
            node: None,
            tab: Tab::Facts,
            filter: String::new(),
            only_differences: false,
            turned: BTreeSet::new(),
            config: SheetUi::by(0, false),
            clients: SheetUi::by(0, false),
            slow_log: SheetUi { sort: None, descending: false },
            latency: SheetUi { sort: None, descending: false },
            event: None,
            log: LogUi::default(),
        }
    }
}

impl InspectUi {
    /// What is to be looked at for what is shown.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        let node = self.node.clone()?;
        Some(match self.tab {
            Tab::Facts => Subject::Facts(node),
            Tab::Config => Subject::Config(node),
            Tab::Clients => Subject::Clients(node),
            Tab::SlowLog => Subject::SlowLog(node),
            Tab::Latency => Subject::Latency(node),
            Tab::Log => return None,
        })
    }

    /// Inspects this node.
    pub fn open(&mut self, node: NodeAddr) {
        self.node = Some(node);
    }
}

/// Shows the inspected node; nothing where none is.
#[must_use]
pub fn inspect_ui(ui: &mut Ui, cluster: &ClusterView, look: Option<&Look>, state: &mut InspectUi) -> Option<Action> {
    let known = |addr: &NodeAddr| cluster.nodes.iter().find(|n| n.addr == *addr);
    let Some(node) = state.node.as_ref().and_then(known) else {
        let gone = state.node.take()?;
        bits::nothing(ui, Icon::Nodes, tr!("inspect.gone", node = gone));
        return None;
    };
    let subject = state.subject();
    let look = look.filter(|look| look.cluster == cluster.name && Some(&look.subject) == subject.as_ref());
    let mut action = head_ui(ui, cluster, node, state);
    Action::note(&mut action, tabs_ui(ui, cluster, look, state));
    ui.add_space(4.0);
    let shown = match state.tab {
        Tab::Facts => facts::facts_ui(ui, cluster, node, look, state),
        Tab::Config => config::config_ui(ui, look, state),
        Tab::Clients => clients::clients_ui(ui, look, state),
        Tab::SlowLog => slow_log::slow_log_ui(ui, node, look, state),
        Tab::Latency => latency::latency_ui(ui, node, look, state),
        Tab::Log => log_body_ui(ui, cluster, node, &mut state.log),
    };
    Action::note(&mut action, shown);
    action
}

/// The way back, the node, how it is.
fn head_ui(ui: &mut Ui, cluster: &ClusterView, node: &NodeView, state: &mut InspectUi) -> Option<Action> {
    let mut action = None;
    ui.horizontal(|ui| {
        if bits::icon_button(ui, Icon::Back, tr!("inspect.back")).clicked() {
            action = Some(Action::LeaveNode);
        }
        bits::swatch(ui, bits::shard_color(Palette::of(ui), node));
        choose_ui(ui, cluster, node, state);
        Action::note(&mut action, bits::copy_button(ui, tr!("nodes.copy_address"), &node.addr.to_string()));
        if let Some(role) = node.role {
            bits::weak(ui, words::role(role));
        }
        let (word, tone, icon) = node_table::state_of(node);
        bits::state(ui, tone, icon, word).on_hover_text(words::process(&node.process.state).0);
        bits::staleness(ui, node);
    });
    action
}

fn choose_ui(ui: &mut Ui, cluster: &ClusterView, node: &NodeView, state: &mut InspectUi) {
    let combo = egui::ComboBox::from_id_salt("inspected").selected_text(node.addr.to_string()).width(190.0);
    let response = combo.show_ui(ui, |ui| {
        for other in cluster.nodes.iter() {
            if ui.selectable_label(other.addr == node.addr, other.addr.to_string()).clicked() {
                state.node = Some(other.addr.clone());
            }
        }
    });
    let name = tr!("log.node");
    response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &name));
}

/// The parts; at the right how old what is shown is, and a button to fetch it now.
fn tabs_ui(ui: &mut Ui, cluster: &ClusterView, look: Option<&Look>, state: &mut InspectUi) -> Option<Action> {
    let mut action = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 3.0;
        ui.spacing_mut().button_padding.x = 8.0;
        for tab in Tab::ALL {
            if ui.add(egui::Button::selectable(state.tab == tab, tab.name())).clicked() && state.tab != tab {
                state.tab = tab;
                state.filter.clear();
            }
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let Some(subject) = state.subject() else { return };
            if bits::icon_button(ui, Icon::Refresh, tr!("inspect.refresh")).clicked() {
                action = Some(Action::Do(Command::LookAt(Some((cluster.name.clone(), subject)))));
            }
            let Some(look) = look else { return };
            if let Some(at) = look.at {
                bits::weak(ui, format::age(at)).on_hover_text(tr!("inspect.took", time = format::took(look.took)));
            }
            if let Some(error) = &look.error {
                bits::state(ui, Tone::Bad, Icon::Error, tr!("inspect.failed")).on_hover_text(error);
            }
        });
    });
    action
}

/// Says why there is nothing to show yet.
fn nothing_yet(ui: &mut Ui, look: Option<&Look>) {
    match look.and_then(|look| look.error.as_deref()) {
        Some(error) => bits::nothing(ui, Icon::Error, tr!("inspect.failed_why", why = error)),
        None => bits::nothing(ui, Icon::Busy, tr!("inspect.asking")),
    }
}

/// A line of advice with the command that follows it, to copy.
fn advice_ui(ui: &mut Ui, text: String, command: &str) -> Option<Action> {
    ui.horizontal_wrapped(|ui| {
        bits::state(ui, Tone::Warn, Icon::Info, text);
        ui.label(egui::RichText::new(command).monospace());
        bits::copy_button(ui, tr!("inspect.copy_command"), command)
    })
    .inner
}

/// How to run a command on this node by hand.
fn by_hand(node: &NodeView, command: &str) -> String {
    format!("redis-cli -h {} -p {} {command}", node.addr.host, node.addr.port)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
