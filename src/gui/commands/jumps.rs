//! Jumps: to a node by its address, and to a slot by its number or by a key that lands in it.

use crate::core::plan::failover::NodeNow;
use crate::core::slot::{Slot, hash_tag, key_slot};
use crate::core::topology::Role;
use crate::engine::failover::nodes_of_view;
use crate::engine::snapshot::{ClusterView, NodeView};
use crate::gui::action::Action;
use crate::gui::failover;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::{members, moves, words};

use super::{Offer, Scene};

/// The nodes of a cluster, and what can be done with each.
pub(super) fn nodes(cluster: &ClusterView) -> Vec<Offer> {
    let mut list: Vec<Offer> = cluster.nodes.iter().map(|node| show(cluster, node)).collect();
    let now = nodes_of_view(cluster);
    list.extend(cluster.nodes.iter().filter_map(|node| promote(cluster, &now, node)));
    list.extend(cluster.nodes.iter().filter(|_| moves::concerns(cluster)).filter_map(|node| {
        let label = tr!("palette.remove", node = node.addr);
        let action = members::ask_remove(cluster, Some(node.id.clone()?));
        Some(Offer::new(Icon::Remove, label, action).of(&cluster.name))
    }));
    list.extend(cluster.nodes.iter().map(|node| {
        let label = tr!("palette.log_of", node = node.addr);
        Offer::new(Icon::Log, label, Action::ShowLog(node.addr.clone())).of(&cluster.name)
    }));
    list
}

fn show(cluster: &ClusterView, node: &NodeView) -> Offer {
    let icon = if node.role == Some(Role::Replica) { Icon::Replica } else { Icon::Master };
    let role = node.role.map(words::role).unwrap_or_default();
    let label = tr!("palette.node", node = node.addr, role = role);
    Offer::new(icon, label, Action::InspectNode(node.addr.clone())).of(&cluster.name)
}

fn promote(cluster: &ClusterView, now: &[NodeNow], node: &NodeView) -> Option<Offer> {
    if !failover::concerns(cluster, node) {
        return None;
    }
    let label = match node.role {
        Some(Role::Replica) => tr!("palette.fail_over_to", node = node.addr),
        _ => tr!("palette.fail_over_from", node = node.addr),
    };
    let action = failover::question_among(cluster, now, node).map_err(|why| failover::refusal(&why));
    let offer = Offer::new(Icon::Failover, label, Action::Withdraw).of(&cluster.name);
    Some(Offer { action, ..offer })
}

/// What the words of a query may be besides a command's name: a slot's number, a key.
#[must_use]
pub fn jumps(scene: &Scene<'_>, query: &str) -> Vec<Offer> {
    let query = query.trim();
    let Some(cluster) = scene.cluster.filter(|_| !query.is_empty()) else { return Vec::new() };
    let mut list = Vec::new();
    let number = query.rsplit(' ').next().and_then(|word| word.parse::<Slot>().ok());
    let only_number = query.split_once(' ').is_none_or(|(first, _)| is_word(first, "slot", &tr!("palette.slot_word")));
    if let Some(slot) = number.filter(|_| only_number) {
        let owner = cluster.owner_of(slot).map_or_else(|| tr!("slots.no_owner"), |node| node.addr.to_string());
        list.push(Offer::new(Icon::Slots, tr!("palette.slot", slot = slot), Action::ShowSlot(slot)).of(owner));
    }
    let key = match query.split_once(' ') {
        Some((first, key)) if is_word(first, "key", &tr!("palette.key_word")) => key.trim(),
        _ => query,
    };
    let slot = key_slot(key.as_bytes());
    let tag = hash_tag(key.as_bytes());
    let hashed =
        if tag == key.as_bytes() { String::new() } else { tr!("palette.hashed", tag = String::from_utf8_lossy(tag)) };
    let label = tr!("palette.key", key = key, slot = slot);
    list.push(Offer::new(Icon::Search, label, Action::ShowSlot(slot)).of(hashed));
    list
}

/// Whether a word is the one of this language, or the English one.
fn is_word(word: &str, english: &str, own: &str) -> bool {
    let word = word.to_lowercase();
    word == own.to_lowercase() || word == english
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::action::{Screen, View};
    use crate::gui::{i18n, samples};

    fn found(query: &str) -> Vec<String> {
        let snapshot = samples::snapshot(samples::healthy());
        let screen = Screen::Cluster("orders".to_owned(), View::Overview);
        jumps(&Scene::of(&snapshot, &screen), query).into_iter().map(|offer| offer.label).collect()
    }

    #[test]
    fn a_number_is_a_slot_and_also_a_key() {
        assert_eq!(found("1234"), ["Show slot 1234", "Show the slot of the key '1234': 6025"]);
        assert_eq!(found("slot 1234")[0], "Show slot 1234");
        assert_eq!(found("16384").len(), 1, "there is no such slot");
    }

    #[test]
    fn a_key_is_hashed_by_its_tag() {
        assert_eq!(found("key {user1000}.x"), ["Show the slot of the key '{user1000}.x': 3443"]);
        assert_eq!(found("my key")[0], format!("Show the slot of the key 'my key': {}", key_slot(b"my key")));
    }

    #[test]
    fn a_node_leads_to_its_inspection() {
        let offers = nodes(&samples::healthy());
        let Ok(Action::InspectNode(node)) = &offers[1].action else { panic!("{:?}", offers[1]) };
        assert_eq!(node.port, 7001);
    }

    #[test]
    fn the_english_word_is_understood_in_every_language() {
        i18n::set_language(i18n::Language::Chinese);
        let chinese = (found("slot 1234")[0].clone(), found("槽位 1234")[0].clone());
        i18n::set_language(i18n::Language::English);
        assert_eq!(chinese, ("显示槽位 1234".to_owned(), "显示槽位 1234".to_owned()));
    }

    #[test]
    fn nothing_is_guessed_from_nothing() {
        assert!(found("  ").is_empty());
    }
}
