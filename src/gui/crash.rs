//! A panic ends in words: a report in the workspace, and a message that says where it lies.
//!
//! The hook runs on the thread that panicked and only writes: a message box in the middle of the window's own work would
//! let the system call that work again. The window's thread says it when it has unwound ([`take`] in
//! [`run`](super::run)); what another thread did, the window shows as soon as it paints ([`App`](super::app::App)).

use std::backtrace::Backtrace;
use std::fmt::Write as _;
use std::panic::PanicHookInfo;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::SystemTime;

use crate::workspace::crashes::{Crashes, stamp};

/// How many crashes of one run get a report: a panic that comes again and again must not fill the disk.
const REPORTS: usize = if cfg!(test) { 1000 } else { 5 };

/// A panic and its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// What the panic said, with its place.
    pub what: String,
    /// The thread's name.
    pub thread: String,
    /// Where the report lies; `None` where it could not be written.
    pub report: Option<PathBuf>,
    /// Whether it was the window's own thread.
    pub of_window: bool,
}

/// What the hook knows of the program.
struct Watch {
    crashes: Crashes,
    window: ThreadId,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    count: usize,
    untold: Vec<Crash>,
    wake: Option<Wake>,
}

/// Lets the window look at once.
type Wake = Arc<dyn Fn() + Send + Sync>;

static WATCH: OnceLock<Watch> = OnceLock::new();

/// From now on every panic of this process is written down. To be called once, on the window's thread.
pub fn watch(crashes: Crashes) {
    let watch = Watch { crashes, window: std::thread::current().id(), seen: Mutex::default() };
    if WATCH.set(watch).is_err() {
        return;
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        note(panic);
        before(panic);
    }));
}

/// Who is to be woken when a thread panics.
pub fn wake_with(wake: Wake) {
    if let Some(watch) = WATCH.get() {
        lock(&watch.seen).wake = Some(wake);
    }
}

/// The crashes that nobody has been told of yet.
#[must_use]
pub fn take() -> Vec<Crash> {
    WATCH.get().map(|watch| std::mem::take(&mut lock(&watch.seen).untold)).unwrap_or_default()
}

/// The thread that panicked may have held the lock: what it guards is whole all the same.
fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(panic: &PanicHookInfo<'_>) {
    let Some(watch) = WATCH.get() else { return };
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed").to_owned();
    let what = panic.to_string();
    let count = {
        let mut seen = lock(&watch.seen);
        seen.count += 1;
        seen.count
    };
    if count > REPORTS {
        tracing::error!(thread = name, "{what}");
        return;
    }
    let at = SystemTime::now();
    let text = report(at, &name, &what, &Backtrace::force_capture());
    let report = watch.crashes.write(at, &text).inspect_err(|why| eprintln!("slotdeck: no crash report: {why}")).ok();
    tracing::error!(thread = name, report = ?report, "{what}");
    let crash = Crash { what, thread: name, report, of_window: thread.id() == watch.window };
    let wake = {
        let mut seen = lock(&watch.seen);
        seen.untold.push(crash);
        seen.wake.clone()
    };
    if let Some(wake) = wake.filter(|_| thread.id() != watch.window) {
        wake();
    }
}

/// The report's text. No secret is printed into it by Slotdeck's own words; what a library panics with is taken as it is,
/// and std prints the text that it was to cut.
fn report(at: SystemTime, thread: &str, what: &str, backtrace: &Backtrace) -> String {
    let mut text = String::new();
    let system = sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned());
    // Writing to a String can't fail.
    let _ = writeln!(text, "Slotdeck {} crashed at {} UTC", env!("CARGO_PKG_VERSION"), stamp(at));
    let _ = writeln!(text, "System: {system} ({})", std::env::consts::ARCH);
    let _ = writeln!(text, "Thread: {thread}");
    // In a program without symbols the places are addresses; this one says where it was loaded.
    let _ = writeln!(text, "Loaded: {:p} is slotdeck::gui::crash::watch", watch as *const ());
    let _ = writeln!(text, "\n{what}\n\n{backtrace:#}");
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::workspace::store::Workspace;

    /// One test, because the hook belongs to the process; the others' panics may come between.
    #[test]
    fn a_panic_of_a_thread_is_written_down_and_told_once() {
        let home = tempfile::tempdir().unwrap();
        watch(Crashes::of(&Workspace::open(Some(home.path().to_owned())).unwrap()));
        let (woken, wakes) = std::sync::mpsc::sync_channel(64);
        wake_with(Arc::new(move || woken.try_send(()).unwrap_or_default()));
        let thread = std::thread::Builder::new().name("slotdeck-test".to_owned());
        assert!(thread.spawn(|| panic!("the sky fell")).unwrap().join().is_err());
        wakes.recv_timeout(Duration::from_secs(5)).unwrap();
        let told = take();
        let crash = told.iter().find(|crash| crash.thread == "slotdeck-test").unwrap();
        assert!(crash.what.contains("the sky fell") && !crash.of_window, "{crash:?}");
        let text = std::fs::read_to_string(crash.report.as_ref().unwrap()).unwrap();
        for part in [env!("CARGO_PKG_VERSION"), "System: ", "Thread: slotdeck-test", "the sky fell", "crash.rs"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(take().iter().all(|crash| crash.thread != "slotdeck-test"), "told twice");
    }
}
