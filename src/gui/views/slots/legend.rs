//! What the colours of the map mean, with numbers. The entry under the pointer is singled out on the map.

use egui::{Color32, RichText, Ui, Vec2};

use crate::core::slot::SLOT_COUNT;
use crate::engine::slot_figures::{Figure, NodeFigures, SlotFigures, Source};
use crate::engine::snapshot::{ClusterView, NO_OWNER, NodeView, Standing};
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::slot_words;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::widgets::long_list::long_list;
use crate::gui::widgets::slot_map::{NOT_TOLD, Only, Shades, SlotState, ZERO, figure_of, owner_class};
use crate::workspace::settings::MapMode;

/// Addresses named in a note; the others are counted.
const NAMED: usize = 3;

/// The legend; the entry under the pointer is written to `only`.
pub(super) fn legend_ui(
    ui: &mut Ui,
    cluster: &ClusterView,
    mode: MapMode,
    shades: &Shades,
    only: &mut Option<Only>,
) -> Option<Action> {
    *only = None;
    match (figure_of(mode), mode) {
        (Some(figure), _) => return figure_ui(ui, cluster, figure, shades, only),
        (None, MapMode::State) => state_ui(ui, shades, only),
        (None, _) => *only = owners_ui(ui, cluster),
    }
    None
}

fn state_ui(ui: &mut Ui, shades: &Shades, only: &mut Option<Only>) {
    let colors = Palette::of(ui);
    bits::subtitle(ui, tr!("map.state"));
    for state in SlotState::ALL {
        let count = shades.count(state.class());
        let ground = match state {
            SlotState::Uncovered | SlotState::Unserved => colors.hatch,
            state => state.shade(colors).color,
        };
        let name = slot_words::slot_state(state);
        if entry_ui(ui, ground, &name, count).hovered() {
            *only = Some(Only(state.class()));
        }
    }
}

/// The steps from much to little, what is zero, what is not told, and why.
fn figure_ui(
    ui: &mut Ui,
    cluster: &ClusterView,
    figure: Figure,
    shades: &Shades,
    only: &mut Option<Only>,
) -> Option<Action> {
    let colors = Palette::of(ui);
    ui.scope(|ui| bits::subtitle(ui, slot_words::figure(figure))).response.on_hover_text(hint(figure));
    let scale = &shades.scale;
    let mut entry = |ui: &mut Ui, color: Color32, name: &str, class: u16| {
        if entry_ui(ui, color, name, shades.count(class)).hovered() {
            *only = Some(Only(class));
        }
    };
    for step in (0..scale.len()).rev() {
        let (from, to) = (if step == 0 { 1 } else { scale.bound(step - 1) + 1 }, scale.bound(step));
        let name = span(figure, from, to);
        entry(ui, colors.heat(scale.shade(step)), &name, u16::try_from(step).unwrap_or(ZERO));
    }
    let Some(figures) = &cluster.slots.figures else {
        bits::weak(ui, tr!("map.measuring"));
        return None;
    };
    if shades.count(ZERO) > 0 {
        entry(ui, colors.zero, &format::figure(figure, 0), ZERO);
    }
    if shades.count(NOT_TOLD) > 0 {
        entry(ui, colors.unknown(), &tr!("map.not_told"), NOT_TOLD);
    }
    total_ui(ui, figures, figure, shades.total);
    notes_ui(ui, figures, figure)
}

fn hint(figure: Figure) -> String {
    match figure {
        Figure::Keys => tr!("map.keys_hint"),
        Figure::Memory => tr!("map.memory_hint"),
        Figure::Cpu => tr!("map.cpu_hint"),
        Figure::NetIn | Figure::NetOut => tr!("map.net_hint"),
    }
}

/// A step's bounds: `4`, `1 – 20`, and for those with units only the upper one where the lower begins just above another.
fn span(figure: Figure, from: u64, to: u64) -> String {
    match figure {
        _ if from == to => format::figure(figure, to),
        Figure::Keys => format!("{} – {}", format::count(from), format::count(to)),
        _ => format!("≤ {}", format::figure(figure, to)),
    }
}

/// The sum, and how old the oldest part of it is.
fn total_ui(ui: &mut Ui, figures: &SlotFigures, figure: Figure, (sum, known): (u64, usize)) {
    if known > 0 {
        ui.horizontal(|ui| {
            bits::weak(ui, tr!("map.total"));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.label(format::figure(figure, sum))
            });
        });
    }
    let oldest = figures.nodes.iter().filter_map(|node| node.at).min();
    if let Some(oldest) = oldest {
        bits::weak(ui, tr!("map.measured", age = format::age(oldest)));
    }
}

/// Who does not tell the figure, why, and what can be done.
fn notes_ui(ui: &mut Ui, figures: &SlotFigures, figure: Figure) -> Option<Action> {
    let mut action = None;
    let silent = |source: Source| {
        let silent = move |node: &&NodeFigures| {
            node.source == source && node.at.is_some() && node.error.is_none() && !node.told.contains(&figure)
        };
        figures.nodes.iter().filter(silent).collect::<Vec<_>>()
    };
    let (unable, off) = (silent(Source::CountKeys), silent(Source::SlotStats));
    if !unable.is_empty() {
        note(ui, tr!("map.unable", nodes = names(&unable)));
    }
    if !off.is_empty() && figure == Figure::Memory {
        note(ui, tr!("map.memory_off", nodes = names(&off)));
    } else if !off.is_empty() {
        note(ui, tr!("map.off", nodes = names(&off)));
        for command in
            ["CONFIG SET cluster-slot-stats-enabled yes", "CONFIG SET cluster-slot-stats-enabled \"cpu net\""]
        {
            ui.horizontal(|ui| {
                Action::note(&mut action, bits::copy_button(ui, tr!("map.copy_command"), command));
                let text = if command.ends_with('"') { tr!("map.on_redis") } else { tr!("map.on_valkey") };
                ui.label(text).on_hover_text(command);
            });
        }
    }
    for node in figures.nodes.iter().filter(|node| node.error.is_some()).take(NAMED) {
        let error = node.error.clone().unwrap_or_default();
        bits::state(ui, Tone::Warn, Icon::Warning, tr!("map.node_failed", node = node.addr)).on_hover_text(error);
    }
    action
}

fn note(ui: &mut Ui, text: String) {
    let colors = Palette::of(ui);
    ui.label(RichText::new(Icon::Info.with(text)).small().color(colors.weak));
}

fn names(nodes: &[&NodeFigures]) -> String {
    let addrs: Vec<_> = nodes.iter().map(|node| node.addr.clone()).collect();
    crate::gui::words::addrs(&addrs)
}

/// Owner, colour, number of slots and share.
fn owners_ui(ui: &mut Ui, cluster: &ClusterView) -> Option<Only> {
    let colors = Palette::of(ui);
    bits::subtitle(ui, tr!("slots.legend"));
    let mut only = None;
    let mut covered = 0;
    let line = ui.spacing().interact_size.y;
    let has_failed = |node: &NodeView| node.standing == Standing::Failed;
    let owners = cluster.nodes.iter().enumerate().filter(|(_, n)| !n.slots.is_empty());
    let owners = owners.inspect(|(_, n)| covered += n.slots.len());
    let height = |ui: &Ui, (_, node): &(usize, &NodeView)| {
        if has_failed(node) {
            line + ui.spacing().item_spacing.y + ui.text_style_height(&egui::TextStyle::Body)
        } else {
            line
        }
    };
    long_list(ui, owners, height, |ui, (i, node)| {
        let response = entry_ui(ui, bits::shard_color(colors, node), &node.addr.to_string(), node.slots.len());
        if response.hovered() {
            only = u16::try_from(i).ok().map(Only);
        }
        if has_failed(node) {
            bits::state(ui, Tone::Bad, Icon::Error, tr!("slots.owner_failed"));
        }
    });
    let without = usize::from(SLOT_COUNT).saturating_sub(covered);
    if without > 0 && cluster.slot_owner.contains(&NO_OWNER) {
        let response = entry_ui(ui, colors.hatch, &tr!("slots.uncovered"), without);
        if response.hovered() {
            only = Some(Only(owner_class(cluster, NO_OWNER)));
        }
    }
    only
}

fn entry_ui(ui: &mut Ui, color: Color32, name: &str, slots: usize) -> egui::Response {
    let colors = Palette::of(ui);
    ui.horizontal(|ui| {
        bits::swatch(ui, color);
        ui.label(name);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_sized(
                Vec2::new(52.0, 16.0),
                egui::Label::new(RichText::new(format::share(slots, usize::from(SLOT_COUNT))).color(colors.weak))
                    .halign(egui::Align::RIGHT),
            );
            ui.label(format::count(slots as u64));
        });
    })
    .response
}
