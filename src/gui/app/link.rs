//! The engine as the window holds it, or a fixed snapshot in its place.

use std::sync::Arc;

use crate::engine::command::Command;
use crate::engine::event::Event;
use crate::engine::handle::{Engine, EngineBusy};
use crate::engine::snapshot::Snapshot;
use crate::gui::wake::Wake;

/// Where commands go and snapshots come from.
#[derive(Debug)]
pub enum Link {
    /// A running engine.
    Engine(Engine),
    /// Nothing runs: tests and pictures.
    Preview {
        /// What is shown.
        snapshot: Arc<Snapshot>,
        /// What was asked.
        sent: Vec<Command>,
    },
    /// The engine has ended.
    Ended(Arc<Snapshot>),
}

impl Link {
    /// A fixed snapshot.
    pub fn preview(snapshot: Arc<Snapshot>) -> Self {
        Link::Preview { snapshot, sent: Vec::new() }
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        match self {
            Link::Engine(engine) => engine.snapshot(),
            Link::Preview { snapshot, .. } | Link::Ended(snapshot) => Arc::clone(snapshot),
        }
    }

    /// Tells where the newest snapshot is.
    pub fn tell_newest(&self, wake: &Wake) {
        if let Link::Engine(engine) = self {
            wake.follow(Box::new(engine.newest()));
        }
    }

    /// Hands a command over, without waiting.
    ///
    /// # Errors
    /// The engine's queue is full.
    pub fn send(&mut self, command: Command) -> Result<(), EngineBusy> {
        match self {
            Link::Engine(engine) => engine.send(command),
            Link::Preview { sent, .. } => {
                sent.push(command);
                Ok(())
            }
            Link::Ended(_) => Ok(()),
        }
    }

    /// What happened since the last call.
    pub fn drain_events(&mut self) -> Vec<Event> {
        match self {
            Link::Engine(engine) => engine.drain_events(),
            Link::Preview { .. } | Link::Ended(_) => Vec::new(),
        }
    }

    /// The engine's runtime, for file dialogs.
    pub fn runtime(&self) -> Option<&tokio::runtime::Handle> {
        match self {
            Link::Engine(engine) => Some(engine.runtime()),
            Link::Preview { .. } | Link::Ended(_) => None,
        }
    }

    /// What a preview was asked.
    pub fn sent(&self) -> &[Command] {
        match self {
            Link::Preview { sent, .. } => sent,
            Link::Engine(_) | Link::Ended(_) => &[],
        }
    }

    /// Ends the engine; servers run on.
    pub fn shutdown(&mut self) {
        let last = self.snapshot();
        if let Link::Engine(engine) = std::mem::replace(self, Link::Ended(last)) {
            engine.shutdown();
        }
    }
}
