//! Copies a cluster to files: each master's RDB file, all masters at the same time, all or nothing.
//!
//! Each file is what its master held at one moment. It is written under a temporary name, synced, read again and
//! checked; only when all are right do they get their names, with `nodes.json` and a manifest beside them. Whatever
//! happens before that leaves the folder as it was.

mod scene;
mod stream;
pub mod verify;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tempfile::NamedTempFile;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::core::backup::{BackupFile, MANIFEST_FILE, Manifest, NODES_FILE, file_name, is_backup_file, is_rdb_name};
use crate::core::rdb::RdbError;
use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::{NodeAddr, NodeId};
use crate::core::version::ServerVersion;
use crate::workspace::atomic::{atomic_write, create_private_dir_all, persist, private_temp_file, sync_folder};

pub use scene::{lost_master, manifest, problems, sources};

use super::client::NodeError;
use super::command::Auth;
use stream::{Extent, RdbStream, StreamError};

/// How many masters send at the same time.
const AT_ONCE: usize = 8;

/// A master to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it answers.
    pub addr: NodeAddr,
    /// Its id.
    pub id: NodeId,
    /// The slots that it owns.
    pub slots: SlotSet,
    /// Its server; `None` where it does not say.
    pub server: Option<ServerVersion>,
}

/// What is told on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A master was asked for its file.
    Asked(NodeAddr),
    /// It begins to send so many bytes, where that is known.
    Begun(NodeAddr, Option<u64>),
    /// So many more bytes have come.
    Bytes(u64),
    /// A file was read again and is right.
    Checked(Box<BackupFile>),
}

/// Receives the news; must not block.
pub type Report = Arc<dyn Fn(News) + Send + Sync>;

/// Why there is no backup. The folder is as it was.
#[derive(Debug, Error)]
pub enum BackupError {
    /// A master did not send its file.
    #[error("{0}")]
    Node(NodeError),
    /// A file can't be written.
    #[error("can't write {path}: {error}")]
    Write {
        /// Which, or the folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// What was written is not an RDB file.
    #[error("the file from {addr} was written, but {error}")]
    Unfit {
        /// The master.
        addr: NodeAddr,
        /// What is wrong with it.
        error: RdbError,
    },
    /// The folder holds a backup.
    #[error("{folder} holds a backup already ({file}): name another folder, or say --cluster-replace")]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// A file of it.
        file: String,
    },
    /// As asked.
    #[error("stopped as asked")]
    Stopped,
}

/// A master's file under its temporary name.
#[derive(Debug)]
pub struct Saved {
    temp: NamedTempFile,
    /// What it is.
    pub record: BackupFile,
    /// How many of its keys are of slots that its master does not own.
    pub strays: u64,
}

/// Makes the folder where it is missing, and insists that no backup is in it unless it may be replaced.
///
/// # Errors
/// [`BackupError::Occupied`], [`BackupError::Write`].
pub fn prepare(folder: &Path, replace: bool) -> Result<(), BackupError> {
    let failed = |error| BackupError::Write { path: folder.to_owned(), error };
    create_private_dir_all(folder).map_err(failed)?;
    if replace {
        return Ok(());
    }
    match names_in(folder).map_err(failed)?.into_iter().find(|name| is_backup_file(name)) {
        Some(file) => Err(BackupError::Occupied { folder: folder.to_owned(), file }),
        None => Ok(()),
    }
}

fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in folder.read_dir()? {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Copies all masters to temporary files in the folder. The first failure ends all.
///
/// # Errors
/// [`BackupError`]; no temporary file is left.
pub async fn copy(
    sources: &[Source],
    folder: &Path,
    auth: &Auth,
    connect: Duration,
    report: Report,
    cancel: &CancellationToken,
) -> Result<Vec<Saved>, BackupError> {
    let stop = cancel.child_token();
    let slots = Semaphore::new(AT_ONCE);
    let copies = sources.iter().map(|source| async {
        let work = async {
            // Never closed.
            let _turn = slots.acquire().await.map_err(|_| BackupError::Stopped)?;
            copy_one(source, folder, auth, connect, &report).await
        };
        let result = tokio::select! {
            result = work => result,
            () = stop.cancelled() => Err(BackupError::Stopped),
        };
        if result.is_err() {
            stop.cancel();
        }
        result
    });
    let mut saved = Vec::new();
    let mut failed = None;
    for result in join_all(copies).await {
        match result {
            Ok(one) => saved.push(one),
            // The first cause counts, not those that it stopped.
            Err(BackupError::Stopped) => failed = failed.or(Some(BackupError::Stopped)),
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(saved), Err)
}

async fn copy_one(
    source: &Source,
    folder: &Path,
    auth: &Auth,
    connect: Duration,
    report: &Report,
) -> Result<Saved, BackupError> {
    let path = folder.join(file_name(&source.addr, &source.id));
    let failed = |error| BackupError::Write { path: path.clone(), error };
    let temp = private_temp_file(folder).map_err(failed)?;
    report(News::Asked(source.addr.clone()));
    let stream = RdbStream::request(&source.addr, source.server, auth, connect).await.map_err(BackupError::Node)?;
    let length = match stream.extent() {
        Extent::Bytes(length) => Some(length),
        Extent::Mark(_) => None,
    };
    report(News::Begun(source.addr.clone(), length));
    let mut file = tokio::fs::File::from_std(temp.reopen().map_err(failed)?);
    let received = stream.receive(&mut file, |bytes| report(News::Bytes(bytes))).await;
    let bytes = received.map_err(|error| match error {
        StreamError::Node(error) => BackupError::Node(error),
        StreamError::Write(error) => failed(error),
    })?;
    file.sync_all().await.map_err(failed)?;
    // On Windows a file that is still open can't be renamed.
    drop(file.into_std().await);
    let (record, strays) = check(source, &temp, bytes).await?;
    report(News::Checked(Box::new(record.clone())));
    Ok(Saved { temp, record, strays })
}

/// Reads what was written; says also how many keys are of slots that the master does not own.
async fn check(source: &Source, temp: &NamedTempFile, bytes: u64) -> Result<(BackupFile, u64), BackupError> {
    let unfit = |error| BackupError::Unfit { addr: source.addr.clone(), error };
    let file = temp.reopen().map_err(|error| unfit(RdbError::Read(error.to_string())))?;
    let verified = tokio::task::spawn_blocking(move || verify::verify(file)).await;
    let found = verified.map_err(|error| unfit(RdbError::Read(error.to_string())))?.map_err(unfit)?;
    if found.bytes != bytes {
        return Err(unfit(RdbError::Truncated(found.bytes)));
    }
    let foreign = Slot::all().filter(|slot| !source.slots.contains(*slot));
    let strays = foreign.map(|slot| found.by_slot[slot.index()]).sum();
    let record = BackupFile {
        file: file_name(&source.addr, &source.id),
        node: source.id.clone(),
        addr: source.addr.to_string(),
        server: source.server.map_or_else(|| "unknown".to_owned(), |version| version.to_string()),
        slots: source.slots.clone(),
        bytes,
        sha256: found.sha256,
        crc64: found.crc64,
        rdb: found.rdb,
        holds: found.holds,
    };
    Ok((record, strays))
}

/// Gives the files their names, writes `nodes.json` and the manifest, and removes files of an earlier backup.
///
/// # Errors
/// [`BackupError::Write`]. The manifest comes last: without one that fits, what lies there is not taken for a backup.
pub fn keep(saved: Vec<Saved>, folder: &Path, nodes: &str, manifest: &Manifest) -> Result<(), BackupError> {
    let failed = |path: &Path, error| BackupError::Write { path: path.to_owned(), error };
    let before = names_in(folder).map_err(|error| failed(folder, error))?;
    for Saved { temp, record, .. } in saved {
        let path = folder.join(&record.file);
        persist(temp, &path).map_err(|error| failed(&path, error))?;
    }
    let path = folder.join(NODES_FILE);
    atomic_write(&path, nodes.as_bytes(), true).map_err(|error| failed(&path, error))?;
    let path = folder.join(MANIFEST_FILE);
    let text = serde_json::to_string_pretty(manifest).map_err(|error| failed(&path, error.into()))?;
    atomic_write(&path, text.as_bytes(), true).map_err(|error| failed(&path, error))?;
    let ours = |name: &String| manifest.files.iter().any(|file| file.file == *name);
    for name in before.iter().filter(|name| is_rdb_name(name) && !ours(name)) {
        let path = folder.join(name);
        std::fs::remove_file(&path).map_err(|error| failed(&path, error))?;
    }
    sync_folder(folder).map_err(|error| failed(folder, error))
}
