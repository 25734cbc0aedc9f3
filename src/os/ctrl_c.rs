//! A Ctrl-C for one other process.
//!
//! Windows has no signals. A console program ends well on Ctrl-C, but that can only be sent by a process on the same
//! console, and taking another console loses one's own. So it is done by a process made for it: this very program,
//! started again with `--ctrl-c PID STARTED`.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

/// The hidden argument that makes this program send a Ctrl-C and nothing else.
pub const ARGUMENT: &str = "--ctrl-c";

/// If the program was started to send a Ctrl-C (`--ctrl-c PID STARTED`, the time in seconds since 1970), does so and says
/// how it ended: 0 when it was sent. Call it first of all in `main`, with the arguments without the program's name.
pub fn dispatch(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let (pid, started) = asked_for(args)?;
    let sent = pid != NOBODY && send(pid, started).is_ok();
    Some(if sent { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Stands for a request that names no process.
const NOBODY: u32 = 0;

/// Whom a Ctrl-C is asked for, if one is: its process id, and when it started.
fn asked_for(args: impl IntoIterator<Item = OsString>) -> Option<(u32, u64)> {
    let mut args = args.into_iter();
    if args.next()? != ARGUMENT {
        return None;
    }
    let pid = args.next().and_then(|pid| pid.to_str()?.parse().ok());
    let started = args.next().and_then(|started| started.to_str()?.parse().ok());
    let both = pid.zip(started).filter(|(pid, _)| *pid > 1 && args.next().is_none());
    Some(both.unwrap_or((NOBODY, 0)))
}

/// Whether nobody else than we, the server and its helpers is on a console: a Ctrl-C reaches all that are.
#[cfg_attr(
    not(any(windows, test)),
    expect(dead_code, reason = "only Windows has consoles, but the rule is tested everywhere")
)]
pub(super) fn is_its_own(on_console: &[u32], me: u32, server: u32, helpers: &[u32]) -> bool {
    on_console.contains(&server) && on_console.iter().all(|pid| *pid == me || *pid == server || helpers.contains(pid))
}

/// Joins the console of a process and sends Ctrl-C to all that are on it but ourselves, if that is only the process and
/// its helpers. The own console is gone after.
///
/// # Errors
/// The process has no console, shares it with others, or has ended; another system than Windows.
#[cfg(windows)]
fn send(pid: u32, started: u64) -> io::Result<()> {
    super::windows_console::send_ctrl_c(pid, started)
}

/// # Errors
/// Always: other systems have signals.
#[cfg(not(windows))]
fn send(_pid: u32, _started: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn only_the_hidden_argument_in_first_place_is_meant() {
        assert_eq!(asked_for(args(&[])), None);
        assert_eq!(asked_for(args(&["up", "--ctrl-c", "77", "5"])), None);
        assert_eq!(asked_for(args(&["--ctrl-c", "77", "5"])), Some((77, 5)));
    }

    #[test]
    fn without_one_process_nobody_is_sent_anything() {
        for words in ["", "all 5", "0 5", "77", "77 soon", "77 5 78"] {
            let words: Vec<&str> = std::iter::once(ARGUMENT).chain(words.split_terminator(' ')).collect();
            assert_eq!(asked_for(args(&words)), Some((NOBODY, 0)), "{words:?}");
        }
    }

    #[test]
    fn a_console_with_anybody_else_on_it_is_left_alone() {
        assert!(is_its_own(&[9, 77], 9, 77, &[]));
        assert!(is_its_own(&[9, 77, 78], 9, 77, &[78]));
        // A command window, and a second server that was started from it.
        assert!(!is_its_own(&[9, 77, 50], 9, 77, &[78]));
        assert!(!is_its_own(&[9, 77, 80], 9, 77, &[]));
        assert!(!is_its_own(&[9], 9, 77, &[]));
    }
}
