//! Whose folder a node's folder is. Servers on Windows do not lock theirs: two of them start in one folder, with one
//! node id and one append-only file. So Slotdeck keeps a note beside the server's files: which process runs here. It
//! outlives Slotdeck, as the server does, and holds as long as exactly that process runs.

use std::fs;
use std::io;
use std::path::Path;

use crate::workspace::atomic::atomic_write;
use crate::workspace::document::ProcessRecord;
use crate::workspace::lock::{FileLock, Holder, LockError};

use super::process::{START_SLACK, identify};

/// The note: the process that runs in the folder.
const NOTE: &str = ".slotdeck-server";
/// The note: the process that was sent a Ctrl-C.
const ASKED: &str = ".slotdeck-asked";
/// Locked for the moment of a start, so that two programs do not start there at once.
const STARTING: &str = ".slotdeck-starting";

/// Why no server can be started in a folder.
#[derive(Debug)]
pub enum Occupied {
    /// A server runs there.
    By(ProcessRecord),
    /// Another program is about to start one there.
    Starting(Option<Holder>),
    /// The lock can't be used.
    Io(io::Error),
}

/// The right to start a server in a folder, as long as it lives.
#[derive(Debug)]
#[must_use = "dropping it lets others start there"]
pub struct Claim {
    _starting: FileLock,
}

/// Claims a node's folder for a start.
///
/// # Errors
/// A server of ours runs there, another program is starting one, or the folder can't be written.
pub fn claim(node_dir: &Path) -> Result<Claim, Occupied> {
    let starting = FileLock::acquire(&node_dir.join(STARTING)).map_err(|error| match error {
        LockError::Held(holder) => Occupied::Starting(holder),
        LockError::Io(error) => Occupied::Io(error),
    })?;
    match read(node_dir).filter(|record| identify(*record).is_some()) {
        Some(record) => Err(Occupied::By(record)),
        None => Ok(Claim { _starting: starting }),
    }
}

impl Claim {
    /// Writes down which process runs in the folder from now on.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn note(&self, node_dir: &Path, record: ProcessRecord) -> io::Result<()> {
        atomic_write(&node_dir.join(NOTE), &serde_json::to_vec(&record)?, true)
    }
}

/// The process that was started last in a folder, whether it runs or not.
#[must_use]
pub fn read(node_dir: &Path) -> Option<ProcessRecord> {
    serde_json::from_slice(&fs::read(node_dir.join(NOTE)).ok()?).ok()
}

/// Writes down that this process is being sent a Ctrl-C; `None`: that none was sent after all.
///
/// # Errors
/// The folder can't be written.
pub fn note_asked(node_dir: &Path, record: Option<ProcessRecord>) -> io::Result<()> {
    match record {
        Some(record) => atomic_write(&node_dir.join(ASKED), &serde_json::to_vec(&record)?, true),
        None => fs::remove_file(node_dir.join(ASKED)),
    }
}

/// Whether this process was sent a Ctrl-C. A note that is there and can't be read counts as one.
#[must_use]
pub fn asked_before(node_dir: &Path, record: ProcessRecord) -> bool {
    let same = |note: ProcessRecord| note.pid == record.pid && note.started.abs_diff(record.started) <= START_SLACK;
    match fs::read(node_dir.join(ASKED)) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_or(true, same),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_claimed_once_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let claimed = claim(dir.path()).unwrap();
        assert!(matches!(claim(dir.path()), Err(Occupied::Starting(Some(holder))) if holder.pid == std::process::id()));
        drop(claimed);
        let _ = claim(dir.path()).unwrap();
    }

    #[test]
    fn a_note_of_a_process_that_has_ended_or_is_another_by_now_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        // This test runs, but it is no server, and it did not start in 1970.
        let record = ProcessRecord { pid: std::process::id(), started: 1 };
        claim(dir.path()).unwrap().note(dir.path(), record).unwrap();
        assert_eq!(read(dir.path()), Some(record));
        let _ = claim(dir.path()).unwrap();
    }
}
