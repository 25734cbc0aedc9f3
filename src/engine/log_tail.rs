//! The last lines of a node's logs, read from the end and only when a file has changed.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::core::conf::LOG_FILE;

use super::process::OUTPUT_LOG;

/// How many lines are kept.
pub const LINES: usize = 200;

/// How many lines are given for a diagnosis: a crash report alone has some hundreds.
const DIAGNOSIS_LINES: usize = 800;

/// How much is read from the end of a file, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// How long a line may be, in characters; the rest is cut off.
const MAX_LINE: usize = 1000;

type Lines = Arc<[String]>;

/// The end of one growing file.
#[derive(Debug)]
struct FileTail {
    path: PathBuf,
    seen: Option<(u64, Option<SystemTime>)>,
    lines: Lines,
}

impl FileTail {
    /// The end of the file at this path, which need not exist yet.
    fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), seen: None, lines: Arc::from([]) }
    }

    /// At most [`LINES`] lines, oldest first. Costs one look at the file's length and time while it has not changed,
    /// and gives the same `Arc` then. A missing file has no lines; one that became shorter is read anew.
    fn read(&mut self) -> Arc<[String]> {
        let facts = fs::metadata(&self.path).ok().filter(fs::Metadata::is_file);
        let now = facts.map(|facts| (facts.len(), facts.modified().ok()));
        if now != self.seen || now.is_none() {
            let lines = now.and_then(|(len, _)| read_end(&self.path, len, LINES)).unwrap_or_default();
            if *lines != *self.lines {
                self.lines = lines.into();
            }
            self.seen = now;
        }
        Arc::clone(&self.lines)
    }

    fn modified(&self) -> Option<SystemTime> {
        self.seen.and_then(|(_, modified)| modified)
    }
}

/// The end of a node's two logs as one: what the server logged, and what it printed, where it could not log.
#[derive(Debug)]
pub struct LogTail {
    server: FileTail,
    output: FileTail,
    merged: Lines,
    parts: Option<(Lines, Lines)>,
}

impl LogTail {
    /// Follows the logs in this node's folder.
    #[must_use]
    pub fn new(node_dir: &Path) -> Self {
        Self {
            server: FileTail::new(node_dir.join(LOG_FILE)),
            output: FileTail::new(node_dir.join(OUTPUT_LOG)),
            merged: Arc::from([]),
            parts: None,
        }
    }

    /// At most [`LINES`] lines of both files, the one written last at the end. The same `Arc` while nothing changed.
    pub fn read(&mut self) -> Arc<[String]> {
        let (server, output) = (self.server.read(), self.output.read());
        // No lines from before a start that has not logged yet.
        let server = if belongs_to_this_run(self.server.modified(), self.output.modified(), &output) {
            server
        } else {
            Arc::from([])
        };
        let same =
            |(old_server, old_output): &(Lines, Lines)| *old_server == server && Arc::ptr_eq(old_output, &output);
        if !self.parts.as_ref().is_some_and(same) {
            let merged = merge(&server, self.server.modified(), &output, self.output.modified());
            self.merged = merged[merged.len().saturating_sub(LINES)..].into();
            self.parts = Some((server, output));
        }
        Arc::clone(&self.merged)
    }
}

/// The file in a node's folder that was written last, and the last lines of both (more than [`LINES`]), for a diagnosis.
#[must_use]
pub fn last_lines(node_dir: &Path) -> (PathBuf, Vec<String>) {
    let look = |name: &str| {
        let path = node_dir.join(name);
        let facts = fs::metadata(&path).ok().filter(fs::Metadata::is_file);
        let lines = facts.as_ref().and_then(|facts| read_end(&path, facts.len(), DIAGNOSIS_LINES)).unwrap_or_default();
        (path, facts.and_then(|facts| facts.modified().ok()), lines)
    };
    let (server_path, server_time, mut server) = look(LOG_FILE);
    let (output_path, output_time, output) = look(OUTPUT_LOG);
    if !belongs_to_this_run(server_time, output_time, &output) {
        server.clear();
    }
    let path = if !output.is_empty() && output_time >= server_time { output_path } else { server_path };
    (path, merge(&server, server_time, &output, output_time))
}

/// Each start empties what the server prints. If that is still empty and newer than the log, the log is of an earlier
/// run, and says nothing about this one.
fn belongs_to_this_run(server: Option<SystemTime>, output: Option<SystemTime>, printed: &[String]) -> bool {
    !printed.is_empty() || output <= server
}

fn merge(
    server: &[String],
    server_time: Option<SystemTime>,
    output: &[String],
    output_time: Option<SystemTime>,
) -> Vec<String> {
    let (first, last) = if output_time >= server_time { (server, output) } else { (output, server) };
    first.iter().chain(last).cloned().collect()
}

/// The last lines of a file of this length.
fn read_end(path: &Path, len: u64, most: usize) -> Option<Vec<String>> {
    let start = len.saturating_sub(MAX_BYTES);
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    // In the middle of a file, the first line is half a line.
    let whole = if start > 0 { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &text };
    Some(end_of(whole, most))
}

fn end_of(text: &str, most: usize) -> Vec<String> {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(most)..].iter().map(|line| clean(line)).collect()
}

/// One line as it may be shown: no control characters, not endless, no password.
fn clean(line: &str) -> String {
    let shown: String = line.chars().take(MAX_LINE).map(|c| if c.is_control() { ' ' } else { c }).collect();
    hide_secret(shown.trim_end())
}

/// A server that rejects its redis.conf prints the offending line, password and all: `>>> 'requirepass a"b'`.
fn hide_secret(line: &str) -> String {
    const SECRETS: [&str; 6] =
        ["requirepass", "masterauth", "primaryauth", "user", "tls-key-file-pass", "tls-client-key-file-pass"];
    let Some((before, directive)) = line.split_once(">>> '") else { return line.to_owned() };
    let name = directive.split_whitespace().next().unwrap_or_default().trim_matches(['\'', '"']);
    if SECRETS.contains(&name.to_ascii_lowercase().as_str()) {
        format!("{before}>>> '{name} ********'")
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
#[path = "log_tail_tests.rs"]
mod tests;
