//! Which rows are shown, and in which order: filtered, sorted, replicas under their masters.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::core::filter::Filter;
use crate::core::topology::{NodeId, Role};
use crate::engine::snapshot::NodeView;

use super::columns::{Col, FIELDS, Row};

/// A row by place: of its node, and of its node's master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Of the node.
    pub node: usize,
    /// Of the master.
    pub master: Option<usize>,
    /// How it stands among the others.
    pub rank: Rank,
}

/// How a row stands among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// Rows are not grouped.
    Flat,
    /// A master with this many replicas that pass the filter, and whether they are folded away.
    Head {
        /// How many.
        replicas: usize,
        /// Folded away.
        folded: bool,
    },
    /// A replica under its master.
    Under,
}

/// How rows are put in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrangement {
    /// What rows must hold.
    pub filter: String,
    /// The column sorted by, and whether downwards.
    pub sort: (Col, bool),
    /// Replicas stand under their masters.
    pub grouped: bool,
    /// The masters whose replicas are folded away.
    pub folded: BTreeSet<NodeId>,
}

/// The nodes that pass the filter, in order.
#[must_use]
pub fn arrange(nodes: &[NodeView], how: &Arrangement) -> Vec<Place> {
    let filter = Filter::parse(&how.filter, &FIELDS);
    let by_id: HashMap<_, _> = nodes.iter().enumerate().filter_map(|(i, n)| Some((n.id.as_ref()?, i))).collect();
    let row = |place: &Place| Row { node: &nodes[place.node], master: place.master.map(|m| &nodes[m]) };
    let place = |(node, view): (usize, &NodeView)| {
        let master = view.master.as_ref().and_then(|m| by_id.get(m).copied());
        Place { node, master, rank: Rank::Flat }
    };
    let mut places: Vec<Place> = nodes.iter().enumerate().map(place).collect();
    places.retain(|place| filter.is_empty() || filter.passes(&row(place)));
    let addr = |place: &Place| &nodes[place.node].addr;
    match how.sort {
        (Col::Address, true) => places.sort_by_key(|place| Reverse(addr(place))),
        (Col::Address, false) => places.sort_by_key(|place| addr(place)),
        (col, true) => places.sort_by_cached_key(|place| (Reverse(col.key(row(place))), addr(place))),
        (col, false) => places.sort_by_cached_key(|place| (col.key(row(place)), addr(place))),
    }
    if how.grouped { grouped(nodes, &places, &how.folded) } else { places }
}

/// Replicas under their masters, in the order in which both were. Replicas whose master did not pass stand for
/// themselves.
fn grouped(nodes: &[NodeView], places: &[Place], folded: &BTreeSet<NodeId>) -> Vec<Place> {
    let shown: BTreeSet<usize> = places.iter().map(|place| place.node).collect();
    let is_under = |place: &Place| {
        let replica = nodes[place.node].role == Some(Role::Replica);
        // A master that copies another one (for a moment, after a failover) is nobody's head and under nobody.
        replica && place.master.is_some_and(|m| shown.contains(&m) && nodes[m].role != Some(Role::Replica))
    };
    let mut under: HashMap<usize, Vec<Place>> = HashMap::new();
    for place in places.iter().filter(|place| is_under(place)) {
        if let Some(master) = place.master {
            under.entry(master).or_default().push(Place { rank: Rank::Under, ..*place });
        }
    }
    let mut all = Vec::with_capacity(places.len());
    for place in places.iter().filter(|place| !is_under(place)) {
        let replicas = under.remove(&place.node).unwrap_or_default();
        let is_folded = nodes[place.node].id.as_ref().is_some_and(|id| folded.contains(id));
        all.push(Place { rank: Rank::Head { replicas: replicas.len(), folded: is_folded }, ..*place });
        if !is_folded {
            all.extend(replicas);
        }
    }
    all
}
