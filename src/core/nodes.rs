//! The nodes of a view, and reading many views so that what they say alike is kept once.
//!
//! The nodes of a cluster mostly say the same of each other: a thousand answers of a thousand lines hold little more
//! than a thousand different lines. A [`ViewReader`] keeps each of them once, and each list of them once, and reads only
//! lines that it has not read before.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use super::slot::SlotSet;
use super::topology::{Line, Node, NodeId, ParseError, View, parse_line};

/// Nodes by id, in id order. Clones share them, and so do views that a [`ViewReader`] read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Nodes(Arc<Vec<Arc<Node>>>);

impl Nodes {
    /// The node of this id.
    #[must_use]
    pub fn get(&self, id: &NodeId) -> Option<&Node> {
        self.position(id).ok().map(|at| &*self.0[at])
    }

    /// Whether a node of this id is among them.
    #[must_use]
    pub fn contains_key(&self, id: &NodeId) -> bool {
        self.position(id).is_ok()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &NodeId> {
        self.0.iter().map(|node| &node.id)
    }

    /// The nodes.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Node> {
        self.0.iter().map(|node| &**node)
    }

    /// Both.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&NodeId, &Node)> {
        self.0.iter().map(|node| (&node.id, &**node))
    }

    /// Those that own slots, and their slots.
    pub fn slot_owners(&self) -> impl Iterator<Item = (&NodeId, &SlotSet)> {
        self.values().filter(|node| !node.slots.is_empty()).map(|node| (&node.id, &node.slots))
    }

    /// Whether both are one list in memory: then they are equal, and whoever looked at one need not look at the other.
    #[must_use]
    pub fn is_same(&self, other: &Nodes) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The node of this id, to change it here and nowhere else.
    pub fn get_mut(&mut self, id: &NodeId) -> Option<&mut Node> {
        let at = self.position(id).ok()?;
        Some(Arc::make_mut(&mut Arc::make_mut(&mut self.0)[at]))
    }

    /// Adds a node, in the place of the one with its id.
    pub fn insert(&mut self, node: Node) {
        let at = self.position(&node.id);
        let list = Arc::make_mut(&mut self.0);
        match at {
            Ok(at) => list[at] = Arc::new(node),
            Err(at) => list.insert(at, Arc::new(node)),
        }
    }

    /// Takes a node out.
    pub fn remove(&mut self, id: &NodeId) {
        if let Ok(at) = self.position(id) {
            Arc::make_mut(&mut self.0).remove(at);
        }
    }

    fn position(&self, id: &NodeId) -> Result<usize, usize> {
        self.0.binary_search_by(|node| node.id.cmp(id))
    }

    /// Of nodes in any order; of two with one id the later counts.
    fn of(mut nodes: Vec<Arc<Node>>) -> Self {
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        nodes.dedup_by(|later, kept| {
            let same = later.id == kept.id;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        Self(Arc::new(nodes))
    }

    /// Where the list lies: the same for clones.
    fn place(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<Node> for Nodes {
    fn from_iter<T: IntoIterator<Item = Node>>(nodes: T) -> Self {
        Self::of(nodes.into_iter().map(Arc::new).collect())
    }
}

impl Index<&NodeId> for Nodes {
    type Output = Node;
    /// # Panics
    /// Where there is no such node, as maps do.
    fn index(&self, id: &NodeId) -> &Node {
        match self.get(id) {
            Some(node) => node,
            None => panic!("no node {id} in this view"),
        }
    }
}

/// Views that are one list of nodes, and who has them.
#[derive(Debug)]
pub struct Alike<'a, T> {
    /// What they all say.
    pub nodes: &'a Nodes,
    /// Who says it.
    pub of: Vec<T>,
}

/// Puts together what is the same list in memory, so that it is looked at once; in the order of first sight. Lists that
/// are equal but not shared stay apart.
pub fn alike<'a, T>(views: impl Iterator<Item = (&'a Nodes, T)>) -> Vec<Alike<'a, T>> {
    let mut places: HashMap<usize, usize> = HashMap::new();
    let mut found: Vec<Alike<'a, T>> = Vec::new();
    for (nodes, who) in views {
        let at = *places.entry(nodes.place()).or_insert(found.len());
        match found.get_mut(at) {
            Some(alike) => alike.of.push(who),
            None => found.push(Alike { nodes, of: vec![who] }),
        }
    }
    found
}

/// Reads answers of CLUSTER NODES, and keeps what was read as long as a view needs it.
#[derive(Debug, Default)]
pub struct ViewReader {
    /// By node id: what is said of the node, mostly one thing.
    lines: HashMap<Box<str>, Vec<ReadLine>>,
    lists: HashMap<u64, Nodes>,
    news: BTreeSet<NodeId>,
}

/// A line that was read.
#[derive(Debug)]
struct ReadLine {
    /// The line without what differs from answer to answer: `myself` and the times of ping and pong.
    text: Box<str>,
    node: Arc<Node>,
}

impl ViewReader {
    /// Reads an answer, as [`View::parse`] does.
    ///
    /// # Errors
    /// As [`View::parse`].
    pub fn read(&mut self, text: &str) -> Result<View, ParseError> {
        let mut nodes = Vec::with_capacity(text.len() / 100 + 1);
        let mut myself = None;
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with("vars ") {
                continue;
            }
            let (node, is_me) = self.read_line(i + 1, line)?;
            if is_me {
                myself = Some(node.id.clone());
            }
            nodes.push(node);
        }
        let nodes = self.shared(Nodes::of(nodes));
        Ok(View { myself: myself.ok_or(ParseError::NoMyself)?, nodes })
    }

    /// The nodes of which something was read since the last call that was not kept from before.
    pub fn take_news(&mut self) -> BTreeSet<NodeId> {
        std::mem::take(&mut self.news)
    }

    /// Forgets what no view has any more.
    pub fn forget_unused(&mut self) {
        self.lists.retain(|_, nodes| Arc::strong_count(&nodes.0) > 1);
        self.lines.retain(|_, lines| {
            lines.retain(|line| Arc::strong_count(&line.node) > 1);
            !lines.is_empty()
        });
    }

    fn read_line(&mut self, number: usize, line: &str) -> Result<(Arc<Node>, bool), ParseError> {
        let Some(parts) = Parts::of(line) else {
            // Cut short or oddly spaced: read as it is, or refused with the right words.
            let Line { node, is_me } = parse_line(number, line)?;
            return Ok((Arc::new(node), is_me));
        };
        let known = self.lines.get(parts.id).and_then(|lines| lines.iter().find(|known| parts.are(&known.text)));
        if let Some(known) = known {
            return Ok((known.node.clone(), parts.is_me));
        }
        let Line { node, is_me } = parse_line(number, line)?;
        let node = Arc::new(node);
        self.news.insert(node.id.clone());
        let read = ReadLine { text: parts.text(), node: node.clone() };
        self.lines.entry(parts.id.into()).or_default().push(read);
        Ok((node, is_me))
    }

    /// The list that was read before, if this one is the same lines.
    fn shared(&mut self, nodes: Nodes) -> Nodes {
        let mix = |hash: u64, node: &Arc<Node>| {
            (hash ^ Arc::as_ptr(node).addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        };
        let hash = nodes.0.iter().fold(nodes.len() as u64, mix);
        let known = self.lists.entry(hash).or_insert_with(|| nodes.clone());
        let same_lines = || known.0.iter().zip(&*nodes.0).all(|(a, b)| Arc::ptr_eq(a, b));
        if known.len() == nodes.len() && same_lines() { known.clone() } else { nodes }
    }
}

/// A line of CLUSTER NODES, cut at what differs from answer to answer.
#[derive(Debug, Clone, Copy)]
struct Parts<'a> {
    id: &'a str,
    /// Id and address.
    front: &'a str,
    /// Flags but for `myself`, and the master.
    middle: &'a str,
    /// Epoch, link and slots, after the times of ping and pong.
    back: &'a str,
    is_me: bool,
}

impl<'a> Parts<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (id, rest) = line.split_once(' ')?;
        let (addr, rest) = rest.split_once(' ')?;
        let (front, _) = line.split_at_checked(id.len() + addr.len() + 2)?;
        let is_me = rest.starts_with("myself,");
        let rest = rest.strip_prefix("myself,").unwrap_or(rest);
        let (flags, after) = rest.split_once(' ')?;
        let (master, after) = after.split_once(' ')?;
        let middle = rest.get(..flags.len() + 1 + master.len())?;
        let (ping, after) = after.split_once(' ')?;
        let (pong, back) = after.split_once(' ')?;
        let whole = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte > b' ');
        let times = [ping, pong].iter().all(|time| time.bytes().all(|byte| byte.is_ascii_digit()));
        // Else the cuts are not where the fields end, or `myself` stands elsewhere among the flags.
        let fits = [id, addr, flags, master, ping, pong].iter().all(whole) && times && !flags.contains("myself");
        fits.then_some(Self { id, front, middle, back, is_me })
    }

    fn are(&self, text: &str) -> bool {
        let rest = text.strip_prefix(self.front).and_then(|rest| rest.strip_prefix(self.middle));
        rest.and_then(|rest| rest.strip_prefix(' ')).is_some_and(|rest| rest == self.back)
    }

    fn text(&self) -> Box<str> {
        format!("{}{} {}", self.front, self.middle, self.back).into()
    }
}

#[cfg(test)]
#[path = "nodes_tests.rs"]
mod tests;
