//! The folders and redis.conf files of a local cluster: made all or none, and removed only where they are ours.
//!
//! Each node folder holds a marker with its port, and the cluster's folder one when Slotdeck made it. What has no marker
//! was not made here and is never removed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::spec::ClusterSpec;
use crate::workspace::atomic::{atomic_write, create_private_dir, sync_folder};

use super::process::CONFIG_FILE;

/// The marker in each node folder.
pub const NODE_MARKER: &str = ".slotdeck-node";

/// The marker in a cluster's folder that Slotdeck made (not in one that existed before).
pub const CLUSTER_MARKER: &str = ".slotdeck-cluster";

/// How often, and how long apart, the removal of a node's folder is tried while something in it is in use: 3 s in all.
const SWEEPS: u32 = 15;
const BETWEEN_SWEEPS: Duration = Duration::from_millis(200);

/// Why files were not written or removed.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A path that nothing is written to.
    #[error("{} can't be used: {reason}. Choose another folder.", path.display())]
    Unusable {
        /// The path.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// Something is there.
    #[error("{} exists already and is not replaced. Choose another folder, or move it away.", .0.display())]
    Exists(PathBuf),
    /// The system refused.
    #[error("Can't {doing} {}: {source}.", path.display())]
    Io {
        /// What was tried: `make`, `write`, …
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What a removal left where it was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wiped {
    /// Paths that stay, and why: they were not made by Slotdeck.
    pub left: Vec<(PathBuf, &'static str)>,
}

#[derive(Serialize, Deserialize)]
struct Marker {
    slotdeck: u32,
    cluster: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

/// Makes the cluster's folder (0700) and in it a folder for each port with its redis.conf (0600). When one fails,
/// everything that this call made is undone. A node folder that exists is refused, except one with nothing but the
/// redis.conf of an earlier call for the same cluster: that is replaced.
///
/// # Errors
/// What could not be made, and why. The disk is then as before.
pub fn write_node_files(spec: &ClusterSpec, files: &BTreeMap<u16, String>) -> Result<(), FilesError> {
    check_path(&spec.dir)?;
    let mut undo = Undo::default();
    make_cluster_dir(&spec.dir, &spec.name, &mut undo)?;
    for (port, text) in files {
        write_node(&spec.node_dir(*port), *port, &spec.name, text, &mut undo)?;
    }
    sync_folder(&spec.dir).map_err(io_error("write", &spec.dir))?;
    undo.made.clear();
    Ok(())
}

/// Removes the node folders of these ports that carry our marker, with everything in them, then the cluster's folder if
/// we made it and nothing else is in it. Links are never followed. Servers must not run in them any more. What is gone
/// already is no error, so that a removal that was cut short can be done again.
///
/// # Errors
/// What could not be removed, and why.
pub fn wipe(dir: &Path, ports: &[u16]) -> Result<Wiped, FilesError> {
    check_path(dir)?;
    let mut wiped = Wiped::default();
    match kind(dir)? {
        Kind::Nothing => return Ok(wiped),
        Kind::Dir => {}
        Kind::Link | Kind::Other => {
            wiped.left.push((dir.to_owned(), "it is a link or a file"));
            return Ok(wiped);
        }
    }
    for port in ports {
        let node = dir.join(port.to_string());
        match kind(&node)? {
            Kind::Nothing => {}
            Kind::Link => wiped.left.push((node, "it is a link")),
            Kind::Other => wiped.left.push((node, "it is no folder")),
            Kind::Dir => match read_marker(&node.join(NODE_MARKER)) {
                Some(marker) if marker.port == Some(*port) => remove_node(&node)?,
                Some(_) => wiped.left.push((node, "it belongs to another node")),
                None => wiped.left.push((node, "it was not made by Slotdeck")),
            },
        }
    }
    remove_cluster_dir(dir)?;
    Ok(wiped)
}

fn make_cluster_dir(dir: &Path, name: &str, undo: &mut Undo) -> Result<(), FilesError> {
    match kind(dir)? {
        Kind::Dir => return Ok(()),
        Kind::Link => return Err(unusable(dir, "it is a link: give the folder that it leads to")),
        Kind::Other => return Err(unusable(dir, "it is a file")),
        Kind::Nothing => {}
    }
    let missing: Vec<_> = dir.ancestors().take_while(|path| !path.exists()).collect();
    for path in missing.into_iter().rev() {
        undo.make_dir(path)?;
    }
    undo.write(&dir.join(CLUSTER_MARKER), &marker(name, None))
}

fn write_node(node: &Path, port: u16, name: &str, text: &str, undo: &mut Undo) -> Result<(), FilesError> {
    let config = node.join(CONFIG_FILE);
    match kind(node)? {
        Kind::Nothing => {
            undo.make_dir(node)?;
            undo.write(&node.join(NODE_MARKER), &marker(name, Some(port)))?;
        }
        Kind::Dir if never_started(node, port, name)? => {
            undo.write(&node.join(NODE_MARKER), &marker(name, Some(port)))?;
        }
        Kind::Dir | Kind::Link | Kind::Other => return Err(FilesError::Exists(node.to_owned())),
    }
    undo.write(&config, text.as_bytes())
}

/// Whether a node folder is ours and holds no more than an earlier call put into it.
fn never_started(node: &Path, port: u16, name: &str) -> Result<bool, FilesError> {
    let marker = read_marker(&node.join(NODE_MARKER));
    let names = entries(node)?;
    let ours = marker.is_some_and(|m| m.port == Some(port) && m.cluster == name) || names.iter().all(|p| is_remnant(p));
    Ok(ours && names.iter().all(|path| path.ends_with(CONFIG_FILE) || is_remnant(path)))
}

/// A marker, or the temporary file of a write that was cut off.
fn is_remnant(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".slotdeck-"))
}

/// Whether a folder holds nothing but what writing this cluster's files leaves when it is cut off: our markers, and node
/// folders whose server was never started. [`write_node_files`] writes over those.
#[must_use]
pub fn only_remnants(dir: &Path, name: &str) -> bool {
    let ours = read_marker(&dir.join(CLUSTER_MARKER)).is_some_and(|marker| marker.cluster == name);
    let remnant = |path: &PathBuf| {
        let port = path.file_name().and_then(|name| name.to_string_lossy().parse::<u16>().ok());
        is_remnant(path) || port.is_some_and(|port| never_started(path, port, name).unwrap_or(false))
    };
    ours && entries(dir).is_ok_and(|paths| paths.iter().all(remnant))
}

/// Windows keeps a removed file in its folder until the last program has closed it (an ended server's, a virus
/// scanner's), and a server that is going may write once more: the folder is swept again for a while.
fn remove_node(node: &Path) -> Result<(), FilesError> {
    for _ in 0..SWEEPS {
        match sweep_node(node) {
            Err(FilesError::Io { source, .. }) if in_use(&source) => std::thread::sleep(BETWEEN_SWEEPS),
            answer => return answer,
        }
    }
    sweep_node(node)
}

/// Whether a removal failed only because of what another program still has open.
fn in_use(error: &io::Error) -> bool {
    const SHARING_VIOLATION: i32 = 32;
    match error.kind() {
        io::ErrorKind::DirectoryNotEmpty => true,
        io::ErrorKind::PermissionDenied => cfg!(windows),
        _ => cfg!(windows) && error.raw_os_error() == Some(SHARING_VIOLATION),
    }
}

/// The marker goes last: what a crash leaves can still be removed by the next call.
fn sweep_node(node: &Path) -> Result<(), FilesError> {
    let marker = node.join(NODE_MARKER);
    for path in entries(node)?.into_iter().filter(|path| *path != marker) {
        let removed = if kind(&path)? == Kind::Dir { fs::remove_dir_all(&path) } else { remove_file_or_link(&path) };
        gone_already(removed).map_err(io_error("remove", &path))?;
    }
    let text = fs::read(&marker).unwrap_or_default();
    gone_already(fs::remove_file(&marker)).map_err(io_error("remove", &marker))?;
    gone_already(fs::remove_dir(node)).map_err(|error| {
        // Without it, what is left would be nobody's.
        let _ = atomic_write(&marker, &text, false);
        io_error("remove", node)(error)
    })
}

fn gone_already(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        answer => answer,
    }
}

fn remove_cluster_dir(dir: &Path) -> Result<(), FilesError> {
    let marker = dir.join(CLUSTER_MARKER);
    let ours = read_marker(&marker).is_some_and(|marker| marker.port.is_none());
    if !ours || entries(dir)?.iter().any(|path| *path != marker) {
        return Ok(());
    }
    fs::remove_file(&marker).map_err(io_error("remove", &marker))?;
    fs::remove_dir(dir).map_err(io_error("remove", dir))
}

/// A link to a folder is removed as a folder on Windows.
fn remove_file_or_link(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if cfg!(windows) => fs::remove_dir(path).map_err(|_| error),
        answer => answer,
    }
}

fn check_path(dir: &Path) -> Result<(), FilesError> {
    if !dir.is_absolute() {
        return Err(unusable(dir, "it is no full path"));
    }
    if dir.components().any(|part| part == Component::ParentDir) {
        return Err(unusable(dir, "it has '..' in it"));
    }
    if dir.parent().is_none() {
        return Err(unusable(dir, "it is the top of a disk"));
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Dir,
    Link,
    Other,
}

/// What is at a path itself, not where a link leads. Junctions of Windows count as links.
fn kind(path: &Path) -> Result<Kind, FilesError> {
    match fs::symlink_metadata(path) {
        Ok(facts) if facts.file_type().is_symlink() => Ok(Kind::Link),
        Ok(facts) if facts.is_dir() => Ok(Kind::Dir),
        Ok(_) => Ok(Kind::Other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kind::Nothing),
        Err(error) => Err(io_error("look at", path)(error)),
    }
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, FilesError> {
    fs::read_dir(dir)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(io_error("list", dir))
}

fn marker(cluster: &str, port: Option<u16>) -> Vec<u8> {
    serde_json::to_vec(&Marker { slotdeck: 1, cluster: cluster.to_owned(), port }).unwrap_or_default()
}

fn read_marker(path: &Path) -> Option<Marker> {
    let facts = fs::symlink_metadata(path).ok()?;
    if !facts.is_file() || facts.len() > 4096 {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn unusable(path: &Path, reason: &'static str) -> FilesError {
    FilesError::Unusable { path: path.to_owned(), reason }
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FilesError {
    let path = path.to_owned();
    move |source| FilesError::Io { doing, path, source }
}

/// What was made so far; dropped before it is cleared, it takes all of that back, latest first.
#[derive(Default)]
struct Undo {
    made: Vec<Made>,
}

enum Made {
    Dir(PathBuf),
    File(PathBuf),
    Replaced(PathBuf, Vec<u8>),
}

impl Undo {
    fn make_dir(&mut self, path: &Path) -> Result<(), FilesError> {
        create_private_dir(path).map_err(io_error("make", path))?;
        self.made.push(Made::Dir(path.to_owned()));
        Ok(())
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
        let old = fs::read(path).ok();
        atomic_write(path, bytes, true).map_err(io_error("write", path))?;
        self.made.push(match old {
            Some(old) => Made::Replaced(path.to_owned(), old),
            None => Made::File(path.to_owned()),
        });
        Ok(())
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        for made in self.made.drain(..).rev() {
            // What can't be taken back is left: the error that led here says more than this one could.
            let _ = match made {
                Made::Dir(path) => fs::remove_dir(path),
                Made::File(path) => fs::remove_file(path),
                Made::Replaced(path, old) => atomic_write(&path, &old, true),
            };
        }
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
