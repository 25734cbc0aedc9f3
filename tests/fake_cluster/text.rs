//! CLUSTER NODES, as 7.0 writes it.

use std::fmt::Write as _;

use super::world::{Doubt, Side, World, mix};

/// The world with what all nodes of a side write alike, so that a node's answer is put together quickly.
#[derive(Debug)]
pub struct Scene {
    pub world: World,
    lines: Vec<Vec<Line>>,
    /// By side and node.
    ranges: Vec<Vec<Vec<(u16, u16)>>>,
}

/// A line without what differs from node to node.
#[derive(Debug)]
struct Line {
    id_and_address: String,
    flags_and_master: String,
    epoch: u64,
    slots: String,
}

impl Scene {
    pub fn new(world: World, ids: &[String], first_port: u16) -> Self {
        let ranges: Vec<_> = world.sides.iter().map(Side::ranges).collect();
        let both = world.sides.iter().zip(&ranges);
        let lines = both.map(|(side, ranges)| lines(side, ranges, ids, first_port)).collect();
        Self { world, lines, ranges }
    }

    /// The slots of a node, as another one sees them.
    pub fn ranges(&self, viewer: usize, of: usize) -> &[(u16, u16)] {
        &self.ranges[self.world.side_of[viewer]][of]
    }

    /// A node's answer. The order and the times of ping and pong are its own.
    pub fn nodes(&self, viewer: usize, now_ms: u64) -> String {
        let (lines, world) = (&self.lines[self.world.side_of[viewer]], &self.world);
        let mut text = String::with_capacity(lines.len() * 140);
        for i in 0..lines.len() {
            let node = (i + viewer * 31) % lines.len();
            let line = &lines[node];
            text.push_str(&line.id_and_address);
            if node == viewer {
                text.push_str("myself,");
            }
            text.push_str(&line.flags_and_master);
            let pong =
                if node == viewer { 0 } else { now_ms - mix((viewer * 4096 + node) as u64 ^ (now_ms >> 11)) % 900 };
            let ping = if world.linked(viewer, node) { 0 } else { pong - 1500 };
            let link = if world.linked(viewer, node) { "connected" } else { "disconnected" };
            // Writing into memory does not fail.
            let _ = write!(text, " {ping} {pong} {} {link}", line.epoch);
            text.push_str(&line.slots);
            text.push('\n');
        }
        text
    }
}

fn lines(side: &Side, ranges: &[Vec<(u16, u16)>], ids: &[String], first_port: u16) -> Vec<Line> {
    let line = |node: usize| {
        let port = usize::from(first_port) + node;
        let role = if side.master[node].is_some() { "slave" } else { "master" };
        let doubt = match side.doubt[node] {
            Doubt::None => "",
            Doubt::Suspected => ",fail?",
            Doubt::Failed => ",fail",
        };
        let master = side.master[node].map_or("-", |master| ids[master].as_str());
        let mut slots = String::new();
        for (first, last) in &ranges[node] {
            let _ = if first == last { write!(slots, " {first}") } else { write!(slots, " {first}-{last}") };
        }
        Line {
            id_and_address: format!("{} 127.0.0.1:{port}@{} ", ids[node], port + 10_000),
            flags_and_master: format!("{role}{doubt} {master}"),
            epoch: side.epoch[node],
            slots,
        }
    };
    (0..ids.len()).map(line).collect()
}

/// The ids of so many nodes.
pub fn ids(nodes: usize, seed: u64) -> Vec<String> {
    let part = |node: usize, salt: u64| mix(seed.wrapping_mul(0x1_0001) ^ (node as u64) << 8 ^ salt);
    (0..nodes).map(|node| format!("{:016x}{:016x}{:08x}", part(node, 1), part(node, 2), part(node, 3) as u32)).collect()
}
