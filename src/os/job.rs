//! Processes that end when we do, whatever way we end: a job object of Windows.
//!
//! Linux has nothing of the kind for a program with threads (`PR_SET_PDEATHSIG` acts when the *thread* ends that started
//! the child): there, [`Job::new`] is `Unsupported`, and a crash leaves the servers running, to be found again.

use std::io;

/// A set of processes. While it holds them ([`Job::hold`]) they end with this value, and so with our process.
#[derive(Debug)]
pub struct Job {
    #[cfg(windows)]
    inner: super::windows_job::Job,
}

#[cfg(windows)]
impl Job {
    /// An empty job that holds nothing yet.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        Ok(Self { inner: super::windows_job::Job::new()? })
    }

    /// From now on the processes in it, with all their children, end with us (`true`), or stay (`false`).
    ///
    /// # Errors
    /// What the system says.
    pub fn hold(&self, hold: bool) -> io::Result<()> {
        self.inner.kill_on_close(hold)
    }

    /// Puts the process that started then (in seconds since 1970) into the job; its later children are in it as well.
    ///
    /// # Errors
    /// The process has ended (another may have its id), or it may not be changed by this user.
    pub fn add(&self, pid: u32, started: u64) -> io::Result<()> {
        self.inner.add(pid, started)
    }
}

#[cfg(not(windows))]
impl Job {
    /// # Errors
    /// Always `Unsupported` on this system.
    pub fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// # Errors
    /// Always `Unsupported` on this system.
    pub fn hold(&self, _hold: bool) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// # Errors
    /// Always `Unsupported` on this system.
    pub fn add(&self, _pid: u32, _started: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Lets a process go on that was started suspended.
///
/// # Errors
/// What the system says; the process is then still suspended.
#[cfg(windows)]
pub fn resume(pid: u32) -> io::Result<()> {
    super::windows_job::resume(pid)
}
