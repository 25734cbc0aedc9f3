//! The journal of a creation, kept in the cluster's document.

use crate::workspace::document::{ClusterDoc, CreateJournal};
use crate::workspace::store::Workspace;

use super::create::Journal;

/// Keeps the journal in the document of a cluster. The cluster's lock must be held meanwhile.
#[derive(Debug)]
pub struct DocJournal {
    workspace: Workspace,
    name: String,
}

impl DocJournal {
    /// The journal of this cluster.
    #[must_use]
    pub fn new(workspace: Workspace, name: &str) -> Self {
        Self { workspace, name: name.to_owned() }
    }

    fn change(&self, with: impl FnOnce(&mut ClusterDoc)) -> Result<(), String> {
        let mut doc = self.workspace.load(&self.name).map_err(|e| e.to_string())?;
        with(&mut doc);
        self.workspace.save(&doc).map_err(|e| e.to_string())
    }

    /// What the document says of a creation that has not ended well.
    ///
    /// # Errors
    /// When the document can't be read.
    pub fn record(&self) -> Result<Option<CreateJournal>, String> {
        self.workspace.load(&self.name).map(|doc| doc.creating).map_err(|e| e.to_string())
    }

    /// The creation ended well: the document says that it is a cluster.
    ///
    /// # Errors
    /// When the document can't be written.
    pub fn formed(&self) -> Result<(), String> {
        self.change(|doc| {
            doc.formed = true;
            doc.creating = None;
        })
    }

    /// The creation was undone.
    ///
    /// # Errors
    /// When the document can't be written.
    pub fn forget(&self) -> Result<(), String> {
        self.change(|doc| doc.creating = None)
    }
}

impl Journal for DocJournal {
    fn save(&self, journal: &CreateJournal) -> Result<(), String> {
        self.change(|doc| doc.creating = Some(journal.clone()))
    }

    fn clear(&self) {
        // `formed` follows and says the same; a document that can't be written is reported there.
        self.forget().ok();
    }
}
