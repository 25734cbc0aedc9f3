//! How the nodes hang together: shards with their replication, the links between any two nodes, and where nodes
//! disagree about the cluster.

mod links;
mod matrix;
mod opinions;
mod shards;

use std::sync::Arc;

use egui::Ui;

use crate::core::disagree::{Disagreement, disagreements};
use crate::core::regard::Mesh;
use crate::core::topology::{NodeAddr, NodeId, Topology};
use crate::engine::look::{Look, MOST_LINKED, Subject};
use crate::engine::snapshot::{ClusterView, NodeView};
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::Tone;
use crate::gui::widgets::bits;

use matrix::MatrixUi;

/// A part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// Masters with their replicas.
    #[default]
    Shards,
    /// What each node thinks of each.
    Links,
    /// Where nodes disagree.
    Views,
}

impl Part {
    const ALL: [Part; 3] = [Part::Shards, Part::Links, Part::Views];
}

/// The screen's state.
#[derive(Debug, Default)]
pub struct TopologyUi {
    /// What is shown.
    pub part: Part,
    matrix: MatrixUi,
    /// What was worked out last, and from what.
    drawn: Option<Drawn>,
}

/// What the views say together, and from what it was worked out: for a thousand nodes that takes a while, and news come
/// many times a second.
#[derive(Debug)]
struct Drawn {
    topology: Arc<Topology>,
    nodes: Arc<[NodeView]>,
    /// When, by the clock of the frames, seconds.
    at: f64,
    whole: Whole,
}

/// Clusters from this size on are not worked out anew with each news,
const LARGE: usize = 100;
/// but at most so often, seconds.
const EVERY: f64 = 1.0;

impl Drawn {
    fn of(cluster: &ClusterView, at: f64) -> Self {
        Self { topology: cluster.topology.clone(), nodes: cluster.nodes.clone(), at, whole: Whole::of(cluster) }
    }

    /// Whether it still holds; of a large cluster also if it is a little old.
    fn holds(&self, cluster: &ClusterView, now: f64) -> bool {
        if Arc::ptr_eq(&self.topology, &cluster.topology) && Arc::ptr_eq(&self.nodes, &cluster.nodes) {
            return true;
        }
        let same = || self.nodes.iter().map(|node| &node.addr).eq(cluster.nodes.iter().map(|node| &node.addr));
        cluster.nodes.len() >= LARGE && now - self.at < EVERY && same()
    }
}

/// The cluster as all views together tell it.
#[derive(Debug)]
pub(super) struct Whole {
    /// The nodes in the order of the matrix, by place in the cluster's list.
    pub(super) order: Vec<usize>,
    /// What each thinks of each.
    pub(super) mesh: Mesh,
    /// How many pairs there are of each kind.
    pub(super) counts: [usize; 8],
    /// How many pairs have trouble.
    pub(super) trouble: usize,
    /// Groups of nodes that see each other, by row: more than one where the cluster is parted.
    pub(super) groups: Vec<Vec<usize>>,
    /// Where they disagree, and whether there is more.
    pub(super) disagreements: (Vec<Disagreement>, bool),
}

impl Whole {
    fn of(cluster: &ClusterView) -> Self {
        let mut order: Vec<usize> = (0..cluster.nodes.len()).collect();
        order.sort_by_key(|at| cluster.nodes[*at].shard.unwrap_or(usize::MAX));
        let name = |at: &usize| -> (NodeAddr, Option<NodeId>) {
            let node = &cluster.nodes[*at];
            (node.addr.clone(), node.id.clone())
        };
        let mesh = Mesh::of(&cluster.topology, &order.iter().map(name).collect::<Vec<_>>());
        let groups = mesh.groups();
        if groups.len() < 2 {
            return Self::counted(cluster, order, mesh, groups);
        }
        // Those who see each other stand together, so that a partition shows as blocks.
        let together: Vec<usize> = groups.iter().flatten().map(|row| order[*row]).collect();
        order.retain(|at| !together.contains(at));
        let order = [together, order].concat();
        let mesh = Mesh::of(&cluster.topology, &order.iter().map(name).collect::<Vec<_>>());
        let groups = mesh.groups();
        Self::counted(cluster, order, mesh, groups)
    }

    fn counted(cluster: &ClusterView, order: Vec<usize>, mesh: Mesh, groups: Vec<Vec<usize>>) -> Self {
        let (counts, trouble) = (mesh.counts(), mesh.trouble());
        Self { order, mesh, counts, trouble, groups, disagreements: disagreements(&cluster.topology) }
    }
}

impl TopologyUi {
    /// Whose links are to be looked at for what is shown: all of a small cluster, the chosen pair of a large one.
    #[must_use]
    pub fn subject(&self, cluster: &ClusterView) -> Option<Subject> {
        if self.part != Part::Links {
            return None;
        }
        let answering = |node: &&NodeView| !node.is_stale();
        if cluster.nodes.len() <= MOST_LINKED {
            let nodes: Vec<NodeAddr> = cluster.nodes.iter().filter(answering).map(|node| node.addr.clone()).collect();
            return (!nodes.is_empty()).then_some(Subject::Links(nodes));
        }
        let (from, to) = self.matrix.pinned.clone()?;
        Some(Subject::Links(vec![from, to]))
    }

    /// Forgets what belongs to one cluster only.
    pub fn leave_cluster(&mut self) {
        self.matrix = MatrixUi::default();
        self.drawn = None;
    }
}

/// Shows the screen.
#[must_use]
pub fn topology_ui(ui: &mut Ui, cluster: &ClusterView, look: Option<&Look>, state: &mut TopologyUi) -> Option<Action> {
    let now = ui.input(|input| input.time);
    let still = state.drawn.take().filter(|drawn| drawn.holds(cluster, now));
    let drawn = still.unwrap_or_else(|| Drawn::of(cluster, now));
    head_ui(ui, cluster, &drawn.whole, state);
    ui.add_space(4.0);
    let action = if cluster.nodes.is_empty() {
        bits::nothing(ui, Icon::Topology, tr!("nodes.none"));
        None
    } else {
        match state.part {
            Part::Shards => shards::shards_ui(ui, cluster),
            Part::Links => {
                let look = look.filter(|look| look.cluster == cluster.name);
                links::links_ui(ui, cluster, &drawn.whole, look, &mut state.matrix)
            }
            Part::Views => opinions::opinions_ui(ui, cluster, &drawn.whole),
        }
    };
    state.drawn = Some(drawn);
    action
}

/// The title and the parts, with how many problems each has.
fn head_ui(ui: &mut Ui, cluster: &ClusterView, whole: &Whole, state: &mut TopologyUi) {
    ui.horizontal(|ui| {
        bits::title(ui, tr!("view.topology"));
        ui.add_space(12.0);
        ui.spacing_mut().item_spacing.x = 3.0;
        ui.spacing_mut().button_padding.x = 8.0;
        for part in Part::ALL {
            let trouble = match part {
                Part::Shards => {
                    let cut = |node: &&NodeView| node.stats.as_ref().is_some_and(|stats| stats.link_up == Some(false));
                    cluster.nodes.iter().filter(cut).count()
                }
                Part::Links => whole.trouble,
                Part::Views => whole.disagreements.0.len(),
            };
            let name = match part {
                Part::Shards => tr!("overview.shards"),
                Part::Links => tr!("topology.links"),
                Part::Views => tr!("topology.views"),
            };
            if ui.add(egui::Button::selectable(state.part == part, &name)).accessible_name(&name).clicked() {
                state.part = part;
            }
            if trouble > 0 {
                bits::state(ui, Tone::Warn, Icon::Warning, trouble.to_string());
                ui.add_space(6.0);
            }
        }
    });
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
