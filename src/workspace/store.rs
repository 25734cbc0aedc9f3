//! The workspace: the folder in which Slotdeck keeps what it must remember.
//!
//! ```text
//! ROOT/documents/NAME.json   one document a cluster
//! ROOT/clusters/NAME/PORT/   where new clusters are proposed to keep their data
//! ROOT/locks/NAME.lock       held while something works on the cluster
//! ROOT/journal/              creations on servers that run already: see [`journal`](super::journal)
//! ROOT/settings.json         the user's choices
//! ROOT/window.lock           held while the window is open
//! ROOT/opening.json          there until the window has been painted: see [`trial`](super::trial)
//! ROOT/requests/             what a second start asks of the window: see [`requests`](super::requests)
//! ROOT/crashes/              reports of crashes: see [`crashes`](super::crashes)
//! ```

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::atomic::{atomic_write, create_private_dir_all};
use super::document::ClusterDoc;
use super::lock::{FileLock, Holder, LockError, is_held};
use super::settings::{SETTINGS_VERSION, Settings};

/// The version of [`ClusterDoc`] that this program reads and writes.
pub const DOCUMENT_VERSION: u32 = 1;

/// The environment variable that names the workspace's folder.
pub const HOME_VARIABLE: &str = "SLOTDECK_HOME";

/// No document comes near this size; a file that does is not ours.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What can go wrong with the workspace.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// There is no place for it.
    #[error(
        "This system names no folder for application data: set {HOME_VARIABLE} to a folder, or give one with --home."
    )]
    NoHome,
    /// The system refused.
    #[error("Can't {doing} {}: {source}. Check that the folder can be written and the disk is not full.", path.display())]
    Io {
        /// What was tried, as a verb: `read`, `write`, …
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A name that can't be a file name everywhere.
    #[error("'{name}' can't be a cluster's name: {reason}.")]
    BadName {
        /// The name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// No such document.
    #[error("There is no cluster named '{0}'.")]
    NotFound(String),
    /// Written by a later Slotdeck.
    #[error("{} was written by a newer Slotdeck (format {version}; this one knows up to {known}). Update Slotdeck; the file was left as it is.", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// Not a document.
    #[error("{} can't be read: {reason}. The file was left as it is; mend it, or move it away.", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// On file systems without case: another cluster has this file.
    #[error("The cluster '{name}' would share its file with '{other}': choose a name that differs by more than case.")]
    SameFile {
        /// The name.
        name: String,
        /// The cluster that has the file.
        other: String,
    },
    /// Somebody works on it.
    #[error("{what} is in use by {}. Wait until it is done, or close it.", holder.as_ref().map_or_else(|| "another Slotdeck or slotctl".to_owned(), ToString::to_string))]
    Locked {
        /// What is locked.
        what: String,
        /// By whom, where known.
        holder: Option<Holder>,
    },
}

/// Exclusive use of one cluster, across processes; given back when dropped or when the process ends.
#[derive(Debug)]
#[must_use = "dropping the lock gives it back at once"]
pub struct ClusterLock(#[expect(dead_code, reason = "held for its Drop")] FileLock);

/// The right to be the one open window; given back when dropped or when the process ends.
#[derive(Debug)]
#[must_use = "dropping the lock gives it back at once"]
pub struct InstanceLock(#[expect(dead_code, reason = "held for its Drop")] FileLock);

/// The folder of documents.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    kept: bool,
}

impl Workspace {
    /// Opens the workspace at `root`, else at `SLOTDECK_HOME`, else in the system's folder for application data, and
    /// makes its folders (mode 0700) where they are missing.
    ///
    /// # Errors
    /// No such place, or the folders can't be made.
    pub fn open(root: Option<PathBuf>) -> Result<Self, WorkspaceError> {
        let workspace = Self { root: place(root)?, kept: true };
        for folder in [workspace.root.clone(), workspace.documents(), workspace.locks()] {
            create_private_dir_all(&folder).map_err(io_error("make the folder", &folder))?;
        }
        Ok(workspace)
    }

    /// A workspace without a folder, for work on servers where none can be made: it knows no cluster and keeps no record.
    #[must_use]
    pub fn nowhere() -> Self {
        Self { root: PathBuf::new(), kept: false }
    }

    /// Whether there is a folder.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// As [`open`](Self::open), but makes nothing: `None` where there is no workspace.
    ///
    /// # Errors
    /// The system names no place for it, or its folders can't be made whole.
    pub fn find(root: Option<PathBuf>) -> Result<Option<Self>, WorkspaceError> {
        let root = place(root)?;
        if root.is_dir() { Self::open(Some(root)).map(Some) } else { Ok(None) }
    }

    /// The workspace's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder in which new clusters are proposed to live. It may not exist yet.
    #[must_use]
    pub fn clusters_dir(&self) -> PathBuf {
        let drive = if cfg!(windows) { std::env::var_os("SystemDrive") } else { None };
        propose_clusters_dir(&self.root, drive.as_deref())
    }

    /// Every document by name, sorted, those that can't be read with the reason.
    #[must_use]
    pub fn list(&self) -> Vec<(String, Result<ClusterDoc, WorkspaceError>)> {
        let folder = self.documents();
        let files = match fs::read_dir(&folder) {
            Ok(files) => files,
            Err(source) => return vec![(String::new(), Err(io_error("read", &folder)(source)))],
        };
        let mut documents: Vec<_> = files
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_document(path))
            .filter_map(|path| Some((path.file_stem()?.to_string_lossy().into_owned(), path)))
            .map(|(stem, path)| match read_document(&path) {
                Ok(doc) => (doc.name.clone(), Ok(doc)),
                Err(error) => (stem, Err(error)),
            })
            .collect();
        documents.sort_by(|a, b| a.0.cmp(&b.0));
        documents
    }

    /// The document of one cluster.
    ///
    /// # Errors
    /// No such document, a broken one, or one of a newer Slotdeck.
    pub fn load(&self, name: &str) -> Result<ClusterDoc, WorkspaceError> {
        let path = self.document_path(name)?;
        if !self.kept || !path.exists() {
            return Err(WorkspaceError::NotFound(name.to_owned()));
        }
        let doc = read_document(&path)?;
        // A file system without case finds 'Dev' for 'dev'.
        if doc.name == name { Ok(doc) } else { Err(WorkspaceError::NotFound(name.to_owned())) }
    }

    /// Writes a document, all or nothing.
    ///
    /// # Errors
    /// The system refused; or the file that would be replaced is broken, of a newer Slotdeck or of another cluster: it
    /// is left as it is.
    pub fn save(&self, doc: &ClusterDoc) -> Result<(), WorkspaceError> {
        let path = self.document_path(&doc.name)?;
        if path.exists() {
            let old = read_document(&path)?;
            if old.name != doc.name {
                return Err(WorkspaceError::SameFile { name: doc.name.clone(), other: old.name });
            }
        }
        let mut doc = doc.clone();
        doc.version = DOCUMENT_VERSION;
        write_json(&path, &doc)
    }

    /// Forgets a cluster. A broken document is not deleted but set aside (`NAME.json.broken`), in case it can be mended.
    ///
    /// # Errors
    /// No such document, one of a newer Slotdeck, or the system refused.
    pub fn remove(&self, name: &str) -> Result<(), WorkspaceError> {
        let path = self.document_path(name)?;
        match self.load(name) {
            Ok(_) => fs::remove_file(&path).map_err(io_error("delete", &path)),
            Err(WorkspaceError::Broken { .. }) => {
                let aside = free_name(&path);
                fs::rename(&path, &aside).map_err(io_error("rename", &path))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes exclusive use of a cluster, its document need not exist yet. Waits at most a tenth of a second.
    ///
    /// # Errors
    /// [`WorkspaceError::Locked`] says who has it.
    pub fn lock(&self, name: &str) -> Result<ClusterLock, WorkspaceError> {
        let path = self.lock_path(name)?;
        FileLock::acquire(&path).map(ClusterLock).map_err(|e| lock_error(e, format!("The cluster '{name}'"), &path))
    }

    /// Whether somebody (this process included) has exclusive use of a cluster: `Some` with the holder where known.
    #[must_use]
    pub fn locked_by(&self, name: &str) -> Option<Option<Holder>> {
        is_held(&self.lock_path(name).ok()?).ok().flatten()
    }

    /// Takes the right to be the one open window on this workspace.
    ///
    /// # Errors
    /// [`WorkspaceError::Locked`] says who has it.
    pub fn instance_lock(&self) -> Result<InstanceLock, WorkspaceError> {
        let path = self.root.join("window.lock");
        FileLock::acquire(&path).map(InstanceLock).map_err(|e| lock_error(e, "Slotdeck's workspace".to_owned(), &path))
    }

    /// A cheap value (no file is opened) that changes when a document is added, changed or removed, by whomever. It
    /// means nothing in another process.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut seen: Vec<_> = fs::read_dir(self.documents())
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| is_document(&entry.path()))
            .filter_map(|entry| {
                let facts = entry.metadata().ok()?;
                Some((entry.file_name(), facts.len(), facts.modified().ok(), file_number(&facts)))
            })
            .collect();
        seen.sort();
        let mut hasher = DefaultHasher::new();
        seen.hash(&mut hasher);
        hasher.finish()
    }

    /// The user's settings; the defaults where none were saved.
    ///
    /// # Errors
    /// The file is broken or of a newer Slotdeck.
    pub fn load_settings(&self) -> Result<Settings, WorkspaceError> {
        let path = self.settings_path();
        if path.exists() { read_versioned(&path, SETTINGS_VERSION) } else { Ok(Settings::default()) }
    }

    /// Writes the settings, all or nothing.
    ///
    /// # Errors
    /// The system refused, or the file there is broken or of a newer Slotdeck: it is left as it is.
    pub fn save_settings(&self, settings: &Settings) -> Result<(), WorkspaceError> {
        self.load_settings()?;
        write_json(&self.settings_path(), &Settings { version: SETTINGS_VERSION, ..settings.clone() })
    }

    fn settings_path(&self) -> PathBuf {
        self.root.join("settings.json")
    }

    fn documents(&self) -> PathBuf {
        self.root.join("documents")
    }

    fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    fn document_path(&self, name: &str) -> Result<PathBuf, WorkspaceError> {
        check_name(name)?;
        Ok(self.documents().join(format!("{name}.json")))
    }

    fn lock_path(&self, name: &str) -> Result<PathBuf, WorkspaceError> {
        check_name(name)?;
        Ok(self.locks().join(format!("{name}.lock")))
    }
}

/// Where the workspace is: what is given, else what the environment says, else the system's place.
fn place(given: Option<PathBuf>) -> Result<PathBuf, WorkspaceError> {
    let from_env = || std::env::var_os(HOME_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from);
    let root = given.or_else(from_env).or_else(default_root).ok_or(WorkspaceError::NoHome)?;
    // Absolute: servers run in folders of their own.
    std::path::absolute(&root).map_err(io_error("find", &root))
}

fn default_root() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "Slotdeck").map(|dirs| dirs.data_local_dir().to_owned())
}

/// `ROOT/clusters`; on Windows (where there is a system drive), servers can't open a folder whose name the system's
/// code page can't spell, such as that of a user with a Chinese name on an English Windows: `C:\Slotdeck\clusters` then,
/// which other accounts of the machine can read: the wizard says so.
fn propose_clusters_dir(root: &Path, system_drive: Option<&OsStr>) -> PathBuf {
    match system_drive {
        Some(drive) if !root.to_string_lossy().is_ascii() => {
            let mut top = drive.to_owned();
            top.push("\\Slotdeck");
            PathBuf::from(top).join("clusters")
        }
        _ => root.join("clusters"),
    }
}

/// A last defence: the wizard's own check speaks to the user earlier and in more words.
fn check_name(name: &str) -> Result<(), WorkspaceError> {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |start: &str| stem.strip_prefix(start).is_some_and(|rest| rest.chars().count() == 1);
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > 200 {
        "it is too long"
    } else if name.chars().any(|c| c.is_control() || "/\\:*?\"<>|".contains(c)) {
        "it holds a character that file names can't have everywhere (/ \\ : * ? \" < > |)"
    } else if name.starts_with(['.', ' ']) || name.ends_with(['.', ' ']) {
        "it begins or ends with a dot or a space"
    } else if DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt") {
        "Windows keeps this name for a device"
    } else {
        return Ok(());
    };
    Err(WorkspaceError::BadName { name: name.to_owned(), reason })
}

fn is_document(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    !hidden && path.extension() == Some(OsStr::new("json"))
}

fn read_document(path: &Path) -> Result<ClusterDoc, WorkspaceError> {
    read_versioned(path, DOCUMENT_VERSION)
}

/// The version is read before the rest, so that a later format is told from a broken file.
fn read_versioned<T: DeserializeOwned>(path: &Path, known: u32) -> Result<T, WorkspaceError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let bytes = read_bytes(path)?;
    let version = serde_json::from_slice::<Versioned>(&bytes).map_err(|e| broken(path, &e))?.version;
    if version > known {
        return Err(WorkspaceError::TooNew { path: path.to_owned(), version, known });
    }
    serde_json::from_slice(&bytes).map_err(|e| broken(path, &e))
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, WorkspaceError> {
    serde_json::from_slice(&read_bytes(path)?).map_err(|e| broken(path, &e))
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, WorkspaceError> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(io_error("read", path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(broken(path, &"it is far too long for a document"));
    }
    Ok(bytes)
}

fn broken(path: &Path, reason: &dyn std::fmt::Display) -> WorkspaceError {
    WorkspaceError::Broken { path: path.to_owned(), reason: reason.to_string() }
}

pub(super) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), WorkspaceError> {
    let failed = io_error("write", path);
    let mut bytes = match serde_json::to_vec_pretty(value) {
        Ok(bytes) => bytes,
        Err(error) => return Err(failed(error.into())),
    };
    bytes.push(b'\n');
    atomic_write(path, &bytes, true).map_err(failed)
}

fn free_name(path: &Path) -> PathBuf {
    let with = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let first = with(".broken");
    if !first.exists() {
        return first;
    }
    (2..u32::MAX).map(|n| with(&format!(".broken-{n}"))).find(|name| !name.exists()).unwrap_or(first)
}

pub(super) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WorkspaceError {
    let path = path.to_owned();
    move |source| WorkspaceError::Io { doing, path, source }
}

pub(super) fn lock_error(error: LockError, what: String, path: &Path) -> WorkspaceError {
    match error {
        LockError::Held(holder) => WorkspaceError::Locked { what, holder },
        LockError::Io(source) => WorkspaceError::Io { doing: "lock", path: path.to_owned(), source },
    }
}

/// A replaced file has another number even where the clock is too coarse to tell.
#[cfg(unix)]
fn file_number(facts: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(facts)
}

#[cfg(not(unix))]
fn file_number(_facts: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
