//! What happened between two pictures of the clusters, as events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use crate::engine::event::{Event, Level, What};
use crate::engine::snapshot::{ClusterView, NodeView, Phase, ProcessState, Standing};

type Clusters = BTreeMap<String, Arc<ClusterView>>;

/// The events that lead from the old picture to the new one.
pub(super) fn events(old: &Clusters, new: &Clusters) -> Vec<Event> {
    let mut events = Vec::new();
    for (name, cluster) in new {
        let Some(before) = old.get(name) else { continue };
        // While a cluster is being made, roles change because that is the work.
        let forming = before.phase == Phase::Unformed || cluster.phase == Phase::Unformed;
        if Arc::ptr_eq(before, cluster) {
            continue;
        }
        for node in cluster.nodes.iter() {
            if let Some(was) = before.nodes.iter().find(|n| n.addr == node.addr) {
                let mut changes = node_changes(was, node);
                changes.retain(|(_, what)| !(forming && matches!(what, What::RoleChanged(..))));
                events.extend(changes.into_iter().map(|(level, what)| Event {
                    at: SystemTime::now(),
                    level,
                    cluster: Some(name.clone()),
                    what,
                }));
            }
        }
    }
    events
}

fn node_changes(was: &NodeView, is: &NodeView) -> Vec<(Level, What)> {
    let addr = is.addr.to_string();
    let mut changes = Vec::new();
    if let (true, ProcessState::Died { how, .. }) = (was.process.state.pid().is_some(), &is.process.state) {
        changes.push((Level::Error, What::ProcessDied(addr.clone(), how.clone())));
    }
    if was.standing != Standing::Failed && is.standing == Standing::Failed {
        changes.push((Level::Warning, What::NodeFailed(addr.clone())));
    }
    if was.standing == Standing::Failed && is.standing == Standing::Fine {
        changes.push((Level::Success, What::NodeBack(addr.clone())));
    }
    if let (Some(before), Some(now)) = (was.role, is.role)
        && before != now
        && was.id == is.id
    {
        changes.push((Level::Info, What::RoleChanged(addr, now)));
    }
    changes
}
