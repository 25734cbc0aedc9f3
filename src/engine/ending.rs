//! Ending a server that has not ended after SHUTDOWN. What comes next is decided by a pure function, which holds the one
//! rule: a server that may be saving is never ended by force.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::core::topology::NodeAddr;
use crate::core::wsl::Inside;
use crate::workspace::document::ProcessRecord;

use super::client::{NodeClient, info_field};
use super::command::Auth;
use super::lifecycle::Saving;
use super::process::{is_it, wait_gone};
use super::signal::{kill, terminate};
use super::steps::Steps;
use super::wsl::{self, Signal, pid_in};

/// How long a server may take to save and end: it may have a large data set to write. Cancelling ends the waiting.
pub(super) const SAVE_DEADLINE: Duration = Duration::from_mins(10);
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
    /// It does not answer, but its files grow: it saves before it ends.
    Writing,
    /// It does not answer, and writes nothing.
    Silent,
}

/// What to do with a server that has ended neither after SHUTDOWN nor after the system's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// Leave it running and say so.
    Leave,
    /// End it.
    Force,
}

/// The last way. On other systems than Windows a request to end always reaches a server: one that does not end is busy.
pub(super) fn last_way(doing: Doing, windows: bool) -> Last {
    match doing {
        Doing::Silent | Doing::Nothing if windows => Last::Force,
        Doing::Silent | Doing::Nothing | Doing::Saving | Doing::Writing => Last::Leave,
    }
}

/// Waits until a process is gone, the time is up, or the work is cancelled. While its files grow, it has up to
/// [`SAVE_DEADLINE`].
pub(super) async fn gone_or_idle(addr: &NodeAddr, record: ProcessRecord, dir: &Path, steps: &Steps) -> bool {
    let idle = if cfg!(windows) { IDLE_DEADLINE } else { SAVE_DEADLINE };
    let (began, mut busy, mut size) = (Instant::now(), Instant::now(), written(dir).await);
    loop {
        if wait_gone(record, Duration::from_millis(500)).await {
            return true;
        }
        let now = written(dir).await;
        if now != size {
            (busy, size) = (Instant::now(), now);
        }
        if steps.is_cancelled() || busy.elapsed() > idle || began.elapsed() > SAVE_DEADLINE {
            return false;
        }
        steps.detail(format!("{addr} is still saving and ending"));
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
    let pid = |info: &str| info_field(info, "process_id").and_then(|pid| pid.parse().ok());
    if let Some(info) = info.filter(|info| pid(info).is_some_and(|pid| is_it(pid, record, dir))) {
        let busy = ["rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled"];
        return if busy.iter().any(|field| info_field(&info, field) == Some("1")) {
            Doing::Saving
        } else {
            Doing::Nothing
        };
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    if written(dir).await == before { Doing::Silent } else { Doing::Writing }
}

/// The system's request to end; `false` where it could not be sent. To a server inside WSL it is sent there: the process
/// that Windows knows only passes its output on.
pub(super) async fn ask_to_end(exe: &Path, record: ProcessRecord, dir: &Path) -> bool {
    if let Some(inside) = Inside::of(exe) {
        return wsl::signal(&inside, dir, Signal::Term).await.unwrap_or(false);
    }
    tokio::task::spawn_blocking(move || terminate(record)).await.is_ok_and(|asked| asked.is_ok())
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
        steps.detail(format!("{addr} is still saving and ending"));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

/// How many bytes the files of a node's folder have that hold its data: they grow while it saves. Its log does not count.
async fn written(dir: &Path) -> u64 {
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || data_bytes(&dir, 1)).await.unwrap_or_default()
}

fn data_bytes(dir: &PathBuf, deeper: u8) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let size = |path: PathBuf| match std::fs::metadata(&path) {
        Ok(facts) if facts.is_dir() && deeper > 0 => data_bytes(&path, deeper - 1),
        Ok(facts) if facts.is_file() && path.extension().is_none_or(|ext| ext != "log") => facts.len(),
        _ => 0,
    };
    entries.map(|entry| size(entry.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_saves_is_never_ended_by_force() {
        for doing in [Doing::Saving, Doing::Writing] {
            assert_eq!(last_way(doing, true), Last::Leave);
            assert_eq!(last_way(doing, false), Last::Leave);
        }
    }

    #[test]
    fn on_windows_one_that_hangs_is_ended_and_elsewhere_it_is_left() {
        for doing in [Doing::Silent, Doing::Nothing] {
            assert_eq!(last_way(doing, true), Last::Force);
            assert_eq!(last_way(doing, false), Last::Leave);
        }
    }

    #[test]
    fn a_snapshot_being_written_counts_and_a_log_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        std::fs::create_dir(path.join("appendonlydir")).unwrap();
        std::fs::write(path.join("temp-12.rdb"), b"12345").unwrap();
        std::fs::write(path.join("appendonlydir/a.aof"), b"123").unwrap();
        std::fs::write(path.join("server.log"), b"123456789").unwrap();
        assert_eq!(data_bytes(&path, 1), 8);
        assert_eq!(data_bytes(&path.join("missing"), 1), 0);
    }
}
