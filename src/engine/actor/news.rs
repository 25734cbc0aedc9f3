//! What happened between two pictures of the clusters, as events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::core::slot::{Slot, SlotSet};
use crate::core::timeline::{Change, Health, Standing};
use crate::core::topology::{NodeAddr, NodeId, Role};
use crate::engine::event::{Event, Level, What};
use crate::engine::snapshot::{ClusterView, NodeView, Phase, ProcessState, Reach};

/// A server that runs for less than this was started just now.
const YOUNG: Duration = Duration::from_secs(15);

type Clusters = BTreeMap<String, Arc<ClusterView>>;

/// The events that lead from the old picture to the new one.
pub(super) fn events(old: &Clusters, new: &Clusters, at: SystemTime) -> Vec<Event> {
    let changed = new.iter().filter_map(|(name, now)| Some((name, old.get(name)?, now)));
    let differ = changed.filter(|(_, was, now)| !Arc::ptr_eq(was, now));
    differ
        .flat_map(|(name, was, now)| {
            let event = move |what| Event { at, level: level(&what), cluster: Some(name.clone()), what };
            differences(was, now).into_iter().map(event)
        })
        .collect()
}

/// How loud a change is.
fn level(what: &What) -> Level {
    match what {
        What::ProcessDied(..) => Level::Error,
        What::Changed(_, change) => match change {
            Change::Health { after: Health::Down, .. } => Level::Error,
            Change::Standing { after: Standing::Failed, .. }
            | Change::Health { after: Health::Degraded, before: Health::Ok }
            | Change::Answers(false)
            | Change::Link(false)
            | Change::Died => Level::Warning,
            Change::Standing { before: Standing::Failed, .. } | Change::Health { after: Health::Ok, .. } => {
                Level::Success
            }
            _ => Level::Info,
        },
        _ => Level::Info,
    }
}

/// What changed in one cluster: on its nodes, in the slots' owners, as a whole.
fn differences(was: &ClusterView, now: &ClusterView) -> Vec<What> {
    let mut found = Vec::new();
    // While a cluster is being made or begins to run, everything changes because that is the work.
    let settled = was.phase == Phase::Formed
        && now.phase == Phase::Formed
        && was.health != Health::Unknown
        && !(is_being_stopped(was) || is_being_stopped(now));
    for (i, node) in now.nodes.iter().enumerate() {
        // Nodes mostly keep their place: a search among a thousand for each of a thousand would be felt.
        let before = was.nodes.get(i).filter(|n| n.addr == node.addr);
        match before.or_else(|| was.nodes.iter().find(|n| n.addr == node.addr)) {
            Some(before) => {
                if let (Some(_), ProcessState::Died { how, .. }) = (before.process.state.pid(), &node.process.state) {
                    found.push(What::ProcessDied(node.addr.to_string(), *how));
                }
                let mut changes = process_changes(before, node);
                if settled {
                    changes.extend(node_changes(was, now, before, node));
                }
                found.extend(changes.into_iter().map(|change| What::Changed(Some(node.addr.clone()), change)));
            }
            None if settled => found.push(What::Changed(Some(node.addr.clone()), Change::Joined)),
            None => {}
        }
    }
    if settled {
        let gone = was.nodes.iter().filter(|n| now.nodes.len() < was.nodes.len() && !has(now, &n.addr));
        found.extend(gone.map(|n| What::Changed(Some(n.addr.clone()), Change::Left)));
        found.extend(slot_changes(was, now));
        let known = |health| matches!(health, Health::Ok | Health::Degraded | Health::Down);
        if was.health != now.health && known(was.health) && known(now.health) {
            found.push(What::Changed(None, Change::Health { before: was.health, after: now.health }));
        }
    }
    found
}

/// Whether servers are being stopped on purpose: what the others make of it is no news.
fn is_being_stopped(cluster: &ClusterView) -> bool {
    cluster.nodes.iter().any(|node| matches!(node.process.state, ProcessState::Stopping { .. }))
}

fn has(cluster: &ClusterView, addr: &NodeAddr) -> bool {
    cluster.nodes.iter().any(|n| n.addr == *addr)
}

fn process_changes(was: &NodeView, is: &NodeView) -> Vec<Change> {
    let mut changes = Vec::new();
    let runs = |node: &NodeView| matches!(node.process.state, ProcessState::Running { .. });
    // Servers that ran before this program did are found running, not started.
    let is_young = is.stats.as_ref().is_some_and(|stats| stats.uptime < YOUNG);
    match (was.process.state.pid(), &is.process.state) {
        _ if !runs(was) && runs(is) && is_young => changes.push(Change::Started),
        (Some(_), ProcessState::Stopped) => changes.push(Change::Stopped),
        _ => {}
    }
    let server = |node: &NodeView| node.stats.as_ref().and_then(|stats| stats.process_id);
    if let (Some(before), Some(now)) = (server(was), server(is))
        && before != now
        && is.process.state == ProcessState::External
    {
        changes.push(Change::Restarted);
    }
    changes
}

fn node_changes(old: &ClusterView, new: &ClusterView, was: &NodeView, is: &NodeView) -> Vec<Change> {
    let mut changes = Vec::new();
    // Servers that are stopped on purpose are silent on purpose.
    let on_purpose = matches!(is.process.state, ProcessState::Stopped | ProcessState::Stopping { .. });
    match (&was.reach, &is.reach) {
        (Reach::Live, Reach::Stale { .. } | Reach::Never { .. }) if !on_purpose => changes.push(Change::Answers(false)),
        (Reach::Stale { .. } | Reach::Never { .. }, Reach::Live) => changes.push(Change::Answers(true)),
        _ => {}
    }
    if was.standing != is.standing {
        changes.push(Change::Standing { before: was.standing, after: is.standing });
    }
    if was.id != is.id {
        return changes;
    }
    if was.epoch != is.epoch && was.epoch != 0 {
        changes.push(Change::Epoch { before: was.epoch, after: is.epoch });
    }
    // Only then: to find a master is a walk over all nodes.
    let masters = || (master_addr(old, was.master.as_ref()), master_addr(new, is.master.as_ref()));
    match (was.role, is.role) {
        (Some(role), Some(now)) if role != now => {
            let (before, after) = masters();
            let master = if now == Role::Master { before } else { after };
            changes.push(Change::Role { before: role, after: now, master });
        }
        (Some(Role::Replica), Some(Role::Replica)) if was.master != is.master => {
            let (before, after) = masters();
            changes.push(Change::Follows { before, after });
        }
        _ => {}
    }
    let link = |node: &NodeView| node.stats.as_ref().and_then(|stats| stats.link_up);
    if let (Some(before), Some(up)) = (link(was), link(is))
        && before != up
    {
        changes.push(Change::Link(up));
    }
    changes.extend(setting_changes(was, is));
    changes
}

fn master_addr(cluster: &ClusterView, id: Option<&NodeId>) -> Option<NodeAddr> {
    cluster.node(id?).map(|node| node.addr.clone())
}

fn setting_changes(was: &NodeView, is: &NodeView) -> Vec<Change> {
    if Arc::ptr_eq(&was.settings, &is.settings) {
        return Vec::new();
    }
    let before = |name: &str| was.settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let changed = |(name, after): &(&'static str, String)| {
        let (name, before) = (*name, before(name)?);
        (before != *after).then(|| Change::Setting { name, before, after: after.clone() })
    };
    is.settings.iter().filter_map(changed).collect()
}

/// Slots with another owner: one change for each pair of an old and a new one.
fn slot_changes(was: &ClusterView, now: &ClusterView) -> Vec<What> {
    let same_nodes = || was.nodes.iter().map(|n| &n.addr).eq(now.nodes.iter().map(|n| &n.addr));
    if was.slot_owner == now.slot_owner && same_nodes() {
        return Vec::new();
    }
    let mut moved: BTreeMap<(Option<&NodeAddr>, Option<&NodeAddr>), SlotSet> = BTreeMap::new();
    for slot in Slot::all() {
        let (before, after) = (was.owner_of(slot).map(|n| &n.addr), now.owner_of(slot).map(|n| &n.addr));
        if before != after {
            moved.entry((before, after)).or_default().insert(slot);
        }
    }
    let change = |((before, after), slots): ((Option<&NodeAddr>, Option<&NodeAddr>), SlotSet)| {
        let (before, after) = (before.cloned(), after.cloned());
        What::Changed(after.clone().or_else(|| before.clone()), Change::Slots { slots, before, after })
    };
    moved.into_iter().map(change).collect()
}

#[cfg(test)]
#[path = "news_tests.rs"]
mod tests;
