//! Things that happen once: shown as a toast and kept in the event list.

use std::time::SystemTime;

/// How loud an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something ended well.
    Success,
    /// Something is odd.
    Warning,
    /// Something failed.
    Error,
}

/// What happened; frontends put it into words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A chosen file can't be used as a server: file and reason.
    ServerRefused(String, String),
    /// A chosen file is a server: file and version.
    ServerAccepted(String, String),
    /// A command was refused: command and reason.
    Refused(&'static str, String),
    /// A job ended badly: job and reason.
    JobFailed(super::job::JobKind, String),
    /// A job ended because it was asked to; what is left.
    JobCancelled(super::job::JobKind, String),
    /// A job ended well.
    JobDone(super::job::JobKind),
    /// A process ended without being asked: address and how.
    ProcessDied(String, super::process::Exit),
    /// Something changed on a node, or in the cluster as a whole.
    Changed(Option<crate::core::topology::NodeAddr>, crate::core::timeline::Change),
    /// The program was started a second time; with the definition that it was to open.
    OpenRequested(Option<std::path::PathBuf>),
    /// Anything else, in English.
    Notice(String),
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: SystemTime,
    /// How loud.
    pub level: Level,
    /// The cluster, if it concerns one.
    pub cluster: Option<String>,
    /// What.
    pub what: What,
}
