use egui::vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::*;
use crate::gui::{samples, testing};

fn slot(number: u16) -> Slot {
    Slot::new(number).unwrap()
}

#[derive(Default)]
struct Seen {
    state: MapState,
    pinned: Option<Slot>,
    selection: SlotSet,
    mode: MapMode,
    layout: MapLayout,
}

const NAME: &str = "Slot map: 2 masters, 5462 slots without owner";

/// The map of 600 by 600 points, and what became of it.
fn map() -> Harness<'static, Seen> {
    let cluster = samples::uncovered();
    let mut harness = testing::harness(Seen::default(), move |ui, seen: &mut Seen| {
        let shades = Shades::of(&cluster, seen.mode, Palette::of(ui), None, &seen.selection);
        let shown = Shown {
            cluster: &cluster,
            mode: seen.mode,
            layout: seen.layout,
            pinned: seen.pinned,
            selection: &seen.selection,
            shades: &Arc::new(shades),
        };
        let said = slot_map(ui, &shown, &mut seen.state, vec2(640.0, 600.0));
        seen.pinned = said.picked.or(seen.pinned);
        seen.mode = said.mode.unwrap_or(seen.mode);
        if said.flip {
            seen.layout = MapLayout::Bands;
        }
        if said.escaped {
            seen.selection = SlotSet::new();
        }
        if let Some(selected) = said.selected {
            seen.selection = selected;
        }
    });
    harness.run();
    harness
}

/// The middle of a cell, everything being seen.
fn place(harness: &Harness<'_, Seen>, slot: u16) -> Pos2 {
    let rect = harness.get_by_label(NAME).rect();
    let cell = rect.width() / 128.0;
    rect.min + Vec2::new(f32::from(slot % 128) + 0.5, f32::from(slot / 128) + 0.5) * cell
}

fn drag(harness: &mut Harness<'_, Seen>, from: u16, to: u16) {
    let (from, to) = (place(harness, from), place(harness, to));
    harness.drag_at(from);
    harness.run();
    harness.hover_at(from.lerp(to, 0.5));
    harness.run();
    harness.hover_at(to);
    harness.run();
    harness.drop_at(to);
    harness.run();
}

#[test]
fn the_map_has_a_name_and_arrow_keys_move_the_pin() {
    let mut harness = map();
    harness.get_by_label(NAME).click();
    harness.run();
    // The middle of the square is the corner of four cells: the first slot right of and below it.
    assert_eq!(harness.state().pinned, Some(slot(64 * 128 + 64)));
    harness.key_press(Key::ArrowRight);
    harness.run();
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(harness.state().pinned, Some(slot(65 * 128 + 65)));
    harness.key_press(Key::End);
    harness.run();
    assert_eq!(harness.state().pinned, Some(Slot::LAST));
}

#[test]
fn dragging_selects_what_lies_between_and_escape_clears() {
    let mut harness = map();
    drag(&mut harness, 1000, 1300);
    assert_eq!(harness.state().selection.to_string(), "1000-1300");
    assert_eq!(harness.state().pinned, None, "a drag is no click");
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.state().selection.is_empty());
}

#[test]
fn shift_and_arrows_select_from_the_pin_on() {
    let mut harness = map();
    harness.get_by_label(NAME).click();
    harness.run();
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
    harness.run();
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
    harness.run();
    assert_eq!(harness.state().selection.to_string(), "8256-8258");
}

#[test]
fn keys_zoom_and_choose_mode_and_layout() {
    let mut harness = map();
    harness.get_by_label(NAME).click();
    harness.run();
    for _ in 0..8 {
        harness.key_press(Key::Plus);
        harness.run();
    }
    assert!(harness.state().state.shown_zoom() > 8.0, "{}", harness.state().state.shown_zoom());
    harness.key_press(Key::Num0);
    harness.run();
    assert!(harness.state().state.shown_zoom() < 1.01);
    harness.key_press(Key::Num7);
    harness.key_press(Key::L);
    harness.run();
    assert_eq!((harness.state().mode, harness.state().layout), (MapMode::State, MapLayout::Bands));
}

#[test]
fn the_wheel_zooms_at_the_pointer() {
    let mut harness = map();
    let at = place(&harness, 3000);
    harness.hover_at(at);
    harness.run();
    for _ in 0..6 {
        let delta = vec2(0.0, 120.0);
        harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            source: egui::MouseWheelSource::Wheel,
            delta,
            phase: egui::TouchPhase::Move,
            modifiers: Modifiers::NONE,
        });
        harness.run_ok();
    }
    assert!(harness.state().state.shown_zoom() > 3.0);
    harness.drag_at(at);
    harness.drop_at(at);
    harness.run();
    let hit = harness.state().pinned.unwrap();
    assert!(hit.get() % 128 >= 55 && hit.get() % 128 <= 57 && (hit.get() / 128).abs_diff(23) <= 1, "{hit}");
}
