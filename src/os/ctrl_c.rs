//! A Ctrl-C for one other process.
//!
//! Windows has no signals. A console program ends well on Ctrl-C, but that can only be sent by a process on the same
//! console, and taking another console loses one's own. So it is done by a process made for it: this very program,
//! started again with `--ctrl-c PID`.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

/// The hidden argument that makes this program send a Ctrl-C and nothing else.
pub const ARGUMENT: &str = "--ctrl-c";

/// If the program was started to send a Ctrl-C (`--ctrl-c PID`), does so and says how it ended: 0 when it was sent. Call
/// it first of all in `main`, with the arguments without the program's name.
pub fn dispatch(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let pid = asked_for(args)?;
    let sent = pid != NOBODY && send(pid).is_ok();
    Some(if sent { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Stands for a request that names no process.
const NOBODY: u32 = 0;

/// Whom a Ctrl-C is asked for, if one is.
fn asked_for(args: impl IntoIterator<Item = OsString>) -> Option<u32> {
    let mut args = args.into_iter();
    if args.next()? != ARGUMENT {
        return None;
    }
    let pid = args.next().and_then(|pid| pid.to_str()?.parse().ok());
    Some(pid.filter(|pid| *pid > 1 && args.next().is_none()).unwrap_or(NOBODY))
}

/// Joins the console of a process and sends Ctrl-C to all that are on it but ourselves. The own console is gone after.
///
/// # Errors
/// The process has no console or has ended; another system than Windows.
#[cfg(windows)]
fn send(pid: u32) -> io::Result<()> {
    super::windows_console::send_ctrl_c(pid)
}

/// # Errors
/// Always: other systems have signals.
#[cfg(not(windows))]
fn send(_pid: u32) -> io::Result<()> {
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
        assert_eq!(asked_for(args(&["up", "--ctrl-c", "77"])), None);
        assert_eq!(asked_for(args(&["--ctrl-c", "77"])), Some(77));
    }

    #[test]
    fn without_one_process_nobody_is_sent_anything() {
        for words in [&["--ctrl-c"][..], &["--ctrl-c", "all"], &["--ctrl-c", "0"], &["--ctrl-c", "77", "78"]] {
            assert_eq!(asked_for(args(words)), Some(NOBODY), "{words:?}");
        }
    }
}
