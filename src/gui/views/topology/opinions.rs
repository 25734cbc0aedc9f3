//! Where nodes disagree: about whom, about what, and who thinks what.

use egui::{RichText, Ui};

use crate::core::disagree::{Aspect, Disagreement, Opinion};
use crate::core::topology::NodeAddr;
use crate::engine::snapshot::ClusterView;
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button;
use crate::gui::widgets::long_list::long_list;
use crate::gui::words;

use super::Whole;

/// How many ranges of slots are written out.
const RANGES: usize = 6;

pub(super) fn opinions_ui(ui: &mut Ui, cluster: &ClusterView, whole: &Whole) -> Option<Action> {
    let (found, more) = &whole.disagreements;
    let (asked, dated) = (cluster.topology.current().count(), cluster.topology.dated.len());
    if found.is_empty() {
        let (icon, text) = match (asked, dated) {
            (0, 0) => (Icon::Unknown, tr!("topology.no_views")),
            (asked, 0) => (Icon::Ok, tr!("topology.agreed", count = asked)),
            (asked, dated) => (Icon::Refresh, tr!("topology.agreed_so_far", count = asked, dated = dated)),
        };
        bits::nothing(ui, icon, text);
        return None;
    }
    let mut action = None;
    ui.horizontal(|ui| {
        bits::weak(ui, tr!("topology.disagreed", count = found.len(), views = asked));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if icon_button(ui, Icon::Copy, tr!("log.copy")).clicked() {
                action = Some(Action::Copy(found.iter().map(|one| to_text(cluster, one)).collect()));
            }
        });
    });
    if *more {
        bits::weak(ui, tr!("topology.more_disagreements"));
    }
    let line = ui.spacing().interact_size.y;
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        let height = |ui: &Ui, one: &&Disagreement| {
            let gap = ui.spacing().item_spacing.y;
            frame(ui).total_margin().sum().y + line + (line + gap) * one.opinions.len() as f32
        };
        long_list(ui, found.iter(), height, |ui, one| {
            Action::note(&mut action, disagreement_ui(ui, cluster, one, line));
        });
    });
    action
}

fn frame(ui: &Ui) -> egui::Frame {
    Palette::of(ui).card_frame().inner_margin(egui::Margin::symmetric(12, 6))
}

fn disagreement_ui(ui: &mut Ui, cluster: &ClusterView, one: &Disagreement, line: f32) -> Option<Action> {
    let mut action = None;
    frame(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.set_height(line);
            bits::state(ui, Tone::Warn, Icon::Warning, aspect(one.aspect));
            match cluster.node(&one.about) {
                Some(node) => {
                    if ui.link(node.addr.to_string()).on_hover_text(tr!("inspect.open")).clicked() {
                        action = Some(Action::InspectNode(node.addr.clone()));
                    }
                }
                None => drop(ui.label(one.about.short()).on_hover_text(one.about.as_str())),
            }
        });
        for (opinion, by) in &one.opinions {
            ui.horizontal(|ui| {
                ui.set_height(line);
                ui.add_space(22.0);
                let colors = Palette::of(ui);
                let who = words::addrs(by);
                let all: Vec<String> = by.iter().map(ToString::to_string).collect();
                ui.label(RichText::new(tr!("topology.holders", count = by.len(), nodes = who)).color(colors.weak))
                    .on_hover_text(all.join("\n"));
                let text = in_words(cluster, opinion);
                ui.add(egui::Label::new(&text).truncate()).on_hover_text(full(cluster, opinion));
            });
        }
    });
    action
}

/// What the disagreement is about.
fn aspect(aspect: Aspect) -> String {
    match aspect {
        Aspect::Known => tr!("topology.about_known"),
        Aspect::Standing => tr!("topology.about_standing"),
        Aspect::Role => tr!("topology.about_role"),
        Aspect::Slots => tr!("topology.about_slots"),
        Aspect::Epoch => tr!("topology.about_epoch"),
    }
}

fn in_words(cluster: &ClusterView, opinion: &Opinion) -> String {
    match opinion {
        Opinion::Slots(slots) => {
            let ranges = slots.ranges();
            let shown: Vec<String> = ranges.iter().take(RANGES).map(ToString::to_string).collect();
            let more = if ranges.len() > RANGES { ",…" } else { "" };
            let count = tr!("overview.n_slots", count = format::count(slots.len() as u64));
            if slots.is_empty() { count } else { format!("{count}: {}{more}", shown.join(",")) }
        }
        other => full(cluster, other),
    }
}

fn full(cluster: &ClusterView, opinion: &Opinion) -> String {
    match opinion {
        Opinion::Missing => tr!("topology.thinks_missing"),
        Opinion::There => tr!("topology.thinks_there"),
        Opinion::Standing(standing) => words::standing(*standing).0,
        Opinion::Master => words::role(crate::core::topology::Role::Master),
        Opinion::ReplicaOf(master) => {
            let master = master.as_ref().map_or_else(|| format::NONE.to_owned(), |id| name(cluster, id));
            tr!("topology.replica_of", master = master)
        }
        Opinion::Slots(slots) if slots.is_empty() => in_words(cluster, opinion),
        Opinion::Slots(slots) => slots.ranges().iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        Opinion::Epoch(epoch) => tr!("topology.epoch", epoch = epoch),
    }
}

fn name(cluster: &ClusterView, id: &crate::core::topology::NodeId) -> String {
    cluster.node(id).map_or_else(|| id.short().to_owned(), |node| node.addr.to_string())
}

fn to_text(cluster: &ClusterView, one: &Disagreement) -> String {
    let list = |by: &[NodeAddr]| by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let lines = one.opinions.iter().map(|(opinion, by)| format!("  {}: {}\n", list(by), full(cluster, opinion)));
    format!("{} {}\n{}", aspect(one.aspect), name(cluster, &one.about), lines.collect::<String>())
}
