//! What a second start of the window asks of the first: `ROOT/requests/*.json`, each there only until it is taken.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::atomic::create_private_dir_all;
use super::store::{Workspace, WorkspaceError, io_error, read_json, write_json};

/// A request that was not taken within this time is no longer meant: whoever made it has given up.
pub const MEANT_FOR: Duration = Duration::from_secs(10);

/// Come to the front, and open this.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenRequest {
    /// A cluster definition, by its full path.
    pub definition: Option<PathBuf>,
}

/// A request that was left.
#[derive(Debug)]
pub struct Ticket {
    path: PathBuf,
}

impl Ticket {
    /// Waits until the window has taken the request, or until nobody can be expected to.
    #[must_use]
    pub fn wait(&self, longest: Duration) -> bool {
        const PAUSE: Duration = Duration::from_millis(25);
        let begun = std::time::Instant::now();
        while self.path.exists() {
            if begun.elapsed() > longest {
                return false;
            }
            std::thread::sleep(PAUSE);
        }
        true
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Taken, as a rule; else it is no longer meant.
        let _ = fs::remove_file(&self.path);
    }
}

/// Leaves a request for the window that is open on this workspace.
///
/// # Errors
/// The system refused, or a path is no text.
pub fn leave(workspace: &Workspace, request: &OpenRequest) -> Result<Ticket, WorkspaceError> {
    let folder = folder(workspace);
    create_private_dir_all(&folder).map_err(io_error("make the folder", &folder))?;
    let path = folder.join(format!("open-{}.json", std::process::id()));
    write_json(&path, request)?;
    Ok(Ticket { path })
}

/// Takes the requests that lie there. What is too old, or no request, is removed unread.
#[must_use]
pub fn take(workspace: &Workspace) -> Vec<OpenRequest> {
    let Ok(files) = fs::read_dir(folder(workspace)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = files.flatten().map(|file| file.path()).filter(|path| is_request(path)).collect();
    paths.sort();
    let taken = paths.iter().filter_map(|path| {
        let request = is_meant(path).then(|| read_json(path).ok()).flatten();
        // Removed only now: its end says that it was taken. One that can't be removed is not carried out again and again.
        fs::remove_file(path).ok()?;
        request
    });
    taken.collect()
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("requests")
}

fn is_request(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("open-"))
}

fn is_meant(path: &Path) -> bool {
    let written = fs::metadata(path).and_then(|facts| facts.modified());
    // A file from the future is one whose clock was set back.
    written.is_ok_and(|at| SystemTime::now().duration_since(at).unwrap_or_default() <= MEANT_FOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> (tempfile::TempDir, Workspace) {
        let home = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(Some(home.path().to_owned())).unwrap();
        (home, workspace)
    }

    #[test]
    fn a_request_is_taken_once_and_its_maker_sees_it() {
        let (_home, workspace) = workspace();
        assert!(take(&workspace).is_empty());
        let request = OpenRequest { definition: Some("/tmp/集群 a.slotdeck".into()) };
        let ticket = leave(&workspace, &request).unwrap();
        assert!(!ticket.wait(Duration::ZERO));
        assert_eq!(take(&workspace), [request]);
        assert!(ticket.wait(Duration::ZERO));
        assert!(take(&workspace).is_empty());
    }

    #[test]
    fn a_request_whose_maker_has_gone_is_not_carried_out() {
        let (_home, workspace) = workspace();
        drop(leave(&workspace, &OpenRequest::default()).unwrap());
        assert!(take(&workspace).is_empty());
    }

    #[test]
    fn what_is_old_or_no_request_is_removed_unread() {
        let (home, workspace) = workspace();
        std::mem::forget(leave(&workspace, &OpenRequest::default()).unwrap());
        let folder = home.path().join("requests");
        let old = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        let file = fs::File::options().write(true).open(&old).unwrap();
        file.set_modified(SystemTime::now() - MEANT_FOR * 2).unwrap();
        fs::write(folder.join("open-0.json"), "{").unwrap();
        fs::write(folder.join("notes.txt"), "mine").unwrap();
        assert!(take(&workspace).is_empty());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}
