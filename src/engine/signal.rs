//! Ending a process: by asking, or by force; it alone, and only when it was identified.

use crate::workspace::document::ProcessRecord;

#[cfg(unix)]
use super::process::identify;

/// Why a process could not be told to end.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// The system refused.
    #[error("Can't end process {pid}: {reason}.")]
    Refused {
        /// Process id.
        pid: u32,
        /// What the system said.
        reason: String,
    },
    /// Windows: nobody could send it a Ctrl-C.
    #[error("Can't send Ctrl-C to process {pid}: {reason}.")]
    NoCtrlC {
        /// Process id.
        pid: u32,
        /// What went wrong.
        reason: String,
    },
    /// Windows: whether a Ctrl-C arrived is not known.
    #[error("Sending Ctrl-C to process {pid} did not come to an end.")]
    Unsure {
        /// Process id.
        pid: u32,
    },
}

/// Asks a server to end: SIGTERM, or on Windows a Ctrl-C; it saves as after SHUTDOWN. `Ok(false)`: it has ended
/// already.
///
/// # Errors
/// The system refused.
pub fn terminate(record: ProcessRecord) -> Result<bool, SignalError> {
    send(record, Force::No)
}

/// Ends a server at once, whatever it is doing. `Ok(false)`: it has ended already.
///
/// # Errors
/// The system refused.
pub fn kill(record: ProcessRecord) -> Result<bool, SignalError> {
    let killed = send(record, Force::Yes)?;
    end_helpers(&[record]);
    Ok(killed)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Force {
    No,
    Yes,
}

#[cfg(unix)]
fn send(record: ProcessRecord, force: Force) -> Result<bool, SignalError> {
    use rustix::io::Errno;
    use rustix::process::{Pid, Signal, kill_process};

    let signal = if force == Force::Yes { Signal::KILL } else { Signal::TERM };
    let Some(pid) = i32::try_from(record.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
    let answer = |result: Result<(), Errno>| match result {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        Err(errno) => Err(SignalError::Refused { pid: record.pid, reason: errno.to_string() }),
    };
    // The handle is taken before the process is identified: a signal through it can't reach another one, even if the
    // process ends in between and its pid goes to someone else.
    #[cfg(target_os = "linux")]
    match rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
        Ok(_) if identify(record).is_none() => return Ok(false),
        Ok(handle) => return answer(rustix::process::pidfd_send_signal(&handle, signal)),
        Err(Errno::SRCH) => return Ok(false),
        Err(_) => {} // A kernel before 5.3: the plain way.
    }
    if identify(record).is_none() {
        return Ok(false);
    }
    answer(kill_process(pid, signal))
}

/// On systems that fork, nobody is left over.
#[cfg(unix)]
pub fn end_helpers(_servers: &[ProcessRecord]) {}

#[cfg(not(unix))]
pub use windows::end_helpers;
#[cfg(not(unix))]
use windows::send;

#[cfg(not(unix))]
mod windows {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

    use super::{Force, SignalError};
    use crate::engine::helpers::{Candidate, helpers_of};
    use crate::engine::process::{START_SLACK, identify};
    use crate::os::ctrl_c;
    use crate::workspace::document::ProcessRecord;

    /// Windows: start without any console; the process is going to join another's.
    const DETACHED_PROCESS: u32 = 0x0000_0008;
    /// How long sending a Ctrl-C may take: it is a matter of milliseconds.
    const SENDING: Duration = Duration::from_secs(5);

    pub(super) fn send(record: ProcessRecord, force: Force) -> Result<bool, SignalError> {
        if identify(record).is_none() {
            return Ok(false);
        }
        if force == Force::No {
            return send_ctrl_c(record).map(|()| true);
        }
        let refused = || SignalError::Refused { pid: record.pid, reason: "the system refused".to_owned() };
        let system = ask(ProcessRefreshKind::nothing().without_tasks()).ok_or_else(refused)?;
        let server = system.process(Pid::from_u32(record.pid));
        match server.filter(|p| p.start_time().abs_diff(record.started) <= START_SLACK) {
            None => Ok(false),
            Some(server) if server.kill() => Ok(true),
            Some(_) => Err(refused()),
        }
    }

    /// By a process made for it, since it costs whoever does it his own console.
    fn send_ctrl_c(record: ProcessRecord) -> Result<(), SignalError> {
        use std::os::windows::process::CommandExt;

        let pid = record.pid;
        let not_sent = |reason: String| SignalError::NoCtrlC { pid, reason };
        let me = std::env::current_exe().map_err(|error| not_sent(error.to_string()))?;
        let mut helper = Command::new(me)
            .args([ctrl_c::ARGUMENT, &pid.to_string(), &record.started.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .creation_flags(DETACHED_PROCESS)
            .spawn()
            .map_err(|error| not_sent(error.to_string()))?;
        let deadline = Instant::now() + SENDING;
        loop {
            match helper.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(_)) => return Err(not_sent("it has no console, or shares one with other programs".to_owned())),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
                Ok(None) => {
                    helper.kill().ok();
                    helper.wait().ok();
                    return Err(SignalError::Unsure { pid });
                }
                Err(_) => return Err(SignalError::Unsure { pid }),
            }
        }
    }

    fn ask(what: ProcessRefreshKind) -> Option<System> {
        let mut system = System::new().ok()?;
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        Some(system)
    }

    /// Ends the helpers that these servers left; call it when the servers have ended.
    pub fn end_helpers(servers: &[ProcessRecord]) {
        if servers.is_empty() {
            return;
        }
        let Some(system) = ask(ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).without_tasks()) else {
            return;
        };
        let candidate = |process: &sysinfo::Process| Candidate {
            pid: process.pid().as_u32(),
            parent: process.parent().map(Pid::as_u32),
            started: process.start_time(),
            args: process.cmd().iter().map(|arg| arg.to_string_lossy().into_owned()).collect(),
        };
        let all: Vec<Candidate> = system.processes().values().map(candidate).collect();
        for helper in helpers_of(servers, &all) {
            if let Some(process) = system.process(Pid::from_u32(helper.pid)) {
                tracing::info!(pid = helper.pid, "ending a helper that its server left");
                process.kill();
            }
        }
    }
}
