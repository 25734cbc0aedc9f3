//! Several connections to one master, for commands that the master makes each connection wait for.
//!
//! Valkey (8.0) gives a SETSLOT to its replicas first and holds its client back until they have it: on one connection a
//! thousand slots are a thousand such waits, on several so many at a time. Without replicas one connection is best: the
//! server takes all commands of a read at one stroke and writes its nodes.conf once.

use futures_util::future::join_all;
use redis::Value;

use crate::core::topology::NodeAddr;
use crate::engine::client::{NodeClient, NodeError};

use super::{Context, Why};

/// How many for a master with replicas.
const SPREAD: usize = 16;

/// The connections. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Pool(Vec<NodeClient>);

impl Pool {
    /// Connects.
    pub(super) async fn open(addr: &NodeAddr, replicas: usize, context: &Context<'_>) -> Result<Self, Why> {
        Self::of(addr, if replicas > 0 { SPREAD } else { 1 }, context).await
    }

    /// So many connections.
    pub(super) async fn of(addr: &NodeAddr, count: usize, context: &Context<'_>) -> Result<Self, Why> {
        let opening =
            (0..count).map(|_| NodeClient::connect_with(addr, context.auth, context.connect(), context.patience()));
        let clients: Result<Vec<_>, NodeError> = join_all(opening).await.into_iter().collect();
        clients.map(Self).map_err(|error| error.to_string())
    }

    /// Any one of them.
    pub(super) fn one(&self) -> &NodeClient {
        &self.0[0]
    }

    /// All of them.
    pub(super) fn all(&self) -> &[NodeClient] {
        &self.0
    }

    pub(super) fn addr(&self) -> &NodeAddr {
        self.one().addr()
    }

    /// Sends portions of commands, each portion on one connection; the answers of each come in its order.
    pub(super) async fn call_all<W: AsRef<[u8]> + Clone>(
        &self,
        portions: &[Vec<Vec<W>>],
    ) -> Vec<Vec<Result<Value, NodeError>>> {
        let count = self.0.len();
        let shares = self.0.iter().enumerate().map(|(i, client)| async move {
            let mine: Vec<&Vec<Vec<W>>> = portions.iter().skip(i).step_by(count).collect();
            let commands: Vec<Vec<W>> = mine.iter().copied().flatten().cloned().collect();
            let mut answers = client.call_all(&commands).await.into_iter();
            mine.iter().map(|portion| answers.by_ref().take(portion.len()).collect()).collect::<Vec<Vec<_>>>()
        });
        let mut shares: Vec<_> = join_all(shares).await.into_iter().map(Vec::into_iter).collect();
        (0..portions.len()).map(|i| shares[i % count].next().unwrap_or_default()).collect()
    }
}
