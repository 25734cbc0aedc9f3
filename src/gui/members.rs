//! Nodes that join or leave, in the window: what is wanted, and what comes of it.

use std::sync::Arc;

use crate::core::plan::drain::{DrainRefusal, drain};
use crate::core::plan::moves::{Master, MovePlan};
use crate::core::topology::{NodeAddr, NodeId, Role};
use crate::engine::growth::{Leaver, NewRole, Newcomer};
use crate::engine::snapshot::ClusterView;

use super::action::{Action, Confirm};
use super::i18n::tr;
use super::moves;

/// A node that is wanted, as far as it is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddDraft {
    /// Whether a server is launched for it.
    pub launch: bool,
    /// The port of that server.
    pub port: u16,
    /// Where a server runs already, as typed.
    pub addr: String,
    /// What it becomes.
    pub role: NewRole,
}

/// The dialog for a new node: where the cluster is ours, a server is launched for it on the next free port.
#[must_use]
pub fn ask_add(cluster: &ClusterView) -> Action {
    let ports = || cluster.nodes.iter().map(|node| node.addr.port);
    let last = ports().max().unwrap_or(7000);
    let port = (last..=u16::MAX).skip(1).find(|port| !ports().any(|known| known == *port)).unwrap_or(last);
    let launch = cluster.spec.as_ref().is_some_and(|spec| spec.server.is_some());
    let draft = AddDraft { launch, port, addr: String::new(), role: NewRole::Replica(None) };
    Action::Ask(Confirm::AddNode { cluster: cluster.name.clone(), draft: Box::new(draft) })
}

/// The dialog for a node that leaves.
#[must_use]
pub fn ask_remove(cluster: &ClusterView, node: Option<NodeId>) -> Action {
    Action::Ask(Confirm::RemoveNode { cluster: cluster.name.clone(), node, stays: false })
}

/// The node that a draft means.
///
/// # Errors
/// What is missing or wrong, in words.
pub fn newcomer(cluster: &ClusterView, draft: &AddDraft) -> Result<Newcomer, String> {
    if let Some(why) = moves::obstacle(cluster).filter(|_| moves::masters(cluster).len() > 1) {
        return Err(why);
    }
    let spec = cluster.spec.as_ref().filter(|_| draft.launch);
    let addr = match spec {
        Some(spec) => NodeAddr::new(spec.reach_host(), draft.port),
        None => draft.addr.trim().parse::<NodeAddr>().map_err(|_| tr!("members.bad_address"))?,
    };
    if cluster.nodes.iter().any(|node| node.addr.same_place(&addr)) {
        return Err(tr!("members.known", node = addr));
    }
    Ok(Newcomer { addr, launch: spec.is_some(), role: draft.role.clone() })
}

/// What a departure means: the moves before it, and the replicas that need another master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The node.
    pub who: Leaver,
    /// Its replicas.
    pub orphans: Vec<NodeAddr>,
}

/// The departure of a node.
///
/// # Errors
/// Why it can't leave, in words.
pub fn departure(cluster: &ClusterView, id: &NodeId) -> Result<Departure, String> {
    let node = cluster.node(id).ok_or_else(|| tr!("members.gone"))?;
    let masters = moves::masters(cluster);
    let drain = match masters.iter().find(|master| master.id == *id) {
        Some(master) if !master.slots.is_empty() => {
            if let Some(why) = moves::obstacle(cluster) {
                return Err(why);
            }
            moved_away(&masters, master)?
        }
        // Slots of a node that does not answer can't be moved.
        None if node.role == Some(Role::Master) && !node.slots.is_empty() => {
            return Err(tr!("moves.lost_master", node = node.addr));
        }
        _ => MovePlan::default(),
    };
    let orphans = cluster.replicas_of(id).map(|replica| replica.addr.clone()).collect();
    Ok(Departure { who: Leaver { id: id.clone(), addr: node.addr.clone(), drain: Arc::new(drain) }, orphans })
}

fn moved_away(masters: &[Master], from: &Master) -> Result<MovePlan, String> {
    drain(masters, from, &[]).map_err(|why| match why {
        DrainRefusal::NoReceiver => tr!("members.no_receiver"),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::samples;

    fn draft(cluster: &ClusterView) -> AddDraft {
        let Action::Ask(Confirm::AddNode { draft, .. }) = ask_add(cluster) else { panic!() };
        *draft
    }

    #[test]
    fn a_server_of_ours_is_proposed_on_the_next_free_port() {
        let cluster = samples::healthy();
        let mut draft = draft(&cluster);
        assert_eq!((draft.port, draft.launch), (7006, false), "the sample names no server program");
        draft.launch = true;
        assert_eq!(newcomer(&cluster, &draft).unwrap().addr.to_string(), "127.0.0.1:7006");
        draft.port = 7000;
        assert!(newcomer(&cluster, &draft).is_err_and(|why| why.contains("127.0.0.1:7000")));
    }

    #[test]
    fn a_running_server_is_named_by_its_address() {
        let cluster = samples::healthy();
        let draft = AddDraft { launch: false, addr: " 10.0.0.7:6379 ".to_owned(), ..draft(&cluster) };
        assert_eq!(newcomer(&cluster, &draft).unwrap().addr.host, "10.0.0.7");
        assert!(newcomer(&cluster, &AddDraft { addr: "nowhere".to_owned(), ..draft }).is_err());
    }

    #[test]
    fn a_masters_slots_leave_before_it_and_its_replicas_are_named() {
        let cluster = samples::healthy();
        let master = departure(&cluster, &samples::id(0)).unwrap();
        assert_eq!((master.who.drain.slot_count(), master.who.drain.moves().len()), (5461, 2));
        assert_eq!(master.orphans, [NodeAddr::new("127.0.0.1", 7003)]);
        let replica = departure(&cluster, &samples::id(3)).unwrap();
        assert!(replica.who.drain.is_empty() && replica.orphans.is_empty());
    }

    #[test]
    fn a_lost_master_with_slots_can_not_leave() {
        assert!(departure(&samples::failed(), &samples::id(0)).is_err_and(|why| why.contains("127.0.0.1:7000")));
    }
}
