use egui::vec2;
use egui_kittest::kittest::Queryable as _;

use super::*;
use crate::gui::{samples, testing};

fn slot(number: u16) -> Slot {
    Slot::new(number).unwrap()
}

#[test]
fn a_usual_cluster_needs_few_runs_and_they_cover_every_slot_once() {
    let cluster = samples::healthy();
    let all: Vec<_> = runs(&cluster.slot_owner).collect();
    assert_eq!(all.len(), 130);
    assert_eq!(all.iter().map(|(_, _, count, _)| u32::from(*count)).sum::<u32>(), 16384);
}

#[test]
fn the_pointer_finds_the_slot_that_was_painted_there() {
    let grid = Grid { origin: Pos2::new(10.0, 20.0), cell: 4.0 };
    for number in [0, 127, 128, 5461, 16383] {
        let rect = grid.run(number / SIDE, number % SIDE, 1);
        assert_eq!(grid.slot_at(rect.center()), Some(slot(number)));
        assert_eq!(grid.slot_at(rect.min), Some(slot(number)));
    }
    assert_eq!(grid.slot_at(Pos2::new(9.9, 20.0)), None);
    assert_eq!(grid.slot_at(Pos2::new(10.0 + 4.0 * 128.0, 20.0)), None);
}

#[test]
fn hatching_stays_inside_its_run() {
    let rect = Rect::from_min_size(Pos2::new(3.0, 5.0), vec2(40.0, 4.0));
    let mut mesh = Mesh::default();
    hatch(&mut mesh, rect, HATCH, Color32::WHITE);
    assert!(!mesh.vertices.is_empty());
    assert!(mesh.vertices.iter().all(|v| rect.contains(v.pos)));
}

#[test]
fn the_map_has_a_name_and_arrow_keys_move_the_pin() {
    let cluster = samples::uncovered();
    let mut harness = testing::harness(None, move |ui, pinned: &mut Option<Slot>| {
        let response = slot_map(ui, &cluster, vec2(600.0, 600.0), *pinned, None);
        *pinned = response.picked.or(*pinned);
    });
    harness.run();
    harness.get_by_label("Slot map: 2 masters, 5462 slots without owner").click();
    harness.run();
    // The middle of the square is the corner of four cells: the first slot right of and below it.
    assert_eq!(*harness.state(), Some(slot(64 * 128 + 64)));
    harness.key_press(Key::ArrowRight);
    harness.run();
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(*harness.state(), Some(slot(65 * 128 + 65)));
    harness.key_press(Key::End);
    harness.run();
    assert_eq!(*harness.state(), Some(Slot::LAST));
}
