//! The records of work on servers that may end half-way: creations on servers that Slotdeck did not launch (what to put
//! back and what may be reset), and moves of slots (what is still to be moved). A repair of slots has a record of moves, too,
//! which names none: it keeps moves and other repairs away while it runs, and leaves nothing to go on with.
//!
//! ```text
//! ROOT/journal/create-HOST-PORT.json        one record a piece of work, named by its kind and its first node; gone when
//!                                           it ended well
//! ROOT/journal/create-HOST-PORT.json.lock   held while the work runs; then it goes (on Windows it stays, empty)
//! ```

use std::fs;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::core::topology::NodeAddr;

use super::atomic::create_private_dir_all;
use super::document::{CreateJournal, MoveJournal};
use super::lock::{FileLock, Holder, LockError, is_held};
use super::store::{Workspace, WorkspaceError, io_error, lock_error, read_json, write_json};

/// What can be written down here.
pub trait Record: Serialize + DeserializeOwned {
    /// How the files' names begin.
    const KIND: &'static str;
    /// The work in words, as the holder of a lock.
    const WORK: &'static str;
    /// The nodes that it is found by.
    fn nodes(&self) -> &[NodeAddr];
    /// This work in words.
    fn work(&self) -> &'static str {
        Self::WORK
    }
    /// Whether there is anything to go on with, should the work end now.
    fn is_left(&self) -> bool {
        true
    }
}

impl Record for CreateJournal {
    const KIND: &'static str = "create";
    const WORK: &'static str = "A creation on these nodes";
    fn nodes(&self) -> &[NodeAddr] {
        &self.touched
    }
}

impl Record for MoveJournal {
    const KIND: &'static str = "moves";
    const WORK: &'static str = "A move of slots in this cluster";
    fn nodes(&self) -> &[NodeAddr] {
        &self.nodes
    }
    fn work(&self) -> &'static str {
        if self.is_left() { Self::WORK } else { "A repair of this cluster" }
    }
    fn is_left(&self) -> bool {
        !self.plan.is_empty()
    }
}

/// One piece of work's record, in exclusive use until this is dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the record back"]
pub struct JournalFile<R> {
    /// Where it stands, and our right to it; `None` where no record is kept.
    kept: Option<(PathBuf, FileLock)>,
    /// Whether the record goes when this is dropped.
    passing: bool,
    record: PhantomData<R>,
}

impl<R> Drop for JournalFile<R> {
    fn drop(&mut self) {
        if let (true, Some((path, _))) = (self.passing, &self.kept) {
            // What stays names no work that is left, and is passed over.
            let _ = fs::remove_file(path);
        }
    }
}

impl<R: Record> JournalFile<R> {
    /// The record of work whose first node this is, whether there is one or not.
    ///
    /// # Errors
    /// [`WorkspaceError::Locked`] while another program works on that node, or the system refused.
    pub fn open(workspace: &Workspace, first: &NodeAddr) -> Result<Self, WorkspaceError> {
        let Some(folder) = folder(workspace) else { return Ok(Self::kept(None)) };
        create_private_dir_all(&folder).map_err(io_error("make the folder", &folder))?;
        let plain = |c: char| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '_' };
        let host: String = first.host.chars().map(plain).collect();
        Self::at(folder.join(format!("{}-{host}-{}.json", R::KIND, first.port)))
    }

    fn at(path: PathBuf) -> Result<Self, WorkspaceError> {
        let what = || read_json::<R>(&path).map_or(R::WORK, |record| record.work()).to_owned();
        let lock = FileLock::acquire_passing(&lock_of(&path)).map_err(|error| lock_error(error, what(), &path))?;
        Ok(Self::kept(Some((path, lock))))
    }

    fn kept(kept: Option<(PathBuf, FileLock)>) -> Self {
        Self { kept, passing: false, record: PhantomData }
    }

    /// Begins work: takes the earlier record that names one of the nodes of `new`, which is answered, or else writes `new`
    /// down as the record. From then on whoever looks for work on one of these nodes finds it.
    ///
    /// # Errors
    /// [`WorkspaceError::Locked`] while other work goes on there, or the system refused.
    pub fn begin(workspace: &Workspace, new: &R) -> Result<(Self, Option<R>), WorkspaceError> {
        if let Some((file, earlier)) = Self::find(workspace, new.nodes())? {
            return Ok((file, Some(earlier)));
        }
        let Some(first) = new.nodes().first() else { return Ok((Self::kept(None), None)) };
        let file = Self::open(workspace, first)?;
        // Others may have begun there and stopped half-way since.
        if let Some(earlier) = file.load().filter(R::is_left) {
            return Ok((file, Some(earlier)));
        }
        file.save(new)?;
        // Another one may have begun at the same moment, with another node as its first.
        if let Some(rival) = file.rival(workspace, new.nodes()) {
            file.remove()?;
            return Err(rival);
        }
        Ok((file, None))
    }

    /// The same for work that leaves nothing to go on with: a new record goes when this is dropped.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn begin_passing(workspace: &Workspace, new: &R) -> Result<(Self, Option<R>), WorkspaceError> {
        let (mut file, earlier) = Self::begin(workspace, new)?;
        file.passing = earlier.is_none();
        Ok((file, earlier))
    }

    /// Work on one of these nodes under another record, as the error that it is.
    fn rival(&self, workspace: &Workspace, nodes: &[NodeAddr]) -> Option<WorkspaceError> {
        let mine = self.kept.as_ref().map(|(path, _)| path);
        let here = |addr: &NodeAddr| nodes.iter().any(|node| node.same_place(addr));
        for path in records::<R>(workspace).into_iter().filter(|path| Some(path) != mine) {
            let Some(record) = read_json::<R>(&path).ok().filter(|record| record.nodes().iter().any(here)) else {
                continue;
            };
            if let Ok(Some(holder)) = is_held(&lock_of(&path)) {
                return Some(lock_error(LockError::Held(holder), record.work().to_owned(), &path));
            }
        }
        None
    }

    /// The first record that names one of these nodes (by host and port), with what it says. A file that is no record
    /// is passed over.
    ///
    /// # Errors
    /// [`WorkspaceError::Locked`] while the work still goes on, or the system refused.
    pub fn find(workspace: &Workspace, nodes: &[NodeAddr]) -> Result<Option<(Self, R)>, WorkspaceError> {
        let Some(folder) = folder(workspace) else { return Ok(None) };
        let files = match fs::read_dir(&folder) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("read", &folder)(error)),
        };
        let mut paths: Vec<PathBuf> =
            files.flatten().map(|file| file.path()).filter(|path| is_record(path, R::KIND)).collect();
        paths.sort();
        let names = |record: &R| record.nodes().iter().any(|addr| nodes.iter().any(|node| node.same_place(addr)));
        for path in paths {
            if !read_json(&path).is_ok_and(|record| names(&record)) {
                continue;
            }
            let file = Self::at(path)?;
            match file.load().filter(names) {
                Some(record) if record.is_left() => return Ok(Some((file, record))),
                // Of work that was killed and left nothing to go on with.
                Some(_) => file.remove()?,
                // It may have ended well before the lock was free.
                None => {}
            }
        }
        Ok(None)
    }

    /// What the first record says that names one of these nodes, also while the work goes on: only to be shown.
    #[must_use]
    pub fn peek(workspace: &Workspace, nodes: &[NodeAddr]) -> Option<R> {
        let here = |addr: &NodeAddr| nodes.iter().any(|node| node.same_place(addr));
        let said = records::<R>(workspace).into_iter().filter_map(|path| read_json::<R>(&path).ok());
        said.filter(R::is_left).find(|record| record.nodes().iter().any(here))
    }

    /// All records of work that nobody goes on with just now: only to be shown.
    #[must_use]
    pub fn left_over(workspace: &Workspace) -> Vec<R> {
        let free = |path: &PathBuf| matches!(is_held(&lock_of(path)), Ok(None));
        let paths = records::<R>(workspace).into_iter().filter(free);
        paths.filter_map(|path| read_json(&path).ok()).filter(R::is_left).collect()
    }

    /// As [`peek`](Self::peek), but only where somebody, this process or another, is at work on it.
    #[must_use]
    pub fn under_way(workspace: &Workspace, nodes: &[NodeAddr]) -> Option<R> {
        Self::worker(workspace, nodes).map(|(record, _)| record)
    }

    /// The same, and who is at work, where that is known.
    #[must_use]
    pub fn worker(workspace: &Workspace, nodes: &[NodeAddr]) -> Option<(R, Option<Holder>)> {
        let here = |addr: &NodeAddr| nodes.iter().any(|node| node.same_place(addr));
        let held = records::<R>(workspace).into_iter().filter_map(|path| Some((is_held(&lock_of(&path)).ok()??, path)));
        let mut records = held.filter_map(|(holder, path)| Some((read_json::<R>(&path).ok()?, holder)));
        records.find(|(record, _)| record.nodes().iter().any(here))
    }

    /// What is written down; `None` where nothing is, or nothing that can be read.
    #[must_use]
    pub fn load(&self) -> Option<R> {
        self.kept.as_ref().and_then(|(path, _)| read_json(path).ok())
    }

    /// Writes the record, all or nothing, for the user alone.
    ///
    /// # Errors
    /// The system refused.
    pub fn save(&self, record: &R) -> Result<(), WorkspaceError> {
        self.kept.as_ref().map_or(Ok(()), |(path, _)| write_json(path, record))
    }

    /// Removes the record: nothing is left to put back or to reset.
    ///
    /// # Errors
    /// The system refused.
    pub fn remove(&self) -> Result<(), WorkspaceError> {
        let Some((path, _)) = &self.kept else { return Ok(()) };
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("delete", path)(error)),
            _ => Ok(()),
        }
    }
}

/// The file whose lock the work on this record holds.
fn lock_of(record: &Path) -> PathBuf {
    let mut lock = record.as_os_str().to_owned();
    lock.push(".lock");
    lock.into()
}

/// `None` for a workspace that keeps nothing.
fn folder(workspace: &Workspace) -> Option<PathBuf> {
    workspace.is_kept().then(|| workspace.root().join("journal"))
}

/// The files of this kind of records, in order; none where the folder can't be read.
fn records<R: Record>(workspace: &Workspace) -> Vec<PathBuf> {
    let Some(Ok(files)) = folder(workspace).map(fs::read_dir) else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        files.flatten().map(|file| file.path()).filter(|path| is_record(path, R::KIND)).collect();
    paths.sort();
    paths
}

fn is_record(path: &Path, kind: &str) -> bool {
    let rest = |name: &str| name.strip_prefix(kind).is_some_and(|rest| rest.starts_with('-'));
    let named = path.file_name().is_some_and(|name| rest(&name.to_string_lossy()));
    named && path.extension().is_some_and(|extension| extension == "json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::plan::moves::MovePlan;
    use crate::core::slot::Slot;

    fn record(ports: &[u16]) -> CreateJournal {
        let touched = ports.iter().map(|port| NodeAddr::new("127.0.0.1", *port)).collect();
        CreateJournal { touched, ..CreateJournal::default() }
    }

    #[test]
    fn a_record_is_found_by_any_of_its_nodes_until_it_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(Some(home.path().to_owned())).unwrap();
        let find = |port: u16| JournalFile::<CreateJournal>::find(&workspace, &[NodeAddr::new("127.0.0.1", port)]);
        assert!(find(1).unwrap().is_none());
        let file = JournalFile::<CreateJournal>::open(&workspace, &NodeAddr::new("127.0.0.1", 1)).unwrap();
        assert!(file.load().is_none());
        file.save(&record(&[1, 2, 3])).unwrap();
        assert!(matches!(find(2), Err(WorkspaceError::Locked { .. })), "it is still being made");
        let peek = |port: u16| JournalFile::<CreateJournal>::peek(&workspace, &[NodeAddr::new("127.0.0.1", port)]);
        assert_eq!((peek(2), peek(4)), (Some(record(&[1, 2, 3])), None), "it can be looked at meanwhile");
        let under_way = |port: u16| {
            JournalFile::<CreateJournal>::under_way(&workspace, &[NodeAddr::new("127.0.0.1", port)]).is_some()
        };
        assert_eq!((under_way(2), under_way(4)), (true, false));
        drop(file);
        assert_eq!((under_way(2), peek(2).is_some()), (false, true), "nobody goes on with it");
        let (file, found) = find(3).unwrap().unwrap();
        assert_eq!(found, record(&[1, 2, 3]));
        assert!(find(4).unwrap().is_none());
        file.remove().unwrap();
        file.remove().unwrap();
        drop(file);
        assert!(find(2).unwrap().is_none());
        if cfg!(unix) {
            assert_eq!(fs::read_dir(home.path().join("journal")).unwrap().count(), 0, "no lock stays behind");
        }
    }

    #[test]
    fn a_workspace_that_is_nowhere_keeps_no_record() {
        let (workspace, node) = (Workspace::nowhere(), NodeAddr::new("127.0.0.1", 1));
        let file = JournalFile::<CreateJournal>::open(&workspace, &node).unwrap();
        file.save(&record(&[1])).unwrap();
        assert!(
            file.load().is_none()
                && JournalFile::<CreateJournal>::peek(&workspace, std::slice::from_ref(&node)).is_none()
        );
        assert!(JournalFile::<CreateJournal>::find(&workspace, &[node]).unwrap().is_none());
        file.remove().unwrap();
        assert!(matches!(workspace.load("demo"), Err(WorkspaceError::NotFound(_))));
    }

    #[test]
    fn records_of_several_kinds_stand_side_by_side() {
        let home = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(Some(home.path().to_owned())).unwrap();
        let node = NodeAddr::new("127.0.0.1", 1);
        let creation = JournalFile::<CreateJournal>::open(&workspace, &node).unwrap();
        creation.save(&record(&[1])).unwrap();
        let moves = JournalFile::<MoveJournal>::open(&workspace, &node).unwrap();
        assert!(moves.load().is_none());
        let journal = moves_of(&[1]);
        moves.save(&journal).unwrap();
        drop(moves);
        let (_file, found) = JournalFile::<MoveJournal>::find(&workspace, &[node]).unwrap().unwrap();
        assert_eq!((found, creation.load()), (journal, Some(record(&[1]))));
    }

    fn addrs(ports: &[u16]) -> Vec<NodeAddr> {
        ports.iter().map(|port| NodeAddr::new("127.0.0.1", *port)).collect()
    }

    fn moves_of(ports: &[u16]) -> MoveJournal {
        let id = |digit: &str| digit.repeat(40).parse().unwrap();
        let plan = MovePlan::of([(id("a"), id("b"), Slot::FIRST)]);
        MoveJournal { nodes: addrs(ports), plan, ..MoveJournal::default() }
    }

    fn holder_of<T>(begun: Result<T, WorkspaceError>) -> String {
        match begun {
            Err(WorkspaceError::Locked { what, .. }) => what,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("it was begun"),
        }
    }

    #[test]
    fn a_repair_and_a_move_keep_each_other_away_whichever_node_they_name_first() {
        let home = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(Some(home.path().to_owned())).unwrap();
        let repair = |ports: &[u16]| MoveJournal { nodes: addrs(ports), ..MoveJournal::default() };
        let (repairing, earlier) = JournalFile::begin_passing(&workspace, &repair(&[1, 2, 3])).unwrap();
        assert_eq!(earlier, None);
        assert_eq!(holder_of(JournalFile::begin(&workspace, &moves_of(&[2, 3]))), "A repair of this cluster");
        assert_eq!(holder_of(JournalFile::begin_passing(&workspace, &repair(&[3]))), "A repair of this cluster");
        drop(JournalFile::begin(&workspace, &moves_of(&[4, 5])).unwrap().0.remove());
        assert_eq!(JournalFile::<MoveJournal>::peek(&workspace, &addrs(&[1])), None, "it leaves nothing half-way");
        drop(repairing);
        let (moving, _) = JournalFile::begin(&workspace, &moves_of(&[2, 3])).unwrap();
        assert_eq!(
            holder_of(JournalFile::begin_passing(&workspace, &repair(&[1, 2, 3]))),
            "A move of slots in this cluster"
        );
        drop(moving);
        let (repairing, earlier) = JournalFile::begin_passing(&workspace, &repair(&[1, 2, 3])).unwrap();
        assert_eq!(earlier, Some(moves_of(&[2, 3])));
        drop(repairing);
        assert!(
            JournalFile::<MoveJournal>::peek(&workspace, &addrs(&[3])).is_some(),
            "a move's record outlives a repair"
        );
    }

    #[test]
    fn the_record_of_a_repair_that_was_killed_is_in_nobodys_way() {
        let home = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(Some(home.path().to_owned())).unwrap();
        let file = JournalFile::open(&workspace, &addrs(&[1])[0]).unwrap();
        file.save(&MoveJournal { nodes: addrs(&[1, 2]), ..MoveJournal::default() }).unwrap();
        drop(file);
        assert_eq!(JournalFile::<MoveJournal>::left_over(&workspace), []);
        assert!(JournalFile::<MoveJournal>::find(&workspace, &addrs(&[2])).unwrap().is_none());
        let (_moving, earlier) = JournalFile::begin(&workspace, &moves_of(&[2])).unwrap();
        assert_eq!(earlier, None);
    }

    #[test]
    fn what_is_no_record_is_passed_over() {
        let home = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(Some(home.path().to_owned())).unwrap();
        let node = NodeAddr::new("fe80::1%eth0", 7000);
        drop(JournalFile::<CreateJournal>::open(&workspace, &node).unwrap());
        fs::write(home.path().join("journal/create-x-1.json"), "{").unwrap();
        assert!(JournalFile::<CreateJournal>::find(&workspace, &[node]).unwrap().is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_record_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(Some(home.path().to_owned())).unwrap();
        let file = JournalFile::<CreateJournal>::open(&workspace, &NodeAddr::new("::1", 7000)).unwrap();
        file.save(&record(&[1])).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&home.path().join("journal")), mode(&file.kept.as_ref().unwrap().0)), (0o700, 0o600));
    }
}
