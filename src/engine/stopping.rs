//! Stopping a cluster's servers, each only after its process was identified as ours. One that does not end after SHUTDOWN
//! is [`ending`](super::ending)'s.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::core::spec::ClusterSpec;
use crate::core::topology::NodeAddr;
use crate::workspace::document::{ClusterDoc, ProcessRecord};
use crate::workspace::store::Workspace;

use super::client::{NodeClient, NodeError, NodeErrorKind, info_field, process_id};
use super::command::Auth;
use super::ending::{END_DEADLINE, SAVE_DEADLINE, Stubborn, end_left_inside, gone, gone_or_idle};
use super::job::Step;
use super::lifecycle::{LifecycleError, adopt, auth_of, local_spec};
use super::process::{identify, is_it};
use super::signal::end_helpers;
use super::steps::Steps;

/// How long a server that refuses to shut down is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(15);

/// Whether a stop may lose what was not saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Saving {
    /// As the configuration says; a server that can't save refuses to stop.
    AsConfigured,
    /// The data is going to be removed anyway.
    Discard,
}

/// A server that runs, as it was recorded.
type Running = (NodeAddr, ProcessRecord);

/// Stops the servers: replicas first, then masters.
pub(super) async fn stop_processes(
    workspace: &Workspace,
    doc: &mut ClusterDoc,
    saving: Saving,
    steps: &Steps,
) -> Result<(), LifecycleError> {
    let spec = local_spec(doc)?;
    steps.begin(Step::ShutDown);
    adopt(doc);
    // First, so that a server that ends now is not taken for one that died.
    doc.wanted = false;
    workspace.save(doc)?;
    let (auth, exe) = (auth_of(doc), program_of(&spec));
    let running: Vec<Running> = spec
        .addrs()
        .into_iter()
        .filter_map(|addr| Some((addr.clone(), *doc.processes.get(&addr.port)?)))
        .filter(|(_, record)| identify(*record).is_some())
        .collect();
    let stopping = Stopping { spec: &spec, exe: &exe, auth: &auth, saving, steps };
    let told = stopping.shut_down_all(&running).await.map_err(LifecycleError::NotStopped)?;
    let notes = stopping.end_stubborn(&running, &told).await.map_err(LifecycleError::NotStopped)?;
    let ended: Vec<ProcessRecord> = doc.processes.values().copied().collect();
    tokio::task::spawn_blocking(move || end_helpers(&ended)).await.ok();
    if !notes.is_empty() {
        steps.detail(notes.join("; "));
    }
    doc.processes.clear();
    workspace.save(doc)?;
    Ok(())
}

/// The program that a cluster's servers run; empty where none was chosen.
fn program_of(spec: &ClusterSpec) -> PathBuf {
    spec.server.as_ref().map(|server| server.path.clone()).unwrap_or_default()
}

/// What a stop knows.
struct Stopping<'a> {
    spec: &'a ClusterSpec,
    exe: &'a Path,
    auth: &'a Auth,
    saving: Saving,
    steps: &'a Steps,
}

impl Stopping<'_> {
    /// Sends SHUTDOWN, to replicas first, so that no master is missed by its replicas. Returns whom it was sent to.
    ///
    /// # Errors
    /// Which servers refuse, and why.
    async fn shut_down_all<'a>(&self, running: &'a [Running]) -> Result<Vec<&'a NodeAddr>, String> {
        let replicas = join_all(running.iter().map(|(addr, _)| is_replica(addr, self.auth))).await;
        let (mut told, mut refused) = (Vec::new(), Vec::new());
        for wave in [true, false] {
            let members = running.iter().zip(&replicas).filter(|(_, replica)| **replica == wave).map(|(node, _)| node);
            let results = join_all(members.map(|(addr, record)| async move {
                let dir = self.spec.node_dir(addr.port);
                let sent = shut_down(addr, *record, self.auth, &dir, self.saving, self.steps).await;
                sent.map(|sent| (addr, sent))
            }))
            .await;
            for result in results {
                match result {
                    Ok((addr, sent)) => told.extend(sent.then_some(addr)),
                    Err(why) => refused.push(why),
                }
            }
        }
        refused.extend(self.end_inside(running).await);
        if refused.is_empty() { Ok(told) } else { Err(refused.join("; ")) }
    }

    /// A server inside WSL outlives the process that Windows knows of it, where somebody ended that. Returns what could
    /// not be ended.
    async fn end_inside(&self, running: &[Running]) -> Vec<String> {
        let silent = self.spec.addrs().into_iter().filter(|addr| running.iter().all(|(known, _)| known != addr));
        let left = join_all(silent.map(|addr| async move {
            let dir = self.spec.node_dir(addr.port);
            end_left_inside(self.exe, &addr, &dir, self.saving, self.steps).await
        }));
        left.await.into_iter().filter_map(Result::err).collect()
    }

    /// Ends those that still run. Returns what is to be told of it.
    ///
    /// # Errors
    /// Which servers still run, and why.
    async fn end_stubborn(&self, running: &[Running], told: &[&NodeAddr]) -> Result<Vec<String>, String> {
        let stubborn: Vec<&Running> = running.iter().filter(|(_, record)| identify(*record).is_some()).collect();
        if stubborn.is_empty() {
            self.steps.done();
            self.steps.skip(Step::EndStubborn);
            return Ok(Vec::new());
        }
        self.steps.begin(Step::EndStubborn);
        let ends = join_all(stubborn.iter().map(|(addr, record)| async move {
            let (dir, told) = (self.spec.node_dir(addr.port), told.contains(&addr));
            let stubborn = Stubborn { exe: self.exe, addr, record: *record, auth: self.auth, dir: &dir, told };
            stubborn.end(self.saving, self.steps).await
        }))
        .await;
        let (mut notes, mut left) = (Vec::new(), Vec::new());
        for end in ends {
            match end {
                Ok(note) => notes.extend(note),
                Err(why) => left.push(why),
            }
        }
        if left.is_empty() { Ok(notes) } else { Err(left.join("; ")) }
    }
}

/// Ends one server whose data is going to be removed.
pub(super) async fn end_one(
    spec: &ClusterSpec,
    port: u16,
    record: ProcessRecord,
    auth: &Auth,
    steps: &Steps,
) -> Result<(), String> {
    let (addr, dir) = (NodeAddr::new(spec.reach_host(), port), spec.node_dir(port));
    if identify(record).is_none() {
        return Ok(());
    }
    let told = shut_down(&addr, record, auth, &dir, Saving::Discard, steps).await?;
    if identify(record).is_none() {
        return Ok(());
    }
    let exe = program_of(spec);
    Stubborn { exe: &exe, addr: &addr, record, auth, dir: &dir, told }.end(Saving::Discard, steps).await.map(drop)
}

async fn is_replica(addr: &NodeAddr, auth: &Auth) -> bool {
    let Ok(client) = NodeClient::connect(addr, auth).await else { return false };
    client.text(&["INFO", "replication"]).await.is_ok_and(|info| info_field(&info, "role") == Some("slave"))
}

/// SHUTDOWN, and waiting. `Ok(false)` where it could not be sent to this very server; `Err` where the server says that it
/// can't save: ending it would lose data.
async fn shut_down(
    addr: &NodeAddr,
    record: ProcessRecord,
    auth: &Auth,
    dir: &Path,
    saving: Saving,
    steps: &Steps,
) -> Result<bool, String> {
    let patience = if saving == Saving::Discard { END_DEADLINE } else { SAVE_DEADLINE };
    let client = NodeClient::connect_with(addr, auth, Duration::from_secs(2), patience).await;
    let Ok(client) = client else { return Ok(false) };
    let info = tokio::time::timeout(Duration::from_secs(2), client.text(&["INFO", "server"])).await;
    let pid = info.ok().and_then(Result::ok).and_then(|info| process_id(&info));
    if !pid.is_some_and(|pid| is_it(pid, record, dir)) {
        // Somebody else answers on our port, or nobody does: not this way.
        return Ok(false);
    }
    tokio::select! {
        reply = refusal(&client, saving) => match saving {
            // What it would save is not wanted: it is ended without being asked again.
            Saving::Discard => Ok(true),
            Saving::AsConfigured => {
                Err(format!("{addr} refuses to stop: {reply}. Look at its log; nothing was ended by force"))
            }
        },
        () = async {
            match saving {
                Saving::Discard => drop(gone(addr, record, patience, steps).await),
                Saving::AsConfigured => drop(gone_or_idle(addr, record, dir, steps).await),
            }
        } => Ok(true),
    }
}

/// Asks a server to shut down, and returns what it says against it. A server that ends breaks the connection, and one
/// that saves is silent meanwhile: then this never returns. A server that has just become a replica refuses while it
/// writes its first append-only file, which soon passes: it is asked again for some seconds.
async fn refusal(client: &NodeClient, saving: Saving) -> String {
    let words: &[&str] = if saving == Saving::Discard { &["SHUTDOWN", "NOSAVE"] } else { &["SHUTDOWN"] };
    let until = Instant::now() + if saving == Saving::Discard { Duration::ZERO } else { ASK_AGAIN };
    loop {
        match client.call(words).await {
            Err(NodeError { kind: NodeErrorKind::Refused(reply), .. }) if Instant::now() >= until => return reply,
            Err(NodeError { kind: NodeErrorKind::Refused(_), .. }) => sleep(Duration::from_millis(300)).await,
            _ => std::future::pending().await,
        }
    }
}
