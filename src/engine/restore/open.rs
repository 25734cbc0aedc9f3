//! Opening a backup: which files it consists of, and whether each is what was written.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::core::backup::{BackupFile, Holdings, MANIFEST_FILE, MANIFEST_FORMAT, Manifest, is_rdb_name};
use crate::core::rdb::RdbError;
use crate::core::slot::{Slot, SlotSet};
use crate::engine::backup::verify::{Verified, verify};

/// How many files are read at the same time.
const AT_ONCE: usize = 4;

/// A backup whose files are all whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Its files.
    pub files: Vec<OpenFile>,
    /// What it says of itself; `None` for one of redis-cli.
    pub manifest: Option<Manifest>,
}

impl Backup {
    /// Keys in all files.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.files.iter().map(|file| file.holds.key_count()).sum()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.found.bytes).sum()
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it was found to be.
    pub found: Verified,
    /// What is in it.
    pub holds: Holdings,
    /// The slots that its master owned; `None` where the backup does not say.
    pub slots: Option<SlotSet>,
}

impl OpenFile {
    /// Whether its master owned this slot: its copies of other keys may be old ones.
    #[must_use]
    pub fn owned(&self, slot: Slot) -> bool {
        self.slots.as_ref().is_none_or(|slots| slots.contains(slot))
    }

    /// Whether it holds keys of slots that its master did not own.
    #[must_use]
    pub fn has_strays(&self) -> bool {
        Slot::all().any(|slot| self.found.by_slot[slot.index()] > 0 && !self.owned(slot))
    }
}

/// Why a folder can't be restored from.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A file can't be read.
    #[error("{path} can't be read: {error}")]
    Read {
        /// Which, or the folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// No RDB file.
    #[error("{0} holds no backup: neither a manifest.json nor a file like redis-node-HOST-PORT-ID.rdb")]
    NoBackup(PathBuf),
    /// The manifest is of another kind.
    #[error("{0} can't be understood: {1}")]
    Manifest(PathBuf, String),
    /// A file is damaged.
    #[error("{0}: {1}")]
    Unfit(PathBuf, RdbError),
    /// A file is whole, but another one than the manifest tells of.
    #[error("{0} is not the file that was backed up: its {1} is another one than in manifest.json")]
    Other(PathBuf, &'static str),
    /// A file holds what this version can't take apart.
    #[error("{0} holds types of values that this version does not know; a newer one may")]
    Unknown(PathBuf),
}

/// Reads and checks every file of a backup.
///
/// # Errors
/// [`OpenError`], the first in the order of the files.
pub async fn open(folder: &Path) -> Result<Backup, OpenError> {
    let manifest = manifest(folder)?;
    let names = match &manifest {
        Some(manifest) => manifest.files.iter().map(|file| file.file.clone()).collect(),
        None => rdb_names(folder)?,
    };
    if names.is_empty() {
        return Err(OpenError::NoBackup(folder.to_owned()));
    }
    let turns = Semaphore::new(AT_ONCE);
    let opening = names.iter().map(|name| {
        let (path, turns) = (folder.join(name), &turns);
        let record = manifest.as_ref().and_then(|m| m.files.iter().find(|file| file.file == *name));
        async move {
            let _turn = turns.acquire().await;
            check(path, record).await
        }
    });
    let files = join_all(opening).await.into_iter().collect::<Result<Vec<OpenFile>, OpenError>>()?;
    Ok(Backup { files, manifest })
}

fn manifest(folder: &Path) -> Result<Option<Manifest>, OpenError> {
    let path = folder.join(MANIFEST_FILE);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::Read { path, error }),
    };
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| OpenError::Manifest(path.clone(), error.to_string()))?;
    if manifest.format != MANIFEST_FORMAT {
        return Err(OpenError::Manifest(path, format!("it is of format {}", manifest.format)));
    }
    // A manifest names files of its own folder only.
    match manifest.files.iter().find(|file| !is_rdb_name(&file.file)) {
        Some(file) => Err(OpenError::Manifest(path, format!("{:?} is no name of a file of it", file.file))),
        None => Ok(Some(manifest)),
    }
}

fn rdb_names(folder: &Path) -> Result<Vec<String>, OpenError> {
    let failed = |error| OpenError::Read { path: folder.to_owned(), error };
    let mut names = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().into_string().ok().filter(|name| is_rdb_name(name)));
    }
    names.sort();
    Ok(names)
}

async fn check(path: PathBuf, record: Option<&BackupFile>) -> Result<OpenFile, OpenError> {
    let file = File::open(&path).map_err(|error| OpenError::Read { path: path.clone(), error })?;
    let read = tokio::task::spawn_blocking(move || verify(file)).await;
    let read = read.unwrap_or_else(|error| Err(RdbError::Read(error.to_string())));
    let found = read.map_err(|error| OpenError::Unfit(path.clone(), error))?;
    if let Some(record) = record {
        for (what, same) in [("length", record.bytes == found.bytes), ("SHA-256", record.sha256 == found.sha256)] {
            if !same {
                return Err(OpenError::Other(path, what));
            }
        }
    }
    let slots = record.map(|record| record.slots.clone());
    match found.holds.clone() {
        Some(holds) => Ok(OpenFile { path, found, holds, slots }),
        None => Err(OpenError::Unknown(path)),
    }
}
