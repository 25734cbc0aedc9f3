//! Ending a server that has not ended after SHUTDOWN. What comes next is decided by a pure function, which holds the one
//! rule: a server that may be saving is never ended by force.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::core::topology::NodeAddr;
use crate::core::wsl::Inside;
use crate::workspace::document::ProcessRecord;

use super::client::{NodeClient, info_field, process_id};
use super::command::Auth;
use super::detail::Detail;
use super::folder_lock::{asked_before, note_asked};
use super::process::{identify, is_it, wait_gone};
use super::signal::{SignalError, kill, terminate};
use super::steps::Steps;
use super::stopping::Saving;
use super::wsl::{self, Signal, pid_in};

/// How long a server may take to save and end: it may have a large data set to write. Cancelling ends the waiting.
pub(super) const SAVE_DEADLINE: Duration = Duration::from_mins(10);
/// How long it may take where nothing is to be saved, and after force.
pub(super) const END_DEADLINE: Duration = Duration::from_secs(10);
/// On Windows, how long one that writes nothing is waited for: servers there hang now and then, and the next way to end
/// them is harmless. A server gives its replicas 10 s (`shutdown-timeout`).
const IDLE_DEADLINE: Duration = Duration::from_secs(12);

/// What a server that does not end is seen to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// It answers, and says that it writes a snapshot or rewrites its log.
    Saving,
    /// It answers, and nothing is being saved.
    Nothing,
    /// It takes connections or replies, but can't be looked into: another password, too many clients, another server.
    Refuses,
    /// It can't be looked into, but its files grow: it saves before it ends.
    Writing,
    /// It takes no connection, and writes nothing.
    Silent,
}

/// How the waiting for an end went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// It is gone.
    Gone,
    /// It runs, and none of its files grew all the time.
    Idle,
    /// It runs; the waiting was cancelled, or it writes for too long.
    Busy,
}

/// What became of the system's request to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Sent just now.
    Sent,
    /// Sent by an earlier try; not again.
    Before,
    /// Not sent, and why.
    Not(String),
}

/// What to do with a server that has ended neither after SHUTDOWN nor after the system's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// Leave it running and say so.
    Leave,
    /// End it.
    Force,
}

/// Whether a server may be asked once more by the system. One that saves may take a further Ctrl-C for an order to end at
/// once, without what it is saving.
fn may_ask(doing: Doing) -> bool {
    !matches!(doing, Doing::Saving | Doing::Writing)
}

/// The last way: force only on Windows, for a server that takes no connection, was asked by the system, and has written
/// nothing for the whole time it had. Elsewhere a request to end always reaches a server: one that does not end is busy.
pub(super) fn last_way(doing: Doing, asked: &Asked, waited: Waited, windows: bool) -> Last {
    let was_asked = matches!(asked, Asked::Sent | Asked::Before);
    if windows && was_asked && doing == Doing::Silent && waited == Waited::Idle { Last::Force } else { Last::Leave }
}

/// Waits until a process is gone, the time is up, or the work is cancelled. While its files grow, it has up to
/// [`SAVE_DEADLINE`].
pub(super) async fn gone_or_idle(addr: &NodeAddr, record: ProcessRecord, dir: &Path, steps: &Steps) -> Waited {
    let idle = if cfg!(windows) { IDLE_DEADLINE } else { SAVE_DEADLINE };
    let (began, mut busy, mut size) = (Instant::now(), Instant::now(), written(dir).await);
    loop {
        if wait_gone(record, Duration::from_millis(500)).await {
            return Waited::Gone;
        }
        let now = written(dir).await;
        if now != size {
            (busy, size) = (Instant::now(), now);
        }
        if busy.elapsed() > idle {
            return Waited::Idle;
        }
        if steps.is_cancelled() || began.elapsed() > SAVE_DEADLINE {
            return Waited::Busy;
        }
        steps.detail(Detail::StillEnding(addr.clone()));
    }
}

/// What a server does that does not end.
pub(super) async fn doing(addr: &NodeAddr, record: ProcessRecord, auth: &Auth, dir: &Path) -> Doing {
    let before = written(dir).await;
    let asked = async {
        let client = NodeClient::connect_within(addr, auth, Duration::from_secs(2)).await.ok()?;
        client.text(&["INFO"]).await.ok()
    };
    let info = tokio::time::timeout(Duration::from_secs(3), asked).await.ok().flatten();
    if let Some(info) = info.filter(|info| process_id(info).is_some_and(|pid| is_it(pid, record, dir))) {
        let busy = ["rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled"];
        return if busy.iter().any(|field| info_field(&info, field) == Some("1")) {
            Doing::Saving
        } else {
            Doing::Nothing
        };
    }
    // Taking a connection is enough: who is refused for a password or for too many clients has been heard.
    let knocked = tokio::net::TcpStream::connect((addr.host.as_str(), addr.port));
    let heard = tokio::time::timeout(Duration::from_secs(1), knocked).await.is_ok_and(|opened| opened.is_ok());
    tokio::time::sleep(Duration::from_secs(1)).await;
    match written(dir).await {
        now if now != before => Doing::Writing,
        _ if heard => Doing::Refuses,
        _ => Doing::Silent,
    }
}

/// The system's request to end. To a server inside WSL it is sent there: the process that Windows knows only passes its
/// output on. A Ctrl-C is sent to a process once in its life, for the second one ends a server that is still saving.
pub(super) async fn ask_to_end(exe: &Path, record: ProcessRecord, dir: &Path) -> Asked {
    if let Some(inside) = Inside::of(exe) {
        return match wsl::signal(&inside, dir, Signal::Term).await {
            Ok(true) => Asked::Sent,
            Ok(false) => Asked::Not("it was not found inside WSL".to_owned()),
            Err(why) => Asked::Not(why),
        };
    }
    let dir = dir.to_owned();
    let asked = tokio::task::spawn_blocking(move || ask_once(record, &dir, cfg!(windows), terminate)).await;
    asked.unwrap_or_else(|error| Asked::Not(error.to_string()))
}

/// Asks by `send`; with `once`, never the same process twice, whoever asks. It is written down before, so that a crash
/// in between errs on the safe side.
fn ask_once(
    record: ProcessRecord,
    dir: &Path,
    once: bool,
    send: impl FnOnce(ProcessRecord) -> Result<bool, SignalError>,
) -> Asked {
    if once && asked_before(dir, record) {
        return Asked::Before;
    }
    if once && let Err(error) = note_asked(dir, Some(record)) {
        return Asked::Not(format!("it can't be noted in {}: {error}", dir.display()));
    }
    match send(record) {
        Ok(_) => Asked::Sent,
        Err(error) => {
            // Where it may have arrived after all, the note stays.
            if once && !matches!(error, SignalError::Unsure { .. }) {
                note_asked(dir, None).ok();
            }
            Asked::Not(error.to_string())
        }
    }
}

/// A server that has not ended after SHUTDOWN, or could not be told.
pub(super) struct Stubborn<'a> {
    /// Its program.
    pub(super) exe: &'a Path,
    /// Where it listens.
    pub(super) addr: &'a NodeAddr,
    /// Its process.
    pub(super) record: ProcessRecord,
    /// How to log in.
    pub(super) auth: &'a Auth,
    /// Its folder.
    pub(super) dir: &'a Path,
    /// Whether SHUTDOWN was sent to it.
    pub(super) told: bool,
}

impl Stubborn<'_> {
    /// The system's request to end, which saves as SHUTDOWN does; then force where nothing can be lost by it. `Ok` holds
    /// what is worth saying of a server that was ended by force.
    ///
    /// # Errors
    /// It still runs: what was tried, and why no more.
    pub(super) async fn end(&self, saving: Saving, steps: &Steps) -> Result<Option<String>, String> {
        let Self { exe, addr, record, auth, dir, .. } = *self;
        if saving == Saving::Discard {
            return self.force(steps).await.map(|()| None);
        }
        if steps.is_cancelled() {
            return Err(self.words(&Asked::Not("cancelled".to_owned()), "the waiting was cancelled"));
        }
        let (mut asked, mut waited) = (Asked::Not("it is saving".to_owned()), Waited::Busy);
        if may_ask(doing(addr, record, auth, dir).await) {
            asked = ask_to_end(exe, record, dir).await;
            if !matches!(asked, Asked::Not(_)) {
                waited = gone_or_idle(addr, record, dir, steps).await;
            }
        }
        if waited == Waited::Gone || identify(record).is_none() {
            return Ok(None);
        }
        if steps.is_cancelled() {
            return Err(self.words(&asked, "the waiting was cancelled"));
        }
        let doing = doing(addr, record, auth, dir).await;
        if last_way(doing, &asked, waited, cfg!(windows)) == Last::Leave {
            return Err(self.words(&asked, still(doing)));
        }
        self.force(steps).await?;
        Ok(Some(format!(
            "{} It was silent and wrote nothing, so it was ended by force; what is in its append-only file is kept, \
             without one the changes since its last snapshot are lost",
            self.tried(&asked)
        )))
    }

    async fn force(&self, steps: &Steps) -> Result<(), String> {
        let Self { exe, addr, record, dir, .. } = *self;
        end_by_force(exe, record, dir).await.map_err(|why| format!("{addr}: {why}"))?;
        let ended = gone(addr, record, END_DEADLINE, steps).await;
        if ended { Ok(()) } else { Err(format!("{addr}: process {} does not end", record.pid)) }
    }

    fn words(&self, asked: &Asked, why: &str) -> String {
        format!(
            "{} It was left running ({why}), since ending it by force could lose data; look at its log, and stop it again",
            self.tried(asked)
        )
    }

    /// What was tried, as a sentence.
    fn tried(&self, asked: &Asked) -> String {
        let request = if cfg!(windows) && Inside::of(self.exe).is_none() { "Ctrl-C" } else { "SIGTERM" };
        let told = if self.told { "did not end after SHUTDOWN" } else { "could not be sent SHUTDOWN" };
        let asked = match asked {
            Asked::Sent => format!("did not end after {request}"),
            Asked::Before => format!("did not end after the {request} of an earlier stop"),
            Asked::Not(why) => format!("was not sent {request} ({})", why.trim_end_matches('.')),
        };
        format!("{}: process {} {told} and {asked}.", self.addr, self.record.pid)
    }
}

fn still(doing: Doing) -> &'static str {
    match doing {
        Doing::Saving | Doing::Writing => "it is saving",
        Doing::Nothing => "it still answers",
        Doing::Refuses => "it still takes connections, but can't be looked into",
        Doing::Silent => "it does not answer",
    }
}

/// Waits until a process is gone, the time is up, or the work is cancelled.
pub(super) async fn gone(addr: &NodeAddr, record: ProcessRecord, patience: Duration, steps: &Steps) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if wait_gone(record, Duration::from_millis(500)).await {
            return true;
        }
        if steps.is_cancelled() || Instant::now() > deadline {
            return false;
        }
        steps.detail(Detail::StillEnding(addr.clone()));
    }
}

/// Ends it at once.
///
/// # Errors
/// Why it could not be done.
pub(super) async fn end_by_force(exe: &Path, record: ProcessRecord, dir: &Path) -> Result<(), String> {
    // Where the server inside is not there any more, what Windows knows of it is in the way.
    if let Some(inside) = Inside::of(exe)
        && wsl::signal(&inside, dir, Signal::Kill).await?
    {
        return Ok(());
    }
    let killed = tokio::task::spawn_blocking(move || kill(record)).await;
    killed.map_err(|error| error.to_string())?.map(drop).map_err(|error| error.to_string())
}

/// The server inside WSL that works in a node's folder though the process that Windows knew of it has ended: its pid by
/// its own count.
pub(super) async fn left_inside(exe: &Path, dir: &Path) -> Option<u32> {
    let inside = Inside::of(exe)?;
    let pid = pid_in(dir)?;
    wsl::signal(&inside, dir, Signal::Look).await.unwrap_or(false).then_some(pid)
}

/// Ends such a server, and waits for it.
///
/// # Errors
/// It still runs.
pub(super) async fn end_left_inside(
    exe: &Path,
    addr: &NodeAddr,
    dir: &Path,
    saving: Saving,
    steps: &Steps,
) -> Result<(), String> {
    let Some(inside) = Inside::of(exe) else { return Ok(()) };
    let signal = if saving == Saving::Discard { Signal::Kill } else { Signal::Term };
    if !wsl::signal(&inside, dir, signal).await? {
        return Ok(());
    }
    let began = Instant::now();
    while let Some(pid) = left_inside(exe, dir).await {
        if steps.is_cancelled() || began.elapsed() > SAVE_DEADLINE {
            return Err(format!("{addr}: process {pid} inside WSL did not end and was left running"));
        }
        steps.detail(Detail::StillEnding(addr.clone()));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

/// How many bytes the files of a node's folder have that hold its data: they grow while it saves. Its log does not count.
async fn written(dir: &Path) -> u64 {
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || data_bytes(&dir, 1)).await.unwrap_or_default()
}

fn data_bytes(dir: &Path, deeper: u8) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let size = |path: PathBuf| match std::fs::metadata(&path) {
        Ok(facts) if facts.is_dir() && deeper > 0 => data_bytes(&path, deeper - 1),
        Ok(facts) if facts.is_file() && path.extension().is_none_or(|ext| ext != "log") => facts.len(),
        _ => 0,
    };
    entries.map(|entry| size(entry.path())).sum()
}

#[cfg(test)]
#[path = "ending_tests.rs"]
mod tests;
