//! The engine as a frontend holds it: commands in, snapshots and events out. Nothing here blocks.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::os::system::allow_many_sockets;
use crate::workspace::store::Workspace;

use super::actor::Actor;
use super::command::Command;
use super::event::Event;
use super::snapshot::Snapshot;

/// How many commands may wait. A person makes a few a second; a full queue means that the engine is stuck.
const COMMANDS: usize = 64;
/// How many events may wait for a frontend that does not look.
const EVENTS: usize = 256;
/// How long the engine may take to end.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// Called whenever there is something new to look at; must not block.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Why the engine could not start.
#[derive(Debug, Error)]
#[error("The engine could not start its threads: {0}. Close other programs and try again.")]
pub struct StartError(#[from] std::io::Error);

/// The engine takes no command right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("The engine is too busy to take the command '{0}'. Try again in a moment.")]
pub struct EngineBusy(pub &'static str);

/// A running engine. It owns its threads; dropping it ends them and leaves the servers running.
#[derive(Debug)]
pub struct Engine {
    runtime: Option<Runtime>,
    handle: Handle,
    actor: Option<JoinHandle<()>>,
    commands: mpsc::Sender<Command>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    events: mpsc::Receiver<Event>,
    stop: CancellationToken,
}

impl Engine {
    /// Starts the engine over a workspace, on threads of its own.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(workspace: Workspace, waker: Waker) -> Result<Self, StartError> {
        allow_many_sockets();
        let runtime =
            Builder::new_multi_thread().worker_threads(2).thread_name("slotdeck-engine").enable_all().build()?;
        let (commands, command_rx) = mpsc::channel(COMMANDS);
        let (event_tx, events) = mpsc::channel(EVENTS);
        let (snapshot_tx, snapshots) = watch::channel(Arc::new(Snapshot::default()));
        let stop = CancellationToken::new();
        let actor = Actor::new(workspace, snapshot_tx, event_tx, waker);
        let actor = Some(runtime.spawn(actor.run(command_rx, stop.clone())));
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Some(runtime), handle, actor, commands, snapshots, events, stop })
    }

    /// Hands over a command, without waiting for its effect.
    ///
    /// # Errors
    /// When the queue is full.
    pub fn send(&self, command: Command) -> Result<(), EngineBusy> {
        let label = command.label();
        self.commands.try_send(command).map_err(|_| EngineBusy(label))
    }

    /// The newest snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// A way to the newest snapshot for other threads.
    pub fn newest(&self) -> impl Fn() -> Arc<Snapshot> + Send + Sync + use<> {
        let snapshots = self.snapshots.clone();
        move || snapshots.borrow().clone()
    }

    /// What happened since the last call, oldest first.
    pub fn drain_events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// The runtime, for a frontend's own small tasks (a file dialog).
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        &self.handle
    }

    /// Ends the engine and its threads. Servers run on.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Engine {
    /// Jobs are cancelled and get a moment to put back what they changed.
    fn drop(&mut self) {
        self.stop.cancel();
        if let (Some(runtime), Some(actor)) = (self.runtime.take(), self.actor.take()) {
            // An error means that the actor is stuck: the threads end below all the same.
            runtime.block_on(async { tokio::time::timeout(SHUTDOWN, actor).await.ok() });
            runtime.shutdown_timeout(Duration::from_millis(200));
        }
    }
}
