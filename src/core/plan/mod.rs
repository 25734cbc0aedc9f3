//! Plans: what would be done, as data. A plan is shown, confirmed and only then executed; it can be printed as commands.

pub mod create;
pub mod failover;
pub mod moves;
pub mod rebalance;
pub mod reshard;

use serde::{Deserialize, Serialize};

use super::topology::NodeAddr;

/// One command for one node, as it would be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCommand {
    /// The node that gets it.
    pub node: NodeAddr,
    /// The command's words. No secret is ever among them.
    pub words: Vec<String>,
}

impl NodeCommand {
    /// A command from its words.
    pub fn new<W: Into<String>>(node: &NodeAddr, words: impl IntoIterator<Item = W>) -> Self {
        Self { node: node.clone(), words: words.into_iter().map(Into::into).collect() }
    }
}
