//! The window's own log: a file in the workspace that never grows beyond a bound. Passwords never reach it, for no
//! `Secret` can be printed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Above this size the file becomes `….old` and a new one begins: two of them are the most there ever is, bytes.
const LIMIT: u64 = 4 * 1024 * 1024;

/// An appending file that starts anew when it has grown too large.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    limit: u64,
}

impl LogFile {
    /// Opens or makes the file.
    ///
    /// # Errors
    /// The system refused.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::with_limit(path, LIMIT)
    }

    fn with_limit(path: &Path, limit: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size, limit })
    }

    fn start_anew(&mut self) -> io::Result<()> {
        let old = self.path.with_extension("old");
        // Windows renames no open file over another: a copy does everywhere.
        fs::copy(&self.path, old)?;
        self.file.set_len(0)?;
        self.size = 0;
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.size > self.limit {
            self.start_anew()?;
        }
        let written = self.file.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_never_grows_beyond_twice_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("slotdeck.log");
        let mut log = LogFile::with_limit(&path, 100).unwrap();
        for i in 0..100 {
            writeln!(log, "line {i}").unwrap();
        }
        let size = |p: &Path| fs::metadata(p).unwrap().len();
        assert!(size(&path) <= 120 && size(&path.with_extension("old")) <= 120);
        assert!(fs::read_to_string(&path).unwrap().contains("line 99"));
    }
}
