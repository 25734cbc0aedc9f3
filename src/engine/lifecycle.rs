//! The life of a local cluster's processes: write and launch, start again, stop, delete. Each holds the cluster's lock
//! while it works, so that the window and slotctl never work on one cluster at the same time.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use crate::core::conf;
use crate::core::secret::Secret;
use crate::core::spec::ClusterSpec;
use crate::core::topology::NodeAddr;
use crate::core::wsl::Inside;
use crate::workspace::document::{ClusterDoc, OnClose, ProcessRecord};
use crate::workspace::store::{DOCUMENT_VERSION, Workspace, WorkspaceError};

use super::children::Children;
use super::client::{NodeClient, NodeError, NodeErrorKind, info_field, process_id};
use super::command::Auth;
use super::diagnose::likely_cause;
use super::ending::{END_DEADLINE, SAVE_DEADLINE, Stubborn, end_left_inside, gone, gone_or_idle, left_inside};
use super::files::{FilesError, wipe, write_node_files};
use super::job::Step;
use super::log_tail::last_lines;
use super::process::{CONFIG_FILE, SpawnError, Spawned, find_running_in, identify, is_it, spawn};
use super::signal::end_helpers;
use super::steps::Steps;
use super::tls::Tls;
use super::wsl::{NOT_REACHED, pid_in};

/// The steps of a launch, of a start, a stop and a deletion.
pub const LAUNCH_STEPS: [Step; 3] = [Step::WriteFiles, Step::StartProcesses, Step::AwaitAnswers];
/// The steps of starting a cluster again.
pub const START_STEPS: [Step; 2] = [Step::StartProcesses, Step::AwaitAnswers];
/// The steps of stopping.
pub const STOP_STEPS: [Step; 2] = [Step::ShutDown, Step::EndStubborn];
/// The steps of deleting.
pub const DELETE_STEPS: [Step; 3] = [Step::ShutDown, Step::EndStubborn, Step::RemoveFiles];

/// How long a server may take until it answers at all; one that says it is loading may take [`LOADING_DEADLINE`].
/// On Windows each program is looked through first, and the ports reserve much memory.
const ANSWER_DEADLINE: Duration = Duration::from_secs(if cfg!(windows) { 90 } else { 20 });
/// How long reading a data set may take.
const LOADING_DEADLINE: Duration = Duration::from_mins(10);
/// How long a server that refuses to shut down is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(15);

/// A server that ended, or never answered, while it should have started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadNode {
    /// The node.
    pub addr: NodeAddr,
    /// How it ended, or that it did not answer.
    pub how: String,
    /// The likely cause, where its log tells it.
    pub cause: Option<String>,
    /// The last lines of its log.
    pub last_lines: Vec<String>,
    /// Its log file.
    pub log: PathBuf,
}

impl fmt::Display for DeadNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server on {} {}", self.addr, self.how)?;
        match (&self.cause, self.last_lines.last()) {
            (Some(cause), _) => write!(f, ": {cause}"),
            (None, Some(line)) => write!(f, "; its last line: {line}"),
            (None, None) => Ok(()),
        }
    }
}

/// Why a life-cycle operation did not end well.
#[derive(Debug, Error)]
pub enum LifecycleError {
    /// The documents.
    #[error("{0}")]
    Workspace(#[from] WorkspaceError),
    /// A file that can't be written or removed.
    #[error("{0}")]
    Files(#[from] FilesError),
    /// A configuration that can't be written.
    #[error("{0}")]
    Conf(#[from] conf::ConfError),
    /// A process that can't be started.
    #[error("the server on {0} could not be started: {1}")]
    Spawn(NodeAddr, SpawnError),
    /// The name is taken.
    #[error("a cluster named '{0}' exists already: choose another name, or delete it first")]
    NameTaken(String),
    /// The spec names no server program.
    #[error("no redis-server program is chosen")]
    NoServer,
    /// Not a cluster that was launched here.
    #[error("'{0}' was not launched by Slotdeck: its servers can't be started or stopped from here")]
    External(String),
    /// Servers that ended or did not answer.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Dead(Vec<DeadNode>),
    /// Servers that would not stop.
    #[error("{0}")]
    NotStopped(String),
    /// Asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// The text of every node's redis.conf: generated, or as edited by hand with the password put back in.
///
/// # Errors
/// Where a value can't be written into a redis.conf.
pub fn node_files(
    spec: &ClusterSpec,
    edited: &BTreeMap<u16, String>,
) -> Result<BTreeMap<u16, String>, conf::ConfError> {
    spec.port_list()
        .into_iter()
        .map(|port| {
            let text = match edited.get(&port) {
                Some(text) => conf::unmask_password(text, &spec.config.password)?,
                None => conf::node_file(spec, port)?,
            };
            Ok((port, text))
        })
        .collect()
}

/// How to log in to a local cluster: its nodes' own redis.conf is the only place where the password is kept.
#[must_use]
pub fn auth_of(doc: &ClusterDoc) -> Auth {
    let Some(spec) = &doc.spec else {
        let tls = doc.tls.clone().map(Tls::new);
        return Auth { user: doc.user.clone(), password: Secret::default(), tls };
    };
    let password = spec.port_list().into_iter().find_map(|port| {
        let text = std::fs::read_to_string(spec.node_dir(port).join(CONFIG_FILE)).ok()?;
        conf::password_of(&text)
    });
    Auth { password: password.unwrap_or_default(), ..Auth::default() }
}

/// Writes every node's folder and redis.conf and remembers the cluster; starts nothing.
///
/// # Errors
/// When the name is taken or something can't be written; nothing stays behind then.
pub fn write_config(
    workspace: &Workspace,
    spec: &ClusterSpec,
    edited: &BTreeMap<u16, String>,
) -> Result<ClusterDoc, LifecycleError> {
    let _lock = workspace.lock(&spec.name)?;
    write_locked(workspace, spec, edited)
}

fn write_locked(
    workspace: &Workspace,
    spec: &ClusterSpec,
    edited: &BTreeMap<u16, String>,
) -> Result<ClusterDoc, LifecycleError> {
    if workspace.load(&spec.name).is_ok() {
        return Err(LifecycleError::NameTaken(spec.name.clone()));
    }
    write_node_files(spec, &node_files(spec, edited)?)?;
    let doc = ClusterDoc {
        version: DOCUMENT_VERSION,
        name: spec.name.clone(),
        spec: Some(spec.clone()),
        addrs: Vec::new(),
        user: String::new(),
        tls: None,
        processes: BTreeMap::new(),
        formed: false,
        wanted: false,
        on_close: OnClose::Ask,
        creating: None,
    };
    if let Err(error) = workspace.save(&doc) {
        wipe(&spec.dir, &spec.port_list()).ok();
        return Err(error.into());
    }
    Ok(doc)
}

/// Writes the files, starts all processes at once and waits until every one answers.
///
/// # Errors
/// Before anything was started: nothing stays behind. Later: the cluster is remembered, so that the dead node's log can
/// be read, the launch tried again ([`start`]) or everything removed ([`delete`]).
pub async fn launch(
    workspace: &Workspace,
    spec: &ClusterSpec,
    edited: &BTreeMap<u16, String>,
    children: &Children,
    steps: &Steps,
) -> Result<ClusterDoc, LifecycleError> {
    let _lock = workspace.lock(&spec.name)?;
    steps.begin(Step::WriteFiles);
    if spec.server.is_none() {
        return Err(failed(steps, LifecycleError::NoServer));
    }
    let mut doc = write_locked(workspace, spec, edited).map_err(|error| failed(steps, error))?;
    start_processes(workspace, &mut doc, None, children, steps).await.map_err(|error| failed(steps, error))?;
    steps.done();
    Ok(doc)
}

/// Starts what does not run of a cluster and waits until every node answers.
///
/// # Errors
/// [`LifecycleError::External`] for servers that were not launched here; [`LifecycleError::Dead`] with the reason of
/// each server that ended or did not answer.
pub async fn start(
    workspace: &Workspace,
    name: &str,
    children: &Children,
    steps: &Steps,
) -> Result<ClusterDoc, LifecycleError> {
    let _lock = workspace.lock(name)?;
    let mut doc = workspace.load(name)?;
    start_processes(workspace, &mut doc, None, children, steps).await.map_err(|error| failed(steps, error))?;
    steps.done();
    Ok(doc)
}

fn failed(steps: &Steps, error: LifecycleError) -> LifecycleError {
    steps.fail(&error.to_string());
    error
}

fn local_spec(doc: &ClusterDoc) -> Result<ClusterSpec, LifecycleError> {
    doc.spec.clone().ok_or_else(|| LifecycleError::External(doc.name.clone()))
}

/// Starts the cluster's servers, or only the one with this port, and waits until they answer.
pub(super) async fn start_processes(
    workspace: &Workspace,
    doc: &mut ClusterDoc,
    only: Option<u16>,
    children: &Children,
    steps: &Steps,
) -> Result<(), LifecycleError> {
    let spec = local_spec(doc)?;
    let exe = spec.server.as_ref().ok_or(LifecycleError::NoServer)?.path.clone();
    steps.begin(Step::StartProcesses);
    adopt(doc);
    // Saved before the first process starts: should we end right after, its folder leads back to it.
    doc.wanted = true;
    workspace.save(doc)?;
    let job = if doc.on_close == OnClose::Stop { children.job_of(&doc.name) } else { None };
    let mut fresh: BTreeMap<u16, Spawned> = BTreeMap::new();
    let mut problem = None;
    let named: Vec<NodeAddr> =
        spec.addrs().into_iter().filter(|addr| only.is_none_or(|port| port == addr.port)).collect();
    for addr in named.iter().cloned() {
        if doc.processes.get(&addr.port).copied().and_then(identify).is_some() {
            continue;
        }
        let dir = spec.node_dir(addr.port);
        if let Some(pid) = left_inside(&exe, &dir).await {
            problem = Some(LifecycleError::Spawn(addr, SpawnError::Occupied { dir, pid }));
            break;
        }
        match spawn(&exe, &dir, job.as_deref()) {
            Ok(spawned) => {
                doc.processes.insert(addr.port, spawned.record);
                children.insert(dir, spawned.clone());
                fresh.insert(addr.port, spawned);
            }
            Err(error) => {
                problem = Some(LifecycleError::Spawn(addr, error));
                break;
            }
        }
    }
    workspace.save(doc)?;
    if let Some(problem) = problem {
        return Err(problem);
    }
    steps.begin(Step::AwaitAnswers);
    let auth = auth_of(doc);
    let hint = if Inside::of(&exe).is_some() { NOT_REACHED } else { "" };
    let waits = named.into_iter().map(|addr| {
        let (record, spawned) = (doc.processes.get(&addr.port).copied(), fresh.get(&addr.port).cloned());
        let dir = spec.node_dir(addr.port);
        let auth = &auth;
        async move { await_answer(&addr, record, spawned, auth, &dir, hint, steps).await }
    });
    let answers = join_all(waits).await;
    let dead: Vec<DeadNode> = answers.into_iter().filter_map(Result::err).collect();
    if steps.is_cancelled() {
        return Err(LifecycleError::Cancelled);
    }
    if dead.is_empty() { Ok(()) } else { Err(LifecycleError::Dead(dead)) }
}

/// Waits until the very process that was started answers, whatever it answers but "loading". `hint` ends the words about
/// one that does not.
async fn await_answer(
    addr: &NodeAddr,
    record: Option<ProcessRecord>,
    spawned: Option<Spawned>,
    auth: &Auth,
    dir: &Path,
    hint: &str,
    steps: &Steps,
) -> Result<(), DeadNode> {
    let began = Instant::now();
    loop {
        if steps.is_cancelled() {
            return Ok(());
        }
        if let Some(exit) = spawned.as_ref().and_then(Spawned::exited) {
            return Err(dead_node(addr, dir, exit.to_string()));
        }
        let state = answer_state(addr, record, auth, dir).await;
        let waited = began.elapsed();
        match state {
            AnswerState::Ready => return Ok(()),
            AnswerState::Silent(why) if waited > ANSWER_DEADLINE => {
                let how = format!("did not answer within {} s ({why}){hint}", ANSWER_DEADLINE.as_secs());
                return Err(dead_node(addr, dir, how));
            }
            AnswerState::Loading if waited > LOADING_DEADLINE => {
                let how = format!("is still loading its data set after {} minutes", LOADING_DEADLINE.as_secs() / 60);
                return Err(dead_node(addr, dir, how));
            }
            AnswerState::Loading => steps.detail(format!("{addr} is loading its data set")),
            AnswerState::Silent(_) => {}
        }
        sleep(Duration::from_millis(15)).await;
    }
}

enum AnswerState {
    Ready,
    Loading,
    Silent(String),
}

async fn answer_state(addr: &NodeAddr, record: Option<ProcessRecord>, auth: &Auth, dir: &Path) -> AnswerState {
    let info = match NodeClient::connect_within(addr, auth, Duration::from_secs(1)).await {
        Ok(client) => client.text(&["INFO"]).await,
        Err(error) => Err(error),
    };
    match info {
        Ok(info) => match (process_id(&info), record) {
            (Some(pid), Some(record)) if !is_it(pid, record, dir) => {
                AnswerState::Silent(format!("another server, process {pid}, answers on that port"))
            }
            _ if info_field(&info, "loading") == Some("1") => AnswerState::Loading,
            _ => AnswerState::Ready,
        },
        Err(NodeError { kind: NodeErrorKind::Refused(reply), .. }) if reply.starts_with("LOADING") => {
            AnswerState::Loading
        }
        Err(error) => AnswerState::Silent(error.kind.to_string()),
    }
}

fn dead_node(addr: &NodeAddr, dir: &Path, how: String) -> DeadNode {
    let (log, last_lines) = last_lines(dir);
    let cause = likely_cause(&last_lines).map(|cause| cause.to_string());
    DeadNode { addr: addr.clone(), how, cause, last_lines, log }
}

/// Finds processes of a cluster whose record was lost or does not fit any more, by the folders they run in. Says
/// whether the document changed.
pub fn adopt(doc: &mut ClusterDoc) -> bool {
    let Some(spec) = &doc.spec else { return false };
    let lost: Vec<u16> = spec
        .port_list()
        .into_iter()
        .filter(|port| doc.processes.get(port).copied().and_then(identify).is_none())
        .collect();
    if lost.is_empty() {
        return false;
    }
    let dirs: Vec<PathBuf> = lost.iter().map(|port| spec.node_dir(*port)).collect();
    let mut changed = false;
    for (port, found) in lost.iter().zip(find_running_in(&dirs)) {
        if let Some(record) = found {
            doc.processes.insert(*port, record);
            changed = true;
        }
    }
    changed
}

/// Whether a stop may lose what was not saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saving {
    /// As the configuration says; a server that can't save refuses to stop.
    AsConfigured,
    /// The data is going to be removed anyway.
    Discard,
}

/// Stops a cluster: replicas first, so that no master is missed by its replicas, then masters; SHUTDOWN, then the
/// system's request; force never, but on Windows for a server that hangs and saves nothing. Each only after the process
/// was identified as ours.
///
/// # Errors
/// Which servers still run, and why.
pub async fn stop(workspace: &Workspace, name: &str, steps: &Steps) -> Result<ClusterDoc, LifecycleError> {
    let _lock = workspace.lock(name)?;
    let mut doc = workspace.load(name)?;
    stop_processes(workspace, &mut doc, Saving::AsConfigured, steps).await.map_err(|error| failed(steps, error))?;
    steps.done();
    Ok(doc)
}

async fn stop_processes(
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
    let auth = auth_of(doc);
    let exe = spec.server.as_ref().map(|server| server.path.clone()).unwrap_or_default();
    let running: Vec<(NodeAddr, ProcessRecord)> = spec
        .addrs()
        .into_iter()
        .filter_map(|addr| Some((addr.clone(), *doc.processes.get(&addr.port)?)))
        .filter(|(_, record)| identify(*record).is_some())
        .collect();
    let replicas = join_all(running.iter().map(|(addr, _)| is_replica(addr, &auth))).await;
    let (mut told, mut refused) = (Vec::new(), Vec::new());
    for wave in [true, false] {
        let members = running.iter().zip(&replicas).filter(|(_, replica)| **replica == wave).map(|(node, _)| node);
        let results = join_all(members.map(|(addr, record)| {
            let dir = spec.node_dir(addr.port);
            let auth = &auth;
            async move { shut_down(addr, *record, auth, &dir, saving, steps).await.map(|sent| (addr, sent)) }
        }))
        .await;
        for result in results {
            match result {
                Ok((addr, sent)) => told.extend(sent.then_some(addr)),
                Err(why) => refused.push(why),
            }
        }
    }
    // A server inside WSL outlives the process that Windows knows of it, where somebody ended that.
    let silent = spec.addrs().into_iter().filter(|addr| running.iter().all(|(known, _)| known != addr));
    let left = join_all(silent.map(|addr| {
        let (dir, exe) = (spec.node_dir(addr.port), &exe);
        async move { end_left_inside(exe, &addr, &dir, saving, steps).await }
    }));
    refused.extend(left.await.into_iter().filter_map(Result::err));
    if !refused.is_empty() {
        return Err(LifecycleError::NotStopped(refused.join("; ")));
    }
    let stubborn: Vec<&(NodeAddr, ProcessRecord)> =
        running.iter().filter(|(_, record)| identify(*record).is_some()).collect();
    let mut notes = Vec::new();
    if stubborn.is_empty() {
        steps.done();
        steps.skip(Step::EndStubborn);
    } else {
        steps.begin(Step::EndStubborn);
        let ends = join_all(stubborn.iter().map(|(addr, record)| {
            let dir = spec.node_dir(addr.port);
            let (auth, exe, told) = (&auth, &exe, told.contains(&addr));
            async move { Stubborn { exe, addr, record: *record, auth, dir: &dir, told }.end(saving, steps).await }
        }))
        .await;
        let mut left = Vec::new();
        for end in ends {
            match end {
                Ok(note) => notes.extend(note),
                Err(why) => left.push(why),
            }
        }
        if !left.is_empty() {
            return Err(LifecycleError::NotStopped(left.join("; ")));
        }
    }
    let ended: Vec<ProcessRecord> = doc.processes.values().copied().collect();
    tokio::task::spawn_blocking(move || end_helpers(&ended)).await.ok();
    if !notes.is_empty() {
        steps.detail(notes.join("; "));
    }
    doc.processes.clear();
    workspace.save(doc)?;
    Ok(())
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
    let exe = spec.server.as_ref().map(|server| server.path.clone()).unwrap_or_default();
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

/// Stops a cluster and forgets it; with `remove_files` its node folders go as well. Servers that were not launched here
/// are only forgotten. Returns the folders and files that stay because they are not ours, each with the reason.
///
/// # Errors
/// What still runs or could not be removed; the document stays then.
pub async fn delete(
    workspace: &Workspace,
    name: &str,
    remove_files: bool,
    steps: &Steps,
) -> Result<Vec<String>, LifecycleError> {
    let _lock = workspace.lock(name)?;
    let mut doc = workspace.load(name)?;
    let mut left = Vec::new();
    if let Some(spec) = doc.spec.clone() {
        let saving = if remove_files { Saving::Discard } else { Saving::AsConfigured };
        stop_processes(workspace, &mut doc, saving, steps).await.map_err(|error| failed(steps, error))?;
        if remove_files {
            steps.begin(Step::RemoveFiles);
            still_served(&spec, &auth_of(&doc)).await.map_err(|error| failed(steps, error))?;
            let wiped = wipe(&spec.dir, &spec.port_list()).map_err(|error| failed(steps, error.into()))?;
            left.extend(wiped.left.iter().map(|(path, why)| format!("{} ({why})", path.display())));
            if !left.is_empty() {
                steps.detail(format!("not removed: {}", left.join(", ")));
            }
        }
    }
    workspace.remove(name).map_err(|error| failed(steps, error.into()))?;
    steps.done();
    Ok(left)
}

/// Refuses while a server answers that was started with one of these nodes' files: whoever it is, its data is in use.
async fn still_served(spec: &ClusterSpec, auth: &Auth) -> Result<(), LifecycleError> {
    let answers = join_all(spec.addrs().into_iter().map(|addr| async move {
        let client = NodeClient::connect_within(&addr, auth, Duration::from_millis(500)).await.ok()?;
        let info = client.text(&["INFO", "server"]).await.ok()?;
        let file = PathBuf::from(info_field(&info, "config_file")?);
        let ours =
            std::fs::canonicalize(spec.node_dir(addr.port)).is_ok_and(|dir| file.parent() == Some(dir.as_path()));
        let pid = process_id(&info);
        let ours = ours || pid.is_some() && pid == pid_in(&spec.node_dir(addr.port));
        let pid = pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string());
        ours.then(|| format!("the server on {addr} (process {pid}) still runs with these files; nothing was removed"))
    }));
    match answers.await.into_iter().flatten().next() {
        Some(reason) => Err(LifecycleError::NotStopped(reason)),
        None => Ok(()),
    }
}
