use egui_kittest::kittest::Queryable as _;

use super::*;
use crate::engine::slot_figures::{Figure, SlotFigures};
use crate::gui::{samples, testing};

type Seen = (SlotsUi, Option<Action>);

fn view(cluster: ClusterView, state: SlotsUi) -> egui_kittest::Harness<'static, Seen> {
    let mut harness = testing::harness((state, None), move |ui, (state, action): &mut Seen| {
        *action = slots_ui(ui, &cluster, state).or(action.take());
    });
    harness.run();
    harness
}

#[test]
fn a_click_pins_the_slot_and_asks_for_its_keys() {
    let mut harness = view(samples::healthy(), SlotsUi::default());
    harness.get_by_label("Slot map: 3 masters, 0 slots without owner").click();
    harness.run();
    let slot = harness.state().0.pinned.unwrap();
    harness.get_by_label(&format!("Slot {slot}"));
    let Some(Action::Do(Command::CountKeys { slot: asked, .. })) = &harness.state().1 else { panic!() };
    assert_eq!(*asked, slot);
}

#[test]
fn the_panel_names_owner_replica_and_range() {
    let state = SlotsUi { pinned: Slot::new(5460).ok(), ..SlotsUi::default() };
    let mut harness = view(samples::healthy(), state);
    harness.get_by_label("0-5460");
    harness.get_by_label("127.0.0.1:7003");
    harness.get_by_label("Copy the id").click();
    harness.run();
    assert!(matches!(&harness.state().1, Some(Action::Copy(id)) if *id == samples::id(0).as_str()));
}

#[test]
fn a_key_leads_to_its_slot_by_its_hash_tag() {
    let state = SlotsUi { find: "{user1000}.following".to_owned(), ..SlotsUi::default() };
    let mut harness = view(samples::healthy(), state);
    harness.get_by_label_contains("user1000");
    harness.get_by_label("Slot 3443").click();
    harness.run();
    assert_eq!(harness.state().0.pinned, Slot::new(3443).ok());
}

#[test]
fn a_slot_leads_to_a_tag_that_lands_in_it() {
    let state = SlotsUi { find: "3443".to_owned(), ..SlotsUi::default() };
    let mut harness = view(samples::healthy(), state);
    harness.get_by_label("Copy the hash tag").click();
    harness.run();
    let Some(Action::Copy(tag)) = &harness.state().1 else { panic!() };
    assert_eq!(crate::core::slot::key_slot(tag.as_bytes()).get(), 3443);
}

#[test]
fn typed_ranges_are_selected_and_their_owners_named() {
    let state = SlotsUi { find: "5460-5461, 9".to_owned(), ..SlotsUi::default() };
    let mut harness = view(samples::healthy(), state);
    harness.get_by_label("Select 3 slots").click();
    harness.run();
    assert_eq!(harness.state().0.selection.to_string(), "9,5460-5461");
    assert!(harness.state().0.needs_figures());
    harness.get_by_label("3 slots selected");
    harness.get_by_label("Clear the selection").click();
    harness.run();
    assert!(harness.state().0.selection.is_empty());
}

#[test]
fn a_mode_is_chosen_and_its_legend_says_numbers() {
    let mut cluster = samples::healthy();
    let mut figures = SlotFigures::default();
    for slot in Slot::all() {
        figures.set(Figure::Keys, slot, Some(u64::from(slot.get()) / 4096 * 100), None);
    }
    cluster.slots.figures = Some(std::sync::Arc::new(figures));
    let mut harness = view(cluster, SlotsUi::default());
    harness.get_by_role_and_label(egui::accesskit::Role::Button, "Keys").click();
    harness.run();
    assert!(matches!(&harness.state().1, Some(Action::SetSlotMap(MapMode::Keys, MapLayout::Square))));
    assert!(harness.state().0.needs_figures());
    harness.get_by_label("271 – 300");
    harness.get_by_label("2,457,600");
}

#[test]
fn slots_without_owner_stand_in_the_legend() {
    let state = SlotsUi { pinned: Slot::new(6000).ok(), ..SlotsUi::default() };
    let harness = view(samples::uncovered(), state);
    harness.get_by_label("Without owner");
    harness.get_by_label_contains("Nobody owns this slot");
}

#[test]
fn the_map_as_it_was_offers_nothing_to_do() {
    let mut log = crate::core::timeline::OwnerLog::default();
    let mut cluster = samples::healthy();
    let owners: Vec<_> = Slot::all().map(|slot| cluster.owner_of(slot).map(|node| node.addr.clone())).collect();
    log.record(5_000, owners.iter().map(Option::as_ref));
    cluster.owners = std::sync::Arc::new(log);
    let slot = Slot::new(7).ok();
    let mut state = SlotsUi { pinned: slot, selection: slot.into_iter().collect(), ..SlotsUi::default() };
    let now =
        view(cluster.clone(), SlotsUi { pinned: slot, selection: slot.into_iter().collect(), ..SlotsUi::default() });
    let live = ["Fail over…", "Move slots…", "Count the keys", "Show keys"];
    assert!(live.iter().any(|label| now.query_by_label_contains(label).is_some()), "these are what is looked for");
    assert!(state.go_back(&cluster, std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(6), None));
    let then = view(cluster, state);
    then.get_by_label_contains("only the owners are known");
    for label in live {
        assert!(then.query_by_label_contains(label).is_none(), "{label}");
    }
}

#[test]
fn a_map_of_nothing_says_why() {
    let mut cluster = samples::healthy();
    let mut nodes = cluster.nodes.to_vec();
    for node in &mut nodes {
        node.slots = SlotSet::new();
        node.reach = crate::engine::snapshot::Reach::Never { error: "Connection refused".to_owned() };
    }
    (cluster.nodes, cluster.phase) = (nodes.into(), crate::engine::snapshot::Phase::Unformed);
    cluster.slot_owner = vec![crate::engine::snapshot::NO_OWNER; 16384].into();
    let harness = view(cluster, SlotsUi::default());
    harness.get_by_label_contains("No server answers");
}
