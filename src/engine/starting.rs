//! Starting a cluster's servers, and waiting until each answers. One that ends, or never answers, is told with the likely
//! cause.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::core::spec::ClusterSpec;
use crate::core::topology::NodeAddr;
use crate::core::wsl::Inside;
use crate::workspace::document::{ClusterDoc, OnClose, ProcessRecord};
use crate::workspace::store::Workspace;

use super::children::Children;
use super::client::{NodeClient, NodeError, NodeErrorKind, info_field, process_id};
use super::command::Auth;
use super::detail::Detail;
use super::diagnose::likely_cause;
use super::ending::left_inside;
use super::job::Step;
use super::lifecycle::{LifecycleError, adopt, auth_of, local_spec};
use super::log_tail::last_lines;
use super::process::{SpawnError, Spawned, identify, is_it, spawn};
use super::steps::Steps;
use super::wsl::NOT_REACHED;

/// How long a server may take until it answers at all; one that says it is loading may take [`LOADING_DEADLINE`].
/// On Windows each program is looked through first, and the ports reserve much memory.
const ANSWER_DEADLINE: Duration = Duration::from_secs(if cfg!(windows) { 90 } else { 20 });
/// How long reading a data set may take.
const LOADING_DEADLINE: Duration = Duration::from_mins(10);

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
    let named: Vec<NodeAddr> =
        spec.addrs().into_iter().filter(|addr| only.is_none_or(|port| port == addr.port)).collect();
    let (fresh, problem) = spawn_missing(doc, &spec, &exe, &named, children).await;
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

/// Starts those of the servers that do not run, and writes them into the document. Ends at the first that can't be
/// started, and says why beside those that were.
async fn spawn_missing(
    doc: &mut ClusterDoc,
    spec: &ClusterSpec,
    exe: &Path,
    named: &[NodeAddr],
    children: &Children,
) -> (BTreeMap<u16, Spawned>, Option<LifecycleError>) {
    let job = if doc.on_close == OnClose::Stop { children.job_of(&doc.name) } else { None };
    let mut fresh = BTreeMap::new();
    for addr in named {
        if doc.processes.get(&addr.port).copied().and_then(identify).is_some() {
            continue;
        }
        let dir = spec.node_dir(addr.port);
        let spawned = match left_inside(exe, &dir).await {
            Some(pid) => Err(SpawnError::Occupied { dir: dir.clone(), pid }),
            None => spawn(exe, &dir, job.as_deref()),
        };
        match spawned {
            Ok(spawned) => {
                doc.processes.insert(addr.port, spawned.record);
                children.insert(dir, spawned.clone());
                fresh.insert(addr.port, spawned);
            }
            Err(error) => return (fresh, Some(LifecycleError::Spawn(addr.clone(), error))),
        }
    }
    (fresh, None)
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
            AnswerState::Loading => steps.detail(Detail::Loading(addr.clone())),
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
