//! What is known of each slot before its repair is decided: who claims it, who is seen as its owner, where it is open,
//! who holds keys of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::check::Finding;
use crate::core::slot::{SLOT_COUNT, Slot, SlotSet};
use crate::core::topology::{Node, NodeAddr, NodeId, Role, Topology, View};

use super::fix::{Lost, Meeting, Party};

/// How many keys each master holds in which slots; only where there are some.
pub type KeyCounts = BTreeMap<NodeId, BTreeMap<Slot, u64>>;

/// What repairs are planned from.
#[derive(Debug, Clone, Copy)]
pub struct Damage<'a> {
    /// Every node's view.
    pub topology: &'a Topology,
    /// Keys by master, at least those of the [`suspects`].
    pub keys: &'a KeyCounts,
    /// Slots that the servers move by themselves just now.
    pub under_way: &'a SlotSet,
}

/// The slots that something is wrong with as far as the views tell: without an owner that answers, claimed by several,
/// open, or with another owner in some view.
#[must_use]
pub fn suspects(topology: &Topology) -> SlotSet {
    let (keys, under_way) = (KeyCounts::new(), SlotSet::new());
    Facts::of(&Damage { topology, keys: &keys, under_way: &under_way }).troubled()
}

/// The slots with several masters that claim them or hold keys of them.
#[must_use]
pub fn owners(damage: &Damage<'_>) -> BTreeMap<Slot, Vec<NodeAddr>> {
    let facts = Facts::of(damage);
    let owners = |slot: Slot| -> BTreeSet<usize> {
        facts.claims(slot).iter().copied().chain(facts.holders(slot).into_iter().map(|(i, _)| i)).collect()
    };
    let all = Slot::all().map(|slot| (slot, owners(slot))).filter(|(_, owners)| owners.len() > 1);
    let addrs = |owners: BTreeSet<usize>| owners.into_iter().map(|i| facts.masters[i].0.clone()).collect();
    all.map(|(slot, owners)| (slot, addrs(owners))).collect()
}

/// Keys on masters that do not own their slots; `hidden` are those whose slots are not told.
#[must_use]
pub fn stray_keys(damage: &Damage<'_>, hidden: &BTreeMap<NodeAddr, u64>) -> Vec<Finding> {
    let facts = Facts::of(damage);
    let mut strays: BTreeMap<NodeAddr, (u64, SlotSet)> = BTreeMap::new();
    for (slot, holders) in &facts.holders {
        for (i, count) in holders.iter().filter(|(i, _)| !facts.claims(*slot).contains(i)) {
            let (keys, slots) = strays.entry(facts.masters[*i].0.clone()).or_default();
            *keys += count;
            slots.insert(*slot);
        }
    }
    for (addr, count) in hidden {
        strays.entry(addr.clone()).or_default().0 += count;
    }
    strays.into_iter().map(|(node, (keys, slots))| Finding::Strays { node, keys, slots }).collect()
}

/// A slot that is open on a master.
struct Open {
    master: usize,
    migrating: bool,
    partner: NodeId,
}

pub(super) struct Facts<'a> {
    topology: &'a Topology,
    /// The masters that answer, as each sees itself, by id.
    pub(super) masters: Vec<(NodeAddr, Node)>,
    by_id: BTreeMap<NodeId, usize>,
    /// Who claims each slot for itself.
    claims: Vec<Vec<usize>>,
    /// Whom some view names as the owner without its claiming so.
    seen: BTreeMap<Slot, BTreeSet<NodeId>>,
    open: BTreeMap<Slot, Vec<Open>>,
    holders: BTreeMap<Slot, Vec<(usize, u64)>>,
    /// Slots that some view gives to another than their only claimant, or to nobody.
    pub(super) disagreed: SlotSet,
    pub(super) under_way: &'a SlotSet,
}

impl<'a> Facts<'a> {
    pub(super) fn of(damage: &Damage<'a>) -> Self {
        let topology = damage.topology;
        let own = topology.views.iter().filter_map(|(addr, view)| Some((addr.clone(), view.me()?.clone())));
        let mut masters: Vec<(NodeAddr, Node)> = own.filter(|(_, node)| node.role == Role::Master).collect();
        masters.sort_by(|a, b| a.1.id.cmp(&b.1.id));
        masters.dedup_by(|a, b| a.1.id == b.1.id);
        let by_id = masters.iter().enumerate().map(|(i, (_, node))| (node.id.clone(), i)).collect();
        let mut claims: Vec<Vec<usize>> = vec![Vec::new(); usize::from(SLOT_COUNT)];
        for (i, (_, node)) in masters.iter().enumerate() {
            node.slots.iter().for_each(|slot| claims[slot.index()].push(i));
        }
        let mut facts = Self {
            topology,
            masters,
            by_id,
            claims,
            seen: BTreeMap::new(),
            open: BTreeMap::new(),
            holders: BTreeMap::new(),
            disagreed: SlotSet::new(),
            under_way: damage.under_way,
        };
        facts.look_through_views();
        facts.look_for_open();
        for (i, (_, node)) in facts.masters.iter().enumerate() {
            for (slot, count) in damage.keys.get(&node.id).into_iter().flatten().filter(|(_, count)| **count > 0) {
                facts.holders.entry(*slot).or_default().push((i, *count));
            }
        }
        facts
    }

    fn look_through_views(&mut self) {
        for view in self.topology.views.values() {
            for slot in view.covered().complement().iter().filter(|slot| self.claims[slot.index()].len() == 1) {
                self.disagreed.insert(slot);
            }
            for (id, slots) in view.slot_owners() {
                let owner = self.by_id.get(id);
                for slot in slots.iter() {
                    let claims = &self.claims[slot.index()];
                    if owner.is_some_and(|owner| claims.contains(owner)) {
                        continue;
                    }
                    self.seen.entry(slot).or_default().insert(id.clone());
                    if claims.len() == 1 {
                        self.disagreed.insert(slot);
                    }
                }
            }
        }
    }

    /// Replicas of Valkey repeat what is open on their master, and only it can close it.
    fn look_for_open(&mut self) {
        for me in self.topology.views.values().filter_map(|view| view.me()) {
            let told = if me.role == Role::Master { Some(&me.id) } else { me.master.as_ref() };
            let Some(master) = told.and_then(|id| self.by_id.get(id).copied()) else { continue };
            for (list, migrating) in [(&me.migrating, true), (&me.importing, false)] {
                for (slot, partner) in list {
                    let open = Open { master, migrating, partner: partner.clone() };
                    self.open.entry(*slot).or_default().push(open);
                }
            }
        }
    }

    /// Every slot that something is wrong with.
    pub(super) fn troubled(&self) -> SlotSet {
        let strays = |slot: &Slot| self.holders(*slot).iter().any(|(i, _)| !self.claims(*slot).contains(i));
        let of = |slot: &Slot| {
            self.claims(*slot).len() != 1
                || self.open.contains_key(slot)
                || self.disagreed.contains(*slot)
                || strays(slot)
        };
        Slot::all().filter(of).collect()
    }

    pub(super) fn claims(&self, slot: Slot) -> &[usize] {
        &self.claims[slot.index()]
    }

    /// The masters that hold keys of the slot, and how many.
    pub(super) fn holders(&self, slot: Slot) -> Vec<(usize, u64)> {
        self.holders.get(&slot).cloned().unwrap_or_default()
    }

    pub(super) fn open_on(&self, slot: Slot) -> BTreeSet<usize> {
        self.open.get(&slot).into_iter().flatten().map(|open| open.master).collect()
    }

    pub(super) fn party(&self, master: usize) -> Party {
        let (addr, node) = &self.masters[master];
        Party { addr: addr.clone(), id: node.id.clone() }
    }

    /// Whether some view names this master as the slot's owner, though it does not claim it.
    pub(super) fn is_seen_owner(&self, slot: Slot, master: usize) -> bool {
        self.seen.get(&slot).is_some_and(|seen| seen.contains(&self.masters[master].1.id))
    }

    /// The master that the slot's owner is moving it to, where that one is importing it.
    pub(super) fn move_begun(&self, slot: Slot, owner: usize) -> Option<usize> {
        let open = self.open.get(&slot)?;
        let partners = open.iter().filter(|open| open.migrating && open.master == owner).map(|open| &open.partner);
        let targets = partners.filter_map(|partner| self.by_id.get(partner).copied());
        let importing = |target: &usize| open.iter().any(|open| !open.migrating && open.master == *target);
        targets.filter(|target| *target != owner).find(importing)
    }

    /// Masters that do not answer and whom a slot without a claimant is still said to belong to, or to whom a slot is
    /// being moved. A failed master whose slots another one has taken over holds nothing that is missed.
    pub(super) fn lost(&self) -> Vec<Lost> {
        let nodes = self.topology.nodes();
        let silent = nodes.values().filter(|node| node.role == Role::Master && !node.flags.handshake);
        let silent = silent.filter(|node| !self.answers(&node.id));
        let lost = silent.filter_map(|node| {
            let held =
                |(slot, seen): &(&Slot, &BTreeSet<NodeId>)| self.claims(**slot).is_empty() && seen.contains(&node.id);
            let slots: SlotSet = self.seen.iter().filter(held).map(|(slot, _)| *slot).collect();
            let mut open = self.open.values().flatten();
            let is_target = node.addr.is_some() && open.any(|open| open.migrating && open.partner == node.id);
            let name = node.addr.as_ref().map_or_else(|| node.id.to_string(), ToString::to_string);
            (is_target || !slots.is_empty()).then(|| Lost { name, slots, replica: self.replica_of(&node.id) })
        });
        lost.collect()
    }

    /// Nodes of which one does not know the other though either owns slots: who owns none may be on its way out.
    pub(super) fn strangers(&self) -> Vec<Meeting> {
        let views = &self.topology.views;
        let owns = |node: &Node| !node.slots.is_empty();
        let knows = |view: &View, id: &NodeId| view.nodes.get(id).is_some_and(|node| !node.flags.handshake);
        // As others see it: a node may not know its own address.
        let place = |id: &NodeId| {
            let seen = views.values().filter_map(|view| view.nodes.get(id)?.addr.clone());
            seen.into_iter().find(|addr| !addr.host.is_empty())
        };
        let mut meetings = BTreeSet::new();
        for (by, view) in views {
            let Some(me) = view.me() else { continue };
            for (other_by, other_view) in views {
                let Some(other) = other_view.me().filter(|other| other.id != me.id) else { continue };
                if knows(view, &other.id) || !(owns(me) || owns(other)) {
                    continue;
                }
                // Both are told: one of them may still refuse whom it was made to forget.
                if let (Some(here), Some(there)) = (place(&me.id), place(&other.id)) {
                    meetings.insert(Meeting { by: by.clone(), whom: there });
                    meetings.insert(Meeting { by: other_by.clone(), whom: here });
                }
            }
        }
        meetings.into_iter().collect()
    }

    fn answers(&self, id: &NodeId) -> bool {
        self.topology.views.values().any(|view| view.myself == *id)
    }

    fn replica_of(&self, master: &NodeId) -> Option<NodeAddr> {
        let follows = |node: &Node| node.role == Role::Replica && node.master.as_ref() == Some(master);
        let mut views = self.topology.views.iter();
        views.find(|(_, view)| view.me().is_some_and(follows)).map(|(addr, _)| addr.clone())
    }

    /// For a slot whose master does not answer while a replica of it does: both.
    pub(super) fn saved_by_failover(&self, slot: Slot) -> Option<(NodeAddr, NodeAddr)> {
        if !self.claims(slot).is_empty() {
            return None;
        }
        let silent = self.seen.get(&slot)?.iter().filter(|id| !self.answers(id));
        silent.into_iter().find_map(|id| {
            let replica = self.replica_of(id)?;
            let known = self.topology.views.values().find_map(|view| view.nodes.get(id)?.addr.clone());
            Some((known?, replica))
        })
    }
}
