//! Server processes: starting one that outlives us, finding it again, and ending it, and it alone.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use process_wrap::tokio::CommandWrap;
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};
use tokio::sync::watch;

use crate::workspace::document::ProcessRecord;

use super::files::NODE_MARKER;

/// The file in a node's folder that takes what the server prints before (or instead of) opening its log.
pub const OUTPUT_LOG: &str = "output.log";

/// The file in a node's folder that the server is started with.
pub const CONFIG_FILE: &str = "redis.conf";

/// Windows: start with a hidden console of its own. Not together with `CREATE_NEW_PROCESS_GROUP`, which would make a
/// server deaf to a Ctrl-C that asks it to end.
#[cfg(windows)]
pub(super) const CREATE_NO_WINDOW: u32 = 0x0800_0000;

/// By how many seconds two readings of one start time may differ: the system derives it from a rounded boot time.
const START_SLACK: u64 = 2;

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// No folder, or no redis.conf in it.
    #[error("{} is missing: write the cluster's files again, or put the folder back.", .0.display())]
    Missing(PathBuf),
    /// The file for its output can't be made.
    #[error("Can't write {}: {source}. Check the folder's permissions and the free space.", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program could not be run.
    #[error("Can't run {}: {source}. Choose another server program.", exe.display())]
    Exe {
        /// The program.
        exe: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

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
    /// Windows has no request to end for programs without a window.
    #[error("Windows can't ask process {0} to end: use the SHUTDOWN command, or end it by force.")]
    NoSuchWay(u32),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code; 0 after a SHUTDOWN.
    Code(i32),
    /// By a signal (Unix).
    Signal(i32),
    /// Nobody can tell.
    Unknown,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "ended with exit code {code}"),
            Exit::Signal(4) => f.write_str("crashed: illegal instruction (signal 4)"),
            Exit::Signal(6) => f.write_str("aborted (signal 6)"),
            Exit::Signal(7) => f.write_str("crashed: bus error (signal 7)"),
            Exit::Signal(9) => f.write_str("was killed (signal 9)"),
            Exit::Signal(11) => f.write_str("crashed: segmentation fault (signal 11)"),
            Exit::Signal(15) => f.write_str("was told to end (signal 15)"),
            Exit::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Exit::Unknown => f.write_str("ended"),
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return Exit::Signal(signal);
        }
        status.code().map_or(Exit::Unknown, Exit::Code)
    }
}

/// A server that was just started. Dropping this does nothing to the process, and its exit is still collected (no
/// zombie stays) as long as the runtime lives.
#[derive(Debug, Clone)]
pub struct Spawned {
    /// What to remember it by.
    pub record: ProcessRecord,
    exit: watch::Receiver<Option<Exit>>,
}

impl Spawned {
    /// How it ended; `None` while it runs.
    #[must_use]
    pub fn exited(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Waits until it ended. Give it a deadline, for a server may run for years.
    pub async fn wait(&mut self) -> Exit {
        // An error means that the runtime is going down: nobody collects the exit any more.
        self.exit.wait_for(Option::is_some).await.ok().and_then(|exit| *exit).unwrap_or(Exit::Unknown)
    }
}

/// Starts `exe redis.conf` in a node's folder, which must hold that file. Input is empty; what it prints goes to
/// [`OUTPUT_LOG`], emptied before. It lives in a session (on Windows: a console) of its own, so that neither our end nor
/// a Ctrl-C in our terminal ends it. Call this inside the tokio runtime.
///
/// # Errors
/// Something is missing, or the system refused.
pub fn spawn(exe: &Path, node_dir: &Path) -> Result<Spawned, SpawnError> {
    let config = node_dir.join(CONFIG_FILE);
    if !config.is_file() {
        return Err(SpawnError::Missing(config));
    }
    let output_path = node_dir.join(OUTPUT_LOG);
    let (out, err) = open_output(&output_path)
        .and_then(|file| Ok((file.try_clone()?, file)))
        .map_err(|source| SpawnError::Output { path: output_path, source })?;
    let failed = |source| SpawnError::Exe { exe: exe.to_owned(), source };
    // Absolute, because a relative one would be looked up from the node's folder.
    let program = std::path::absolute(exe).map_err(failed)?;
    let mut command = CommandWrap::with_new(program, |command| {
        command.arg(CONFIG_FILE).current_dir(node_dir).stdin(Stdio::null()).stdout(out).stderr(err);
        #[cfg(windows)]
        command.creation_flags(CREATE_NO_WINDOW);
    });
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessSession);
    let mut child = command.spawn().map_err(failed)?;
    let pid = child.id().unwrap_or_default();
    // Before anybody waits for it: until then its pid can't go to another process, even if it has ended.
    let started = look_up(pid).map_or_else(now, |process| process.started);
    let (sender, exit) = watch::channel(None);
    tokio::spawn(async move {
        let exit = child.wait().await.map_or(Exit::Unknown, Exit::from);
        sender.send_replace(Some(exit));
    });
    Ok(Spawned { record: ProcessRecord { pid, started }, exit })
}

fn open_output(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// What the system says about a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Process id.
    pub pid: u32,
    /// When it started, in seconds since 1970.
    pub started: u64,
    /// Its program, where the system tells.
    pub exe: Option<PathBuf>,
    /// The folder it works in, where the system tells.
    pub cwd: Option<PathBuf>,
    name: String,
    args: Vec<String>,
}

impl Identity {
    fn of(process: &Process) -> Option<Self> {
        // A zombie has ended; only its parent has not asked yet.
        if matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead) {
            return None;
        }
        Some(Self {
            pid: process.pid().as_u32(),
            started: process.start_time(),
            exe: process.exe().map(Path::to_owned),
            cwd: process.cwd().map(Path::to_owned),
            name: process.name().to_string_lossy().into_owned(),
            args: process.cmd().iter().map(|arg| arg.to_string_lossy().into_owned()).collect(),
        })
    }

    /// Whether it is a server by what it calls itself: a known name, and no tool of that family; or the title that
    /// a server in cluster mode gives itself (`name host:port [cluster]`), whatever its file is called.
    fn looks_like_server(&self) -> bool {
        let title = self.args.join(" ");
        if title.ends_with("[cluster]") {
            return true;
        }
        // The program's file says less than its first argument: Debian's redis-server is a link to redis-check-rdb.
        let file = self.exe.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let called = self.args.first().map(|arg| last_part(arg)).or(file.as_deref()).unwrap_or(&self.name);
        let called = called.to_ascii_lowercase();
        let family = ["redis", "valkey", "memurai"].iter().any(|word| called.contains(word));
        let tool = ["-cli", "-benchmark", "-check", "-sentinel"].iter().any(|word| called.contains(word));
        family && !tool
    }

    /// Whether it works in the folder of a node that Slotdeck made: enough for a process whose pid and start time are
    /// on record, under whatever name its program runs.
    fn works_for_a_node(&self) -> bool {
        self.cwd.as_deref().is_some_and(|cwd| cwd.join(NODE_MARKER).is_file())
    }

    fn record(&self) -> ProcessRecord {
        ProcessRecord { pid: self.pid, started: self.started }
    }
}

/// The last part of a path of any system.
fn last_part(text: &str) -> &str {
    text.rsplit(['/', '\\']).next().unwrap_or(text)
}

fn details() -> ProcessRefreshKind {
    let once = UpdateKind::Always;
    ProcessRefreshKind::nothing().with_exe(once).with_cmd(once).with_cwd(once).without_tasks()
}

/// What the system says about these processes; `None` where it says nothing at all (no `/proc`).
fn ask(which: ProcessesToUpdate<'_>, what: ProcessRefreshKind) -> Option<System> {
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(which, true, what);
    Some(system)
}

/// Asks the system about one pid, without touching any other.
fn look_up(pid: u32) -> Option<Identity> {
    let pid = Pid::from_u32(pid);
    let system = ask(ProcessesToUpdate::Some(&[pid]), details())?;
    Identity::of(system.process(pid)?)
}

/// The process of this record, if it still runs: the same pid, the same start time, and it looks like a server or works
/// in a node's folder. `None`
/// when it has ended or when another process has its pid by now.
#[must_use]
pub fn identify(record: ProcessRecord) -> Option<Identity> {
    if record.pid <= 1 {
        return None;
    }
    look_up(record.pid)
        .filter(|found| found.started.abs_diff(record.started) <= START_SLACK)
        .filter(|found| found.looks_like_server() || found.works_for_a_node())
}

/// The servers that run in these folders, in their order: finds those whose record was lost (a crash between start and
/// save) or does not fit any more (the clock was set). Looks at every process once; costs some tens of milliseconds.
#[must_use]
pub fn find_running_in(node_dirs: &[PathBuf]) -> Vec<Option<ProcessRecord>> {
    let Some(system) = ask(ProcessesToUpdate::All, details()) else { return vec![None; node_dirs.len()] };
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let servers: Vec<_> = system
        .processes()
        .values()
        .filter_map(|process| Some((Identity::of(process)?, process.parent())))
        .filter(|(identity, _)| identity.looks_like_server())
        .filter_map(|(identity, parent)| Some((real(identity.cwd.as_deref()?), identity, parent)))
        .collect();
    node_dirs
        .iter()
        .map(|dir| {
            let dir = real(dir);
            let here: Vec<_> = servers.iter().filter(|(cwd, ..)| *cwd == dir).collect();
            let pids: Vec<_> = here.iter().map(|(_, identity, _)| identity.pid).collect();
            // A child of a server writes its snapshot and has its folder, but is not it.
            here.iter()
                .find(|(.., parent)| parent.is_none_or(|parent| !pids.contains(&parent.as_u32())))
                .map(|(_, identity, _)| identity.record())
        })
        .collect()
}

/// Asks a server to end (SIGTERM: it saves as after SHUTDOWN). `Ok(false)`: it has ended already.
///
/// # Errors
/// The system refused, or it is Windows, which has no such request.
pub fn terminate(record: ProcessRecord) -> Result<bool, SignalError> {
    send(record, Force::No)
}

/// Ends a server at once, whatever it is doing. `Ok(false)`: it has ended already.
///
/// # Errors
/// The system refused.
pub fn kill(record: ProcessRecord) -> Result<bool, SignalError> {
    send(record, Force::Yes)
}

/// Waits until the process of this record is gone. `false` when it still runs after this time.
pub async fn wait_gone(record: ProcessRecord, within: Duration) -> bool {
    let gone = async {
        let mut pause = Duration::from_millis(10);
        loop {
            match tokio::task::spawn_blocking(move || identify(record).is_none()).await {
                Ok(true) => return true,
                Ok(false) => tokio::time::sleep(pause).await,
                Err(_) => return false,
            }
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    };
    tokio::time::timeout(within, gone).await.unwrap_or(false)
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

#[cfg(not(unix))]
fn send(record: ProcessRecord, force: Force) -> Result<bool, SignalError> {
    if identify(record).is_none() {
        return Ok(false);
    }
    if force == Force::No {
        return Err(SignalError::NoSuchWay(record.pid));
    }
    let refused = || SignalError::Refused { pid: record.pid, reason: "the system refused".to_owned() };
    let all = ProcessRefreshKind::nothing().without_tasks();
    let system = ask(ProcessesToUpdate::All, all).ok_or_else(refused)?;
    let pid = Pid::from_u32(record.pid);
    let Some(server) = system.process(pid).filter(|p| p.start_time().abs_diff(record.started) <= START_SLACK) else {
        return Ok(false);
    };
    if !server.kill() {
        return Err(refused());
    }
    // The children that write its snapshots would stay behind, with their memory. A child is younger than its parent:
    // an older one only has a parent pid that was used before.
    for child in system.processes().values() {
        if child.parent() == Some(pid) && child.start_time() >= server.start_time() {
            child.kill();
        }
    }
    Ok(true)
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
