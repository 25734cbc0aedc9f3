//! What changes in a cluster while it is watched, and failovers told as stories.
//!
//! A [`Change`] is the difference between two looks; [`stories`] reads a sequence of them and finds what belongs
//! together: a master that was lost, and what became of its slots.

mod owners;
mod story;

use super::slot::SlotSet;
use super::topology::{NodeAddr, Role};

pub use owners::OwnerLog;
pub use story::{Plot, Stage, Story, stories};

/// How the other nodes see a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Standing {
    /// Nobody complains.
    #[default]
    Fine,
    /// Met, not yet known everywhere.
    Joining,
    /// Some can't reach it (`fail?`).
    Suspected,
    /// The majority says it is down (`fail`).
    Failed,
}

/// The one line about a cluster's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Not running, on purpose.
    Stopped,
    /// Nothing is known yet.
    Unknown,
    /// All slots covered, every node agrees and every replica is linked.
    Ok,
    /// Works, but something is wrong (a node down, a replica without link, views that differ).
    Degraded,
    /// Some slots are not served.
    Down,
}

/// A difference between two looks at a node or at the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another role.
    Role {
        /// The old one.
        before: Role,
        /// The new one.
        after: Role,
        /// The master that it copied before, or copies now.
        master: Option<NodeAddr>,
    },
    /// The others see it otherwise.
    Standing {
        /// Before.
        before: Standing,
        /// Now.
        after: Standing,
    },
    /// It answers us again, or no longer.
    Answers(bool),
    /// Its link to its master came up or went down.
    Link(bool),
    /// It copies another master.
    Follows {
        /// The old master.
        before: Option<NodeAddr>,
        /// The new one.
        after: Option<NodeAddr>,
    },
    /// Slots have another owner.
    Slots {
        /// Which.
        slots: SlotSet,
        /// Who owned them; `None` where nobody did.
        before: Option<NodeAddr>,
        /// Who owns them now.
        after: Option<NodeAddr>,
    },
    /// Another configuration epoch.
    Epoch {
        /// Before.
        before: u64,
        /// Now.
        after: u64,
    },
    /// Its server process was started.
    Started,
    /// Its server process was stopped on purpose.
    Stopped,
    /// Its server process ended without being asked.
    Died,
    /// Another process answers at its address: it was restarted.
    Restarted,
    /// A setting that INFO tells has another value.
    Setting {
        /// Its name.
        name: &'static str,
        /// The old value.
        before: String,
        /// The new one.
        after: String,
    },
    /// It was not there before.
    Joined,
    /// It is not there any more.
    Left,
    /// The cluster as a whole is otherwise.
    Health {
        /// Before.
        before: Health,
        /// Now.
        after: Health,
    },
}

/// What a change is about, for filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Roles and who copies whom.
    Role,
    /// How nodes and the cluster are.
    State,
    /// Who owns which slots.
    Slots,
    /// Epochs.
    Epoch,
    /// Links to masters.
    Link,
    /// Processes.
    Process,
    /// Settings.
    Config,
}

impl Topic {
    /// All of them.
    pub const ALL: [Topic; 7] =
        [Topic::Role, Topic::State, Topic::Slots, Topic::Epoch, Topic::Link, Topic::Process, Topic::Config];
}

impl Change {
    /// What it is about.
    #[must_use]
    pub fn topic(&self) -> Topic {
        match self {
            Change::Role { .. } | Change::Follows { .. } => Topic::Role,
            Change::Standing { .. } | Change::Answers(_) | Change::Joined | Change::Left | Change::Health { .. } => {
                Topic::State
            }
            Change::Slots { .. } => Topic::Slots,
            Change::Epoch { .. } => Topic::Epoch,
            Change::Link(_) => Topic::Link,
            Change::Started | Change::Stopped | Change::Died | Change::Restarted => Topic::Process,
            Change::Setting { .. } => Topic::Config,
        }
    }

    /// Takes a later change of the same kind in, where both are better told as one: slots that go on moving between
    /// the same two. `false` where not.
    pub fn absorb(&mut self, later: &Change) -> bool {
        match (self, later) {
            (Change::Slots { slots, before, after }, Change::Slots { slots: more, before: b, after: a })
                if before == b && after == a =>
            {
                slots.union_with(more);
                true
            }
            _ => false,
        }
    }
}

/// A change, when it was seen and on whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When it was seen, milliseconds since 1970: at most a poll after it happened.
    pub at_ms: u64,
    /// Which node; `None` for the cluster as a whole.
    pub node: Option<NodeAddr>,
    /// What.
    pub change: Change,
}
