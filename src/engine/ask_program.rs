//! Asking a program of the system for a few words: it gets no input, no window and a deadline, and only the beginning of what
//! it prints is read.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use process_wrap::tokio::CommandWrap;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// How long one that was told to end may take.
const ENDING: Duration = Duration::from_secs(1);

/// What it printed, and its exit code where it ended with one.
pub(super) struct Answer {
    pub(super) out: Vec<u8>,
    pub(super) err: Vec<u8>,
    pub(super) code: Option<i32>,
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// The program can't be run.
    NotRun(io::Error),
    /// It did not end in time, and was ended.
    TooSlow,
}

/// Runs a program and reads at most so many bytes of each of its two outputs.
///
/// # Errors
/// [`NoAnswer`].
pub(super) async fn ask_program(mut command: Command, most: u64, within: Duration) -> Result<Answer, NoAnswer> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(windows)]
    command.creation_flags(super::process::CREATE_NO_WINDOW);
    #[cfg_attr(windows, allow(unused_mut, reason = "a session is for Unix"))]
    let mut command = CommandWrap::from(command);
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessSession);
    let mut child = command.spawn().map_err(NoAnswer::NotRun)?;
    let (out, err) = (child.stdout().take(), child.stderr().take());
    let reading = async {
        let (out, err) = tokio::join!(beginning(out, most), beginning(err, most));
        (out, err, child.wait().await)
    };
    let Ok((out, err, ended)) = tokio::time::timeout(within, reading).await else {
        // The whole group, for it may be a script that started something else.
        if child.start_kill().is_ok() {
            let _ = tokio::time::timeout(ENDING, child.wait()).await;
        }
        return Err(NoAnswer::TooSlow);
    };
    Ok(Answer { out, err, code: ended.ok().and_then(|status| status.code()) })
}

async fn beginning(of: Option<impl AsyncRead + Unpin>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(of) = of {
        // What came before an error is as good as all of it.
        let _ = of.take(most).read_to_end(&mut bytes).await;
    }
    bytes
}
