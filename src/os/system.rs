//! What the system says about itself.

use std::path::{Path, PathBuf};

/// Memory as the system accounts for it, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Memory of the machine.
    pub physical: u64,
    /// Of that, what programs could get now.
    pub available: u64,
    /// How much more all programs together may reserve: free memory and free page file (Windows: the commit limit).
    pub commit_free: u64,
}

/// The code page of the system for programs that know no Unicode, such as most servers: 1252, 936, … Not that of our
/// own process, whose manifest asks for UTF-8. `None` on systems that have none.
#[must_use]
pub fn ansi_code_page() -> Option<u32> {
    #[cfg(windows)]
    return Some(super::windows_system::ansi_code_page());
    #[cfg(not(windows))]
    None
}

/// The old short form (`C:\PROGRA~1`) of a path that exists, where its disk keeps such names.
#[must_use]
pub fn short_path(path: &Path) -> Option<PathBuf> {
    #[cfg(windows)]
    return super::windows_system::short_path(path);
    #[cfg(not(windows))]
    {
        let _ = path;
        None
    }
}

/// Memory, where Windows tells; elsewhere nothing here depends on it.
#[must_use]
pub fn memory() -> Option<Memory> {
    #[cfg(windows)]
    return super::windows_system::memory();
    #[cfg(not(windows))]
    None
}

/// Lets this process open many sockets at a time, as far as it may: a shell's limit of 1,024 open files is too low for a
/// cluster of a thousand nodes. Windows has no such limit.
pub fn allow_many_sockets() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        /// For five connections to each of three thousand nodes. Not more: programs that are started get it, too, and
        /// some of them walk over all files that could be open.
        const ENOUGH: u64 = 16_384;
        let mut limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.map_or(ENOUGH, |most| most.min(ENOUGH));
        if limit.current.is_some_and(|now| now < wanted) {
            limit.current = Some(wanted);
            // Where it is refused, the connection that can't be opened says so.
            setrlimit(Resource::Nofile, limit).ok();
        }
    }
}

/// Whether a path lies on a drive of another machine (a mapped letter).
#[must_use]
pub fn is_network_drive(path: &Path) -> bool {
    #[cfg(windows)]
    return super::windows_system::is_network_drive(path);
    #[cfg(not(windows))]
    {
        let _ = path;
        false
    }
}
