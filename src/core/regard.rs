//! What each node thinks of each other one: the cells of a matrix in which a partition is seen at a glance.

use std::collections::BTreeMap;

use super::topology::{Node, NodeAddr, NodeId, Topology, View};

/// What one node thinks of another, from well to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Regard {
    /// It is the node itself.
    Itself,
    /// Linked, nothing to complain about.
    Fine,
    /// Nobody knows what it thinks: it does not answer us.
    Silent,
    /// Met, not known yet (`handshake`).
    Joining,
    /// No link to it (`disconnected`).
    Unlinked,
    /// It does not know the other node, or not where it is.
    Unknown,
    /// It can't reach it (`fail?`).
    Suspected,
    /// It counts it as failed (`fail`).
    Failed,
}

impl Regard {
    /// All of them, from well to worst.
    pub const ALL: [Regard; 8] = [
        Regard::Itself,
        Regard::Fine,
        Regard::Silent,
        Regard::Joining,
        Regard::Unlinked,
        Regard::Unknown,
        Regard::Suspected,
        Regard::Failed,
    ];

    /// Whether the two have trouble with each other.
    #[must_use]
    pub fn is_trouble(self) -> bool {
        self > Regard::Joining
    }

    fn of(node: &Node) -> Self {
        match node.flags {
            f if f.fail => Regard::Failed,
            f if f.pfail => Regard::Suspected,
            f if f.noaddr => Regard::Unknown,
            f if f.handshake => Regard::Joining,
            _ if !node.linked => Regard::Unlinked,
            _ => Regard::Fine,
        }
    }
}

/// What each of some nodes thinks of each: rows think, columns are thought of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mesh {
    size: usize,
    cells: Vec<Regard>,
}

impl Mesh {
    /// The matrix of these nodes in this order, each by where it was asked and its id.
    #[must_use]
    pub fn of(topology: &Topology, nodes: &[(NodeAddr, Option<NodeId>)]) -> Self {
        let columns: BTreeMap<&NodeId, usize> =
            nodes.iter().enumerate().filter_map(|(at, (_, id))| Some((id.as_ref()?, at))).collect();
        let size = nodes.len();
        let mut cells = Vec::with_capacity(size * size);
        for (at, (addr, _)) in nodes.iter().enumerate() {
            let row = match topology.views.get(addr) {
                Some(view) => row(view, &columns, size),
                None => vec![Regard::Silent; size],
            };
            cells.extend(row);
            cells[at * size + at] = Regard::Itself;
        }
        Self { size, cells }
    }

    /// How many rows and columns there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// What the node of this row thinks of that of this column.
    #[must_use]
    pub fn at(&self, row: usize, column: usize) -> Option<Regard> {
        if column < self.size { self.cells.get(row * self.size + column).copied() } else { None }
    }

    /// A row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[Regard] {
        self.cells.get(row * self.size..(row + 1) * self.size).unwrap_or_default()
    }

    /// The worst within a block of cells, for pictures in which one pixel stands for several.
    #[must_use]
    pub fn worst(&self, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> Option<Regard> {
        let columns = columns.start.min(self.size)..columns.end.min(self.size);
        rows.filter_map(|row| self.row(row).get(columns.clone())?.iter().max()).max().copied()
    }

    /// How many pairs have trouble.
    #[must_use]
    pub fn trouble(&self) -> usize {
        self.cells.iter().filter(|cell| cell.is_trouble()).count()
    }

    /// The rows of nodes that answer, in groups whose members see each other, directly or through others; the largest
    /// group first. More than one where the cluster is parted.
    #[must_use]
    pub fn groups(&self) -> Vec<Vec<usize>> {
        let answers = |row: usize| self.row(row).iter().any(|cell| !matches!(cell, Regard::Itself | Regard::Silent));
        let sees = |one: usize, other: usize| self.at(one, other).is_some_and(|cell| !cell.is_trouble());
        let mut left: Vec<usize> = (0..self.size).filter(|row| answers(*row)).collect();
        let mut groups = Vec::new();
        while let Some(first) = left.first().copied() {
            left.remove(0);
            let mut group = vec![first];
            let mut next = 0;
            while let Some(one) = group.get(next).copied() {
                next += 1;
                let (with, without) = left.iter().partition(|other| sees(one, **other) && sees(**other, one));
                group.extend::<Vec<usize>>(with);
                left = without;
            }
            group.sort_unstable();
            groups.push(group);
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        groups
    }

    /// How many pairs there are of each kind, in the order of [`Regard::ALL`].
    #[must_use]
    pub fn counts(&self) -> [usize; 8] {
        let mut counts = [0; 8];
        for cell in &self.cells {
            counts[*cell as usize] += 1;
        }
        counts
    }
}

/// Both the view and the columns are in id order, so that one walk finds every node: a thousand look-ups in each of a
/// thousand rows would take far longer.
fn row(view: &View, columns: &BTreeMap<&NodeId, usize>, size: usize) -> Vec<Regard> {
    let mut cells = vec![Regard::Unknown; size];
    let mut seen = view.nodes.values().peekable();
    for (id, at) in columns {
        while seen.next_if(|node| node.id < **id).is_some() {}
        if let Some(node) = seen.peek().filter(|node| node.id == **id) {
            cells[*at] = Regard::of(node);
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(n: usize) -> NodeId {
        format!("{n:040x}").parse().unwrap()
    }

    fn addr(n: usize) -> NodeAddr {
        NodeAddr::new("h", u16::try_from(7000 + n).unwrap())
    }

    /// The view of node `me`: for each node its flags and its link state.
    fn view(me: usize, nodes: &[(usize, &str, &str)]) -> View {
        let line = |(n, flags, link): &(usize, &str, &str)| {
            let me = if *n == me { "myself," } else { "" };
            format!("{} h:{}@17000 {me}{flags} - 0 0 1 {link}\n", id(*n), 7000 + n)
        };
        View::parse(&nodes.iter().map(line).collect::<String>()).unwrap()
    }

    fn topology(views: Vec<(usize, View)>) -> Topology {
        Topology { views: views.into_iter().map(|(n, view)| (addr(n), view.into())).collect(), ..Topology::default() }
    }

    fn nodes(n: usize) -> Vec<(NodeAddr, Option<NodeId>)> {
        (0..n).map(|n| (addr(n), Some(id(n)))).collect()
    }

    #[test]
    fn each_row_is_what_one_node_thinks() {
        let up = "connected";
        let first = view(0, &[(0, "master", up), (1, "master,fail?", "disconnected"), (2, "master", "disconnected")]);
        let second = view(1, &[(0, "master,fail", up), (1, "master", up)]);
        let mesh = Mesh::of(&topology(vec![(0, first), (1, second)]), &nodes(3));
        assert_eq!(mesh.row(0), [Regard::Itself, Regard::Suspected, Regard::Unlinked]);
        assert_eq!(mesh.row(1), [Regard::Failed, Regard::Itself, Regard::Unknown]);
        assert_eq!(mesh.row(2), [Regard::Silent, Regard::Silent, Regard::Itself]);
        assert_eq!(mesh.worst(0..2, 0..2), Some(Regard::Failed));
        assert_eq!(mesh.counts().iter().sum::<usize>(), 9);
        assert_eq!((mesh.at(0, 3), mesh.at(3, 0)), (None, None));
    }

    #[test]
    fn nodes_that_do_not_see_each_other_are_groups() {
        let lost = "disconnected";
        let side = |me: usize, mine: [usize; 2]| {
            let link = |n: usize| if mine.contains(&n) { "connected" } else { lost };
            view(me, &(0..4).map(|n| (n, "master", link(n))).collect::<Vec<_>>())
        };
        let views = [(0, [0, 2]), (1, [1, 3]), (2, [0, 2]), (3, [1, 3])];
        let parted = topology(views.into_iter().map(|(n, mine)| (n, side(n, mine))).collect());
        let mesh = Mesh::of(&parted, &nodes(5));
        assert_eq!(mesh.groups(), [[0, 2], [1, 3]], "the fifth does not answer and is in none");
        assert_eq!(mesh.trouble(), 12);
    }

    proptest! {
        #[test]
        fn the_order_of_nodes_turns_rows_and_columns_alike(order in Just((0..5).collect::<Vec<usize>>()).prop_shuffle()) {
            let flags = ["master", "master,fail?", "slave", "master,fail", "master,handshake"];
            let lines: Vec<_> = (0..5).map(|n| (n, flags[n], "connected")).collect();
            let topology = topology((0..5).map(|n| (n, view(n, &lines))).collect());
            let straight = Mesh::of(&topology, &nodes(5));
            let turned: Vec<_> = order.iter().map(|n| nodes(5)[*n].clone()).collect();
            let turned = Mesh::of(&topology, &turned);
            for (row, a) in order.iter().enumerate() {
                for (column, b) in order.iter().enumerate() {
                    prop_assert_eq!(turned.at(row, column), straight.at(*a, *b));
                }
            }
        }
    }
}
