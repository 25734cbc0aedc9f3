//! Where nodes disagree about the cluster: who thinks what of whom, view by view.

use std::collections::BTreeSet;

use super::slot::SlotSet;
use super::timeline::Standing;
use super::topology::{Node, NodeAddr, NodeId, Role, Topology, View};

/// How many disagreements are told; a cluster that falls apart has one about each node.
pub const MOST: usize = 200;

/// What nodes disagree about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Whether there is such a node.
    Known,
    /// Whether it works.
    Standing,
    /// Whether it is a master, or whose replica it is.
    Role,
    /// Which slots it owns.
    Slots,
    /// Its configuration epoch.
    Epoch,
}

impl Aspect {
    const ALL: [Aspect; 5] = [Aspect::Known, Aspect::Standing, Aspect::Role, Aspect::Slots, Aspect::Epoch];
}

/// One opinion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opinion {
    /// There is no such node.
    Missing,
    /// There is.
    There,
    /// It works so.
    Standing(Standing),
    /// It is a master.
    Master,
    /// It copies that one.
    ReplicaOf(Option<NodeId>),
    /// It owns these slots.
    Slots(SlotSet),
    /// It has this epoch.
    Epoch(u64),
}

/// What the nodes say about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// About whom.
    pub about: NodeId,
    /// About what of it.
    pub aspect: Aspect,
    /// Each opinion with those who hold it, the most common one first; at least two.
    pub opinions: Vec<(Opinion, Vec<NodeAddr>)>,
}

/// Everything that the views do not agree about, in the order of the nodes' ids, at most [`MOST`]; and whether there is
/// more. What a node is in its own eyes counts as well.
#[must_use]
pub fn disagreements(topology: &Topology) -> (Vec<Disagreement>, bool) {
    let Some((_, first)) = topology.current().next() else { return (Vec::new(), false) };
    let mut about: BTreeSet<&NodeId> = BTreeSet::new();
    for (_, view) in topology.current().skip(1) {
        about.extend(differing(first, view));
    }
    let mut found = Vec::new();
    for id in about {
        for aspect in Aspect::ALL {
            found.extend(opinions(topology, id, aspect));
            if found.len() > MOST {
                found.truncate(MOST);
                return (found, true);
            }
        }
    }
    (found, false)
}

/// The nodes of which two views have different opinions: a walk along both, which are in id order.
fn differing<'a>(one: &'a View, other: &'a View) -> Vec<&'a NodeId> {
    let mut ids = Vec::new();
    let (mut left, mut right) = (one.nodes.values().peekable(), other.nodes.values().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if a.id == b.id => {
                if Aspect::ALL.into_iter().any(|aspect| opinion(Some(a), aspect) != opinion(Some(b), aspect)) {
                    ids.push(&a.id);
                }
                left.next();
                right.next();
            }
            (Some(a), b) if b.is_none_or(|b| a.id < b.id) => {
                ids.push(&a.id);
                left.next();
            }
            (_, Some(b)) => {
                ids.push(&b.id);
                right.next();
            }
            (_, None) => return ids,
        }
    }
}

fn opinions(topology: &Topology, about: &NodeId, aspect: Aspect) -> Option<Disagreement> {
    let mut sides: Vec<(Opinion, Vec<NodeAddr>)> = Vec::new();
    for (addr, view) in topology.current() {
        let Some(opinion) = opinion(view.nodes.get(about), aspect) else { continue };
        let at = sides.iter().position(|(known, _)| *known == opinion).unwrap_or_else(|| {
            sides.push((opinion, Vec::new()));
            sides.len() - 1
        });
        sides[at].1.push(addr.clone());
    }
    sides.sort_by_key(|(_, by)| std::cmp::Reverse(by.len()));
    (sides.len() > 1).then(|| Disagreement { about: about.clone(), aspect, opinions: sides })
}

/// What a view says; `None` where it has no opinion: of a node that it does not know it only says that.
fn opinion(node: Option<&Node>, aspect: Aspect) -> Option<Opinion> {
    // Whom a node has only met it says nothing certain of.
    let known = node.filter(|node| !node.flags.handshake);
    if aspect == Aspect::Known {
        return Some(if known.is_some() { Opinion::There } else { Opinion::Missing });
    }
    let node = known?;
    Some(match aspect {
        Aspect::Known => return None,
        Aspect::Standing => Opinion::Standing(match node.flags {
            f if f.fail => Standing::Failed,
            f if f.pfail => Standing::Suspected,
            _ => Standing::Fine,
        }),
        Aspect::Role if node.role == Role::Master => Opinion::Master,
        Aspect::Role => Opinion::ReplicaOf(node.master.clone()),
        Aspect::Slots => Opinion::Slots(node.slots.clone()),
        // A replica tells its master's epoch, and learns of that later than others.
        Aspect::Epoch if node.role == Role::Replica => return None,
        Aspect::Epoch => Opinion::Epoch(node.epoch),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u16) -> NodeId {
        format!("{n:040x}").parse().unwrap()
    }

    /// A node in a view: its number, role and master, epoch, slots.
    type Told<'a> = (u16, &'a str, u64, &'a str);

    fn topology(views: &[(u16, &[Told<'_>])]) -> Topology {
        let parse = |me: u16, nodes: &[Told<'_>]| {
            let line = |(n, role, epoch, slots): &Told<'_>| {
                let me = if *n == me { "myself," } else { "" };
                format!("{} h:{}@1 {me}{role} 0 0 {epoch} connected {slots}\n", id(*n), 7000 + n)
            };
            View::parse(&nodes.iter().map(line).collect::<String>()).unwrap()
        };
        let views = views.iter().map(|(me, nodes)| (NodeAddr::new("h", 7000 + me), parse(*me, nodes).into())).collect();
        Topology { views, ..Topology::default() }
    }

    #[test]
    fn views_that_agree_say_nothing() {
        let nodes: &[_] = &[(1, "master -", 1, "0-99"), (2, "master -", 2, "100-200")];
        assert_eq!(disagreements(&topology(&[(1, nodes), (2, nodes)])), (vec![], false));
        assert_eq!(disagreements(&Topology::default()), (vec![], false));
    }

    #[test]
    fn who_thinks_what_is_told_with_the_majority_first() {
        let old: &[_] = &[(1, "master -", 1, "0-99"), (2, "master -", 2, ""), (3, "master,fail? -", 3, "")];
        let new: &[_] = &[(1, "master -", 1, "0-49"), (2, "master -", 5, "50-99"), (3, "master -", 3, "")];
        let (found, more) = disagreements(&topology(&[(1, new), (2, new), (3, old)]));
        assert!(!more);
        let told: Vec<_> = found.iter().map(|d| (d.about.clone(), d.aspect, d.opinions[0].1.len())).collect();
        assert_eq!(
            told,
            [
                (id(1), Aspect::Slots, 2),
                (id(2), Aspect::Slots, 2),
                (id(2), Aspect::Epoch, 2),
                (id(3), Aspect::Standing, 2)
            ]
        );
        let (opinion, by) = &found[2].opinions[1];
        assert_eq!((opinion, by), (&Opinion::Epoch(2), &vec![NodeAddr::new("h", 7003)]));
    }

    #[test]
    fn a_node_that_is_unknown_to_some_is_only_that() {
        let replica = format!("slave {}", id(1));
        let all: &[_] = &[(1, "master -", 1, "0-99"), (2, replica.as_str(), 1, "")];
        let alone: &[_] = &[(1, "master -", 1, "0-99")];
        let (found, _) = disagreements(&topology(&[(1, alone), (2, all)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].opinions[0], (Opinion::Missing, vec![NodeAddr::new("h", 7001)]));
        assert_eq!(found[0].opinions[1], (Opinion::There, vec![NodeAddr::new("h", 7002)]));
    }
}
