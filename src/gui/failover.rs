//! Failovers in the window: who can be promoted in this snapshot, when the banner offers it, and the words for a plan.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::core::plan::failover::{
    FailoverMode, FailoverPlan, Meaning, NodeNow, Refusal, Why, lost_masters, plan_for_lost, plan_for_node,
};
use crate::core::spec::ClusterSpec;
use crate::core::topology::{NodeAddr, Role};
use crate::engine::failover::nodes_of_view;
use crate::engine::snapshot::{ClusterView, Health, NodeView, Phase, ProcessState, Reach, Standing};

use super::action::{Action, Confirm};
use super::format;
use super::i18n::tr;

/// The node timeout of clusters whose settings are not known: the server's default.
const DEFAULT_NODE_TIMEOUT: Duration = Duration::from_secs(15);
/// What an election takes besides two node timeouts: its random delay, and a second try.
const ELECTION: Duration = Duration::from_secs(5);

/// The question before a failover of this node: to it where it is a replica, to its best replica where it is a master.
///
/// # Errors
/// Why it can't be.
pub fn question(cluster: &ClusterView, node: &NodeView) -> Result<Action, Refusal> {
    question_among(cluster, &kept_nodes(cluster), node)
}

/// A list of nodes for plans, and what it was made from.
struct Kept {
    nodes: Arc<[NodeView]>,
    spec: Option<Arc<ClusterSpec>>,
    list: Arc<[NodeNow]>,
}

thread_local! {
    /// The list that was made last: the same buttons ask in every frame, and a large cluster's list takes a while.
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// [`nodes_of_view`], made once for a view's nodes.
fn kept_nodes(cluster: &ClusterView) -> Arc<[NodeNow]> {
    KEPT.with_borrow_mut(|kept| {
        let same_spec = |spec: &Option<Arc<ClusterSpec>>| match (spec, &cluster.spec) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        match kept {
            Some(kept) if Arc::ptr_eq(&kept.nodes, &cluster.nodes) && same_spec(&kept.spec) => Arc::clone(&kept.list),
            _ => {
                let list: Arc<[NodeNow]> = nodes_of_view(cluster).into();
                let (nodes, spec) = (Arc::clone(&cluster.nodes), cluster.spec.clone());
                *kept = Some(Kept { nodes, spec, list: Arc::clone(&list) });
                list
            }
        }
    })
}

/// The same for one of many nodes, of which a list was made before.
///
/// # Errors
/// As [`question`].
pub fn question_among(cluster: &ClusterView, nodes: &[NodeNow], node: &NodeView) -> Result<Action, Refusal> {
    let Some(id) = &node.id else { return Err(Refusal::Unknown(node.addr.to_string())) };
    let plan = plan_for_node(nodes, id, None)?;
    Ok(ask(cluster, vec![plan]))
}

/// Whether a failover means anything for this node.
#[must_use]
pub fn concerns(cluster: &ClusterView, node: &NodeView) -> bool {
    let shard = match node.role {
        Some(Role::Replica) => node.master.is_some(),
        Some(Role::Master) => !node.slots.is_empty(),
        None => false,
    };
    shard && cluster.phase == Phase::Formed && cluster.health != Health::Stopped
}

/// The question before these plans are carried out.
#[must_use]
pub fn ask(cluster: &ClusterView, plans: Vec<FailoverPlan>) -> Action {
    Action::Ask(Confirm::Failover { cluster: cluster.name.clone(), plans: plans.into() })
}

/// The promotions that would repair the cluster: of masters that are lost, that have a replica, and whose replica has
/// not taken over in the time that this takes, or can't by itself.
#[must_use]
pub fn repair(cluster: &ClusterView, now: SystemTime) -> Vec<FailoverPlan> {
    if cluster.phase != Phase::Formed || cluster.health == Health::Stopped || cluster.busy_elsewhere {
        return Vec::new();
    }
    let suspects = cluster.nodes.iter().any(|n| n.standing >= Standing::Suspected && !n.slots.is_empty());
    if !suspects {
        return Vec::new();
    }
    let nodes = kept_nodes(cluster);
    let due = |lost: &&NodeNow| cluster.node(&lost.id).is_some_and(|node| is_due(cluster, node, now));
    let due: Vec<&NodeAddr> = lost_masters(&nodes).iter().filter(|lost| due(lost)).map(|lost| &lost.addr).collect();
    let plans = plan_for_lost(&nodes, None).into_iter().flatten();
    let helpless = |plan: &FailoverPlan| plan.mode == FailoverMode::Takeover;
    plans
        .filter(|plan| due.contains(&&plan.master) || helpless(plan))
        .filter(|plan| cluster.node(&plan.master_id).is_some_and(is_suspect))
        .collect()
}

/// Whether the others miss it, and it is not on its way up or down.
fn is_suspect(node: &NodeView) -> bool {
    let moving = matches!(
        node.process.state,
        ProcessState::Starting { .. } | ProcessState::Loading { .. } | ProcessState::Stopping { .. }
    );
    node.standing >= Standing::Suspected && !moving
}

/// Whether a replica should have taken over by now.
fn is_due(cluster: &ClusterView, node: &NodeView, now: SystemTime) -> bool {
    let timeout = cluster.spec.as_ref().map(|spec| Duration::from_millis(spec.config.node_timeout_ms.into()));
    let usual = timeout.unwrap_or(DEFAULT_NODE_TIMEOUT) * 2 + ELECTION;
    match &node.reach {
        Reach::Stale { since, .. } => now.duration_since(*since).is_ok_and(|gone| gone > usual),
        // It was lost before anybody looked.
        Reach::Never { .. } => true,
        Reach::Live | Reach::Unknown => false,
    }
}

/// A mode in a word.
#[must_use]
pub fn mode(mode: FailoverMode) -> String {
    match mode {
        FailoverMode::Plain => tr!("failover_mode.plain"),
        FailoverMode::Force => tr!("failover_mode.force"),
        FailoverMode::Takeover => tr!("failover_mode.takeover"),
    }
}

/// A mode in a line.
#[must_use]
pub fn mode_hint(mode: FailoverMode) -> String {
    match mode {
        FailoverMode::Plain => tr!("failover_mode.plain_hint"),
        FailoverMode::Force => tr!("failover_mode.force_hint"),
        FailoverMode::Takeover => tr!("failover_mode.takeover_hint"),
    }
}

/// Why this mode.
#[must_use]
pub fn why(why: Why) -> String {
    match why {
        Why::MasterServes => tr!("failover_why.master_serves"),
        Why::MasterLost => tr!("failover_why.master_lost"),
        Why::NoMajority(votes) => {
            tr!("failover_why.no_majority", can = votes.can, of = votes.of, needed = votes.needed())
        }
        Why::Deaf => tr!("failover_why.deaf"),
        Why::Asked => tr!("failover_why.asked"),
    }
}

/// What it means.
#[must_use]
pub fn meaning(meaning: Meaning) -> String {
    match meaning {
        Meaning::NothingLost => tr!("failover_meaning.nothing_lost"),
        Meaning::Voted => tr!("failover_meaning.voted"),
        Meaning::NoVotes => tr!("failover_meaning.no_votes"),
        Meaning::MayLose(None) => tr!("failover_meaning.may_lose"),
        Meaning::MayLose(Some(bytes)) => tr!("failover_meaning.may_lose_bytes", bytes = format::bytes(bytes)),
        Meaning::MasterStillServes => tr!("failover_meaning.master_still_serves"),
        Meaning::NothingCopied => tr!("failover_meaning.nothing_copied"),
        Meaning::ComesByItself => tr!("failover_meaning.comes_by_itself"),
        Meaning::OldMasterFollows => tr!("failover_meaning.old_master_follows"),
    }
}

/// Why there is no plan.
#[must_use]
pub fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unknown(node) => tr!("failover_refusal.unknown", node = node),
        Refusal::NotAReplica(node) => tr!("failover_refusal.not_a_replica", node = node),
        Refusal::NothingToTake(node) => tr!("failover_refusal.nothing_to_take", node = node),
        Refusal::ReplicaSilent(node) => tr!("failover_refusal.replica_silent", node = node),
        Refusal::NoCandidate(node) => tr!("failover_refusal.no_candidate", node = node),
        Refusal::MasterLost(node) => tr!("failover_refusal.master_lost", node = node),
        Refusal::LinkDown(node, master) => tr!("failover_refusal.link_down", node = node, master = master),
        Refusal::NoMajority(votes) => {
            tr!("failover_refusal.no_majority", can = votes.can, of = votes.of, needed = votes.needed())
        }
        Refusal::Deaf => tr!("failover_refusal.deaf"),
        Refusal::NothingLost => tr!("failover_refusal.nothing_lost"),
        Refusal::Stale(why) => tr!("failover_refusal.stale", why = why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::samples;

    fn offered(cluster: &ClusterView, after_secs: u64) -> Vec<(u16, FailoverMode)> {
        // The sample's master is gone for 42 s at `now`.
        let now = samples::now() - Duration::from_secs(42) + Duration::from_secs(after_secs);
        repair(cluster, now).iter().map(|plan| (plan.replica.port, plan.mode)).collect()
    }

    #[test]
    fn a_lost_master_is_repaired_only_when_its_replica_is_late() {
        let cluster = samples::failed();
        assert_eq!(cluster.spec.as_ref().unwrap().config.node_timeout_ms, 15_000);
        assert_eq!(offered(&cluster, 30), []);
        assert_eq!(offered(&cluster, 36), [(7003, FailoverMode::Force)]);
        assert_eq!(offered(&samples::failed_over(), 100), []);
        assert_eq!(offered(&samples::healthy(), 100), []);
    }

    #[test]
    fn without_a_majority_it_is_offered_at_once() {
        let mut cluster = samples::failed();
        let mut nodes = cluster.nodes.to_vec();
        nodes[1].standing = Standing::Suspected;
        nodes[1].reach = nodes[0].reach.clone();
        cluster.nodes = nodes.into();
        let takeover = FailoverMode::Takeover;
        assert_eq!(offered(&cluster, 3), [(7003, takeover), (7004, takeover)]);
    }

    #[test]
    fn a_build_that_never_fails_over_is_offered_a_takeover_at_once() {
        use crate::core::build::Build;
        use crate::core::version::ServerVersion;
        let mut cluster = samples::failed();
        let mut nodes = cluster.nodes.to_vec();
        for stats in nodes.iter_mut().filter_map(|n| n.stats.as_mut()) {
            (stats.build, stats.version) = (Build::Zkteco, Some(ServerVersion::redis(8, 8, 0)));
        }
        cluster.nodes = nodes.into();
        assert_eq!(cluster.can_fail_over(), Some(false));
        assert_eq!(offered(&cluster, 3), [(7003, FailoverMode::Takeover)]);
    }

    #[test]
    fn a_master_on_its_way_up_is_let_alone() {
        let mut cluster = samples::failed();
        let mut nodes = cluster.nodes.to_vec();
        nodes[0].process.state = ProcessState::Loading { pid: 7 };
        cluster.nodes = nodes.into();
        assert_eq!(offered(&cluster, 100), []);
    }
}
