//! Whose views a round asks for, and reading them so that what is the same is kept once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use crate::core::nodes::ViewReader;
use crate::core::topology::{NodeAddr, NodeId, ParseError, View};

use super::super::figures::Facts;
use super::super::gather::Words;

/// Views larger than this come over a connection that ends with them, bytes.
const LARGE_VIEW: usize = 24 * 1024;

/// A line of CLUSTER NODES is at least so long, about.
const LINE: usize = 100;

/// A view that was told, and what the node said of itself then.
#[derive(Debug)]
pub(super) struct Held {
    pub view: Arc<View>,
    /// When it was told.
    pub at: SystemTime,
    /// The node's own epoch.
    pub epoch: Option<u64>,
    /// Its role and master as INFO told them.
    pub part: Option<[String; 3]>,
}

impl Held {
    /// Whether the node says of itself now that it has another part to play.
    pub(super) fn is_outdone_by(&self, words: &Words) -> bool {
        self.epoch != words.epoch || self.part.as_ref().is_some_and(|part| *part != Facts::part_of(&words.info))
    }
}

/// How a node's view is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Not, unless the node says that it has changed.
    Nothing,
    /// In one pipeline with the rest.
    WithTheRest,
    /// Over a connection of its own.
    Aside,
}

impl Want {
    /// The view is needed.
    pub(super) fn at_least_aside(self) -> Self {
        if self == Want::Nothing { Want::Aside } else { self }
    }
}

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Turns {
    reader: ViewReader,
    /// The size of the largest answer of this round and of the one before, bytes.
    largest: (usize, usize),
    /// Of these nodes somebody has told something new.
    suspects: BTreeSet<NodeId>,
    /// Whose turn it is; `None` for everybody's.
    chosen: Option<BTreeSet<NodeAddr>>,
}

impl Turns {
    /// Chooses for a round whose views may come to so many bytes.
    pub(super) fn begin<'a>(&mut self, budget: f64, nodes: impl Iterator<Item = (&'a NodeAddr, Option<&'a Held>)>) {
        let all: Vec<_> = nodes.collect();
        let size = self.largest.0.max(self.largest.1).max(all.len() * LINE);
        self.largest = (0, size);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let share = ((budget / size as f64) as usize).max(8);
        let suspects = std::mem::take(&mut self.suspects);
        if all.len() <= share {
            self.chosen = None;
            return;
        }
        let mut told: Vec<(bool, SystemTime, &NodeAddr)> = Vec::with_capacity(all.len());
        let mut chosen = BTreeSet::new();
        for (addr, held) in all {
            match held {
                Some(held) => told.push((!suspects.contains(&held.view.myself), held.at, addr)),
                None => drop(chosen.insert(addr.clone())),
            }
        }
        // Suspects first, and more of them where there are many; else in turn.
        told.sort_unstable();
        let suspected = told.iter().take_while(|(fine, ..)| !fine).count();
        let share = share + suspected.min(2 * share);
        chosen.extend(told.into_iter().take(share).map(|(.., addr)| addr.clone()));
        self.chosen = Some(chosen);
    }

    /// How this node is asked in this round.
    pub(super) fn want(&self, addr: &NodeAddr) -> Want {
        match &self.chosen {
            Some(chosen) if !chosen.contains(addr) => Want::Nothing,
            _ if self.largest.1 > LARGE_VIEW => Want::Aside,
            _ => Want::WithTheRest,
        }
    }

    /// Reads a view; the one from before where it says the same.
    pub(super) fn read(&mut self, text: &str, before: Option<Arc<View>>) -> Result<Arc<View>, ParseError> {
        self.largest.0 = self.largest.0.max(text.len());
        let view = self.reader.read(text)?;
        Ok(before.filter(|before| **before == view).unwrap_or_else(|| Arc::new(view)))
    }

    /// Ends a round.
    pub(super) fn end(&mut self) {
        self.suspects = self.reader.take_news();
        self.reader.forget_unused();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::check::NodeHealth;

    fn held(number: u16, secs: u64) -> Held {
        let text = format!("{number:040x} 127.0.0.1:{}@17000 myself,master - 0 0 1 connected", 7000 + number);
        let view = Arc::new(View::parse(&text).unwrap());
        Held { view, at: SystemTime::UNIX_EPOCH + Duration::from_secs(secs), epoch: Some(1), part: None }
    }

    fn addr(number: u16) -> NodeAddr {
        NodeAddr::new("127.0.0.1", 7000 + number)
    }

    fn chosen(turns: &mut Turns, budget: f64, held: &[Option<Held>]) -> Vec<u16> {
        let addrs: Vec<NodeAddr> = (0..100).map(addr).collect();
        turns.begin(budget, addrs.iter().zip(held).map(|(addr, held)| (addr, held.as_ref())));
        let asked = |number: &u16| turns.want(&addr(*number)) != Want::Nothing;
        (0..u16::try_from(held.len()).unwrap()).filter(asked).collect()
    }

    fn turns(largest: usize) -> Turns {
        Turns { largest: (largest, 0), ..Turns::default() }
    }

    #[test]
    fn a_small_cluster_tells_every_view_in_every_round() {
        let all: Vec<_> = (0..20).map(|n| Some(held(n, 5))).collect();
        assert_eq!(chosen(&mut turns(2500), 4e6, &all).len(), 20);
    }

    #[test]
    fn a_large_cluster_tells_the_oldest_views_and_those_that_were_never_told() {
        let mut all: Vec<_> = (0..100).map(|n| Some(held(n, 1000 - u64::from(n)))).collect();
        all[3] = None;
        assert_eq!(chosen(&mut turns(100_000), 1e6, &all), [3, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    }

    #[test]
    fn nodes_of_which_something_new_is_told_come_first() {
        let all: Vec<_> = (0..100).map(|n| Some(held(n, 1000 - u64::from(n)))).collect();
        let mut turns = turns(100_000);
        turns.suspects = [7_u16, 40].iter().map(|n| format!("{n:040x}").parse().unwrap()).collect();
        let asked = chosen(&mut turns, 1e6, &all);
        assert!(asked.contains(&7) && asked.contains(&40));
        assert_eq!(asked.len(), 12, "the others do not wait longer for it: {asked:?}");
    }

    #[test]
    fn large_views_come_aside() {
        let mut turns = turns(LARGE_VIEW + 1);
        chosen(&mut turns, 1e12, &[Some(held(0, 1))]);
        assert_eq!(turns.want(&addr(0)), Want::Aside);
    }

    #[test]
    fn a_node_with_another_part_to_play_outdoes_its_view() {
        let words =
            |info: &str, epoch| Words { health: NodeHealth::default(), info: info.to_owned(), epoch: Some(epoch) };
        let mut held = held(1, 1);
        let slave = "role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:7000\r\n";
        held.part = Some(Facts::part_of(slave));
        assert!(!held.is_outdone_by(&words(slave, 1)));
        assert!(held.is_outdone_by(&words(slave, 2)));
        assert!(held.is_outdone_by(&words("role:master\r\n", 1)));
    }
}
