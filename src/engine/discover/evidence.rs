//! What can be seen of a server program without running it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::core::build::{Evidence, Marks};

/// How much of a program is read for its marks, in bytes. The largest known server is a third of this.
const MOST: u64 = 64 * 1024 * 1024;

/// How many names of a folder are taken.
const MOST_BESIDE: usize = 1000;

/// Reads what tells builds apart. What can't be read counts as not there.
pub(super) fn gather(path: &Path, version_output: String) -> Evidence {
    let marks = marks(path);
    // Only a Windows program is told by its neighbours.
    let beside = if marks.is_some() { beside(path) } else { Vec::new() };
    Evidence { version_output, marks, beside }
}

fn marks(path: &Path) -> Option<Marks> {
    let mut file = File::open(path).ok()?;
    let mut bytes = vec![0; 2];
    file.read_exact(&mut bytes).ok()?;
    // The rest only of what is a Windows program.
    Marks::of(&bytes)?;
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    Marks::of(&bytes)
}

fn beside(path: &Path) -> Vec<String> {
    let Some(Ok(entries)) = path.parent().map(std::fs::read_dir) else { return Vec::new() };
    entries.flatten().take(MOST_BESIDE).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
