//! `setup`: what the Windows installer asks of slotctl. Hidden from the help; the words are for its log.
//!
//! The setup itself knows nothing of clusters, and its script language cuts long texts: both are left to this program.

mod path_list;
#[cfg(windows)]
mod registry;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::engine::lifecycle::{DELETE_STEPS, STOP_STEPS, adopt, delete, stop};
use crate::engine::process::identify;
use crate::engine::steps::Steps;
use crate::workspace::document::ClusterDoc;
use crate::workspace::store::{Workspace, WorkspaceError};

use super::failure::Failure;
use super::form::Means;
use super::interrupt::Interrupt;
use super::steps::timed_report;
use super::terminal::Terminal;

/// What the installer wants.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// One of them.
    #[command(subcommand)]
    pub chore: Chore,
}

/// The installer's chores.
#[derive(Debug, Subcommand)]
pub enum Chore {
    /// Name the clusters whose servers run, a line each.
    Running {
        /// Write the names here, in UTF-16, instead of printing them.
        #[arg(long, value_name = "FILE")]
        list: Option<PathBuf>,
    },
    /// Stop the servers of every cluster.
    StopAll,
    /// Delete every cluster with its data, and the settings.
    RemoveData,
    /// Put a folder on the PATH; exit code 3 where it is there already.
    PathAdd(PathArgs),
    /// Take a folder off the PATH.
    PathRemove(PathArgs),
}

/// A folder, and whose PATH.
#[derive(Debug, Args)]
pub struct PathArgs {
    /// The folder.
    pub folder: String,
    /// Everyone's PATH instead of this person's.
    #[arg(long)]
    pub all_users: bool,
}

/// Does one of the chores. None of them makes a workspace where there is none.
///
/// # Errors
/// What could not be done, and why; the rest of it was done.
pub async fn setup(
    args: &SetupArgs,
    home: Option<PathBuf>,
    terminal: Terminal,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    match &args.chore {
        Chore::PathAdd(args) => {
            return path(args, path_list::add).and_then(|changed| if changed { Ok(()) } else { Err(there(args)) });
        }
        Chore::PathRemove(args) => return path(args, path_list::remove).map(drop),
        Chore::Running { .. } | Chore::StopAll | Chore::RemoveData => {}
    }
    let Some(workspace) = Workspace::find(home)? else { return Ok(()) };
    let means = Means { workspace: &workspace, terminal, interrupt, yes: true, plan: false };
    match &args.chore {
        Chore::Running { list } => running(&means, list.as_deref()),
        Chore::StopAll => stop_all(&means).await,
        Chore::RemoveData => remove_data(&means).await,
        Chore::PathAdd(_) | Chore::PathRemove(_) => Ok(()),
    }
}

fn running(means: &Means<'_>, list: Option<&Path>) -> Result<(), Failure> {
    let (names, unknown) = running_clusters(means.workspace);
    all_done(&unknown)?;
    let text = names.iter().fold(String::new(), |text, name| text + name + "\r\n");
    let Some(list) = list else {
        means.terminal.print(&text.replace("\r\n", "\n"));
        return Ok(());
    };
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(list, bytes).map_err(|error| Failure::message(&format!("Can't write {}: {error}", list.display())))
}

/// The clusters that have a server which runs, and why it is not known of others: their documents can't be read.
fn running_clusters(workspace: &Workspace) -> (Vec<String>, Vec<String>) {
    let (mut names, mut unknown) = (Vec::new(), Vec::new());
    for (name, document) in workspace.list() {
        match document {
            Ok(document) if runs(&document) => names.push(name),
            Ok(_) => {}
            Err(error) => unknown.push(error.to_string()),
        }
    }
    (names, unknown)
}

fn runs(document: &ClusterDoc) -> bool {
    // A copy: what is found here is for the one who stops it to write down.
    let mut document = document.clone();
    adopt(&mut document);
    document.processes.values().any(|record| identify(*record).is_some())
}

async fn stop_all(means: &Means<'_>) -> Result<(), Failure> {
    let (names, mut failed) = running_clusters(means.workspace);
    for name in names {
        let steps = Steps::new(&STOP_STEPS, timed_report(means.terminal), means.interrupt.token());
        match stop(means.workspace, &name, &steps).await {
            Ok(_) => means.terminal.print(&format!("{name} is stopped.\n")),
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    all_done(&failed)
}

/// Each cluster first, as `down --wipe` does it; only then what else lies in the workspace.
async fn remove_data(means: &Means<'_>) -> Result<(), Failure> {
    let workspace = means.workspace;
    let instance = workspace.instance_lock()?;
    let mut failed = Vec::new();
    for (name, document) in workspace.list() {
        // Of a document that can't be read nobody knows where its data is: it is left, and named.
        if let Err(error) = document {
            failed.push(error.to_string());
            continue;
        }
        let steps = Steps::new(&DELETE_STEPS, timed_report(means.terminal), means.interrupt.token());
        match delete(workspace, &name, true, &steps).await {
            Ok(left) if left.is_empty() => means.terminal.print(&format!("{name} is gone.\n")),
            Ok(left) => failed.push(format!("{name}: not removed: {}", left.join(", "))),
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    all_done(&failed)?;
    drop(instance);
    failed.extend(workspace.erase().iter().map(WorkspaceError::to_string));
    all_done(&failed)
}

fn all_done(failed: &[String]) -> Result<(), Failure> {
    if failed.is_empty() { Ok(()) } else { Err(Failure::message(&failed.join("\n"))) }
}

/// An entry that was there before is the person's own: a removal must not take it.
fn there(args: &PathArgs) -> Failure {
    Failure::Unneeded(format!("{} was on the PATH already.", args.folder))
}

/// Says whether the PATH was another before.
#[cfg(windows)]
fn path(args: &PathArgs, change: fn(&str, &str) -> Option<String>) -> Result<bool, Failure> {
    registry::change_path(args.all_users, |old| change(old, &args.folder))
        .map_err(|error| Failure::message(&format!("The PATH can't be changed: {error}. It is as it was.")))
}

#[cfg(not(windows))]
fn path(args: &PathArgs, change: fn(&str, &str) -> Option<String>) -> Result<bool, Failure> {
    let _ = (change, args.all_users);
    Err(Failure::message("Only Windows keeps a PATH that programs change; here your shell's profile sets it."))
}
