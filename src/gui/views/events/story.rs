//! Failovers as stories: who, what became of it, and how long each step took.

use std::time::Duration;

use egui::{RichText, Ui};

use crate::core::timeline::{Plot, Stage, Story};
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{GAP, Palette, Tone};
use crate::gui::widgets::bits;

/// How many stories stand open.
const SHOWN: usize = 2;

/// The stories, newest first; all of them where the person wants that.
pub fn stories_ui(ui: &mut Ui, stories: &[Story], all: &mut bool) -> Option<Action> {
    if stories.is_empty() {
        return None;
    }
    let mut action = None;
    let shown = if *all { stories.len() } else { SHOWN.min(stories.len()) };
    let height = if *all { ui.available_height() * 0.6 } else { f32::INFINITY };
    egui::ScrollArea::vertical().id_salt("stories").max_height(height).auto_shrink([false, true]).show(ui, |ui| {
        for story in &stories[..shown] {
            Action::note(&mut action, story_ui(ui, story));
        }
    });
    if stories.len() > SHOWN {
        let label = if *all { tr!("story.fewer") } else { tr!("story.more", count = stories.len() - SHOWN) };
        if ui.button(label).clicked() {
            *all = !*all;
        }
    }
    ui.add_space(GAP);
    action
}

/// One story: its headline, and its steps with the time between them.
fn story_ui(ui: &mut Ui, story: &Story) -> Option<Action> {
    let colors = Palette::of(ui);
    let (tone, icon) = match (story.is_over(), story.plot) {
        (true, _) => (Tone::Good, Icon::Ok),
        (false, Plot::Failover | Plot::Planned) => (Tone::Busy, Icon::Failover),
        (false, Plot::Outage) => (Tone::Bad, Icon::Error),
    };
    let mut action = None;
    let frame = colors.card_frame().inner_margin(egui::Margin::symmetric(12, 8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                action = bits::copy_button(ui, tr!("story.copy"), &text(story));
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    let headline = RichText::new(icon.with(headline(story))).color(colors.tone(tone)).strong();
                    ui.add(egui::Label::new(headline).truncate());
                });
            });
        });
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            for (i, (stage, at)) in story.stages.iter().enumerate() {
                if i > 0 {
                    bits::weak(ui, pause(story, i));
                }
                let name = ui.label(RichText::new(stage_name(*stage)).color(colors.text));
                name.on_hover_text(format!("{}\n{}", format::date_clock(time(*at)), stage_hint(*stage)));
            }
        });
    });
    action
}

/// What the story is, in a line.
fn headline(story: &Story) -> String {
    let (node, heir) = (&story.node, story.heir.as_ref().map(ToString::to_string).unwrap_or_default());
    let at = format::clock(time(story.began()));
    let unserved = story.unserved().map(|ms| format::took(Duration::from_millis(ms)));
    match (story.plot, unserved) {
        (Plot::Failover, Some(unserved)) => {
            tr!("story.failover", at = at, node = node, heir = heir, unserved = unserved)
        }
        (Plot::Failover | Plot::Planned, _) => tr!("story.planned", at = at, node = node, heir = heir),
        (Plot::Outage, _) if story.is_over() => {
            let took = format::took(Duration::from_millis(story.took()));
            tr!("story.outage_over", at = at, node = node, took = took)
        }
        (Plot::Outage, _) => tr!("story.outage", at = at, node = node),
    }
}

/// The time from the step before, as an arrow with a duration.
fn pause(story: &Story, i: usize) -> String {
    let before = i.checked_sub(1).and_then(|i| story.stages.get(i)).map_or(0, |(_, at)| *at);
    let pause = story.stages.get(i).map_or(0, |(_, at)| at.saturating_sub(before));
    if pause == 0 { "·".to_owned() } else { format!("+{}", format::took(Duration::from_millis(pause))) }
}

/// The story as lines of text.
fn text(story: &Story) -> String {
    let step = |(i, (stage, at)): (usize, &(Stage, u64))| {
        let pause = if i > 0 { pause(story, i) } else { String::new() };
        format!("{}\t{pause}\t{}\n", format::date_clock(time(*at)), stage_name(*stage))
    };
    let steps: String = story.stages.iter().enumerate().map(step).collect();
    format!("{}\n{steps}", headline(story))
}

fn time(ms: u64) -> std::time::SystemTime {
    std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}

fn stage_name(stage: Stage) -> String {
    match stage {
        Stage::Lost => tr!("story.lost"),
        Stage::Suspected => tr!("story.suspected"),
        Stage::Failed => tr!("story.failed"),
        Stage::Elected => tr!("story.elected"),
        Stage::Promoted => tr!("story.promoted"),
        Stage::Served => tr!("story.served"),
        Stage::Returned => tr!("story.returned"),
        Stage::Follows => tr!("story.follows"),
        Stage::Healed => tr!("story.healed"),
    }
}

fn stage_hint(stage: Stage) -> String {
    match stage {
        Stage::Lost => tr!("story.lost_hint"),
        Stage::Suspected => tr!("story.suspected_hint"),
        Stage::Failed => tr!("story.failed_hint"),
        Stage::Elected => tr!("story.elected_hint"),
        Stage::Promoted => tr!("story.promoted_hint"),
        Stage::Served => tr!("story.served_hint"),
        Stage::Returned => tr!("story.returned_hint"),
        Stage::Follows => tr!("story.follows_hint"),
        Stage::Healed => tr!("story.healed_hint"),
    }
}
