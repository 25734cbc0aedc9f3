//! What a running step waits for, or has found, as data: `Display` says it in English, the window in its own language.

use std::fmt;

use crate::core::check::Finding;
use crate::core::count::counted;
use crate::core::slot::SlotSet;
use crate::core::topology::{NodeAddr, NodeId};

use super::migrate::others_words;

/// What a step waits for, or a detail of its result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each is a sentence below")]
pub enum Detail {
    /// Nothing to say.
    #[default]
    None,
    /// Words that are the same in every language: an address, a command, what a server or the system said.
    Text(String),
    Keys {
        done: u64,
        of: u64,
    },
    /// Bytes so far.
    Bytes(u64),
    Acquainted {
        nodes: usize,
        of: usize,
    },
    Kept {
        keys: u64,
        folder: String,
    },
    Proven {
        keys: u64,
        sampled: u64,
    },
    StillEnding(NodeAddr),
    Loading(NodeAddr),
    TookOver(NodeAddr),
    NotSeenBy(String),
    StillReplica(NodeAddr),
    Functions(NodeAddr),
    Undoing,
    WillCopy {
        replica: NodeAddr,
        master: NodeAddr,
    },
    NotRemoved(String),
    /// It goes on when this file is gone.
    Paused(String),
    Finding(Box<Finding>),
    Moved(Moved),
    Silent {
        node: NodeAddr,
        why: String,
    },
    DoesNotKnow {
        node: NodeAddr,
        whom: NodeAddr,
    },
    /// A node that was removed is still known to this one.
    StillKnows {
        node: NodeAddr,
        whom: NodeId,
    },
    /// A node that was removed has been told of others again.
    KnowsOthers(NodeAddr),
    OwnersUnknown(NodeAddr),
    SlotsUnseen {
        node: NodeAddr,
        of: NodeAddr,
    },
    RoleUnseen {
        node: NodeAddr,
        of: NodeAddr,
    },
    NoSteadyLink {
        node: NodeAddr,
        to: String,
    },
    NotLinked(NodeAddr),
    NotOk(NodeAddr),
    DoesNotFollow {
        node: NodeAddr,
        master: NodeAddr,
    },
    Copies {
        replica: NodeAddr,
        master: NodeAddr,
        words: String,
    },
}

/// How far a move of slots has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moved {
    /// Slots that have changed hands, and how many are to.
    pub slots: (usize, usize),
    /// Keys that have arrived, and how many are to.
    pub keys: (u64, u64),
    /// Its pace, where it is known and it is not paused.
    pub pace: Option<Pace>,
    /// The file that it waits for, while it is paused.
    pub paused: Option<String>,
    /// Why a stop that was asked for has to wait.
    pub ends_first: Option<EndsFirst>,
}

/// A migration that can't be stopped alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndsFirst {
    /// The server that migrates.
    pub at: String,
    /// The slots that it migrates for somebody else.
    pub others: SlotSet,
}

impl fmt::Display for EndsFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: what is under way ends first: {}.", self.at, others_words(&self.others))
    }
}

/// How fast a move of slots goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Keys a second; empty slots a second where no key is left.
    pub rate: u64,
    /// Whether slots are counted, not keys.
    pub of_slots: bool,
    /// Seconds that are left at this pace.
    pub left: u64,
}

impl Detail {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::None } else { Self::Text(text) }
    }
}

impl From<&Finding> for Detail {
    fn from(finding: &Finding) -> Self {
        Self::Finding(Box::new(finding.clone()))
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Keys { done, of } => write!(f, "{done} of {}", counted(*of, "key")),
            #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
            Self::Bytes(bytes) => write!(f, "{:.1} MiB", *bytes as f64 / 1_048_576.0),
            Self::Acquainted { nodes, of } => write!(f, "{nodes} of {of} nodes know all others"),
            Self::Kept { keys, folder } => write!(f, "{} in {folder}", counted(*keys, "key")),
            Self::Proven { keys, sampled } => {
                write!(f, "{}; {sampled} were read back and are the same", counted(*keys, "key"))
            }
            Self::StillEnding(node) => write!(f, "{node} is still saving and ending"),
            Self::Loading(node) => write!(f, "{node} is loading its data set"),
            Self::TookOver(node) => write!(f, "{node} has taken over by itself meanwhile"),
            Self::NotSeenBy(node) => write!(f, "{node} does not see it yet"),
            Self::StillReplica(node) => write!(f, "{node} is still a replica"),
            Self::Functions(node) => write!(f, "functions for {node}"),
            Self::Undoing => f.write_str("it is undone"),
            Self::WillCopy { replica, master } => write!(f, "{replica} will copy {master}"),
            Self::NotRemoved(files) => write!(f, "not removed: {files}"),
            Self::Paused(file) => write!(f, "Paused while {file} exists."),
            Self::Finding(finding) => finding.fmt(f),
            Self::Moved(moved) => moved.fmt(f),
            Self::Silent { node, why } if why.is_empty() => write!(f, "{node} does not answer"),
            Self::Silent { node, why } => write!(f, "{node} does not answer ({why})"),
            Self::DoesNotKnow { node, whom } => write!(f, "{node} does not know {whom} yet"),
            Self::StillKnows { node, whom } => write!(f, "{node} still knows {whom}"),
            Self::KnowsOthers(node) => write!(f, "{node} knows nodes of the cluster again"),
            Self::OwnersUnknown(node) => write!(f, "{node} does not know yet who owns which slots"),
            Self::SlotsUnseen { node, of } => write!(f, "{node} does not see the slots of {of} yet"),
            Self::RoleUnseen { node, of } => write!(f, "{node} does not see the role of {of} yet"),
            Self::NoSteadyLink { node, to } => write!(f, "{node} has no steady link to {to} yet"),
            Self::NotLinked(node) => write!(f, "replica {node} has no link to its master yet"),
            Self::NotOk(node) => write!(f, "{node} does not report state ok yet"),
            Self::DoesNotFollow { node, master } => write!(f, "{node} does not follow {master} yet"),
            Self::Copies { replica, master, words } => write!(f, "{replica} copies {master}: {words}"),
        }
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (slots, keys) = (self.slots, self.keys);
        write!(f, "{} of {} slots, {} of {} keys", slots.0, slots.1, keys.0, keys.1)?;
        if let Some(why) = &self.ends_first {
            return write!(f, ". {why}");
        }
        if let Some(file) = &self.paused {
            return write!(f, ". {}", Detail::Paused(file.clone()));
        }
        let Some(pace) = self.pace else { return Ok(()) };
        let what = if pace.of_slots { "slots" } else { "keys" };
        write!(f, ", {} {what}/s, {} left", pace.rate, time_left(pace.left))
    }
}

/// `8 s`, `2 min 5 s`, `3 h 20 min`.
#[must_use]
pub fn time_left(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_told_in_minutes_and_hours() {
        assert_eq!([8, 125, 12_000].map(time_left), ["8 s", "2 min 5 s", "3 h 20 min"]);
    }
}
