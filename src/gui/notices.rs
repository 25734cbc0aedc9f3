//! What is said for a while: as toasts in a corner. While a dialog is open they wait, so that they never lie over its
//! buttons, and what was said last stands as one line at the window's upper edge.

use std::collections::VecDeque;
use std::time::Duration;

use egui::{Align2, Area, Context, Frame, Id, Label, Order, RichText};
use egui_notify::{Anchor, Toast, ToastLevel, Toasts};

use crate::engine::event::Level;

use super::theme::Palette;
use super::words;

/// Longest text of a toast, characters; the whole one stands in the event list.
const TOAST_LENGTH: usize = 160;
/// Where a toast breaks its lines, characters.
const TOAST_LINE: usize = 64;
/// Toasts leave the buttons at the bottom of a screen free.
const TOAST_MARGIN: egui::Vec2 = egui::vec2(12.0, 64.0);
/// The line's distance from the window's edges, points.
const EDGE: f32 = 6.0;
/// As many wait at most; the older ones stand in the event list.
const WAITING: usize = 8;

/// Something to say.
struct Notice {
    level: Level,
    text: String,
    shown: Duration,
}

/// What is said for a while.
pub struct Notices {
    toasts: Toasts,
    /// What was said and is not a toast yet.
    waiting: VecDeque<Notice>,
    /// When the line at the edge goes, on egui's clock, seconds.
    line_until: Option<f64>,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            toasts: Toasts::default().with_anchor(Anchor::BottomRight).with_margin(TOAST_MARGIN),
            waiting: VecDeque::new(),
            line_until: None,
        }
    }
}

impl Notices {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.toasts.is_empty() && self.waiting.is_empty()
    }

    /// Says a text for this long.
    pub fn say(&mut self, level: Level, text: String, shown: Duration) {
        self.waiting.push_back(Notice { level, text, shown });
        if self.waiting.len() > WAITING {
            self.waiting.pop_front();
        }
        self.line_until = None;
    }

    /// Shows what is to be said, after everything else of the frame.
    pub fn show(&mut self, ctx: &Context) {
        if ctx.memory(|memory| memory.top_modal_layer().is_some()) {
            self.line_ui(ctx);
            return;
        }
        let palette = Palette::of_theme(ctx.theme());
        for notice in self.waiting.drain(..) {
            // With the icon of its level: the toasts' own icons are glyphs that no font here has.
            let (_, tone, icon) = words::level(notice.level);
            let level = ToastLevel::Custom(icon.text(), palette.tone(tone));
            let mut toast = Toast::custom(toast_text(&notice.text), level);
            toast.duration(notice.shown).closable(false).show_progress_bar(false);
            self.toasts.add(toast);
        }
        self.toasts.show(ctx);
    }

    /// What was said last, above the dialog, as long as it is to be shown.
    fn line_ui(&mut self, ctx: &Context) {
        let Some(notice) = self.waiting.back() else { return };
        let now = ctx.input(|input| input.time);
        let until = *self.line_until.get_or_insert(now + notice.shown.as_secs_f64());
        if now >= until {
            return;
        }
        ctx.request_repaint_after(Duration::from_secs_f64(until - now));
        let (_, tone, icon) = words::level(notice.level);
        let color = Palette::of_theme(ctx.theme()).tone(tone);
        let text = RichText::new(icon.with(&notice.text)).color(color);
        let area = Area::new(Id::unique("notice")).order(Order::Tooltip).interactable(false);
        area.anchor(Align2::CENTER_TOP, [0.0, EDGE]).show(ctx, |ui| {
            let widest = ui.ctx().content_rect().width() - 4.0 * EDGE;
            ui.set_max_width(widest);
            Frame::popup(ui.style()).show(ui, |ui| {
                // A text that fits makes a line as wide as it is.
                ui.add(Label::new(text).truncate());
            });
        });
    }
}

/// The text cut and broken into lines: toasts do neither by themselves.
fn toast_text(text: &str) -> String {
    let mut shown = String::new();
    let mut width = 0;
    for (i, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if shown.chars().count() + length > TOAST_LENGTH {
            shown.push('…');
            break;
        }
        if i > 0 {
            shown.push(if width + length > TOAST_LINE { '\n' } else { ' ' });
        }
        width = if width + length > TOAST_LINE { length } else { width + length + 1 };
        shown.push_str(word);
    }
    shown
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::gui::testing;
    use crate::gui::widgets::bits;

    type Said = (Notices, bool);

    fn saying() -> egui_kittest::Harness<'static, Said> {
        let mut harness = testing::harness((Notices::default(), true), |ui, (notices, asks): &mut Said| {
            if *asks {
                bits::modal(ui, "question", |ui| ui.button("Yes"));
            }
            notices.show(ui);
        });
        harness.run();
        harness
    }

    #[test]
    fn a_dialog_is_never_covered_and_what_was_said_is_told_above_it() {
        let mut harness = saying();
        harness.state_mut().0.say(Level::Error, "no dialog could be opened".to_owned(), Duration::from_secs(10));
        harness.run_steps(2);
        let line = harness.get_by_label_contains("no dialog could be opened").rect();
        assert!(line.bottom() < harness.get_by_label("Yes").rect().top(), "{line}");
        assert!(harness.state().0.toasts.is_empty());
        harness.state_mut().1 = false;
        harness.run_steps(3);
        assert_eq!((harness.state().0.toasts.len(), harness.state().0.waiting.len()), (1, 0));
    }

    #[test]
    fn the_line_goes_after_its_time_and_the_toast_comes_with_the_dialog_s_end() {
        let mut harness = saying();
        harness.state_mut().0.say(Level::Info, "Copied".to_owned(), Duration::from_secs(1));
        harness.run_steps(10);
        assert!(harness.query_by_label_contains("Copied").is_none());
        assert_eq!(harness.state().0.waiting.len(), 1);
    }

    #[test]
    fn toasts_are_cut_and_broken() {
        let text = toast_text(&"word ".repeat(80));
        assert!(text.ends_with('…') && text.chars().count() <= TOAST_LENGTH + 1);
        assert!(text.lines().all(|line| line.chars().count() <= TOAST_LINE + 1), "{text}");
    }
}
