//! Failovers as stories: lost, suspected, failed, elected, promoted, served again, back, healed.

use std::collections::BTreeMap;

use crate::core::topology::{NodeAddr, Role};

use super::{Change, Happening, Health, Standing};

/// A step of a story. Their order is the one in which they come where nothing odd happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The node does not answer us, or its process ended.
    Lost,
    /// Some others can't reach it.
    Suspected,
    /// The majority of masters calls it failed.
    Failed,
    /// A replica was elected: its epoch grew.
    Elected,
    /// The replica calls itself a master.
    Promoted,
    /// All slots are served again.
    Served,
    /// The old master answers again.
    Returned,
    /// The old master copies the new one.
    Follows,
    /// Nothing is wrong with the cluster any more.
    Healed,
}

/// What kind of story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plot {
    /// A master was lost and a replica took over.
    Failover,
    /// Somebody asked a replica to take over from a master that was well.
    Planned,
    /// A node was away, and nobody took over (yet).
    Outage,
}

/// What happened around one lost or replaced node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The node that was lost or replaced.
    pub node: NodeAddr,
    /// The replica that took over.
    pub heir: Option<NodeAddr>,
    /// What kind.
    pub plot: Plot,
    /// What was seen, each once, by time (milliseconds since 1970).
    pub stages: Vec<(Stage, u64)>,
}

impl Story {
    fn new(node: NodeAddr, plot: Plot) -> Self {
        Self { node, heir: None, plot, stages: Vec::new() }
    }

    /// When a stage was seen.
    #[must_use]
    pub fn at(&self, stage: Stage) -> Option<u64> {
        self.stages.iter().find(|(s, _)| *s == stage).map(|(_, at)| *at)
    }

    /// The first stage's time.
    #[must_use]
    pub fn began(&self) -> u64 {
        self.stages.first().map_or(0, |(_, at)| *at)
    }

    /// From the first to the last stage, milliseconds.
    #[must_use]
    pub fn took(&self) -> u64 {
        self.stages.last().map_or(0, |(_, at)| at.saturating_sub(self.began()))
    }

    /// How long the node's slots had nobody to serve them, milliseconds; `None` where that did not end or was never so.
    #[must_use]
    pub fn unserved(&self) -> Option<u64> {
        let from = self.at(Stage::Lost).or_else(|| self.at(Stage::Suspected)).or_else(|| self.at(Stage::Failed))?;
        let until = self.at(Stage::Promoted).max(self.at(Stage::Served)).filter(|_| self.heir.is_some())?;
        Some(until.saturating_sub(from))
    }

    /// Whether nothing more is to come.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self.plot {
            Plot::Failover => self.at(Stage::Healed).is_some(),
            Plot::Planned => self.at(Stage::Follows).is_some(),
            Plot::Outage => self.at(Stage::Returned).is_some(),
        }
    }

    fn see(&mut self, stage: Stage, at_ms: u64) {
        if self.at(stage).is_none() {
            self.stages.push((stage, at_ms));
            // Stages of one moment stand in their natural order.
            self.stages.sort_by_key(|(stage, at)| (*at, *stage));
        }
    }
}

/// How long before a promotion an epoch may have grown to count as its election, milliseconds.
const ELECTION: u64 = 15_000;

/// The stories in a sequence of changes of one cluster, oldest first. The changes must be in order of time.
#[must_use]
pub fn stories(happenings: &[Happening]) -> Vec<Story> {
    let mut teller = Teller::default();
    for happening in happenings {
        teller.hear(happening);
    }
    let mut all = teller.told;
    all.sort_by_key(Story::began);
    all
}

#[derive(Default)]
struct Teller {
    told: Vec<Story>,
    /// The story of each node that is not over, as a place in `told`.
    open: BTreeMap<NodeAddr, usize>,
    /// When each node's epoch grew last.
    epochs: BTreeMap<NodeAddr, u64>,
}

impl Teller {
    fn hear(&mut self, happening: &Happening) {
        let at = happening.at_ms;
        let Some(node) = &happening.node else {
            if let Change::Health { after, .. } = happening.change {
                self.health(after, at);
            }
            return;
        };
        match &happening.change {
            Change::Answers(false) | Change::Died => self.trouble(node, Stage::Lost, at),
            Change::Standing { after: Standing::Suspected, .. } => self.trouble(node, Stage::Suspected, at),
            Change::Standing { after: Standing::Failed, .. } => self.trouble(node, Stage::Failed, at),
            Change::Answers(true) | Change::Standing { after: Standing::Fine, .. } => self.back(node, at),
            Change::Epoch { before, after } if after > before => {
                self.epochs.insert(node.clone(), at);
            }
            Change::Role { after: Role::Master, master: Some(old), .. } => self.promoted(node, old, at),
            Change::Role { after: Role::Replica, .. } => self.demoted(node, at),
            _ => {}
        }
    }

    fn open(&mut self, node: &NodeAddr) -> Option<&mut Story> {
        self.told.get_mut(*self.open.get(node)?)
    }

    fn begin(&mut self, node: &NodeAddr, plot: Plot) -> usize {
        self.told.push(Story::new(node.clone(), plot));
        self.open.insert(node.clone(), self.told.len() - 1);
        self.told.len() - 1
    }

    fn trouble(&mut self, node: &NodeAddr, stage: Stage, at: u64) {
        // A node that came back from a failover and is lost once more begins another story.
        if self.open(node).is_some_and(|story| story.at(Stage::Returned).is_some() || story.plot == Plot::Planned) {
            self.open.remove(node);
        }
        let place = self.open.get(node).copied().unwrap_or_else(|| self.begin(node, Plot::Outage));
        self.told[place].see(stage, at);
    }

    fn promoted(&mut self, heir: &NodeAddr, old: &NodeAddr, at: u64) {
        let going = self.open.get(old).copied().filter(|place| self.told[*place].heir.is_none());
        let place = going.unwrap_or_else(|| self.begin(old, Plot::Planned));
        let elected = self.epochs.get(heir).copied().filter(|grown| at - grown.min(&at) <= ELECTION);
        let story = &mut self.told[place];
        story.heir = Some(heir.clone());
        if story.plot == Plot::Outage {
            story.plot = Plot::Failover;
        }
        story.see(Stage::Elected, elected.unwrap_or(at).max(story.began().min(at)));
        story.see(Stage::Promoted, at);
        // A story of the heir as a lost replica is another one.
    }

    fn demoted(&mut self, node: &NodeAddr, at: u64) {
        let Some(story) = self.open(node).filter(|story| story.heir.is_some()) else { return };
        story.see(Stage::Follows, at);
        if story.is_over() {
            self.open.remove(node);
        }
    }

    fn back(&mut self, node: &NodeAddr, at: u64) {
        let Some(story) = self.open(node) else { return };
        if story.plot == Plot::Planned {
            return;
        }
        story.see(Stage::Returned, at);
        if story.is_over() {
            self.open.remove(node);
        }
    }

    fn health(&mut self, health: Health, at: u64) {
        let served = matches!(health, Health::Ok | Health::Degraded);
        let told = &mut self.told;
        self.open.retain(|_, place| {
            let story = &mut told[*place];
            if served && story.heir.is_some() && story.plot == Plot::Failover {
                story.see(Stage::Served, at);
            }
            if health == Health::Ok && story.plot == Plot::Failover {
                story.see(Stage::Healed, at);
            }
            !story.is_over()
        });
    }
}

#[cfg(test)]
#[path = "story_tests.rs"]
mod tests;
