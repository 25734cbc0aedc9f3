//! Server processes: starting one that outlives us, and finding it again. Ending one is [`signal`](super::signal)'s.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use process_wrap::tokio::CommandWrap;
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};
use tokio::sync::watch;

use crate::core::conf::file::PID_FILE;
use crate::core::wsl::{Inside, is_relay_of};
use crate::os::job::Job;
use crate::workspace::atomic::private_options;
use crate::workspace::document::ProcessRecord;
use crate::workspace::lock::Holder;

use super::files::NODE_MARKER;
use super::folder_lock::{Occupied, claim};
use super::helpers::is_helper;
use super::wsl::{self, PRINT_UTF8, pid_in};

/// The file in a node's folder that takes what the server prints before (or instead of) opening its log.
pub const OUTPUT_LOG: &str = "output.log";

/// The file in a node's folder that the server is started with.
pub const CONFIG_FILE: &str = "redis.conf";

/// Windows: start with a hidden console of its own. Not together with `CREATE_NEW_PROCESS_GROUP`, which would make a
/// server deaf to a Ctrl-C that asks it to end.
#[cfg(windows)]
pub(super) const CREATE_NO_WINDOW: u32 = 0x0800_0000;

/// Windows: start with the first thread waiting, so that the process can be put into a job before it does anything.
#[cfg(windows)]
const CREATE_SUSPENDED: u32 = 0x0000_0004;

/// By how many seconds two readings of one start time may differ: the system derives it from a rounded boot time.
pub(super) const START_SLACK: u64 = 2;

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
    /// A server runs in the folder already.
    #[error(
        "A server (process {pid}) already runs in {}, and two can't share a folder: stop that one first.", dir.display()
    )]
    Occupied {
        /// The folder.
        dir: PathBuf,
        /// The server's process id.
        pid: u32,
    },
    /// Another program starts a server in the folder at this moment.
    #[error("{} is starting a server in {} right now: wait for it.", by_whom(holder.as_ref()), dir.display())]
    Starting {
        /// The folder.
        dir: PathBuf,
        /// Who it is, where known.
        holder: Option<Holder>,
    },
    /// The program could not be run.
    #[error("Can't run {}: {source}. Choose another server program.", exe.display())]
    Exe {
        /// The program.
        exe: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Windows: it was started and could not be let run.
    #[error(
        "{} was started but could not be let run: {source}. Try again; if a security program watches new programs, allow \
         this one there.", exe.display()
    )]
    Resume {
        /// The program.
        exe: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn by_whom(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "Another program".to_owned(), ToString::to_string)
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
            Exit::Unknown => f.write_str("ended, and nothing says how"),
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
/// a Ctrl-C in our terminal ends it; with a job, it is in that from its first instruction on, and may end with us. Call
/// this inside the tokio runtime.
///
/// # Errors
/// Something is missing, a server runs there, or the system refused.
pub fn spawn(exe: &Path, node_dir: &Path, job: Option<&Job>) -> Result<Spawned, SpawnError> {
    let config = node_dir.join(CONFIG_FILE);
    if !config.is_file() {
        return Err(SpawnError::Missing(config));
    }
    let output_path = node_dir.join(OUTPUT_LOG);
    let output_error = |source| SpawnError::Output { path: output_path.clone(), source };
    let claim = claim(node_dir).map_err(|occupied| match occupied {
        Occupied::By(record) => SpawnError::Occupied { dir: node_dir.to_owned(), pid: record.pid },
        Occupied::Starting(holder) => SpawnError::Starting { dir: node_dir.to_owned(), holder },
        Occupied::Io(source) => output_error(source),
    })?;
    // Left by a server that was killed: from now on the file is the new server's word.
    if let Err(source) = fs::remove_file(node_dir.join(PID_FILE))
        && source.kind() != io::ErrorKind::NotFound
    {
        return Err(SpawnError::Output { path: node_dir.join(PID_FILE), source });
    }
    let (out, err) = open_output(&output_path).and_then(|file| Ok((file.try_clone()?, file))).map_err(output_error)?;
    let failed = |source| SpawnError::Exe { exe: exe.to_owned(), source };
    let (program, args) = command_line(exe).map_err(failed)?;
    let mut command = CommandWrap::with_new(program, |command| {
        command.args(args).current_dir(node_dir).stdin(Stdio::null()).stdout(out).stderr(err);
        if Inside::of(exe).is_some() {
            command.env(PRINT_UTF8.0, PRINT_UTF8.1);
        }
        #[cfg(windows)]
        command.creation_flags(if job.is_some() { CREATE_NO_WINDOW | CREATE_SUSPENDED } else { CREATE_NO_WINDOW });
    });
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessSession);
    let mut child = command.spawn().map_err(failed)?;
    let pid = child.id().unwrap_or_default();
    // Before anybody waits for it: until then its pid can't go to another process, even if it has ended.
    let started = look_up(pid).map_or_else(now, |process| process.started);
    if let Some(job) = job
        && let Err(source) = let_go(job, ProcessRecord { pid, started })
    {
        // It has not run yet: nothing is lost.
        child.start_kill().ok();
        return Err(SpawnError::Resume { exe: exe.to_owned(), source });
    }
    let record = ProcessRecord { pid, started };
    if let Err(source) = claim.note(node_dir, record) {
        child.start_kill().ok();
        return Err(output_error(source));
    }
    let (sender, exit) = watch::channel(None);
    tokio::spawn(async move {
        let exit = child.wait().await.map_or(Exit::Unknown, Exit::from);
        sender.send_replace(Some(exit));
    });
    Ok(Spawned { record, exit })
}

/// The program to start and its arguments: for a server inside WSL `wsl.exe`, which lives as long as the server does,
/// passes on what it prints and gives it its own folder to work in.
fn command_line(exe: &Path) -> io::Result<(PathBuf, Vec<String>)> {
    match Inside::of(exe) {
        Some(inside) => {
            let wsl = wsl::program().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, wsl::NO_WSL))?;
            Ok((wsl, inside.run(&[CONFIG_FILE])))
        }
        // Absolute, because a relative one would be looked up from the node's folder.
        None => Ok((std::path::absolute(exe)?, vec![CONFIG_FILE.to_owned()])),
    }
}

/// Puts a process that was started suspended into a job and lets it run. A job that refuses it (a sandbox, or a service
/// manager that has a job of its own) is no reason not to start it: it only does not end with us then.
#[cfg_attr(not(windows), expect(clippy::unnecessary_wraps, reason = "elsewhere nothing is suspended"))]
fn let_go(job: &Job, record: ProcessRecord) -> io::Result<()> {
    let pid = record.pid;
    if let Err(error) = job.add(pid, record.started) {
        tracing::warn!(pid, %error, "this server does not end with Slotdeck: its process can't be bound to it");
    }
    #[cfg(windows)]
    crate::os::job::resume(pid)?;
    Ok(())
}

fn open_output(path: &Path) -> io::Result<fs::File> {
    private_options().write(true).create(true).truncate(true).open(path)
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
        // On Windows a server's helper has its program, and may have its folder.
        if is_helper(&self.args) {
            return false;
        }
        if is_relay_of(&self.args, CONFIG_FILE) {
            return true;
        }
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
        !is_helper(&self.args) && self.cwd.as_deref().is_some_and(|cwd| cwd.join(NODE_MARKER).is_file())
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

/// Whether the server that says of itself (INFO, `process_id`) that it has this pid is the one of the record, which was
/// started in this folder. A server that was built for another system counts processes by its own rules: under Cygwin,
/// MSYS2 and WSL the pid that it knows is not the one that Windows knows. Such a server has written its pid into its
/// folder ([`PID_FILE`]), which was empty of it when it was started.
pub(super) fn is_it(says: u32, record: ProcessRecord, node_dir: &Path) -> bool {
    says == record.pid || pid_in(node_dir) == Some(says)
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

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
