//! Runs the real slotctl, and the real redis-cli beside it.

#![allow(dead_code, reason = "each test program uses its own part of this module")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails must fail its test")]
#![allow(clippy::missing_panics_doc, reason = "test helpers panic to fail the test")]

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a program ended and what it printed.
#[derive(Debug)]
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// Insists on exit code 0 and an empty standard error.
    #[track_caller]
    pub fn fine(self) -> Self {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{self:#?}");
        self
    }

    /// Insists on exit code 1.
    #[track_caller]
    pub fn failed(self) -> Self {
        assert_eq!(self.code, 1, "{self:#?}");
        self
    }

    /// Insists that standard output holds this.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.out.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// Insists that standard error holds this.
    #[track_caller]
    pub fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }
}

/// Where slotctl keeps what it must remember, unless the test has a place of its own.
pub fn home() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("slotctl-home")
}

/// Runs a program with this standard input, in a bare environment.
pub fn run<A: AsRef<OsStr>>(program: &str, args: &[A], input: &str, env: &[(&str, &OsStr)]) -> Ran {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_remove("REDISCLI_AUTH")
        .env_remove("REDISCLI_CLUSTER_YES")
        .env("TERM", "dumb")
        .env("SLOTDECK_HOME", home());
    let mut child = command
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
    // A program that asks nothing may have ended before it read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs slotctl.
pub fn slotctl<A: AsRef<OsStr>>(args: &[A], input: &str) -> Ran {
    run(env!("CARGO_BIN_EXE_slotctl"), args, input, &[])
}

/// Runs slotctl on a workspace.
pub fn slotctl_at<A: AsRef<OsStr>>(home: &Path, args: &[A], input: &str) -> Ran {
    run(env!("CARGO_BIN_EXE_slotctl"), args, input, &[("SLOTDECK_HOME", home.as_os_str())])
}

/// Runs redis-cli.
pub fn redis_cli<A: AsRef<OsStr>>(args: &[A], input: &str) -> Ran {
    run("redis-cli", args, input, &[])
}
