//! The life of a local cluster's processes: write and launch, start again, stop, delete. Each holds the cluster's lock
//! while it works, so that the window and slotctl never work on one cluster at the same time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;

use crate::core::conf;
use crate::core::secret::Secret;
use crate::core::spec::ClusterSpec;
use crate::core::topology::NodeAddr;
use crate::workspace::document::{ClusterDoc, OnClose};
use crate::workspace::store::{DOCUMENT_VERSION, Workspace, WorkspaceError};

use super::children::Children;
use super::client::{NodeClient, info_field, process_id};
use super::command::Auth;
use super::detail::Detail;
use super::files::{FilesError, wipe, write_node_files};
use super::job::Step;
use super::process::{CONFIG_FILE, SpawnError, find_running_in, identify};
use super::starting::{DeadNode, start_processes};
use super::steps::Steps;
use super::stopping::{Saving, stop_processes};
use super::tls::Tls;
use super::wsl::pid_in;

/// The steps of a launch, of a start, a stop and a deletion.
pub const LAUNCH_STEPS: [Step; 3] = [Step::WriteFiles, Step::StartProcesses, Step::AwaitAnswers];
/// The steps of starting a cluster again.
pub const START_STEPS: [Step; 2] = [Step::StartProcesses, Step::AwaitAnswers];
/// The steps of stopping.
pub const STOP_STEPS: [Step; 2] = [Step::ShutDown, Step::EndStubborn];
/// The steps of deleting.
pub const DELETE_STEPS: [Step; 3] = [Step::ShutDown, Step::EndStubborn, Step::RemoveFiles];

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
        shards: BTreeMap::new(),
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

pub(super) fn local_spec(doc: &ClusterDoc) -> Result<ClusterSpec, LifecycleError> {
    doc.spec.clone().ok_or_else(|| LifecycleError::External(doc.name.clone()))
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
                steps.detail(Detail::NotRemoved(left.join(", ")));
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
