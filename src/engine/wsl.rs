//! Servers inside WSL: looking for them, starting and ending them by way of `wsl.exe`. What is said to it and what it
//! answers is [`core::wsl`](crate::core::wsl)'s.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::process::Command;

use crate::core::conf::file::PID_FILE;
use crate::core::wsl::{Inside, decode, distros, look, programs};

use super::ask_program::{Answer, NoAnswer, ask_program};

/// The environment variable that names a program to use instead of `wsl.exe`, on any system: for trying this out.
pub const PROGRAM_VARIABLE: &str = "SLOTDECK_WSL";

/// Has `wsl.exe` print UTF-8 instead of UTF-16, so that what it says in a log can be read.
pub(super) const PRINT_UTF8: (&str, &str) = ("WSL_UTF8", "1");

/// How long a list of distributions may take: WSL's service may have to start.
const LIST_DEADLINE: Duration = Duration::from_secs(10);
/// How long a program inside may take that only says something; a distribution that is stopped starts first.
pub(super) const ASK_DEADLINE: Duration = Duration::from_secs(40);
/// How much of the output is read, in bytes.
const MOST: u64 = 64 * 1024;

/// What to do where a server inside runs and Windows can't reach it.
pub(super) const NOT_REACHED: &str = "; it runs inside WSL, and Windows reaches it by WSL's localhost forwarding: in the \
    file .wslconfig of your user folder leave localhostForwarding on, or set networkingMode=mirrored, below [wsl2]; then \
    run 'wsl --shutdown' and start the cluster again";

/// The program that leads into WSL; `None` where WSL has no distribution.
#[must_use]
pub fn program() -> Option<PathBuf> {
    if let Some(other) = std::env::var_os(PROGRAM_VARIABLE).filter(|name| !name.is_empty()) {
        return Some(PathBuf::from(other));
    }
    // Windows has a wsl.exe even where nothing is installed: that one only offers to install.
    if !cfg!(windows) || !crate::os::registry::has_wsl() {
        return None;
    }
    let file = PathBuf::from(std::env::var_os("SystemRoot")?).join("System32").join("wsl.exe");
    file.is_file().then_some(file)
}

/// Which distributions are looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Those that run already: starting one takes seconds and much memory.
    No,
    /// All; those that are stopped start.
    Yes,
}

/// What was found inside WSL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The programs, by their paths of Windows.
    pub programs: Vec<PathBuf>,
    /// The distributions that are stopped and were not looked into.
    pub asleep: Vec<String>,
}

/// Looks for server programs inside WSL.
pub async fn find(wake: Wake) -> Found {
    let Some(wsl) = program() else { return Found::default() };
    let list = async |args: &[&str]| {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        run(&wsl, &args, None, LIST_DEADLINE).await.map(|ran| distros(&ran.out)).unwrap_or_default()
    };
    let all = list(&["--list", "--quiet"]).await;
    if all.is_empty() {
        return Found::default();
    }
    let awake = if wake == Wake::Yes { all.clone() } else { list(&["--list", "--running", "--quiet"]).await };
    let (awake, asleep): (Vec<_>, Vec<_>) = all.into_iter().partition(|name| awake.contains(name));
    let looks = awake.iter().map(|distro| {
        let wsl = &wsl;
        async move {
            let ran = run(wsl, &look(distro), None, ASK_DEADLINE).await.ok()?;
            Some(programs(distro, &ran.out))
        }
    });
    let found = join_all(looks).await.into_iter().flatten().flatten();
    Found { programs: found.map(|inside| inside.path()).collect(), asleep }
}

/// What a run of `wsl.exe` gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ran {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) code: Option<i32>,
}

/// Asks a program inside for its version.
pub(super) async fn version(inside: &Inside) -> Result<Ran, String> {
    let wsl = program().ok_or_else(|| NO_WSL.to_owned())?;
    run(&wsl, &inside.run(&["--version"]), None, ASK_DEADLINE).await
}

/// Why a program inside can't be used where WSL is not.
pub(super) const NO_WSL: &str = "It is inside WSL, and this system has no WSL with a distribution.";

async fn run(wsl: &Path, args: &[String], cwd: Option<&Path>, deadline: Duration) -> Result<Ran, String> {
    let mut command = Command::new(wsl);
    command.args(args).env(PRINT_UTF8.0, PRINT_UTF8.1);
    if let Some(cwd) = cwd {
        command.current_dir(cwd);
    }
    match ask_program(command, MOST, deadline).await {
        Ok(Answer { out, err, code }) => Ok(Ran { out: decode(&out), err: decode(&err), code }),
        Err(NoAnswer::NotRun(error)) => Err(format!("{} can't be run: {error}.", wsl.display())),
        Err(NoAnswer::TooSlow) => Err(format!("WSL did not answer within {} seconds.", deadline.as_secs())),
    }
}

/// A signal for a server inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// None: only whether it runs.
    Look,
    /// To save and end.
    Term,
    /// To end at once.
    Kill,
}

/// Sends the server inside that works in a node's folder a signal. `false` where none does. Its number is the one that
/// it wrote into the folder.
///
/// # Errors
/// WSL is not there or does not answer.
pub(super) async fn signal(inside: &Inside, node_dir: &Path, signal: Signal) -> Result<bool, String> {
    let Some(pid) = pid_in(node_dir) else { return Ok(false) };
    let wsl = program().ok_or_else(|| NO_WSL.to_owned())?;
    signal_by(&wsl, inside, node_dir, pid, signal).await
}

async fn signal_by(wsl: &Path, inside: &Inside, node_dir: &Path, pid: u32, signal: Signal) -> Result<bool, String> {
    let name = match signal {
        Signal::Look => "0",
        Signal::Term => "TERM",
        Signal::Kill => "KILL",
    };
    let ran = run(wsl, &inside.signal(name, pid), Some(node_dir), ASK_DEADLINE).await?;
    Ok(ran.code == Some(0))
}

/// The pid that the server of a folder has by its own count, as it wrote it there.
pub(super) fn pid_in(node_dir: &Path) -> Option<u32> {
    let pid = std::fs::read_to_string(node_dir.join(PID_FILE)).ok()?.trim().parse().ok()?;
    (pid > 1).then_some(pid)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Stands in for `wsl.exe`.
    const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/wsl/wsl");

    fn shell() -> Inside {
        Inside { distro: "Ubuntu".into(), program: "/bin/sh".into() }
    }

    #[tokio::test]
    async fn a_signal_reaches_the_process_that_works_in_the_folder_and_no_other() {
        let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut process = Command::new("sleep").arg("60").current_dir(home.path()).kill_on_drop(true).spawn().unwrap();
        let pid = process.id().unwrap();
        let send = async |dir: &Path, signal| signal_by(Path::new(STAND_IN), &shell(), dir, pid, signal).await.unwrap();
        assert!(send(home.path(), Signal::Look).await);
        assert!(!send(elsewhere.path(), Signal::Kill).await);
        assert!(send(home.path(), Signal::Term).await);
        process.wait().await.unwrap();
        assert!(!send(home.path(), Signal::Look).await);
    }

    #[tokio::test]
    async fn what_wsl_itself_says_can_be_read() {
        let nowhere = Inside { distro: "Nowhere".into(), ..shell() };
        let ran = run(Path::new(STAND_IN), &nowhere.run(&["--version"]), None, ASK_DEADLINE).await.unwrap();
        assert_eq!((ran.out.trim(), ran.code), ("There is no distribution with the supplied name.", Some(255)));
    }

    #[tokio::test]
    async fn a_wsl_that_is_not_there_is_named() {
        let error = run(Path::new("/no/wsl.exe"), &[], None, ASK_DEADLINE).await.unwrap_err();
        assert!(error.starts_with("/no/wsl.exe can't be run: "), "{error}");
    }

    #[test]
    fn a_pid_is_taken_from_the_folder_and_nothing_else_is_a_pid() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(pid_in(dir.path()), None);
        for (text, pid) in [("314\n", Some(314)), ("1\n", None), ("", None), ("-5", None), ("7 8", None)] {
            std::fs::write(dir.path().join(PID_FILE), text).unwrap();
            assert_eq!(pid_in(dir.path()), pid, "{text:?}");
        }
    }
}
