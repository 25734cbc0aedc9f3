//! The last half hour of a cluster's figures in a fixed amount of memory.
//!
//! One [`Row`] a moment, with one [`Sample`] a node and one for the whole cluster. Rows are shared, never changed: who
//! shows a history holds a copy of the list of rows (at most 1,800 pointers), not of the samples.
//!
//! # How much memory
//! A sample is 36 bytes. While [`SAMPLE_BUDGET`] allows it there is a row a second; with more nodes the rows lie further
//! apart and each holds the mean of its time. Six nodes take 252 bytes a row and 450 kB in all; up to 128 nodes have a
//! row a second; a thousand nodes have a row each eight seconds, in 8 MiB.

mod rates;

use std::collections::VecDeque;
use std::sync::Arc;

use super::topology::NodeAddr;

pub use rates::{Counters, Rates, rates};

/// How far back a history reaches, milliseconds.
pub const SPAN_MS: u64 = 30 * 60 * 1000;
/// The least time between two rows, milliseconds.
pub const LEAST_STEP_MS: u64 = 1000;
/// The most that the samples of one cluster take, bytes.
pub const SAMPLE_BUDGET: usize = 8 * 1024 * 1024;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Commands a second, without those of the watching itself.
    Ops,
    /// `used_memory`, bytes.
    Memory,
    /// Keys.
    Keys,
    /// Connected clients.
    Clients,
    /// Received, bytes a second.
    NetIn,
    /// Sent, bytes a second.
    NetOut,
    /// Look-ups that found their key, percent.
    HitRate,
    /// How far a replica is behind its master, bytes.
    Lag,
    /// Time of the processor, percent of one core.
    Cpu,
}

impl Metric {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Metric; 9] = [
        Metric::Ops,
        Metric::Cpu,
        Metric::Memory,
        Metric::Keys,
        Metric::NetIn,
        Metric::NetOut,
        Metric::Clients,
        Metric::HitRate,
        Metric::Lag,
    ];

    /// Its name in tables that programs read, with the unit.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Metric::Ops => "ops_per_sec",
            Metric::Memory => "memory_bytes",
            Metric::Keys => "keys",
            Metric::Clients => "clients",
            Metric::NetIn => "net_in_bytes_per_sec",
            Metric::NetOut => "net_out_bytes_per_sec",
            Metric::HitRate => "hit_rate_percent",
            Metric::Lag => "replication_lag_bytes",
            Metric::Cpu => "cpu_percent",
        }
    }
}

/// The figures of one node, or of the cluster, at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample([f32; Metric::ALL.len()]);

impl Default for Sample {
    fn default() -> Self {
        Self([f32::NAN; Metric::ALL.len()])
    }
}

impl Sample {
    /// A figure; `None` where it is not known.
    #[must_use]
    pub fn get(&self, metric: Metric) -> Option<f32> {
        Some(self.0[metric as usize]).filter(|value| value.is_finite())
    }

    /// Sets a figure; one that is not finite counts as not known.
    pub fn set(&mut self, metric: Metric, value: f32) {
        self.0[metric as usize] = value;
    }

    /// The same with this figure.
    #[must_use]
    pub fn with(mut self, metric: Metric, value: Option<f32>) -> Self {
        self.set(metric, value.unwrap_or(f32::NAN));
        self
    }

    /// The mean of two that stand for so many moments each. Where only one is known, that one.
    fn mean(&self, weight: u16, other: &Self, other_weight: u16) -> Self {
        let (a, b) = (f32::from(weight), f32::from(other_weight));
        let mean = |x: f32, y: f32| match (x.is_finite(), y.is_finite()) {
            // Not (ax + by) / (a + b): that may leave the range of x and y.
            (true, true) => x + (y - x) * (b / (a + b)),
            (true, false) => x,
            _ => y,
        };
        Self(std::array::from_fn(|i| mean(self.0[i], other.0[i])))
    }
}

/// What is known at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// The whole cluster.
    pub total: Sample,
    /// Whose samples these are; rows in sequence share the list while it stays the same.
    pub nodes: Arc<[NodeAddr]>,
    /// One for each of the nodes.
    pub samples: Box<[Sample]>,
    /// How many moments it stands for.
    weight: u16,
}

impl Row {
    /// The row of one moment. Samples that lack are not known.
    #[must_use]
    pub fn new(at_ms: u64, total: Sample, nodes: Arc<[NodeAddr]>, mut samples: Vec<Sample>) -> Self {
        samples.resize(nodes.len(), Sample::default());
        Self { at_ms, total, nodes, samples: samples.into(), weight: 1 }
    }

    /// A node's sample.
    #[must_use]
    pub fn of(&self, node: &NodeAddr) -> Option<&Sample> {
        let at = self.nodes.iter().position(|n| n == node)?;
        self.samples.get(at)
    }

    /// Both in one, at the later moment. A node that is no longer there is left out.
    fn merged(&self, later: &Row) -> Row {
        let same = Arc::ptr_eq(&self.nodes, &later.nodes) || self.nodes == later.nodes;
        let samples = later.nodes.iter().zip(&later.samples).enumerate().map(|(i, (node, sample))| {
            let earlier = if same { self.samples.get(i) } else { self.of(node) };
            earlier.map_or(*sample, |earlier| earlier.mean(self.weight, sample, later.weight))
        });
        Row {
            at_ms: later.at_ms,
            total: self.total.mean(self.weight, &later.total, later.weight),
            nodes: later.nodes.clone(),
            samples: samples.collect(),
            weight: self.weight.saturating_add(later.weight),
        }
    }
}

/// The rows of the last half hour, oldest first.
#[derive(Debug, Clone, Default)]
pub struct History {
    rows: VecDeque<Arc<Row>>,
    /// The time between two rows, milliseconds; only ever grows.
    step_ms: u64,
    samples: usize,
}

impl History {
    /// The rows, oldest first.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &Row> + ExactSizeIterator {
        self.rows.iter().map(AsRef::as_ref)
    }

    /// The latest row.
    #[must_use]
    pub fn last(&self) -> Option<&Row> {
        self.rows.back().map(AsRef::as_ref)
    }

    /// Whether nothing was recorded yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The time between two rows, milliseconds.
    #[must_use]
    pub fn step_ms(&self) -> u64 {
        self.step_ms.max(LEAST_STEP_MS)
    }

    /// What the samples take, bytes: never more than [`SAMPLE_BUDGET`] once there are two rows.
    #[must_use]
    pub fn sample_bytes(&self) -> usize {
        self.samples * size_of::<Sample>()
    }

    /// Adds a moment. One that lies before the last (the clock was set back) takes the later ones away.
    pub fn record(&mut self, mut row: Row) {
        while self.rows.back().is_some_and(|last| last.at_ms > row.at_ms) {
            self.pop_back();
        }
        let step = step_for(row.nodes.len());
        if step > self.step_ms() {
            self.coarsen(step);
        }
        if let Some(last) = self.rows.back() {
            if last.nodes == row.nodes {
                row.nodes = last.nodes.clone();
            }
            if self.bucket(last.at_ms) == self.bucket(row.at_ms) {
                row = last.merged(&row);
                self.pop_back();
            }
        }
        self.push(row);
        self.trim();
    }

    fn bucket(&self, at_ms: u64) -> u64 {
        at_ms / self.step_ms()
    }

    fn push(&mut self, row: Row) {
        self.samples += row.samples.len() + 1;
        self.rows.push_back(Arc::new(row));
    }

    fn pop_back(&mut self) {
        self.samples -= self.rows.pop_back().map_or(0, |row| row.samples.len() + 1);
    }

    /// Makes the rows lie further apart.
    fn coarsen(&mut self, step_ms: u64) {
        let rows = std::mem::take(&mut self.rows);
        (self.samples, self.step_ms) = (0, step_ms);
        for row in rows {
            let row = Arc::unwrap_or_clone(row);
            match self.rows.back() {
                Some(last) if self.bucket(last.at_ms) == self.bucket(row.at_ms) => {
                    let both = last.merged(&row);
                    self.pop_back();
                    self.push(both);
                }
                _ => self.push(row),
            }
        }
    }

    /// Takes the oldest rows away until the rest fits time and memory.
    fn trim(&mut self) {
        let newest = self.rows.back().map_or(0, |row| row.at_ms);
        let too_much = |this: &Self, row: &Row| {
            newest - row.at_ms > SPAN_MS || (this.sample_bytes() > SAMPLE_BUDGET && this.rows.len() > 1)
        };
        while self.rows.front().is_some_and(|row| too_much(self, row)) {
            self.samples -= self.rows.pop_front().map_or(0, |row| row.samples.len() + 1);
        }
    }
}

/// How far apart the rows of so many nodes lie, milliseconds: whole seconds.
fn step_for(nodes: usize) -> u64 {
    let fit = (SAMPLE_BUDGET / (size_of::<Sample>() * (nodes + 1))).max(1) as u64;
    // One row more than steps may be alive at once.
    (SPAN_MS / LEAST_STEP_MS + 1).div_ceil(fit) * LEAST_STEP_MS
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
