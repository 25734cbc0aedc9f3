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
/// The lock file itself stays, but for one of [`acquire_passing`](Self::acquire_passing).
#[derive(Debug)]
#[must_use = "dropping the lock gives it back at once"]
pub struct FileLock {
    file: File,
    note: PathBuf,
    /// The lock file, where it goes with the lock.
    passing: Option<PathBuf>,
}

impl FileLock {
    /// Takes the lock of this file, which is made when missing, and writes down who has it.
    ///
    /// # Errors
    /// [`LockError::Held`] with the holder, or what the system said.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        let lock = Self { file: locked(path)?, note: note_path(path), passing: None };
        lock.write_note().map_err(LockError::Io)?;
        Ok(lock)
    }

    /// The same with a lock file that goes when the lock is given back. Whoever waited for that file then has the lock of
    /// one that nobody else finds: so each looks whether its file still bears the name, and takes the new one if not. On
    /// Windows, where that can't be told, the file stays.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub fn acquire_passing(path: &Path) -> Result<Self, LockError> {
        for _ in 0..TRIES {
            let file = locked(path)?;
            if !bears_name(&file, path) {
                continue;
            }
            let lock = Self { file, note: note_path(path), passing: cfg!(unix).then(|| path.to_owned()) };
            lock.write_note().map_err(LockError::Io)?;
            return Ok(lock);
        }
        Err(LockError::Held(read_note(&note_path(path))))
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
        // While it is locked: nobody can have taken it for theirs.
        if let Some(path) = &self.passing {
            let _ = std::fs::remove_file(path);
        }
        // Said aloud, because a child process that is being started may hold a copy of the file for an instant.
        let _ = self.file.unlock();
    }
}

/// Whether somebody (this process included) holds the lock of this file, and who. `None` when it is free.
///
/// # Errors
/// What the system said.
pub fn is_held(path: &Path) -> io::Result<Option<Option<Holder>>> {
    // Never made here: it would stay behind where its lock is one that passes.
    let file = match private_options().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    // Shared, so that two askers do not take each other for a holder.
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read_note(&note_path(path)))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The file of this name, locked by us.
fn locked(path: &Path) -> Result<File, LockError> {
    let file = open(path).map_err(LockError::Io)?;
    for round in 1.. {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if round < TRIES => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(read_note(&note_path(path)))),
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
    }
    Ok(file)
}

/// Whether this open file is still the one of this name.
#[cfg(unix)]
fn bears_name(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let number = |facts: &std::fs::Metadata| (facts.dev(), facts.ino());
    matches!((file.metadata(), std::fs::metadata(path)), (Ok(ours), Ok(named)) if number(&ours) == number(&named))
}

/// Lock files are never removed here.
#[cfg(not(unix))]
fn bears_name(_file: &File, _path: &Path) -> bool {
    true
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

    #[cfg(unix)]
    #[test]
    fn a_lock_that_passes_leaves_no_file_and_is_never_held_twice() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.lock");
        let (inside, taken) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..300 {
                        is_held(&path).unwrap();
                        let Ok(lock) = FileLock::acquire_passing(&path) else { continue };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "held twice");
                        taken.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert!(taken.load(Ordering::SeqCst) > 0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
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
