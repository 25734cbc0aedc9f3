//! The end of a workspace: everything that Slotdeck itself keeps there is removed, and nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::core::windows_path::PLAIN_TOP;

use super::atomic::TEMP_PREFIX;
use super::store::{Workspace, WorkspaceError, io_error};

/// Folders of the workspace that hold nothing but Slotdeck's own records.
const FOLDERS: [&str; 5] = ["documents", "locks", "journal", "requests", "crashes"];

/// How the names of its own files begin: settings, the window's lock with its note, how a window opened last, logs, and what
/// a write leaves that was cut short.
const FILES: [&str; 5] = ["settings.json", "window.lock", "opening.json", "slotdeck.", TEMP_PREFIX];

impl Workspace {
    /// Removes the documents, locks, journals, settings, logs and crash reports, then the folders that are empty without
    /// them, those proposed for clusters and, on Windows, the folder around the workspace included. Data of clusters is
    /// not touched: [`delete`](crate::engine::lifecycle::delete) has removed it before. Returns what could not be removed.
    #[must_use]
    pub fn erase(&self) -> Vec<WorkspaceError> {
        let mut failed = Vec::new();
        for folder in FOLDERS.map(|name| self.root().join(name)) {
            keep_error(&mut failed, &folder, fs::remove_dir_all(&folder));
        }
        for file in own_files(self.root()) {
            keep_error(&mut failed, &file, fs::remove_file(&file));
        }
        let clusters = self.clusters_dir();
        remove_empty(&clusters);
        remove_empty(self.root());
        if cfg!(windows) {
            // `…\Slotdeck\data` and `C:\Slotdeck\clusters`: the folder around them is ours as well.
            for folder in [self.root(), clusters.as_path()] {
                if let Some(around) = folder.parent().filter(|dir| dir.ends_with("Slotdeck")) {
                    remove_empty(around);
                }
            }
            remove_empty(Path::new(PLAIN_TOP));
        }
        failed
    }
}

fn own_files(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        entry.file_type().is_ok_and(|kind| kind.is_file()) && FILES.iter().any(|start| name.starts_with(start))
    });
    ours.map(|entry| entry.path()).collect()
}

/// A folder that holds something stays: it is not ours alone.
fn remove_empty(folder: &Path) {
    let _ = fs::remove_dir(folder);
}

fn keep_error(failed: &mut Vec<WorkspaceError>, path: &Path, result: io::Result<()>) {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => failed.push(io_error("delete", path)(error)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::settings::Settings;

    #[test]
    fn an_erased_workspace_leaves_no_folder_behind() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("home");
        let workspace = Workspace::open(Some(root.clone())).unwrap();
        workspace.save_settings(&Settings::default()).unwrap();
        drop(workspace.instance_lock().unwrap());
        drop(workspace.lock("demo").unwrap());
        for folder in FOLDERS {
            fs::create_dir_all(root.join(folder)).unwrap();
            fs::write(root.join(folder).join("one.txt"), "x").unwrap();
        }
        for file in ["slotdeck.log", "slotdeck.log.1", "opening.json", ".slotdeck-a1B2c3.tmp"] {
            fs::write(root.join(file), "x").unwrap();
        }
        fs::create_dir_all(root.join("clusters")).unwrap();
        assert!(workspace.erase().is_empty());
        assert!(!root.exists(), "{:?}", fs::read_dir(&root).map(|d| d.flatten().collect::<Vec<_>>()));
    }

    #[test]
    fn what_is_not_slotdecks_stays() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("home");
        let workspace = Workspace::open(Some(root.clone())).unwrap();
        fs::write(root.join("mine.txt"), "x").unwrap();
        fs::create_dir_all(root.join("clusters/other")).unwrap();
        assert!(workspace.erase().is_empty());
        assert!(root.join("mine.txt").exists() && root.join("clusters/other").exists());
        assert!(!root.join("documents").exists());
    }
}
