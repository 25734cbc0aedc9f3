//! Carries failovers out: sends each replica its one command, then waits until every node that answers sees the new
//! master and the other replicas follow it.
//!
//! There is no journal: a failover is one command to one node. What was interrupted before it changed nothing, and what
//! was interrupted after it is finished by the servers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use crate::core::build::Build;
use crate::core::check::Finding;
use crate::core::limits::can_fail_over;
use crate::core::plan::failover::{FailoverMode, FailoverPlan, NodeNow, lost_masters};
use crate::core::slot::SlotSet;
use crate::core::topology::{Node, NodeAddr, NodeId, Role, Topology, View};
use crate::core::version::ServerVersion;

use super::client::{CONNECT_DEADLINE, NodeClient, NodeError, as_text, info_field};
use super::command::Auth;
use super::detail::Detail;
use super::gather::{Gathered, ask, gather};
use super::job::Step;
use super::snapshot::{ClusterView, NodeView, Reach, Standing};
use super::steps::Steps;

/// How long the servers try a manual failover by themselves (`CLUSTER_MF_TIMEOUT`; Valkey 9 can be told another time).
const SERVER_TRIES: Duration = Duration::from_secs(5);
/// How much longer we wait for its outcome.
const GRACE: Duration = Duration::from_secs(5);
/// How long the news may take to every node: the new master tells all of them at once, and gossip repeats it.
const SPREAD_DEADLINE: Duration = Duration::from_secs(30);
/// How long the other replicas may take to follow: those that must copy everything anew need long.
const FOLLOW_DEADLINE: Duration = Duration::from_mins(2);

/// The steps of so many failovers, in order.
#[must_use]
pub fn failover_steps(plans: usize) -> Vec<Step> {
    let each = [Step::AskToTakeOver, Step::AwaitPromotion];
    let all = each.iter().copied().cycle().take(each.len() * plans);
    std::iter::once(Step::CheckRoles).chain(all).chain([Step::AwaitFollowers]).collect()
}

/// Why a failover did not end well.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FailoverError {
    /// Nothing was sent.
    #[error("nothing was sent: {0}")]
    Untouched(String),
    /// The server did not take the command, or did not do it.
    #[error("{0}")]
    NotPromoted(String),
    /// The roles changed, but the cluster is not as it should be.
    #[error("the failover is done, but {0}")]
    Unsettled(String),
    /// Asked to stop.
    #[error("cancelled after the command was sent: the servers may still finish it")]
    Cancelled,
}

/// The nodes of a cluster as every one of them was just asked.
#[must_use]
pub fn nodes_now(gathered: &Gathered) -> Vec<NodeNow> {
    let topology = &gathered.topology;
    let asked: BTreeSet<&NodeId> = topology.views.values().map(|view| &view.myself).collect();
    let info_of: BTreeMap<&NodeId, &str> = topology
        .views
        .iter()
        .filter_map(|(addr, view)| Some((&view.myself, gathered.infos.get(addr)?.as_str())))
        .collect();
    let is_deaf = |info: &String| {
        ServerVersion::parse_info(info)
            .is_some_and(|version| can_fail_over(Build::of_info(info), version) == Some(false))
    };
    let deaf = gathered.infos.values().any(is_deaf);
    let mut nodes = Vec::new();
    for (id, mut node) in topology.nodes() {
        if node.flags.handshake {
            continue;
        }
        let answers = asked.contains(&id);
        // Of a node that says nothing itself, the newest that others know counts.
        if !answers && let Some(newest) = as_others_see(topology, &id).max_by_key(|n| n.epoch) {
            node = newest.clone();
        }
        let Some(addr) = node.addr.clone() else { continue };
        let number = |name: &str| info_field(info_of.get(&id)?, name)?.parse::<u64>().ok();
        let silence = info_of.get(&id).map(|info| silence(info)).unwrap_or_default();
        let link = info_of.get(&id).and_then(|info| info_field(info, "master_link_status"));
        nodes.push(NodeNow {
            failed: as_others_see(topology, &id).any(|n| n.flags.fail),
            addr,
            role: node.role,
            master: node.master,
            slots: node.slots,
            epoch: node.epoch,
            answers,
            link_up: link.map(|link| link == "up"),
            offset: number("slave_repl_offset").or_else(|| number("master_repl_offset")),
            silent_secs: silence.0,
            never_linked: silence.1,
            deaf,
            id: id.clone(),
        });
    }
    nodes
}

/// How long a replica has heard nothing of its master, seconds, and whether it never did since it started. While the
/// link is down the servers say since when; of a link that never was, -1 (Redis 7.0) or the whole time since 1970.
pub(super) fn silence(info: &str) -> (Option<u64>, bool) {
    const LONGER_THAN_ANY_SERVER_RAN: i64 = 1_000_000_000;
    let seconds = |name: &str| info_field(info, name)?.parse::<i64>().ok();
    let heard = seconds("master_last_io_seconds_ago").and_then(|s| u64::try_from(s).ok());
    match seconds("master_link_down_since_seconds") {
        Some(down) if !(0..LONGER_THAN_ANY_SERVER_RAN).contains(&down) => (None, true),
        Some(down) => (heard.or(u64::try_from(down).ok()), false),
        None => (heard, false),
    }
}

fn as_others_see<'a>(topology: &'a Topology, id: &'a NodeId) -> impl Iterator<Item = &'a Node> {
    topology.views.values().filter(move |view| view.myself != *id).filter_map(move |view| view.nodes.get(id))
}

/// The nodes of a cluster as a snapshot shows them.
#[must_use]
pub fn nodes_of_view(cluster: &ClusterView) -> Vec<NodeNow> {
    let deaf = cluster.can_fail_over() == Some(false);
    let node = |node: &NodeView| {
        let stats = node.stats.as_ref();
        Some(NodeNow {
            addr: node.addr.clone(),
            id: node.id.clone()?,
            role: node.role?,
            master: node.master.clone(),
            slots: node.slots.clone(),
            epoch: node.epoch,
            // Of a node that was not asked yet, the others' word counts.
            answers: matches!(node.reach, Reach::Live | Reach::Unknown),
            failed: node.standing == Standing::Failed,
            link_up: stats.and_then(|s| s.link_up),
            offset: stats.and_then(|s| s.repl_offset),
            silent_secs: stats.and_then(|s| s.lag_secs),
            never_linked: stats.is_some_and(|s| s.never_linked),
            deaf,
        })
    };
    cluster.nodes.iter().filter_map(node).collect()
}

type Clients = BTreeMap<NodeId, NodeClient>;

/// Carries the plans out, one after the other. `seeds` are addresses of the cluster. Returns every node's last answer.
///
/// # Errors
/// [`FailoverError::Untouched`] when the cluster is no longer what the plans were made from; else what happened.
pub async fn failover(
    plans: &[FailoverPlan],
    seeds: &[NodeAddr],
    auth: &Auth,
    steps: &Steps,
) -> Result<Gathered, FailoverError> {
    let result = run(plans, seeds, auth, steps).await;
    match &result {
        Ok(_) => steps.done(),
        Err(error) => steps.fail(&error.to_string()),
    }
    result
}

async fn run(
    plans: &[FailoverPlan],
    seeds: &[NodeAddr],
    auth: &Auth,
    steps: &Steps,
) -> Result<Gathered, FailoverError> {
    steps.begin(Step::CheckRoles);
    let clients = prepare(plans, seeds, auth).await.map_err(FailoverError::Untouched)?;
    if steps.is_cancelled() {
        return Err(FailoverError::Untouched("cancelled".to_owned()));
    }
    for (i, plan) in plans.iter().enumerate() {
        // What an earlier one gave back, a majority, may have brought this one about already.
        let done = i > 0 && owns(&views(&clients).await, &plan.replica_id, plan);
        promote(plan, &clients, done, steps).await?;
    }
    settle(plans, &clients, steps).await
}

/// Asks every node, insists that the plans still hold, and connects to all that answer.
async fn prepare(plans: &[FailoverPlan], seeds: &[NodeAddr], auth: &Auth) -> Result<Clients, String> {
    let gathered = gather(seeds, auth, CONNECT_DEADLINE).await;
    if gathered.topology.views.is_empty() {
        return Err("no node of the cluster answers".to_owned());
    }
    let now = nodes_now(&gathered);
    for plan in plans {
        plan.still_holds(&now).map_err(|stale| stale.to_string())?;
    }
    let connecting =
        gathered.topology.views.iter().map(|(addr, view)| async move {
            Some((view.myself.clone(), NodeClient::connect(addr, auth).await.ok()?))
        });
    Ok(join_all(connecting).await.into_iter().flatten().collect())
}

/// Sends the command, unless it is done already, and waits until everybody sees what it brought.
async fn promote(plan: &FailoverPlan, clients: &Clients, done: bool, steps: &Steps) -> Result<(), FailoverError> {
    steps.begin(Step::AskToTakeOver);
    let Some(client) = clients.get(&plan.replica_id) else {
        return Err(FailoverError::NotPromoted(format!("{} does not answer any more", plan.replica)));
    };
    let mut tries = SERVER_TRIES;
    if done {
        steps.detail(Detail::TookOver(plan.replica.clone()));
    } else {
        tries = server_tries(client).await.unwrap_or(tries);
        client.run(&plan.command()).await.map_err(|error| FailoverError::NotPromoted(refused(plan, &error)))?;
        steps.detail(format!("{}: {}", plan.replica, plan.mode.command().join(" ")));
    }
    steps.begin(Step::AwaitPromotion);
    let promoted_by = Instant::now() + tries + GRACE;
    let seen_by = promoted_by + SPREAD_DEADLINE;
    loop {
        if steps.is_cancelled() {
            return Err(FailoverError::Cancelled);
        }
        let views = views(clients).await;
        if owns(&views, &plan.replica_id, plan) {
            let blind: Vec<String> =
                views.keys().filter(|id| !owns(&views, id, plan)).filter_map(|id| addr_of(clients, id)).collect();
            let Some(first) = blind.first() else {
                steps.detail(plan.replica.to_string());
                return Ok(());
            };
            if Instant::now() > seen_by {
                let why = format!("{} still see another master for these slots", blind.join(", "));
                return Err(FailoverError::Unsettled(why));
            }
            steps.detail(Detail::NotSeenBy(first.clone()));
        } else {
            if Instant::now() > promoted_by {
                return Err(FailoverError::NotPromoted(not_promoted(plan, client, tries + GRACE).await));
            }
            steps.detail(Detail::StillReplica(plan.replica.clone()));
        }
        sleep(pause(clients)).await;
    }
}

/// Waits until the other nodes of each shard follow, all nodes agree, and the cluster serves where nothing else is lost.
async fn settle(plans: &[FailoverPlan], clients: &Clients, steps: &Steps) -> Result<Gathered, FailoverError> {
    steps.begin(Step::AwaitFollowers);
    let deadline = Instant::now() + FOLLOW_DEADLINE;
    loop {
        let gathered = everything(clients).await;
        let waiting = unsettled(plans, &gathered);
        let Some(first) = waiting.first() else {
            steps.waited();
            return Ok(gathered);
        };
        if steps.is_cancelled() {
            return Err(FailoverError::Cancelled);
        }
        if Instant::now() > deadline {
            let list: Vec<String> = waiting.iter().map(ToString::to_string).collect();
            return Err(FailoverError::Unsettled(list.join("; ")));
        }
        steps.detail(first.clone());
        sleep(pause(clients)).await;
    }
}

/// What is not yet as it will be, in words.
fn unsettled(plans: &[FailoverPlan], gathered: &Gathered) -> Vec<Detail> {
    let mut waiting = Vec::new();
    let taken: BTreeMap<&NodeId, &FailoverPlan> = plans.iter().map(|plan| (&plan.master_id, plan)).collect();
    for (addr, view) in &gathered.topology.views {
        let Some(me) = view.me() else { continue };
        // The old master itself, or another of its replicas.
        let follows_old = if me.role == Role::Master { Some(&me.id) } else { me.master.as_ref() };
        let old = follows_old.and_then(|id| taken.get(id));
        if let Some(plan) = old {
            waiting.push(Detail::DoesNotFollow { node: addr.clone(), master: plan.replica.clone() });
        } else if me.role == Role::Replica
            && plans.iter().any(|plan| me.master.as_ref() == Some(&plan.replica_id))
            && gathered.health.get(addr).is_some_and(|health| health.link_up == Some(false))
        {
            waiting.push(Detail::NotLinked(addr.clone()));
        }
    }
    let findings = gathered.check();
    let disagree = |f: &&Finding| matches!(f, Finding::SlotsDisagree(_) | Finding::RolesDisagree(_));
    waiting.extend(findings.iter().filter(disagree).map(Detail::from));
    // With another master lost or slots without an owner, the cluster may well stay down.
    let whole = lost_masters(&nodes_now(gathered)).is_empty()
        && !findings.iter().any(|finding| matches!(finding, Finding::Uncovered(_)));
    let down = |f: &&Finding| matches!(f, Finding::StateFail(_));
    waiting.extend(findings.iter().filter(down).filter(|_| whole).map(Detail::from));
    waiting
}

/// Whether this node sees the plan's replica as the master of all its slots.
fn owns(views: &BTreeMap<NodeId, View>, viewer: &NodeId, plan: &FailoverPlan) -> bool {
    let seen = views.get(viewer).and_then(|view| view.nodes.get(&plan.replica_id));
    seen.is_some_and(|node| node.role == Role::Master && holds(&node.slots, &plan.slots))
}

fn holds(all: &SlotSet, some: &SlotSet) -> bool {
    some.iter().all(|slot| all.contains(slot))
}

async fn views(clients: &Clients) -> BTreeMap<NodeId, View> {
    let answers = join_all(clients.values().map(NodeClient::view)).await;
    clients.keys().cloned().zip(answers).filter_map(|(id, view)| Some((id, view.ok()?))).collect()
}

async fn everything(clients: &Clients) -> Gathered {
    let mut gathered = Gathered::default();
    let answers = join_all(clients.values().map(ask)).await;
    for (client, answer) in clients.values().zip(answers) {
        gathered.insert(client.addr().clone(), answer);
    }
    gathered
}

fn addr_of(clients: &Clients, id: &NodeId) -> Option<String> {
    clients.get(id).map(|client| client.addr().to_string())
}

/// How long to rest between two looks: 20 ms for a handful, longer for hundreds.
fn pause(clients: &Clients) -> Duration {
    Duration::from_millis(20 + clients.len() as u64)
}

/// How long this server tries, where it can be told (`cluster-manual-failover-timeout`, milliseconds, Valkey 9).
async fn server_tries(client: &NodeClient) -> Option<Duration> {
    let answer = client.call(&["CONFIG", "GET", "cluster-manual-failover-timeout"]).await.ok()?;
    let text = match answer {
        redis::Value::Array(items) => as_text(items.get(1)?)?,
        redis::Value::Map(pairs) => as_text(&pairs.first()?.1)?,
        _ => return None,
    };
    text.parse().ok().map(Duration::from_millis)
}

fn refused(plan: &FailoverPlan, error: &NodeError) -> String {
    format!("{} did not take '{}': {}", error.addr, plan.mode.command().join(" "), error.kind)
}

/// Why the replica is still one, as far as can be told, and what to do.
async fn not_promoted(plan: &FailoverPlan, client: &NodeClient, waited: Duration) -> String {
    let state = match ask(client).await {
        Err(error) => format!(" It does not answer now: {}.", error.kind),
        Ok(answer) if answer.health.link_up == Some(false) => format!(" It has no link to {} now.", plan.master),
        // Until Redis 6.0 an offset of 0 meant "not told yet" (`clusterHandleManualFailover`).
        Ok(answer) if plan.mode == FailoverMode::Plain && info_field(&answer.info, "slave_repl_offset") == Some("0") => {
            " Nothing was ever written to its master, and old servers wait for a first byte: write a key, or wait ten seconds.".to_owned()
        }
        Ok(_) => String::new(),
    };
    format!(
        "{} is still a replica {} s after '{}'.{state} {}",
        plan.replica,
        waited.as_secs(),
        plan.mode.command().join(" "),
        advice(plan.mode)
    )
}

fn advice(mode: FailoverMode) -> &'static str {
    match mode {
        FailoverMode::Plain => {
            "The server gives up when the master does not hold its clients back, when the replica does not catch up, or when too few masters vote in time. Roles and data are as before. Try again, or use force, which does not ask the master."
        }
        FailoverMode::Force => {
            "Too few masters voted in time: a master votes once in two node timeouts for the same shard, and only where it hears of the request. Try again after that time, or use takeover, which needs no vote."
        }
        FailoverMode::Takeover => "A takeover needs nobody else: look into the log of this server.",
    }
}

#[cfg(test)]
#[path = "failover_tests.rs"]
mod tests;
