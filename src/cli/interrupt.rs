//! Ctrl-C and the system's requests to end: the first one stops the work at its next safe point, where what was changed
//! for a time is put back.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::terminal::{Terminal, complain};

/// How long the second Ctrl-C leaves the work to come to its safe point and to put settings back.
const PATIENCE: Duration = Duration::from_secs(5);

/// The exit code of a program that was ended by Ctrl-C.
const EXIT_INTERRUPTED: i32 = 130;

/// Who asks to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    /// A person: Ctrl-C.
    Person,
    /// The system: the terminal went away, or somebody ends the program from outside. Nobody can be asked any more.
    System,
}

/// Whether the work should stop, and whether anybody can be asked. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    token: Mutex<CancellationToken>,
    asking: AtomicBool,
    alone: AtomicBool,
    signalled: Notify,
}

impl Interrupt {
    /// Listens to the signals from now on. Must be called within the runtime.
    #[must_use]
    pub fn listen() -> Self {
        let this = Self::default();
        for (signal, mut arrivals) in signals() {
            let this = this.clone();
            tokio::spawn(async move {
                while arrivals.recv().await.is_some() {
                    this.receive(signal);
                }
            });
        }
        this
    }

    /// The token that fires at the next signal; for one piece of work.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.0.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A token for work that goes on after one that was stopped: the next signal counts as the first again.
    #[must_use]
    pub fn renew(&self) -> CancellationToken {
        let mut token = self.0.token.lock().unwrap_or_else(PoisonError::into_inner);
        if token.is_cancelled() {
            *token = CancellationToken::new();
        }
        token.clone()
    }

    /// Whether a signal came.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.token().is_cancelled()
    }

    /// Asks for a word. The end of the input is an empty one, and so is a signal; where the system has asked to end,
    /// nothing is asked.
    pub async fn ask(&self, terminal: Terminal, question: &str) -> String {
        if self.0.alone.load(Ordering::SeqCst) {
            return String::new();
        }
        let signalled = self.0.signalled.notified();
        self.0.asking.store(true, Ordering::SeqCst);
        let answer = tokio::select! {
            answer = terminal.ask(question) => answer,
            () = signalled => String::new(),
        };
        self.0.asking.store(false, Ordering::SeqCst);
        answer
    }

    /// Asks, and says whether the answer is `yes`.
    pub async fn confirmed(&self, terminal: Terminal, question: &str) -> bool {
        !self.is_cancelled() && self.ask(terminal, question).await == "yes"
    }

    fn receive(&self, signal: Signal) {
        if signal == Signal::System {
            self.0.alone.store(true, Ordering::SeqCst);
        }
        let token = self.token();
        let first = !token.is_cancelled();
        token.cancel();
        // A question that is open is answered by it; then nothing is under way that would have to be put back.
        let asking = self.0.asking.load(Ordering::SeqCst);
        self.0.signalled.notify_waiters();
        // The terminal shows the ^C in the row that is being rewritten: what is said next begins a row of its own.
        if signal == Signal::Person && !asking && std::io::stderr().is_terminal() {
            complain("");
        }
        if !first && !asking {
            tokio::spawn(end_soon());
        }
    }
}

async fn end_soon() {
    complain(&format!(
        "Ending in {} s at the latest; what was changed for a time is put back first.",
        PATIENCE.as_secs()
    ));
    tokio::time::sleep(PATIENCE).await;
    complain("Ended; what was under way is left as it is.");
    std::process::exit(EXIT_INTERRUPTED);
}

/// One of the system's signals, each arrival of it.
#[cfg(unix)]
type Arrivals = tokio::signal::unix::Signal;

#[cfg(unix)]
fn signals() -> Vec<(Signal, Arrivals)> {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        (Signal::Person, SignalKind::interrupt()),
        (Signal::System, SignalKind::terminate()),
        (Signal::System, SignalKind::hangup()),
    ];
    // A signal that the caller has switched off stays so: nohup does that.
    let wanted = kinds.into_iter().filter(|(_, kind)| !is_ignored(kind.as_raw_value()));
    wanted.filter_map(|(who, kind)| Some((who, signal(kind).ok()?))).collect()
}

/// Whether this signal is ignored, where the system tells it in /proc (Linux).
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignored_in(&status, signal))
}

#[cfg(unix)]
fn ignored_in(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// One of the console's events, each arrival of it.
#[cfg(windows)]
enum Arrivals {
    CtrlC(tokio::signal::windows::CtrlC),
    Break(tokio::signal::windows::CtrlBreak),
    Close(tokio::signal::windows::CtrlClose),
    Shutdown(tokio::signal::windows::CtrlShutdown),
}

#[cfg(windows)]
impl Arrivals {
    async fn recv(&mut self) -> Option<()> {
        match self {
            Self::CtrlC(events) => events.recv().await,
            Self::Break(events) => events.recv().await,
            Self::Close(events) => events.recv().await,
            Self::Shutdown(events) => events.recv().await,
        }
    }
}

#[cfg(windows)]
fn signals() -> Vec<(Signal, Arrivals)> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
    let all = [
        (Signal::Person, ctrl_c().map(Arrivals::CtrlC)),
        (Signal::Person, ctrl_break().map(Arrivals::Break)),
        (Signal::System, ctrl_close().map(Arrivals::Close)),
        (Signal::System, ctrl_shutdown().map(Arrivals::Shutdown)),
    ];
    all.into_iter().filter_map(|(who, events)| Some((who, events.ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_stops_the_work_and_what_is_gone_on_with_listens_anew() {
        let interrupt = Interrupt::default();
        let first = interrupt.token();
        interrupt.receive(Signal::Person);
        assert!(first.is_cancelled() && interrupt.is_cancelled());
        let second = interrupt.renew();
        assert!(!second.is_cancelled() && !interrupt.is_cancelled());
        interrupt.receive(Signal::Person);
        assert!(second.is_cancelled());
    }

    #[tokio::test]
    async fn nobody_is_asked_after_the_system_asked_to_end() {
        let interrupt = Interrupt::default();
        interrupt.receive(Signal::System);
        let _ = interrupt.renew();
        assert_eq!(interrupt.ask(Terminal::new(false), "never shown").await, "");
    }

    #[cfg(unix)]
    #[test]
    fn a_signal_that_nohup_has_switched_off_is_told() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert!(ignored_in(status, 1) && ignored_in(status, 13) && !ignored_in(status, 2) && !ignored_in("", 1));
    }
}
