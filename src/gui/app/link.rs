//! Where the window's commands go and where its snapshots come from.

use std::sync::Arc;

use crate::engine::command::Command;
use crate::engine::event::Event;
use crate::engine::snapshot::Snapshot;

/// A fixed snapshot, and the commands that were asked of it.
#[derive(Debug)]
pub struct Link {
    snapshot: Arc<Snapshot>,
    sent: Vec<Command>,
}

impl Link {
    /// A fixed snapshot.
    pub fn preview(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot, sent: Vec::new() }
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    /// Hands a command over, without waiting.
    ///
    /// # Errors
    /// Nobody takes it; the label of the command.
    pub fn send(&mut self, command: Command) -> Result<(), &'static str> {
        self.sent.push(command);
        Ok(())
    }

    /// What happened since the last call.
    pub fn drain_events(&mut self) -> Vec<Event> {
        Vec::new()
    }

    /// A runtime for file dialogs.
    pub fn runtime(&self) -> Option<&tokio::runtime::Handle> {
        None
    }

    /// What a preview was asked.
    pub fn sent(&self) -> &[Command] {
        &self.sent
    }

    /// Ends it.
    pub fn shutdown(&mut self) {}
}
