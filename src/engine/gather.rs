//! Every node's view and health at one moment, all asked at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::core::check::{Finding, NodeHealth, check};
use crate::core::topology::{NodeAddr, Topology, View};

use super::client::{NodeClient, NodeError, info_field};
use super::command::Auth;

/// What one node says of the cluster and of itself.
#[derive(Debug, Clone)]
pub struct Answer {
    /// CLUSTER NODES.
    pub view: Arc<View>,
    /// State and link.
    pub health: NodeHealth,
    /// The whole INFO reply.
    pub info: String,
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

/// Asks one node for everything a check needs, in one pipeline.
///
/// # Errors
/// What the node or the connection said.
pub async fn ask(client: &NodeClient) -> Result<Answer, NodeError> {
    let (view, state, info) = tokio::join!(client.view(), client.text(&["CLUSTER", "INFO"]), client.text(&["INFO"]));
    let (view, state, info) = (view?, state?, info?);
    let health = NodeHealth {
        state_ok: info_field(&state, "cluster_state").map(|s| s == "ok"),
        link_up: info_field(&info, "master_link_status").map(|s| s == "up"),
    };
    Ok(Answer { view: Arc::new(view), health, info })
}

/// Connects to the nodes given, follows what they know to every other node, and asks all of them. Dead ones stay in
/// the result as unreachable. Nodes are asked where the first given node's view says they are.
pub async fn gather(seeds: &[NodeAddr], auth: &Auth, connect_deadline: Duration) -> Gathered {
    let mut gathered = Gathered::default();
    let mut asked: BTreeSet<NodeAddr> = BTreeSet::new();
    let mut next: Vec<NodeAddr> = seeds.to_vec();
    while !next.is_empty() {
        let round = std::mem::take(&mut next);
        asked.extend(round.iter().cloned());
        let answers = join_all(round.iter().map(|addr| async move {
            let client = NodeClient::connect_within(addr, auth, connect_deadline).await?;
            ask(&client).await
        }))
        .await;
        for (addr, answer) in round.into_iter().zip(answers) {
            if let Ok(answer) = &answer {
                next.extend(known_addrs(&answer.view));
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

/// Where the nodes that answered say that they are: the same node is not asked twice under two names.
fn own_addrs(gathered: &Gathered) -> BTreeSet<NodeAddr> {
    gathered.topology.views.values().filter_map(|view| view.me()?.addr.clone()).collect()
}

/// The addresses of the other nodes that a view knows.
fn known_addrs(view: &View) -> impl Iterator<Item = NodeAddr> {
    view.nodes
        .values()
        .filter(|node| !node.flags.myself && !node.flags.handshake)
        .filter_map(|node| node.addr.clone())
        .filter(|addr| !addr.host.is_empty())
}
