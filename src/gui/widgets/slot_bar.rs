//! All 16384 slots as one bar, a piece for each master in its colour, and a legend below.

use egui::{Rect, Role, Sense, TextStyle, Ui, WidgetInfo, vec2};

use crate::core::slot::{SLOT_COUNT, SlotRange};
use crate::gui::i18n::tr;
use crate::gui::theme::Palette;

/// One master's piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its slots.
    pub slots: SlotRange,
    /// The number that decides its colour.
    pub shard: usize,
    /// What it is called: its address.
    pub name: String,
}

impl Share {
    fn text(&self) -> String {
        tr!("plan.share", name = self.name, slots = self.slots, count = self.slots.count())
    }
}

/// The bar and its legend. Hovering a piece tells whose it is.
pub fn slot_bar(ui: &mut Ui, shares: &[Share]) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
    let name = tr!("plan.slot_bar", n = shares.len());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    let painter = ui.painter();
    painter.rect_filled(rect, 3.0, Palette::of(ui).uncovered);
    for share in shares {
        let piece = piece_rect(rect, share.slots);
        // A hair of space parts neighbours whose colours are close, unless the piece is too thin for it.
        let gap = if piece.width() > 6.0 { 1.0 } else { 0.0 };
        painter.rect_filled(piece.shrink2(vec2(gap / 2.0, 0.0)), 2.0, Palette::of(ui).shard(share.shard));
    }
    if let Some(share) =
        response.hover_pos().and_then(|at| shares.iter().find(|s| piece_rect(rect, s.slots).contains(at)))
    {
        response.on_hover_text_at_pointer(share.text());
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 4.0);
        for share in shares {
            legend(ui, share);
        }
    });
}

/// One entry, as one piece: a wrapping row moves it to the next line as a whole.
fn legend(ui: &mut Ui, share: &Share) {
    const CHIP: f32 = 10.0;
    const GAP: f32 = 6.0;
    let text = share.text();
    let font = TextStyle::Body.resolve(ui.style());
    let galley = ui.painter().layout_no_wrap(text.clone(), font, ui.visuals().text_color());
    let size = vec2(CHIP + GAP + galley.size().x + 10.0, galley.size().y);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
    let chip = Rect::from_center_size(rect.left_center() + vec2(CHIP / 2.0, 0.0), vec2(CHIP, CHIP));
    ui.painter().rect_filled(chip, 2.0, Palette::of(ui).shard(share.shard));
    ui.painter().galley(rect.left_top() + vec2(CHIP + GAP, 0.0), galley, ui.visuals().text_color());
}

fn piece_rect(bar: Rect, slots: SlotRange) -> Rect {
    let x = |slot: u16| bar.left() + bar.width() * f32::from(slot) / f32::from(SLOT_COUNT);
    Rect::from_x_y_ranges(x(slots.first.into())..=x(u16::from(slots.last) + 1), bar.y_range())
}
