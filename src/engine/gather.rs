//! Every node's view and health at one moment, all asked at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;

use crate::core::check::{Finding, NodeHealth, check};
use crate::core::topology::{NodeAddr, NodeId, Topology, View};

use super::client::{NodeClient, NodeError, NodeErrorKind, as_text, info_field};
use super::command::Auth;
use super::figures::Facts;

/// What one node says of the cluster and of itself.
#[derive(Debug, Clone)]
pub struct Answer {
    /// CLUSTER NODES.
    pub view: Arc<View>,
    /// State and link.
    pub health: NodeHealth,
    /// The whole INFO reply.
    pub info: String,
    facts: OnceLock<Facts>,
}

impl Answer {
    /// An answer of these parts.
    #[must_use]
    pub fn new(view: Arc<View>, health: NodeHealth, info: String) -> Self {
        Self { view, health, info, facts: OnceLock::new() }
    }

    /// What INFO says, read once.
    pub fn facts(&self) -> &Facts {
        self.facts.get_or_init(|| Facts::read(&self.info))
    }
}

/// All answers.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// The views.
    pub topology: Topology,
    /// States and links by node.
    pub health: BTreeMap<NodeAddr, NodeHealth>,
    /// INFO by node.
    pub infos: BTreeMap<NodeAddr, String>,
}

impl Gathered {
    /// What the check finds.
    #[must_use]
    pub fn check(&self) -> Vec<Finding> {
        check(&self.topology, &self.health)
    }

    /// Adds one node's answer.
    pub fn insert(&mut self, addr: NodeAddr, answer: Result<Answer, NodeError>) {
        match answer {
            Ok(answer) => {
                self.topology.views.insert(addr.clone(), answer.view);
                self.health.insert(addr.clone(), answer.health);
                self.infos.insert(addr, answer.info);
            }
            Err(error) => {
                self.topology.unreachable.insert(addr, error.kind.to_string());
            }
        }
    }
}

/// Connects to one node and asks it for everything a check needs.
///
/// # Errors
/// What the node or the connection said, or what is to be made of it.
pub async fn ask_at(addr: &NodeAddr, auth: &Auth, connect_deadline: Duration) -> Result<Answer, NodeError> {
    let asked = async { ask(&NodeClient::connect_within(addr, auth, connect_deadline).await?).await };
    match asked.await {
        Ok(answer) => Ok(answer),
        Err(error) => Err(error.explained(auth).await),
    }
}

/// Asks one node for everything a check needs, in one pipeline.
///
/// # Errors
/// What the node or the connection said.
pub async fn ask(client: &NodeClient) -> Result<Answer, NodeError> {
    let (words, text) = tell(client, true).await?;
    let text = text.unwrap_or_default();
    let view = View::parse(&text).map_err(|error| unreadable(client, &error.to_string()))?;
    Ok(Answer::new(Arc::new(view), words.health, words.info))
}

/// What a node says of itself, without its view of the others.
#[derive(Debug)]
pub(super) struct Words {
    pub health: NodeHealth,
    pub info: String,
    /// `cluster_my_epoch`.
    pub epoch: Option<u64>,
}

/// Asks one node for what it says of itself and, in the same pipeline, for the text of its view if that is wanted.
///
/// # Errors
/// What the node or the connection said.
pub(super) async fn tell(client: &NodeClient, view: bool) -> Result<(Words, Option<String>), NodeError> {
    let mut commands = vec![vec!["CLUSTER", "INFO"], vec!["INFO"]];
    if view {
        commands.push(vec!["CLUSTER", "NODES"]);
    }
    let mut texts = Vec::with_capacity(commands.len());
    for (command, answer) in commands.iter().zip(client.call_all(&commands).await) {
        let no_text = || unreadable(client, &format!("{} gave no text", command.join(" ")));
        texts.push(as_text(&answer?).ok_or_else(no_text)?);
    }
    let mut texts = texts.into_iter();
    let (state, info) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
    let health = NodeHealth {
        state_ok: info_field(&state, "cluster_state").map(|s| s == "ok"),
        link_up: info_field(&info, "master_link_status").map(|s| s == "up"),
    };
    let epoch = info_field(&state, "cluster_my_epoch").and_then(|epoch| epoch.parse().ok());
    Ok((Words { health, info, epoch }, texts.next()))
}

/// An answer that is not what the command answers.
pub(super) fn unreadable(client: &NodeClient, what: &str) -> NodeError {
    NodeError { addr: client.addr().clone(), kind: NodeErrorKind::Unexpected(what.to_owned()) }
}

/// Connects to the nodes given, follows what they know to every other node, and asks all of them. Dead ones stay in
/// the result as unreachable. Nodes are asked where the first given node's view says they are; whoever answers there
/// without being one of the nodes that the views name is of another cluster, and nothing that it says counts.
pub async fn gather(seeds: &[NodeAddr], auth: &Auth, connect_deadline: Duration) -> Gathered {
    let mut gathered = Gathered::default();
    let mut asked: BTreeSet<NodeAddr> = BTreeSet::new();
    let mut named: BTreeSet<NodeId> = BTreeSet::new();
    let mut next: Vec<NodeAddr> = seeds.to_vec();
    let mut first_round = true;
    while !next.is_empty() {
        let round = std::mem::take(&mut next);
        asked.extend(round.iter().cloned());
        let answers = join_all(round.iter().map(|addr| ask_at(addr, auth, connect_deadline))).await;
        // Who was asked by a person's word is whom they mean; the others must be whom the nodes mean.
        let known = (!first_round).then(|| named.clone());
        first_round = false;
        for (addr, answer) in round.into_iter().zip(answers) {
            let answer = answer.and_then(|answer| expected(answer, &addr, known.as_ref()));
            if let Ok(answer) = &answer {
                next.extend(known_addrs(&answer.view));
                named.extend(answer.view.nodes.keys().cloned());
            }
            gathered.insert(addr, answer);
        }
        let mine = own_addrs(&gathered);
        next.sort();
        next.dedup();
        next.retain(|addr| !asked.contains(addr) && !mine.contains(addr));
    }
    gathered
}

/// The answer of a node that the views taken in so far name (`known`; `None` for whom a person named). A tunnel or a
/// network of its own gives the nodes' addresses another meaning here than where the nodes are.
fn expected(answer: Answer, addr: &NodeAddr, known: Option<&BTreeSet<NodeId>>) -> Result<Answer, NodeError> {
    let me = &answer.view.myself;
    if known.is_none_or(|known| known.contains(me)) {
        return Ok(answer);
    }
    let what = format!("{} is there, which is no node of this cluster", me.short());
    Err(NodeError { addr: addr.clone(), kind: NodeErrorKind::Unexpected(what) })
}

/// Where the nodes that answered say that they are: the same node is not asked twice under two names.
fn own_addrs(gathered: &Gathered) -> BTreeSet<NodeAddr> {
    gathered.topology.views.values().filter_map(|view| view.me()?.addr.clone()).collect()
}

/// The addresses of the other nodes that a view knows.
fn known_addrs(view: &View) -> impl Iterator<Item = NodeAddr> {
    view.nodes
        .values()
        .filter(|node| node.id != view.myself && !node.flags.handshake)
        .filter_map(|node| node.addr.clone())
        .filter(|addr| !addr.host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_where_a_view_says_is_a_member_only_under_a_name_that_the_views_know() {
        let line =
            "07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-5460\n";
        let answer = || Answer::new(Arc::new(View::parse(line).unwrap()), NodeHealth::default(), String::new());
        let addr = NodeAddr::new("127.0.0.1", 7001);
        let ids = |ids: &[&str]| -> BTreeSet<NodeId> { ids.iter().map(|id| id.parse().unwrap()).collect() };
        let own = "07c37dfeb235213a872192d90877d0cd55635b91";
        let other = "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca";
        assert!(expected(answer(), &addr, None).is_ok(), "a person named it");
        assert!(expected(answer(), &addr, Some(&ids(&[own, other]))).is_ok());
        let error = expected(answer(), &addr, Some(&ids(&[other]))).unwrap_err().to_string();
        assert!(error.contains("no node of this cluster"), "{error}");
    }
}
