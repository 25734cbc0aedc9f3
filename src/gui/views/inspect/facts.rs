//! What a node says of itself, in groups beside each other: a click copies a value.

use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Sense, Ui, Vec2};

use crate::engine::look::{Look, Seen};
use crate::engine::snapshot::{ClusterView, NodeView};
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{GAP, Palette};
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button_enabled;

use super::InspectUi;
use super::groups::{Fact, Group, groups};

/// Least width of a column of groups, points.
const COLUMN: f32 = 380.0;
/// Height of a line, points.
const LINE: f32 = 21.0;
/// Least part of a line for its value.
const VALUE: f32 = 0.36;

pub(super) fn facts_ui(
    ui: &mut Ui,
    cluster: &ClusterView,
    node: &NodeView,
    look: Option<&Look>,
    state: &mut InspectUi,
) -> Option<Action> {
    let seen = match look.and_then(|look| look.seen.as_ref()) {
        Some(Seen::Facts(facts)) => Some(&**facts),
        _ => None,
    };
    let needle = state.filter.trim().to_lowercase();
    let mut groups = groups(cluster, node, seen);
    if !needle.is_empty() {
        for group in &mut groups {
            let all = group.title.to_lowercase().contains(&needle);
            group.facts.retain(|fact| all || matches(fact, &needle));
        }
        groups.retain(|group| !group.facts.is_empty());
    }
    let mut action = None;
    ui.horizontal(|ui| {
        bits::search_field(ui, &mut state.filter, tr!("inspect.filter_facts"), 240.0);
        if seen.is_none() {
            let (icon, text) = match look.and_then(|look| look.error.as_deref()) {
                Some(error) => (Icon::Error, tr!("inspect.failed_why", why = error)),
                None => (Icon::Busy, tr!("inspect.asking")),
            };
            bits::weak(ui, icon.with(text));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if icon_button_enabled(ui, !groups.is_empty(), Icon::Copy, tr!("inspect.copy_all")).clicked() {
                action = Some(Action::Copy(groups.iter().map(to_text).collect::<Vec<_>>().join("\n")));
            }
        });
    });
    ui.add_space(4.0);
    if groups.is_empty() {
        bits::nothing(ui, Icon::Search, tr!("inspect.no_hit"));
        return action;
    }
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        Action::note(&mut action, columns_ui(ui, &groups, !needle.is_empty(), state));
    });
    action
}

fn matches(fact: &Fact, needle: &str) -> bool {
    let holds = |text: &str| text.to_lowercase().contains(needle);
    holds(&fact.name) || holds(&fact.raw) || fact.meaning().is_some_and(|meaning| holds(&meaning))
}

/// A group as lines of text.
fn to_text(group: &Group) -> String {
    let lines = group.facts.iter().map(|fact| format!("{}: {}\n", fact.name, fact.raw));
    format!("# {} {}\n{}", group.title, group.source, lines.collect::<String>())
}

/// The groups in as many columns as fit, each where the least stands yet.
fn columns_ui(ui: &mut Ui, groups: &[Group], all_open: bool, state: &mut InspectUi) -> Option<Action> {
    let count = bits::fits(ui.available_width(), COLUMN).clamp(1, 4);
    let is_open = |group: &Group, state: &InspectUi| all_open || group.is_long == state.turned.contains(&group.key);
    let mut columns: Vec<(usize, Vec<&Group>)> = vec![(0, Vec::new()); count];
    for group in groups {
        let lines = if is_open(group, state) { group.facts.len() } else { 0 };
        if let Some(column) = columns.iter_mut().min_by_key(|(filled, _)| *filled) {
            column.0 += lines + 3;
            column.1.push(group);
        }
    }
    let mut action = None;
    ui.spacing_mut().item_spacing.x = GAP;
    ui.columns(count, |uis| {
        for (ui, (_, groups)) in uis.iter_mut().zip(columns) {
            for group in groups {
                let open = is_open(group, state);
                let (said, turn) = group_ui(ui, group, open);
                Action::note(&mut action, said);
                if turn && !state.turned.remove(&group.key) {
                    state.turned.insert(group.key.clone());
                }
                ui.add_space(4.0);
            }
        }
    });
    action
}

/// Shows a group; says whether it is to be folded or unfolded.
fn group_ui(ui: &mut Ui, group: &Group, open: bool) -> (Option<Action>, bool) {
    let colors = Palette::of(ui);
    let (mut action, mut turn) = (None, false);
    colors.card_frame().inner_margin(8).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let (icon, name) = if open {
                (Icon::Collapse, tr!("inspect.fold", group = group.title))
            } else {
                (Icon::Expand, tr!("inspect.unfold", group = group.title))
            };
            let fold = egui::Button::new(icon.rich().color(colors.weak)).frame(false);
            turn = ui.add(fold).accessible_name(name).clicked();
            bits::subtitle(ui, &group.title);
            let count = if open { String::new() } else { format!("({})", group.facts.len()) };
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                action = bits::copy_button(ui, tr!("inspect.copy_group", group = group.title), &to_text(group));
                ui.label(egui::RichText::new(group.source).small().color(colors.weak));
                bits::weak(ui, count);
            });
        });
        if let Some(missing) = &group.missing {
            bits::weak(ui, missing);
        } else if group.facts.is_empty() {
            bits::weak(ui, tr!("inspect.empty"));
        } else if open {
            for fact in &group.facts {
                Action::note(&mut action, fact_ui(ui, fact));
            }
        }
    });
    (action, turn)
}

/// A name at the left, its value at the right; explained on hover, copied by a click.
fn fact_ui(ui: &mut Ui, fact: &Fact) -> Option<Action> {
    let colors = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), LINE), Sense::click());
    let says = format!("{}: {}", fact.name, fact.shown);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &says));
    if ui.is_rect_visible(rect) {
        if response.hovered() || response.has_focus() {
            ui.painter().rect_filled(rect.expand2(Vec2::new(3.0, 0.0)), 3.0, colors.selected);
        }
        let font = egui::TextStyle::Body.resolve(ui.style());
        let cut = |text: &str, width: f32, color| {
            let mut job = LayoutJob::single_section(text.to_owned(), TextFormat::simple(font.clone(), color));
            job.wrap = TextWrapping::truncate_at_width(width);
            ui.painter().layout_job(job)
        };
        let name = cut(&fact.name, rect.width() * (1.0 - VALUE) - 8.0, colors.weak);
        let value = cut(&fact.shown, rect.width() - name.size().x - 10.0, colors.text);
        let top = |height: f32| rect.center().y - height / 2.0;
        let at = egui::pos2(rect.right() - value.size().x, top(value.size().y));
        ui.painter().galley(egui::pos2(rect.left(), top(name.size().y)), name, colors.weak);
        ui.painter().galley(at, value, colors.text);
    }
    let clicked = response.clicked();
    response.on_hover_ui(|ui| {
        ui.set_max_width(380.0);
        ui.label(egui::RichText::new(&fact.name).monospace().color(colors.strong));
        if let Some(meaning) = fact.meaning() {
            ui.label(meaning);
        }
        ui.label(egui::RichText::new(shortened(&fact.raw)).monospace());
        bits::weak(ui, tr!("inspect.click_copies"));
    });
    clicked.then(|| Action::Copy(fact.raw.clone()))
}

/// The beginning of a value that may be long.
fn shortened(text: &str) -> String {
    const MOST: usize = 600;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
