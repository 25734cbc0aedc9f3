//! The nodes and what they think of each other, changing step by step. Pure: the same seed tells the same story.

use std::collections::{BTreeMap, BTreeSet};

use super::Options;

/// Slots of a cluster.
pub const SLOTS: u16 = 16_384;
/// Nobody's slot.
const NOBODY: u16 = u16::MAX;

/// What a side thinks of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    None,
    /// `fail?`
    Suspected,
    /// `fail`
    Failed,
}

/// What a group of nodes agrees about.
#[derive(Debug, Clone)]
pub struct Side {
    /// By node: whom it copies; `None` for masters.
    pub master: Vec<Option<usize>>,
    /// By node: its configuration epoch.
    pub epoch: Vec<u64>,
    /// By node: whether it is thought to be down.
    pub doubt: Vec<Doubt>,
    /// By node: whether the group has links to it.
    pub linked: Vec<bool>,
    /// By slot: its owner.
    owner: Vec<u16>,
    pub current_epoch: u64,
    /// `cluster_state:ok`.
    pub ok: bool,
}

impl Side {
    fn new(nodes: usize) -> Self {
        let masters = nodes / 2;
        let owner = (0..usize::from(SLOTS)).map(|slot| (slot * masters / usize::from(SLOTS)) as u16).collect();
        Self {
            master: (0..nodes).map(|node| (node >= masters).then(|| node - masters)).collect(),
            epoch: (0..nodes).map(|node| (node % masters) as u64 + 1).collect(),
            doubt: vec![Doubt::None; nodes],
            linked: vec![true; nodes],
            owner,
            current_epoch: masters as u64,
            ok: true,
        }
    }

    /// The ranges that each node owns.
    pub fn ranges(&self) -> Vec<Vec<(u16, u16)>> {
        let mut ranges: Vec<Vec<(u16, u16)>> = vec![Vec::new(); self.master.len()];
        for slot in 0..SLOTS {
            let owner = self.owner[usize::from(slot)];
            let Some(own) = ranges.get_mut(usize::from(owner)) else { continue };
            match own.last_mut() {
                Some((_, last)) if *last + 1 == slot => *last = slot,
                _ => own.push((slot, slot)),
            }
        }
        ranges
    }

    /// Who owns a slot.
    pub fn owner(&self, slot: u16) -> Option<usize> {
        Some(usize::from(self.owner[usize::from(slot)])).filter(|owner| *owner != usize::from(NOBODY))
    }

    /// The nodes that copy this one.
    pub fn replicas(&self, of: usize) -> impl Iterator<Item = usize> {
        (0..self.master.len()).filter(move |node| self.master[*node] == Some(of))
    }

    fn bump(&mut self, node: usize) {
        self.current_epoch += 1;
        self.epoch[node] = self.current_epoch;
        let epoch = self.current_epoch;
        for replica in self.replicas(node).collect::<Vec<_>>() {
            self.epoch[replica] = epoch;
        }
    }

    /// A replica takes its master's place.
    fn promote(&mut self, replica: usize) {
        let Some(old) = self.master[replica].take() else { return };
        for owner in &mut self.owner {
            if usize::from(*owner) == old {
                *owner = replica as u16;
            }
        }
        for node in 0..self.master.len() {
            if self.master[node] == Some(old) {
                self.master[node] = Some(replica);
            }
        }
        self.bump(replica);
    }
}

/// Where a failure stands.
#[derive(Debug, Clone, Copy)]
struct Failure {
    since: u64,
    heir: Option<usize>,
}

/// All nodes at one step.
#[derive(Debug, Clone)]
pub struct World {
    /// The majority's view, then that of those who are cut off.
    pub sides: Vec<Side>,
    /// By node: which side it is on.
    pub side_of: Vec<usize>,
    /// Links that one node has lost and the others have not: who to whom, and until which step.
    cut: BTreeMap<(usize, usize), u64>,
    failures: BTreeMap<usize, Failure>,
    /// What happened, one line a change; the last hundred.
    pub told: Vec<String>,
    step: u64,
    random: Random,
}

impl World {
    pub fn new(options: &Options) -> Self {
        let mut world = Self {
            sides: vec![Side::new(options.nodes)],
            side_of: vec![0; options.nodes],
            cut: BTreeMap::new(),
            failures: BTreeMap::new(),
            told: Vec::new(),
            step: 0,
            random: Random(options.seed),
        };
        if options.split > 0 {
            world.split(options.split);
        }
        world
    }

    /// The last masters and, up to the number, replicas of others are cut off.
    fn split(&mut self, number: usize) {
        let (nodes, masters) = (self.side_of.len(), self.side_of.len() / 2);
        let lost: BTreeSet<usize> =
            (masters - number.div_ceil(2)..masters).chain((masters..nodes).take(number / 2)).collect();
        let mut minority = self.sides[0].clone();
        minority.ok = false;
        for node in 0..nodes {
            if lost.contains(&node) {
                self.side_of[node] = 1;
                self.sides[0].doubt[node] = Doubt::Failed;
                self.sides[0].linked[node] = false;
            } else {
                minority.doubt[node] = Doubt::Suspected;
                minority.linked[node] = false;
            }
        }
        for master in lost.iter().copied().filter(|node| *node < masters) {
            let heir = self.sides[0].replicas(master).find(|replica| !lost.contains(replica));
            if let Some(heir) = heir {
                self.sides[0].promote(heir);
            }
        }
        self.sides.push(minority);
    }

    /// The side that a node is on.
    pub fn side(&self, node: usize) -> &Side {
        &self.sides[self.side_of[node]]
    }

    /// Whether a node does not answer.
    pub fn is_down(&self, node: usize) -> bool {
        self.failures.contains_key(&node)
    }

    /// Whether one node has a link to another.
    pub fn linked(&self, from: usize, to: usize) -> bool {
        from == to || (self.side(from).linked[to] && !self.cut.contains_key(&(from, to)))
    }

    /// The links that single nodes have lost, of this one.
    pub fn lost_links(&self, from: usize) -> impl Iterator<Item = usize> {
        self.cut.range((from, 0)..=(from, usize::MAX)).map(|((_, to), _)| *to)
    }

    /// One step further: something changes on the majority's side.
    pub fn advance(&mut self) {
        self.step += 1;
        let step = self.step;
        self.cut.retain(|_, until| *until > step);
        self.go_on_failing();
        match self.random.below(10) {
            0..5 => self.move_slots(),
            5 | 6 => self.fail_one(),
            7 | 8 => self.drop_link(),
            _ => self.raise_epoch(),
        }
    }

    fn tell(&mut self, what: &str) {
        if self.told.len() == 100 {
            self.told.remove(0);
        }
        self.told.push(format!("{}: {what}", self.step));
    }

    /// A master with slots that is well.
    fn some_master(&mut self) -> Option<usize> {
        let side = &self.sides[0];
        let owners: BTreeSet<usize> = side.owner.iter().map(|owner| usize::from(*owner)).collect();
        let well: Vec<usize> = owners
            .into_iter()
            .filter(|node| side.doubt.get(*node) == Some(&Doubt::None) && !self.is_down(*node))
            .collect();
        (!well.is_empty()).then(|| well[self.random.below(well.len())])
    }

    fn move_slots(&mut self) {
        let (Some(from), Some(to)) = (self.some_master(), self.some_master()) else { return };
        if from == to {
            return;
        }
        let most = 1 + self.random.below(12);
        let side = &mut self.sides[0];
        let own = side.owner.iter_mut().filter(|owner| usize::from(**owner) == from);
        let moved = own.take(most).map(|owner| *owner = to as u16).count();
        side.bump(to);
        self.tell(&format!("{moved} slots from node {from} to node {to}"));
    }

    fn fail_one(&mut self) {
        if self.failures.len() > self.side_of.len() / 50 {
            return;
        }
        let Some(node) = self.some_master() else { return };
        let heir = self.sides[0].replicas(node).find(|replica| !self.is_down(*replica) && self.side_of[*replica] == 0);
        if heir.is_none() {
            return;
        }
        self.failures.insert(node, Failure { since: self.step, heir });
        self.sides[0].linked[node] = false;
        self.tell(&format!("node {node} is gone"));
    }

    /// Suspected after a step, failed and replaced after two, back after five.
    fn go_on_failing(&mut self) {
        for (node, failure) in self.failures.clone() {
            match self.step - failure.since {
                1 => self.sides[0].doubt[node] = Doubt::Suspected,
                2 => {
                    self.sides[0].doubt[node] = Doubt::Failed;
                    if let Some(heir) = failure.heir {
                        self.sides[0].promote(heir);
                        self.tell(&format!("node {heir} takes over from node {node}"));
                    }
                }
                5.. => {
                    self.failures.remove(&node);
                    let side = &mut self.sides[0];
                    (side.doubt[node], side.linked[node]) = (Doubt::None, true);
                    if let Some(heir) = failure.heir {
                        side.master[node] = Some(heir);
                        side.epoch[node] = side.epoch[heir];
                    }
                    self.tell(&format!("node {node} is back"));
                }
                _ => {}
            }
        }
    }

    fn drop_link(&mut self) {
        let nodes = self.side_of.len();
        let (from, to) = (self.random.below(nodes), self.random.below(nodes));
        if from != to {
            self.cut.insert((from, to), self.step + 3);
            self.tell(&format!("node {from} loses its link to node {to}"));
        }
    }

    fn raise_epoch(&mut self) {
        if let Some(node) = self.some_master() {
            self.sides[0].bump(node);
            self.tell(&format!("node {node} has a new epoch"));
        }
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014): enough for stories.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// A number with its bits well stirred.
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
