//! Small parts that many views share.

use egui::{Align2, Color32, Response, RichText, Sense, Stroke, Ui, Vec2};

use crate::engine::snapshot::{NodeView, Reach};
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};

/// A screen's title.
pub fn title(ui: &mut Ui, text: impl Into<String>) {
    let colors = Palette::of(ui);
    ui.label(RichText::new(text).heading().color(colors.strong));
}

/// A block's title.
pub fn subtitle(ui: &mut Ui, text: impl Into<String>) {
    let colors = Palette::of(ui);
    ui.label(RichText::new(text).size(15.0).strong().color(colors.strong));
}

/// Text that matters less.
pub fn weak(ui: &mut Ui, text: impl Into<String>) -> Response {
    let colors = Palette::of(ui);
    ui.label(RichText::new(text).color(colors.weak))
}

/// A state as icon and word, in its colour.
pub fn state(ui: &mut Ui, tone: Tone, icon: Icon, word: impl AsRef<str>) -> Response {
    let colors = Palette::of(ui);
    ui.label(RichText::new(icon.with(word)).color(colors.tone(tone)))
}

/// A filled square in a shard's colour.
pub fn swatch(ui: &mut Ui, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(12.0), Sense::hover());
    ui.painter().rect_filled(rect, 3.0, color);
}

/// The colour of a node's shard.
#[must_use]
pub fn shard_color(colors: &Palette, node: &NodeView) -> Color32 {
    node.shard.map_or(colors.weak, |number| colors.shard(number))
}

/// A dot in the colour of a state; a ring where nothing is known. A word stands beside it.
pub fn dot(ui: &mut Ui, tone: Tone) {
    let colors = Palette::of(ui);
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(10.0), Sense::hover());
    let color = colors.tone(tone);
    match tone {
        Tone::Quiet => ui.painter().circle_stroke(rect.center(), 4.0, Stroke::new(1.5, color)),
        _ => ui.painter().circle_filled(rect.center(), 4.5, color),
    };
}

/// Whether keys that go to no field may mean this part of the window: no dialog lies above it and no menu is open. Esc
/// takes the focus from whoever has it before anybody is asked, so that the focus alone does not tell.
#[must_use]
pub fn keys_reach(ui: &Ui) -> bool {
    ui.memory(|memory| memory.is_above_modal_layer(ui.layer_id())) && !egui::Popup::is_any_open(ui)
}

/// A button that shows only an icon; `name` is said on hover and to screen readers.
pub fn icon_button(ui: &mut Ui, icon: Icon, name: impl Into<String>) -> Response {
    let name = name.into();
    let button = |ui: &mut Ui| {
        ui.spacing_mut().button_padding.x = 5.0;
        ui.add(egui::Button::new(icon.rich()).frame_when_inactive(false))
    };
    ui.scope(button).inner.accessible_name(&name).on_hover_text(name)
}

/// A copy button for this text.
#[must_use]
pub fn copy_button(ui: &mut Ui, what: impl Into<String>, text: &str) -> Option<Action> {
    icon_button(ui, Icon::Copy, what).clicked().then(|| Action::Copy(text.to_owned()))
}

/// How old a node's values are, where they are old; with the reason on hover.
pub fn staleness(ui: &mut Ui, node: &NodeView) {
    let (text, error) = match &node.reach {
        Reach::Live => return,
        Reach::Unknown => (tr!("reach.unknown"), None),
        Reach::Stale { since, error } => (tr!("reach.stale", age = format::age(*since)), Some(error)),
        Reach::Never { error } => (tr!("reach.never"), Some(error)),
    };
    let response = weak(ui, text);
    if let Some(error) = error {
        response.on_hover_text(error);
    }
}

/// A page with nothing to show: an icon, a line that says why.
pub fn nothing(ui: &mut Ui, icon: Icon, text: impl Into<String>) {
    let colors = Palette::of(ui);
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.25);
        ui.label(icon.rich().size(32.0).color(colors.weak));
        ui.label(RichText::new(text).color(colors.weak));
    });
}

/// A single-line input with a hint, named for screen readers by the hint.
pub fn search_field(ui: &mut Ui, text: &mut String, hint: impl Into<String>, width: f32) -> Response {
    let hint = hint.into();
    let response = ui.add(
        egui::TextEdit::singleline(text)
            .hint_text(hint.clone())
            .desired_width(width)
            .align(Align2::LEFT_CENTER)
            .min_size(egui::vec2(0.0, ui.spacing().interact_size.y)),
    );
    response.accessible_name(hint)
}

/// Text painted right-aligned in the space that is left, for numbers. A table has hundreds of them on one screen: a
/// layout for each would take a third of the frame.
pub fn number(ui: &mut Ui, text: impl Into<String>, color: Color32) {
    let font = egui::TextStyle::Body.resolve(ui.style());
    let galley = ui.painter().layout_no_wrap(text.into(), font, color);
    let size = Vec2::new(ui.available_width(), galley.size().y);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, galley.text()));
    let at = Align2::RIGHT_CENTER.anchor_size(rect.right_center(), galley.size()).min;
    ui.painter_at(rect).galley(at, galley, color);
}

/// Text painted in a table's cell, cut where the cell ends. As [`number`], cheaper than a label: nothing wraps, and no
/// text can be selected in it.
pub fn cell(ui: &mut Ui, text: impl Into<String>, color: Color32) -> Response {
    let font = egui::TextStyle::Body.resolve(ui.style());
    let galley = ui.painter().layout_no_wrap(text.into(), font, color);
    let size = Vec2::new(galley.size().x.min(ui.available_width()), galley.size().y);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, galley.text()));
    ui.painter_at(rect).galley(rect.min, galley, color);
    response
}

/// One fact: a weak name above a strong value.
pub fn fact(ui: &mut Ui, name: impl Into<String>, value: impl Into<String>) {
    let colors = Palette::of(ui);
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.label(RichText::new(name).small().color(colors.weak));
        ui.label(RichText::new(value).size(17.0).color(colors.strong));
    });
}

/// How many whole parts of this size fit into a space.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative, and points on a screen")]
pub fn fits(space: f32, part: f32) -> usize {
    (space / part).floor().max(0.0) as usize
}

/// Text in the middle of a rectangle, painted.
pub fn painted_text(ui: &Ui, pos: egui::Pos2, align: Align2, text: &str, color: Color32) {
    ui.painter().text(pos, align, text, egui::FontId::proportional(11.0), color);
}

/// A panel of this width at the right of a picture, which scrolls.
pub fn beside<R>(ui: &mut Ui, name: &'static str, width: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    let margin = egui::Margin { left: 12, ..egui::Margin::ZERO };
    let panel = egui::Panel::right(name).exact_size(width).resizable(false).show_separator_line(false);
    let shown = panel
        .frame(egui::Frame::new().inner_margin(margin))
        .show(ui, |ui| egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, content).inner);
    shown.inner
}

/// A dialog over everything, of the house's width and margin. `key` names it app-wide.
pub fn modal<R>(ctx: &egui::Context, key: &'static str, content: impl FnOnce(&mut Ui) -> R) -> egui::ModalResponse<R> {
    let frame = egui::Frame::popup(&ctx.global_style()).inner_margin(18);
    egui::Modal::new(egui::Id::unique(key)).frame(frame).show(ctx, |ui| {
        ui.set_width(460.0);
        content(ui)
    })
}
