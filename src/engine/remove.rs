//! Carries removals out: replicas get their new masters first, then every node forgets at once, then the removed ones are
//! reset; and the work is done when no node that answers knows them any more.
//!
//! A node forgets for 60 s only (`CLUSTER_BLACKLIST_TTL`): one that still knows the removed node then brings it back by
//! gossip. So all nodes are told within the same moment, those that don't answer are told again while the ban lasts, and
//! who missed it is named. There is no journal: the same removal once more finishes what was left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::core::plan::NodeCommand;
use crate::core::plan::remove::{Rehome, RemovePlan, RemoveRefusal, forget};
use crate::core::topology::{NodeAddr, NodeId};

use super::agreement::await_agreement;
use super::client::{NodeClient, NodeError, NodeErrorKind, info_field};
use super::command::Auth;
use super::detail::Detail;
use super::gather::{Gathered, gather};
use super::inspect::keys_in;
use super::replication::{Couple, await_links};

/// How long to try to tell a node, well within the ban of 60 s.
const TELL_FOR: Duration = Duration::from_secs(40);
/// How long views may be behind about slots that have just been moved.
const BEHIND: Duration = Duration::from_secs(10);
/// How long a replica may take to take its new master on: it does so at once.
const REHOME_DEADLINE: Duration = Duration::from_secs(10);
/// How long the last traces may take to go.
const TRACE_DEADLINE: Duration = Duration::from_secs(20);
/// How long a word that was under way when a node was told may still arrive.
const UNDER_WAY: Duration = Duration::from_millis(500);
/// How often to look.
const PAUSE: Duration = Duration::from_millis(30);

/// What is told on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A replica gets another master.
    Rehoming {
        /// The replica.
        replica: NodeAddr,
        /// Its new master.
        master: NodeAddr,
    },
    /// Every node is told to forget.
    Forgetting,
    /// The removed nodes are reset.
    Resetting,
    /// What is waited for.
    Waiting(Detail),
}

/// Receives the news; must not block.
pub type Report<'a> = &'a (dyn Fn(News) + Sync);

/// A node that knows whom it should not: a removed node, or, where it is one itself, others.
struct Trace {
    at: NodeAddr,
    of: Option<NodeId>,
}

impl Trace {
    fn why(&self) -> String {
        let others = || "it was removed, but knows nodes of the cluster again".to_owned();
        self.of.as_ref().map_or_else(others, |id| format!("it still knows the removed node {id}"))
    }

    fn detail(&self) -> Detail {
        let node = self.at.clone();
        match &self.of {
            Some(whom) => Detail::StillKnows { node, whom: whom.clone() },
            None => Detail::KnowsOthers(node),
        }
    }
}

/// How a removal ended.
#[derive(Debug, Clone, Default)]
pub struct Removed {
    /// Nodes that still know a removed one, and why.
    pub missed: Vec<(NodeAddr, String)>,
    /// Removed nodes that were not reset, and why.
    pub not_reset: Vec<(NodeAddr, String)>,
    /// Replicas whose new link is not up, and why.
    pub unlinked: Option<String>,
    /// The cluster afterwards, as all nodes say.
    pub after: Gathered,
}

/// Why a removal was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RemoveError {
    /// Nothing was changed.
    #[error("nothing was changed: {0}")]
    Untouched(String),
    /// Replicas may have other masters, and nothing else was changed.
    #[error("nothing was removed: {0}")]
    NotRemoved(String),
}

/// Plans a removal from what was gathered; where other nodes seem to be behind about slots that have just gone, looks
/// again for a while.
///
/// # Errors
/// [`RemoveRefusal`].
pub async fn plan(
    seed: &NodeAddr,
    names: &[String],
    auth: &Auth,
    connect: Duration,
    gathered: &mut Gathered,
) -> Result<RemovePlan, RemoveRefusal> {
    let deadline = Instant::now() + BEHIND;
    loop {
        let keys = |addr: &NodeAddr| gathered.infos.get(addr).map_or(0, |info| keys_in(info));
        match RemovePlan::new(&gathered.topology, seed, names, keys) {
            Err(RemoveRefusal::NotEmpty { hearsay: true, .. }) if Instant::now() < deadline => {
                sleep(PAUSE * 10).await;
                *gathered = gather(std::slice::from_ref(seed), auth, connect).await;
            }
            result => return result,
        }
    }
}

type Clients = BTreeMap<NodeAddr, NodeClient>;

struct Work<'a> {
    plan: &'a RemovePlan,
    auth: &'a Auth,
    connect: Duration,
    clients: Clients,
    report: Report<'a>,
    cancel: &'a CancellationToken,
}

/// Carries a removal out. `seed` is where the plan was made from. Once nodes are told to forget, it goes on to its end.
///
/// # Errors
/// [`RemoveError`]; what went wrong afterwards is in [`Removed`].
pub async fn remove(
    plan: &RemovePlan,
    seed: &NodeAddr,
    auth: &Auth,
    connect: Duration,
    report: Report<'_>,
    cancel: &CancellationToken,
) -> Result<Removed, RemoveError> {
    let clients = prepare(plan, seed, auth, connect).await.map_err(RemoveError::Untouched)?;
    let work = Work { plan, auth, connect, clients, report, cancel };
    let stopped = || cancel.is_cancelled().then(|| "stopped as asked".to_owned());
    stopped().map_or(Ok(()), |why| Err(RemoveError::Untouched(why)))?;
    work.rehome().await.map_err(RemoveError::NotRemoved)?;
    stopped().map_or(Ok(()), |why| Err(RemoveError::NotRemoved(why)))?;
    let mut removed = work.take_out().await;
    removed.unlinked = work.settle_replicas().await.err();
    let left: Vec<NodeAddr> = plan.tell.iter().map(|host| host.at.clone()).collect();
    removed.after = gather(if left.is_empty() { std::slice::from_ref(seed) } else { &left }, auth, connect).await;
    Ok(removed)
}

/// Takes nodes out again that were only just added, by a plan without replicas: these nodes are connected already.
pub(super) async fn take_back(
    plan: &RemovePlan,
    clients: BTreeMap<NodeAddr, NodeClient>,
    auth: &Auth,
    connect: Duration,
) -> Removed {
    let cancel = CancellationToken::new();
    Work { plan, auth, connect, clients, report: &|_| (), cancel: &cancel }.take_out().await
}

/// Insists that the plan still holds, and connects to every node that it is about.
async fn prepare(plan: &RemovePlan, seed: &NodeAddr, auth: &Auth, connect: Duration) -> Result<Clients, String> {
    let now = gather(std::slice::from_ref(seed), auth, connect).await;
    let names: Vec<String> = plan.nodes.iter().map(|node| node.id.to_string()).collect();
    let keys = |addr: &NodeAddr| now.infos.get(addr).map_or(0, |info| keys_in(info));
    let again = RemovePlan::new(&now.topology, seed, &names, keys).map_err(|why| why.to_string())?;
    if again.commands() != plan.commands() {
        return Err("the cluster has changed since the plan was made: look at it again".to_owned());
    }
    let addrs = plan.tell.iter().map(|host| &host.at).chain(plan.nodes.iter().filter_map(|node| node.at.as_ref()));
    let connecting = addrs.map(|addr| NodeClient::connect_within(addr, auth, connect));
    let clients: Result<Vec<NodeClient>, NodeError> = join_all(connecting).await.into_iter().collect();
    let clients = clients.map_err(|error| error.to_string())?;
    Ok(clients.into_iter().map(|client| (client.addr().clone(), client)).collect())
}

impl Work<'_> {
    /// Forgetting, resetting, and looking until no trace is left.
    async fn take_out(&self) -> Removed {
        (self.report)(News::Forgetting);
        let (refused, unsure) = self.forget().await;
        if self.plan.nodes.iter().any(|node| node.at.is_some()) {
            (self.report)(News::Resetting);
        }
        let not_reset = self.reset().await;
        let given_up = refused.keys().chain(not_reset.iter().map(|(addr, _)| addr)).cloned().collect();
        let knows = |(addr, why)| (addr, format!("it still knows a removed node ({why})"));
        let mut missed: Vec<(NodeAddr, String)> = refused.into_iter().map(knows).collect();
        missed.extend(self.await_no_trace(&given_up, unsure).await);
        Removed { missed, not_reset, ..Removed::default() }
    }

    fn client(&self, addr: &NodeAddr) -> Option<&NodeClient> {
        self.clients.get(addr)
    }

    /// Gives replicas their new masters, and waits until each says so itself: else it could not forget the old one.
    async fn rehome(&self) -> Result<(), String> {
        for one in &self.plan.rehome {
            (self.report)(News::Rehoming { replica: one.replica.clone(), master: one.master.clone() });
        }
        let deadline = Instant::now() + REHOME_DEADLINE;
        join_all(self.plan.rehome.iter().zip(self.plan.rehome_commands()).map(|(one, command)| async move {
            let fail = |why: &dyn std::fmt::Display| {
                format!("replica {} does not take {} as its master: {why}", one.replica, one.master)
            };
            let client = self.client(&one.replica).ok_or_else(|| fail(&"no connection"))?;
            client.run(&command).await.map_err(|error| fail(&error.kind))?;
            loop {
                let view = client.view().await.map_err(|error| fail(&error.kind))?;
                if view.me().is_some_and(|me| me.master.as_ref() == Some(&one.master_id)) {
                    return Ok(());
                }
                if Instant::now() > deadline {
                    return Err(fail(&"it still names another one"));
                }
                sleep(PAUSE).await;
            }
        }))
        .await
        .into_iter()
        .collect()
    }

    /// Tells every node at once to forget, and those that don't answer again. Returns who refused or could not be told,
    /// and whether somebody did not know a removed node anyway: news of it may then still be under way to it.
    async fn forget(&self) -> (BTreeMap<NodeAddr, String>, bool) {
        let deadline = Instant::now() + TELL_FOR;
        let told = join_all(self.plan.tell.iter().map(|host| self.tell(&host.at, deadline))).await;
        let mut refused = BTreeMap::new();
        let mut unsure = false;
        for (host, result) in self.plan.tell.iter().zip(told) {
            match result {
                Ok(knew) => unsure |= !knew,
                Err(why) => drop(refused.insert(host.at.clone(), why)),
            }
        }
        (refused, unsure)
    }

    /// Tells one node, and says whether it knew all of the removed ones.
    async fn tell(&self, addr: &NodeAddr, deadline: Instant) -> Result<bool, String> {
        let mut client = self.client(addr).cloned();
        loop {
            let error = match client.take() {
                None => {
                    NodeClient::connect_within(addr, self.auth, self.connect).await.map(|new| client = Some(new)).err()
                }
                Some(connected) => match self.tell_over(&connected).await {
                    Ok(knew) => return Ok(knew),
                    Err(error) => Some(error),
                },
            };
            match error {
                Some(NodeError { kind: NodeErrorKind::Refused(reply), .. }) if !passes(&reply) => return Err(reply),
                Some(error) if Instant::now() > deadline => return Err(error.kind.to_string()),
                Some(error) => {
                    (self.report)(News::Waiting(error.to_string().into()));
                    sleep(PAUSE * 10).await;
                }
                None => {}
            }
        }
    }

    async fn tell_over(&self, client: &NodeClient) -> Result<bool, NodeError> {
        let commands: Vec<_> = self.plan.nodes.iter().map(|node| forget(client.addr(), &node.id).words).collect();
        let mut knew = true;
        for answer in client.call_all(&commands).await {
            match answer {
                Ok(_) => {}
                Err(NodeError { kind: NodeErrorKind::Refused(reply), .. }) if reply.contains("Unknown node") => {
                    knew = false;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(knew)
    }

    /// Resets the removed nodes that answer; returns those that could not be.
    async fn reset(&self) -> Vec<(NodeAddr, String)> {
        let answers = join_all(self.plan.reset_commands().into_iter().map(|command| async move {
            let done = match self.client(&command.node) {
                Some(client) => client.run(&command).await.map_err(|error| error.kind.to_string()),
                None => Err("no connection".to_owned()),
            };
            done.err().map(|why| (command.node, why))
        }))
        .await;
        answers.into_iter().flatten().collect()
    }

    /// Looks until no node knows a removed one and no removed one knows anybody; says it again where that is not so: a
    /// word that was under way may have brought it back. Returns who still knows one.
    async fn await_no_trace(&self, given_up: &BTreeSet<NodeAddr>, unsure: bool) -> Vec<(NodeAddr, String)> {
        let deadline = Instant::now() + TRACE_DEADLINE;
        if unsure {
            sleep(UNDER_WAY).await;
        }
        loop {
            let (traces, again) = self.traces(given_up).await;
            let Some(trace) = traces.first() else { return Vec::new() };
            if Instant::now() > deadline {
                return traces.into_iter().map(|trace| (trace.at.clone(), trace.why())).collect();
            }
            (self.report)(News::Waiting(trace.detail()));
            join_all(again.iter().filter_map(|command| Some(self.client(&command.node)?.run(command)))).await;
            sleep(PAUSE * 3).await;
        }
    }

    /// Who still knows a removed node, or is one that still knows somebody; and the commands that change it.
    async fn traces(&self, given_up: &BTreeSet<NodeAddr>) -> (Vec<Trace>, Vec<NodeCommand>) {
        let gone: BTreeSet<&NodeId> = self.plan.nodes.iter().map(|node| &node.id).collect();
        // A node that is still to be spoken with goes by an id made up for it: its place tells who it is.
        let gone_from = |addr: &NodeAddr| {
            self.plan.nodes.iter().filter_map(|node| node.addr.as_ref()).any(|left| left.same_place(addr))
        };
        let (mut traces, mut again) = (Vec::new(), Vec::new());
        let asked = self.clients.iter().filter(|(addr, _)| !given_up.contains(*addr));
        let views = asked.map(|(addr, client)| async move { Some((addr, client.view().await.ok()?)) });
        for (addr, view) in join_all(views).await.into_iter().flatten() {
            if gone.contains(&view.myself) {
                if view.nodes.len() > 1 {
                    traces.push(Trace { at: addr.clone(), of: None });
                    again.extend(self.plan.reset_commands().into_iter().filter(|command| command.node == *addr));
                }
                continue;
            }
            let knows = view.nodes.values().find(|node| {
                gone.contains(&node.id) || (node.flags.handshake && node.addr.as_ref().is_some_and(gone_from))
            });
            if let Some(node) = knows {
                traces.push(Trace { at: addr.clone(), of: Some(node.id.clone()) });
                again.push(forget(addr, &node.id));
            }
        }
        (traces, again)
    }

    /// Waits until the replicas that got other masters are linked to them and everybody knows.
    async fn settle_replicas(&self) -> Result<(), String> {
        let couple = |one: &Rehome| {
            Some(Couple { replica: self.client(&one.replica)?.clone(), master: self.client(&one.master)?.clone() })
        };
        let couples: Vec<Couple> = self.plan.rehome.iter().filter_map(couple).collect();
        let waiting = |what| (self.report)(News::Waiting(what));
        await_links(&couples, &waiting, self.cancel).await?;
        // What is not agreed about in time is left to the servers.
        await_agreement(&self.plan.tell, &self.clients, &waiting, self.cancel).await.ok();
        await_links(&self.on_their_way().await, &waiting, self.cancel).await
    }

    /// Replicas that lost their link a moment ago: servers give the replicas of a master that was emptied to another
    /// one by themselves. A link that was down before is not ours to wait for.
    async fn on_their_way(&self) -> Vec<Couple> {
        const A_MOMENT_SECS: i64 = 60;
        let looks = self.clients.values().map(|replica| async move {
            let info = replica.text(&["INFO", "replication"]).await.ok()?;
            let number = |name| info_field(&info, name).and_then(|value| value.parse::<i64>().ok());
            let (host, port) = (info_field(&info, "master_host")?, number("master_port")?);
            let fresh = number("master_link_down_since_seconds").is_some_and(|ago| ago < A_MOMENT_SECS);
            let at = |addr: &NodeAddr| addr.host == host && i64::from(addr.port) == port;
            let master = self.clients.iter().find(|(addr, _)| at(addr)).filter(|_| fresh)?.1;
            Some(Couple { replica: replica.clone(), master: master.clone() })
        });
        join_all(looks).await.into_iter().flatten().collect()
    }
}

/// Whether a node that answers so will take the word a little later.
fn passes(reply: &str) -> bool {
    ["LOADING", "BUSY ", "MASTERDOWN", "TRYAGAIN"].iter().any(|word| reply.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_loads_or_is_busy_is_told_again() {
        assert!(passes("LOADING Redis is loading the dataset in memory"));
        assert!(passes("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."));
        assert!(!passes("ERR I tried hard but I can't forget myself..."));
        assert!(!passes("NOPERM this user has no permissions to run the 'cluster|forget' command"));
    }
}
