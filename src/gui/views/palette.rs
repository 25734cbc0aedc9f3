//! The command palette: type some letters of what is to be done, choose with the arrow keys, Enter.

use egui::{Align2, Event, Id, Key, Modifiers, RichText, ScrollArea, Sense, Ui};

use crate::core::fuzzy::fit;
use crate::gui::action::Action;
use crate::gui::commands::{self, Offer, Scene};
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::Palette;
use crate::gui::widgets::bits;

/// The palette's width, and how far below the window's upper edge it stands, points.
const WIDTH: f32 = 580.0;
const TOP: f32 = 72.0;
/// How tall the list may grow, points.
const HEIGHT: f32 = 360.0;
/// A line of the list, points.
const ROW: f32 = 28.0;
/// So far do the page keys go.
const PAGE: usize = 10;

/// What the palette remembers while it is open.
#[derive(Debug, Default)]
pub struct PaletteUi {
    query: String,
    /// The place of the chosen line in the list.
    chosen: usize,
    /// The line was chosen by key, and must come into sight.
    moved: bool,
    /// How far the list was scrolled.
    offset: f32,
}

/// Shows the palette; answers with what is to be done, after [`Action::ClosePalette`].
#[must_use]
pub fn palette_ui(ctx: &egui::Context, scene: &Scene<'_>, state: &mut PaletteUi) -> Option<Action> {
    let area = egui::Modal::default_area(Id::unique("palette")).anchor(Align2::CENTER_TOP, [0.0, TOP]);
    let frame = egui::Frame::popup(&ctx.global_style()).inner_margin(10);
    let modal = egui::Modal::new(Id::unique("palette")).area(area).frame(frame).show(ctx, |ui| {
        ui.set_width(WIDTH.min(ui.ctx().content_rect().width() - 48.0));
        content_ui(ui, scene, state)
    });
    let leave = modal.should_close().then_some(Action::ClosePalette);
    let close = |meant| Action::All(vec![Action::ClosePalette, meant]);
    modal.inner.map(close).or(leave)
}

fn content_ui(ui: &mut Ui, scene: &Scene<'_>, state: &mut PaletteUi) -> Option<Action> {
    let steps = steps(ui);
    let hits = hits(scene, &state.query);
    let enter = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
    let field = bits::search_field(ui, &mut state.query, tr!("palette.hint"), f32::INFINITY);
    field.request_focus();
    if field.changed() {
        (state.chosen, state.moved) = (0, true);
    }
    let last = hits.len().saturating_sub(1);
    if let Some(step) = steps {
        state.chosen = state.chosen.saturating_add_signed(step).min(last);
        state.moved = true;
    }
    state.chosen = state.chosen.min(last);
    ui.add_space(6.0);
    if hits.is_empty() {
        bits::weak(ui, tr!("palette.no_hit"));
    }
    let clicked = list_ui(ui, &hits, state);
    ui.add_space(4.0);
    ui.label(RichText::new(tr!("palette.keys")).small().color(Palette::of(ui).weak));
    let meant = clicked.or_else(|| enter.then_some(state.chosen));
    meant.and_then(|at| hits.get(at)?.action.clone().ok())
}

/// How far the pressed keys move the choice.
fn steps(ui: &Ui) -> Option<isize> {
    let page = isize::try_from(PAGE).unwrap_or(isize::MAX);
    let keys = [(Key::ArrowDown, 1), (Key::ArrowUp, -1), (Key::PageDown, page), (Key::PageUp, -page)];
    ui.input_mut(|input| {
        let step: isize = keys
            .iter()
            .map(|(key, step)| step * isize::try_from(input.count_and_consume_key(Modifiers::NONE, *key)).unwrap_or(0))
            .sum();
        // The field would take Tab away from itself.
        input.events.retain(|event| !matches!(event, Event::Key { key: Key::Tab, .. }));
        (step != 0).then_some(step)
    })
}

/// What fits the query, best first; what can't be done now after what can. Without a query, the table's own order.
fn hits(scene: &Scene<'_>, query: &str) -> Vec<Offer> {
    let mut hits: Vec<(i32, Offer)> = commands::all(scene)
        .into_iter()
        .filter_map(|offer| {
            // Also by what it belongs to, but rather by its own name.
            let own = fit(query, &offer.label).map(|sum| sum * 2);
            let wide = || fit(query, &format!("{} {}", offer.label, offer.of));
            Some((own.or_else(wide)?, offer))
        })
        .collect();
    if !query.trim().is_empty() {
        hits.sort_by_key(|(sum, offer)| (offer.action.is_err(), std::cmp::Reverse(*sum)));
    }
    let jumps = commands::jumps(scene, query);
    // A slot's number is meant as such; a key may be anything, and comes last.
    let (slots, keys): (Vec<Offer>, Vec<Offer>) = jumps.into_iter().partition(|offer| offer.icon == Icon::Slots);
    slots.into_iter().chain(hits.into_iter().map(|(_, offer)| offer)).chain(keys).collect()
}

/// The lines; the place of the one that was clicked.
fn list_ui(ui: &mut Ui, hits: &[Offer], state: &mut PaletteUi) -> Option<usize> {
    let mut clicked = None;
    let height = (ROW * hits.len() as f32).min(HEIGHT);
    let mut area = ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink([false, true]);
    if std::mem::take(&mut state.moved) {
        // As far as needed, and no further: the line comes into sight below or above.
        let top = ROW * state.chosen as f32;
        area = area.vertical_scroll_offset(state.offset.clamp((top + ROW - height).max(0.0), top));
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let shown = area.show_rows(ui, ROW, hits.len(), |ui, rows| {
        for at in rows {
            if row_ui(ui, &hits[at], at == state.chosen) {
                clicked = Some(at);
                state.chosen = at;
            }
        }
    });
    state.offset = shown.state.clamped_offset().y;
    clicked
}

/// A line: icon and label; at the right what it belongs to or why it can't be done, and its keys.
fn row_ui(ui: &mut Ui, offer: &Offer, chosen: bool) -> bool {
    let colors = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(egui::vec2(ui.available_width(), ROW), Sense::click());
    let may = offer.action.is_ok();
    let detail = offer.action.as_ref().err().unwrap_or(&offer.of);
    let name = if detail.is_empty() { offer.label.clone() } else { format!("{} ({detail})", offer.label) };
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::ListBoxOption, may, chosen, &name));
    if chosen || response.hovered() {
        let fill = if chosen { colors.selected } else { colors.line };
        ui.painter().rect_filled(rect, 4.0, fill);
    }
    let inside = rect.shrink2(egui::vec2(8.0, 0.0));
    let mut right = inside.right();
    if let Some(keys) = &offer.keys {
        let text = ui.ctx().format_shortcut(keys);
        right =
            painted(ui, egui::pos2(right, inside.center().y), &text, colors.weak, inside.width() * 0.3).left() - 12.0;
    }
    let color = if may { colors.weak } else { colors.dimmed(colors.weak) };
    right = painted(ui, egui::pos2(right, inside.center().y), detail, color, inside.width() * 0.45).left() - 12.0;
    let color = if may { colors.strong } else { colors.dimmed(colors.text) };
    let text = RichText::new(offer.icon.with(&offer.label)).color(color);
    let label = egui::UiBuilder::new().max_rect(inside.with_max_x(right));
    ui.scope_builder(label.layout(egui::Layout::left_to_right(egui::Align::Center)), |ui| {
        ui.add(egui::Label::new(text).truncate().selectable(false).sense(Sense::hover()));
    });
    // Only a reason may be too long for its place.
    let response = if may { response } else { response.on_hover_text(detail) };
    response.clicked()
}

/// Paints a small text that ends here and is cut where it gets too wide; says where it stands.
fn painted(ui: &Ui, end: egui::Pos2, text: &str, color: egui::Color32, most: f32) -> egui::Rect {
    let font = egui::TextStyle::Small.resolve(ui.style());
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(most);
    let galley = ui.painter().layout_job(job);
    let rect = Align2::RIGHT_CENTER.anchor_size(end, galley.size());
    ui.painter().galley(rect.min, galley, color);
    rect
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::engine::snapshot::ClusterView;
    use crate::gui::action::{Confirm, Screen, View};
    use crate::gui::{samples, testing};

    type Opened = (PaletteUi, Option<Action>);

    fn open(cluster: ClusterView) -> egui_kittest::Harness<'static, Opened> {
        let snapshot = samples::snapshot(cluster);
        let screen = Screen::Cluster("orders".to_owned(), View::Overview);
        let mut harness = testing::harness((PaletteUi::default(), None), move |ui, (state, answer): &mut Opened| {
            let got = palette_ui(ui, &Scene::of(&snapshot, &screen), state);
            *answer = got.or(answer.take());
        });
        harness.run();
        harness
    }

    /// What was meant, besides closing the palette.
    fn meant<'a>(harness: &'a egui_kittest::Harness<'static, Opened>) -> &'a Action {
        let Some(Action::All(actions)) = &harness.state().1 else { panic!("{:?}", harness.state().1) };
        assert!(matches!(actions[0], Action::ClosePalette));
        &actions[1]
    }

    fn write(harness: &mut egui_kittest::Harness<'static, Opened>, text: &str) {
        harness.event(Event::Text(text.to_owned()));
        harness.run();
    }

    #[test]
    fn letters_find_the_command_and_enter_does_it() {
        let mut harness = open(samples::healthy());
        write(&mut harness, "sto");
        harness.key_press(Key::Enter);
        harness.run();
        let meant = meant(&harness);
        assert!(matches!(meant, Action::Ask(Confirm::Stop(name)) if name == "orders"), "{meant:?}");
    }

    #[test]
    fn arrows_choose_and_stop_at_the_ends() {
        let mut harness = open(samples::healthy());
        harness.key_press(Key::ArrowUp);
        harness.run();
        assert_eq!(harness.state().0.chosen, 0);
        harness.key_press(Key::ArrowDown);
        harness.run();
        assert_eq!(harness.state().0.chosen, 1);
        harness.key_press(Key::Enter);
        harness.run();
        let Action::All(actions) = meant(&harness) else { panic!("{:?}", harness.state().1) };
        assert!(matches!(actions[1], Action::ShowView(View::Slots)));
    }

    #[test]
    fn a_number_jumps_to_the_slot_and_a_key_to_its_slot() {
        let mut harness = open(samples::healthy());
        write(&mut harness, "slot 1234");
        harness.key_press(Key::Enter);
        harness.run();
        assert!(matches!(meant(&harness), Action::ShowSlot(slot) if slot.get() == 1234));
        let mut harness = open(samples::healthy());
        write(&mut harness, "{user1000}.following");
        harness.get_by_label_contains("3443 (hashed: user1000)").click();
        harness.run();
        assert!(matches!(meant(&harness), Action::ShowSlot(slot) if slot.get() == 3443));
    }

    #[test]
    fn a_command_that_can_not_be_done_says_why_and_does_nothing() {
        let mut harness = open(ClusterView { busy_elsewhere: true, ..samples::healthy() });
        write(&mut harness, "stop…");
        harness.get_by_label("Stop… (Another Slotdeck or slotctl works on this cluster)");
        harness.key_press(Key::Enter);
        harness.run();
        assert!(harness.state().1.is_none(), "{:?}", harness.state().1);
    }

    #[test]
    fn a_theme_is_a_command_too() {
        let mut harness = open(samples::healthy());
        write(&mut harness, "light");
        harness.key_press(Key::Enter);
        harness.run();
        let meant = meant(&harness);
        assert!(matches!(meant, Action::SetTheme(crate::gui::action::ThemeChoice::Light)), "{meant:?}");
    }

    #[test]
    fn escape_leaves() {
        let mut harness = open(samples::healthy());
        harness.key_press(Key::Escape);
        harness.run();
        assert!(matches!(harness.state().1, Some(Action::ClosePalette)));
    }
}
