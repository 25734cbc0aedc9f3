//! Who works on what: advisory file locks, given back by the system when their holder ends, however it ends.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::atomic::{atomic_write, private_options};

/// How often and how long apart a lock is asked for before it counts as held: [`is_held`] takes it for an instant.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// Who holds a lock, as the holder wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// The program's name: `slotdeck` or `slotctl`.
    pub program: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.program, self.pid)
    }
}

/// Why a lock was not given.
#[derive(Debug)]
pub enum LockError {
    /// Somebody has it. `None`: the holder has not written down (yet) who it is.
    Held(Option<Holder>),
    /// The lock file can't be used.
    Io(io::Error),
}

/// A held lock. Dropping it gives it back; so does the end of the process.
///
/// The lock file itself stays: removing it would let two holders lock two different files of one name.
#[derive(Debug)]
#[must_use = "dropping the lock gives it back at once"]
pub struct FileLock {
    file: File,
    note: PathBuf,
}

impl FileLock {
    /// Takes the lock of this file, which is made when missing, and writes down who has it.
    ///
    /// # Errors
    /// [`LockError::Held`] with the holder, or what the system said.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        let file = open(path).map_err(LockError::Io)?;
        let note = note_path(path);
        for round in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if round < TRIES => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(LockError::Held(read_note(&note))),
                Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
            }
        }
        let lock = Self { file, note };
        lock.write_note().map_err(LockError::Io)?;
        Ok(lock)
    }

    // Beside the lock file and not in it: Windows refuses to read a locked file.
    fn write_note(&self) -> io::Result<()> {
        let me = Holder { pid: std::process::id(), program: program_name() };
        atomic_write(&self.note, &serde_json::to_vec(&me)?, true)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // The note first: while we hold the lock it can only be ours. What fails here is mended by the next holder.
        let _ = std::fs::remove_file(&self.note);
        // Said aloud, because a child process that is being started may hold a copy of the file for an instant.
        let _ = self.file.unlock();
    }
}

/// Whether somebody (this process included) holds the lock of this file, and who. `None` when it is free.
///
/// # Errors
/// What the system said.
pub fn is_held(path: &Path) -> io::Result<Option<Option<Holder>>> {
    if !path.exists() {
        return Ok(None);
    }
    // Shared, so that two askers do not take each other for a holder.
    match open(path)?.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read_note(&note_path(path)))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn open(path: &Path) -> io::Result<File> {
    private_options().read(true).write(true).create(true).truncate(false).open(path)
}

fn note_path(lock: &Path) -> PathBuf {
    let mut name = lock.as_os_str().to_owned();
    name.push(".by");
    PathBuf::from(name)
}

fn read_note(note: &Path) -> Option<Holder> {
    serde_json::from_slice(&std::fs::read(note).ok()?).ok()
}

fn program_name() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.file_stem()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "slotdeck".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(result: Result<FileLock, LockError>) -> Option<Holder> {
        match result {
            Err(LockError::Held(holder)) => holder,
            other => panic!("expected a held lock, got {other:?}"),
        }
    }

    #[test]
    fn a_second_holder_is_refused_and_told_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dev.lock");
        assert_eq!(is_held(&path).unwrap(), None);
        let lock = FileLock::acquire(&path).unwrap();
        let again = std::thread::scope(|s| s.spawn(|| FileLock::acquire(&path)).join().unwrap());
        assert_eq!(held(again).unwrap().pid, std::process::id());
        assert_eq!(is_held(&path).unwrap().unwrap().unwrap().pid, std::process::id());
        drop(lock);
        assert_eq!(is_held(&path).unwrap(), None);
        drop(FileLock::acquire(&path).unwrap());
    }

    #[test]
    fn asking_whether_it_is_held_never_makes_it_look_held() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dev.lock");
        drop(FileLock::acquire(&path).unwrap());
        std::thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    for _ in 0..200 {
                        assert_eq!(is_held(&path).unwrap(), None);
                    }
                });
            }
        });
    }

    /// Not a test of its own: the other process of the next test. It holds the lock until its stdin ends.
    #[test]
    fn helper_that_holds_a_lock() {
        let Some(path) = std::env::var_os("SLOTDECK_TEST_LOCK") else { return };
        let _lock = FileLock::acquire(Path::new(&path)).unwrap();
        println!("locked");
        let _ = std::io::stdin().read_line(&mut String::new());
    }

    #[test]
    fn the_lock_of_a_process_that_was_killed_is_free_again() {
        use std::io::BufRead;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dev.lock");
        let mut other = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "workspace::lock::tests::helper_that_holds_a_lock"])
            .env("SLOTDECK_TEST_LOCK", &path)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let out = std::io::BufReader::new(other.stdout.take().unwrap());
        assert!(out.lines().map_while(Result::ok).any(|line| line.contains("locked")));
        assert_eq!(held(FileLock::acquire(&path)).unwrap().pid, other.id());
        other.kill().unwrap();
        other.wait().unwrap();
        let mine = FileLock::acquire(&path).unwrap();
        assert_eq!(is_held(&path).unwrap().unwrap().unwrap().pid, std::process::id());
        drop(mine);
    }
}
