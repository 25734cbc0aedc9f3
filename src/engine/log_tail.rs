//! The last lines of a node's log, read from the end, and only when the file has changed.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::core::conf::LOG_FILE;

use super::process::OUTPUT_LOG;

/// How many lines are kept.
pub const LINES: usize = 200;
/// How many bytes are read at most.
const BYTES: u64 = 64 * 1024;

/// Follows the log of one node.
#[derive(Debug)]
pub struct LogTail {
    dir: PathBuf,
    seen: Option<(PathBuf, u64, SystemTime)>,
    lines: Arc<[String]>,
}

impl LogTail {
    /// Follows the log in this node's folder.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), seen: None, lines: Arc::default() }
    }

    /// The last lines, oldest first; the same value as before while the file has not changed.
    pub fn read(&mut self) -> Arc<[String]> {
        let path = log_file(&self.dir);
        let now = std::fs::metadata(&path).ok().and_then(|m| Some((path.clone(), m.len(), m.modified().ok()?)));
        if now != self.seen || now.is_none() {
            self.lines = read_tail(&path).into();
            self.seen = now;
        }
        self.lines.clone()
    }
}

/// The log's path and its last lines.
#[must_use]
pub fn last_lines(dir: &Path) -> (PathBuf, Vec<String>) {
    let path = log_file(dir);
    let lines = read_tail(&path);
    (path, lines)
}

/// The server's own log; what it printed, where it never got as far as opening that.
fn log_file(dir: &Path) -> PathBuf {
    let (own, output) = (dir.join(LOG_FILE), dir.join(OUTPUT_LOG));
    let filled = |path: &Path| std::fs::metadata(path).is_ok_and(|m| m.len() > 0);
    if filled(&output) || !filled(&own) { output } else { own }
}

fn read_tail(path: &Path) -> Vec<String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let skip = file.metadata()?.len().saturating_sub(BYTES);
        file.seek(SeekFrom::Start(skip))?;
        let mut bytes = Vec::new();
        file.take(BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].iter().map(ToString::to_string).collect()
}
