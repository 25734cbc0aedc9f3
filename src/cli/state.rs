//! In which state a cluster is, in the one word that `ps` and `watch` have for it.

use std::collections::BTreeMap;

use crate::core::topology::NodeAddr;
use crate::engine::assemble::Known;
use crate::engine::snapshot::{Health, Phase};
use crate::workspace::document::ClusterDoc;

/// How many nodes answer.
pub(super) fn up(known: &BTreeMap<NodeAddr, Known>) -> usize {
    known.values().filter(|node| answers(node)).count()
}

/// Where the cluster stands in its life, by its document, where it is known here, and by what its nodes say. Servers
/// elsewhere should answer: where none does, the cluster is down, not one that was never made.
pub(super) fn phase(doc: Option<&ClusterDoc>, known: &BTreeMap<NodeAddr, Known>) -> Phase {
    let answers = known.values().filter(|node| answers(node)).filter_map(|node| node.answer.as_ref());
    let formed = doc.is_some_and(|doc| doc.formed) || answers.into_iter().any(|a| !a.view.covered().is_empty());
    let local = doc.is_some_and(|doc| doc.spec.is_some());
    match (formed, up(known), local) {
        (true, ..) | (false, 0, false) => Phase::Formed,
        (false, 0, true) => Phase::Stopped,
        (false, ..) => Phase::Unformed,
    }
}

/// Whether nobody answers, as was wished.
pub(super) fn rests(doc: Option<&ClusterDoc>, known: &BTreeMap<NodeAddr, Known>) -> bool {
    up(known) == 0 && doc.is_some_and(|doc| !doc.wanted)
}

/// The word: `ok`, `degraded`, `down`, `stopped` or `unformed`.
pub(super) fn word(doc: Option<&ClusterDoc>, known: &BTreeMap<NodeAddr, Known>, health: Health) -> &'static str {
    match (phase(doc, known), health) {
        _ if rests(doc, known) => "stopped",
        (Phase::Unformed, _) => "unformed",
        (Phase::Stopped, _) | (_, Health::Stopped) => "stopped",
        (_, Health::Ok) => "ok",
        (_, Health::Degraded) => "degraded",
        (_, Health::Down | Health::Unknown) => "down",
    }
}

fn answers(node: &Known) -> bool {
    node.error.is_none() && node.answer.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::spec::ClusterSpec;
    use crate::workspace::document::OnClose;

    fn silent() -> BTreeMap<NodeAddr, Known> {
        let node = Known { error: Some("can't connect".into()), ..Known::default() };
        [(NodeAddr::new("127.0.0.1", 7000), node)].into()
    }

    fn document(local: bool, formed: bool, wanted: bool) -> ClusterDoc {
        let spec = local.then(|| ClusterSpec::new("demo", "/c/demo"));
        ClusterDoc {
            version: 1,
            name: "demo".into(),
            spec,
            addrs: Vec::new(),
            user: String::new(),
            tls: None,
            processes: BTreeMap::new(),
            formed,
            wanted,
            on_close: OnClose::Ask,
            creating: None,
            shards: BTreeMap::new(),
        }
    }

    #[test]
    fn where_nobody_answers_it_counts_what_was_wished() {
        let of = |doc: Option<&ClusterDoc>| word(doc, &silent(), Health::Down);
        assert_eq!(of(Some(&document(true, true, false))), "stopped");
        assert_eq!(of(Some(&document(true, true, true))), "down", "its servers should run");
        assert_eq!(of(Some(&document(true, false, true))), "stopped", "it was never made");
        assert_eq!(of(Some(&document(false, false, true))), "down", "servers elsewhere should answer");
        assert_eq!(of(None), "down", "so should one that was named");
    }
}
