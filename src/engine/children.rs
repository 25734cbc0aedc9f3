//! The processes that this run of the program started, so that the way they end is known.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::process::{Exit, Spawned};

/// The started processes by node folder. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Children(Arc<Mutex<BTreeMap<PathBuf, Spawned>>>);

impl Children {
    /// Remembers the process of a node; an earlier one of the same folder is forgotten.
    pub fn insert(&self, node_dir: PathBuf, spawned: Spawned) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(node_dir, spawned);
    }

    /// How the node's process ended; `None` while it runs, or where it was not started by this run.
    #[must_use]
    pub fn exit_of(&self, node_dir: &Path) -> Option<Exit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(node_dir).and_then(Spawned::exited)
    }
}
