//! Views that share what they say.

use proptest::prelude::*;

use super::*;
use crate::core::topology::Role;

fn id(number: usize) -> String {
    format!("{number:040x}")
}

/// The answer of node `me` of so many masters; times of ping and pong are its own.
fn answer(nodes: usize, me: usize, extra: &str) -> String {
    let line = |number: usize| {
        let myself = if number == me { "myself," } else { "" };
        let (ping, pong, epoch) = (me * 7, me * 13 + number, number + 1);
        let slot = number * 3;
        let extra = if number == 0 { extra } else { "" };
        format!(
            "{} 10.0.0.1:{}@{} {myself}master - {ping} {pong} {epoch} connected {slot}{extra}\n",
            id(number),
            7000 + number,
            17000 + number
        )
    };
    // Each server lists the nodes in an order of its own.
    (0..nodes).map(|i| line((i + me * 5) % nodes)).collect()
}

#[test]
fn views_that_say_the_same_are_one_list_whoever_says_it_and_whenever() {
    let mut reader = ViewReader::default();
    let views: Vec<View> = (0..12).map(|me| reader.read(&answer(12, me, "")).unwrap()).collect();
    for (me, view) in views.iter().enumerate() {
        assert_eq!(view.myself.as_str(), id(me));
        assert_eq!(*view, View::parse(&answer(12, me, "")).unwrap());
        assert!(view.nodes.is_same(&views[0].nodes), "{me}");
    }
    let groups = alike(views.iter().map(|view| (&view.nodes, &view.myself)));
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].of.len(), 12);
}

#[test]
fn a_view_that_differs_in_one_line_shares_the_others() {
    let mut reader = ViewReader::default();
    let one = reader.read(&answer(12, 1, "")).unwrap();
    reader.take_news();
    let other = reader.read(&answer(12, 2, " 9000-9010")).unwrap();
    assert!(!other.nodes.is_same(&one.nodes));
    assert_eq!(reader.take_news().iter().map(NodeId::as_str).collect::<Vec<_>>(), [id(0)]);
    let shared = one.nodes.0.iter().zip(&*other.nodes.0).filter(|(a, b)| Arc::ptr_eq(a, b));
    assert_eq!(shared.count(), 11);
    assert_eq!(alike([&one, &other].into_iter().map(|view| (&view.nodes, ()))).len(), 2);
}

#[test]
fn only_what_was_not_known_is_news() {
    let mut reader = ViewReader::default();
    let _one = reader.read(&answer(5, 1, "")).unwrap();
    assert_eq!(reader.take_news().len(), 5);
    let _again = reader.read(&answer(5, 3, "")).unwrap();
    assert!(reader.take_news().is_empty());
}

#[test]
fn what_no_view_has_any_more_is_forgotten() {
    let mut reader = ViewReader::default();
    let kept = reader.read(&answer(6, 0, "")).unwrap();
    for round in 0..50 {
        reader.read(&answer(6, 0, &format!(" {}", 100 + round))).unwrap();
        reader.forget_unused();
    }
    assert_eq!(reader.lines.values().map(Vec::len).sum::<usize>(), 6);
    assert_eq!(reader.lists.len(), 1);
    assert!(reader.read(&answer(6, 4, "")).unwrap().nodes.is_same(&kept.nodes));
}

#[test]
fn nodes_are_found_changed_and_taken_out_like_in_a_map() {
    let view = View::parse(&answer(4, 0, "")).unwrap();
    let mut changed = view.nodes.clone();
    let first: NodeId = id(0).parse().unwrap();
    changed.get_mut(&first).unwrap().role = Role::Replica;
    assert_eq!(view.nodes[&first].role, Role::Master, "the other list is not touched");
    let node = changed[&first].clone();
    changed.remove(&first);
    assert!(!changed.contains_key(&first));
    changed.insert(node);
    assert_eq!(changed.keys().collect::<Vec<_>>(), view.nodes.keys().collect::<Vec<_>>());
}

proptest! {
    /// However lines look, and whatever was read before, the reader says what `View::parse` says.
    #[test]
    fn the_reader_reads_what_parse_reads(
        changes in prop::collection::vec((0..4_usize, 0..6_usize, "[a-z?,0-9 \\[\\]<>@:-]{0,12}", any::<prop::sample::Index>()), 0..12)
    ) {
        let mut reader = ViewReader::default();
        let mut kept = Vec::new();
        for (me, shape, text, at) in changes {
            let mut answer = answer(4, me, "");
            match shape {
                0 => answer = answer.replace("myself,master", "master,myself"),
                1 => answer = answer.replace("myself,", ""),
                2 => answer = answer.replace(" - ", "  - "),
                3 => answer.insert_str(at.index(answer.len()), &text),
                4 => answer.truncate(at.index(answer.len())),
                _ => {}
            }
            let read = reader.read(&answer);
            prop_assert_eq!(&read, &View::parse(&answer), "{}", answer);
            kept.extend(read.ok().filter(|_| shape != 5));
            reader.forget_unused();
        }
    }
}
