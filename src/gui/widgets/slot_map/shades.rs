//! What colour each slot has in each mode, as a class per slot: equal neighbours become one rectangle.

use std::sync::Arc;

use egui::Color32;

use crate::core::slot::{SLOT_COUNT, Slot, SlotSet};
use crate::engine::slot_figures::{Figure, SlotFigures, SlotStates, UNKNOWN};
use crate::engine::snapshot::{ClusterView, NodeView, Standing};
use crate::gui::theme::Palette;
use crate::gui::widgets::bits;
use crate::workspace::settings::MapMode;

use super::scale::Scale;

/// In a class: the slot is not one of those that are singled out.
const ASIDE: u16 = 0x8000;
/// Distance between hatching lines over slots without owner, points.
const HATCH: f32 = 8.0;

/// How slots of one class are painted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shade {
    /// The ground.
    pub color: Color32,
    /// Distance of the hatching lines, where there are any.
    pub hatch: Option<f32>,
}

/// What is singled out: the entry of the legend that the pointer is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Only(pub u16);

/// The figure that a mode shows.
#[must_use]
pub const fn figure_of(mode: MapMode) -> Option<Figure> {
    match mode {
        MapMode::Keys => Some(Figure::Keys),
        MapMode::Memory => Some(Figure::Memory),
        MapMode::Cpu => Some(Figure::Cpu),
        MapMode::NetIn => Some(Figure::NetIn),
        MapMode::NetOut => Some(Figure::NetOut),
        MapMode::Owner | MapMode::State => None,
    }
}

/// The classes of the state mode, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SlotState {
    /// With its owner.
    Stable,
    /// On its way out.
    Migrating,
    /// Only its new owner has it open.
    Importing,
    /// Views name different owners.
    Disagreed,
    /// Its owner is down.
    Unserved,
    /// Nobody owns it.
    Uncovered,
}

impl SlotState {
    /// All of them.
    pub const ALL: [SlotState; 6] = [
        SlotState::Stable,
        SlotState::Migrating,
        SlotState::Importing,
        SlotState::Disagreed,
        SlotState::Unserved,
        SlotState::Uncovered,
    ];

    /// How one slot stands.
    #[must_use]
    pub fn of(cluster: &ClusterView, slot: Slot) -> Self {
        let states = &cluster.slots.states;
        let open = states.of(slot).map(|open| if open.migrating { Self::Migrating } else { Self::Importing }).min();
        match cluster.owner_of(slot) {
            None => Self::Uncovered,
            Some(owner) if owner.standing == Standing::Failed => Self::Unserved,
            Some(_) => match open {
                Some(open) => open,
                None if states.disagreed.contains(slot) => Self::Disagreed,
                None => Self::Stable,
            },
        }
    }

    /// Its number among [`SlotState::ALL`].
    #[must_use]
    pub fn class(self) -> u16 {
        self as u16
    }

    /// How it is painted.
    #[must_use]
    pub fn shade(self, colors: &Palette) -> Shade {
        let (color, hatch) = match self {
            Self::Stable => (colors.calm, None),
            Self::Migrating => (colors.leaving, None),
            Self::Importing => (colors.arriving, None),
            Self::Disagreed => (colors.disputed, None),
            Self::Unserved => (colors.dimmed(colors.calm), Some(HATCH * 2.0)),
            Self::Uncovered => (colors.uncovered, Some(HATCH)),
        };
        Shade { color, hatch }
    }
}

/// The class of a slot with nothing to show (no keys, no traffic), and of one of which nothing is known.
pub const ZERO: u16 = 100;
/// See [`ZERO`].
pub const NOT_TOLD: u16 = 101;

/// The classes of all slots, and how each is painted.
#[derive(Debug, Clone, PartialEq)]
pub struct Shades {
    classes: Vec<u16>,
    palette: Vec<Shade>,
    /// How many slots of each class there are.
    counts: Vec<usize>,
    /// For figures: the steps.
    pub scale: Scale,
    /// For figures: the sum over all slots, and how many of them are known.
    pub total: (u64, usize),
}

impl Shades {
    /// The shades of a mode. With `only`, slots of other classes are dimmed; with a selection, those outside it.
    #[must_use]
    pub fn of(cluster: &ClusterView, mode: MapMode, colors: &Palette, only: Option<Only>, selection: &SlotSet) -> Self {
        let mut shades = match (figure_of(mode), mode) {
            (Some(figure), _) => Self::of_figure(cluster, figure, colors),
            (None, MapMode::State) => Self::of_states(cluster, colors),
            (None, _) => Self::of_owners(cluster, colors),
        };
        shades.counts = vec![0; shades.palette.len()];
        for class in &shades.classes {
            if let Some(count) = shades.counts.get_mut(usize::from(*class)) {
                *count += 1;
            }
        }
        if only.is_none() && selection.is_empty() {
            return shades;
        }
        for (class, slot) in shades.classes.iter_mut().zip(Slot::all()) {
            let aside = only.is_some_and(|Only(only)| only != *class);
            if aside || (!selection.is_empty() && !selection.contains(slot)) {
                *class |= ASIDE;
            }
        }
        shades
    }

    fn of_owners(cluster: &ClusterView, colors: &Palette) -> Self {
        let nobody = owner_class(cluster, u16::MAX);
        let mut palette: Vec<Shade> = cluster
            .nodes
            .iter()
            .map(|node| match (bits::shard_color(colors, node), node.standing) {
                // A node that is down does not serve its slots.
                (color, Standing::Failed) => Shade { color: colors.dimmed(color), hatch: Some(HATCH * 2.0) },
                (color, _) => Shade { color, hatch: None },
            })
            .collect();
        palette.truncate(usize::from(nobody));
        palette.push(Shade { color: colors.uncovered, hatch: Some(HATCH) });
        let classes = cluster.slot_owner.iter().map(|owner| owner_class(cluster, *owner)).collect();
        Self::plain(classes, palette)
    }

    /// Shades without a scale.
    fn plain(classes: Vec<u16>, palette: Vec<Shade>) -> Self {
        Self { classes, palette, counts: Vec::new(), scale: Scale::default(), total: (0, 0) }
    }

    fn of_states(cluster: &ClusterView, colors: &Palette) -> Self {
        let classes = Slot::all().map(|slot| SlotState::of(cluster, slot).class()).collect();
        let palette = SlotState::ALL.iter().map(|state| state.shade(colors)).collect();
        Self::plain(classes, palette)
    }

    fn of_figure(cluster: &ClusterView, figure: Figure, colors: &Palette) -> Self {
        let mut palette = vec![Shade { color: colors.unknown(), hatch: None }; usize::from(NOT_TOLD) + 1];
        palette[usize::from(ZERO)].color = colors.zero;
        let Some(figures) = &cluster.slots.figures else {
            let classes = vec![NOT_TOLD; usize::from(SLOT_COUNT)];
            return Self::plain(classes, palette);
        };
        let values = figures.of(figure);
        let scale = Scale::of(values, matches!(figure, Figure::Memory | Figure::NetIn | Figure::NetOut));
        for (step, shade) in palette.iter_mut().enumerate().take(scale.len()) {
            shade.color = colors.heat(scale.shade(step));
        }
        let class = |value: &u64| match *value {
            UNKNOWN => NOT_TOLD,
            0 => ZERO,
            value => u16::try_from(scale.step(value)).unwrap_or(ZERO),
        };
        let classes = values.iter().map(class).collect();
        let total = figures.sum(figure, &SlotSet::full());
        Self { scale, total, ..Self::plain(classes, palette) }
    }

    /// A slot's class, with whether it stands aside: equal numbers look the same.
    #[must_use]
    pub fn class(&self, slot: u16) -> u16 {
        self.classes.get(usize::from(slot)).copied().unwrap_or(NOT_TOLD)
    }

    /// How a class is painted.
    #[must_use]
    pub fn shade(&self, class: u16, colors: &Palette) -> Shade {
        let plain = self.palette.get(usize::from(class & !ASIDE)).copied();
        let plain = plain.unwrap_or(Shade { color: colors.uncovered, hatch: None });
        if class & ASIDE == 0 { plain } else { Shade { color: colors.dimmed(plain.color), ..plain } }
    }

    /// How many slots of each class there are.
    #[must_use]
    pub fn count(&self, class: u16) -> usize {
        self.counts.get(usize::from(class)).copied().unwrap_or(0)
    }

    /// Whether any slot is hatched.
    #[must_use]
    pub fn are_hatched(&self) -> bool {
        self.palette.iter().zip(&self.counts).any(|(shade, count)| shade.hatch.is_some() && *count > 0)
    }
}

/// The shades of the last frame. Most frames show what the one before showed.
#[derive(Debug, Default)]
pub struct LastShades(Option<Last>);

/// Shades, and everything that they were made from.
#[derive(Debug)]
struct Last {
    nodes: Arc<[NodeView]>,
    slot_owner: Arc<[u16]>,
    figures: Option<Arc<SlotFigures>>,
    states: Arc<SlotStates>,
    mode: MapMode,
    colors: &'static Palette,
    only: Option<Only>,
    selection: SlotSet,
    shades: Arc<Shades>,
}

impl LastShades {
    /// [`Shades::of`] these, made anew where something is another than in the last frame.
    pub fn of(
        &mut self,
        cluster: &ClusterView,
        mode: MapMode,
        colors: &'static Palette,
        only: Option<Only>,
        selection: &SlotSet,
    ) -> Arc<Shades> {
        let is_same = |last: &Last| {
            let same_figures = match (&last.figures, &cluster.slots.figures) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (one, other) => one.is_none() && other.is_none(),
            };
            same_figures
                && Arc::ptr_eq(&last.nodes, &cluster.nodes)
                && Arc::ptr_eq(&last.slot_owner, &cluster.slot_owner)
                && Arc::ptr_eq(&last.states, &cluster.slots.states)
                && (last.mode, last.only) == (mode, only)
                && std::ptr::eq(last.colors, colors)
                && last.selection == *selection
        };
        if let Some(last) = self.0.as_ref().filter(|last| is_same(last)) {
            return Arc::clone(&last.shades);
        }
        let shades = Arc::new(Shades::of(cluster, mode, colors, only, selection));
        self.0 = Some(Last {
            nodes: Arc::clone(&cluster.nodes),
            slot_owner: Arc::clone(&cluster.slot_owner),
            figures: cluster.slots.figures.clone(),
            states: Arc::clone(&cluster.slots.states),
            mode,
            colors,
            only,
            selection: selection.clone(),
            shades: Arc::clone(&shades),
        });
        shades
    }
}

/// The class of an owner in the owner mode; the number after the last node is for slots without owner.
#[must_use]
pub fn owner_class(cluster: &ClusterView, owner: u16) -> u16 {
    let nodes = u16::try_from(cluster.nodes.len()).unwrap_or(ASIDE - 1).min(ASIDE - 1);
    owner.min(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::topology::NodeAddr;
    use crate::engine::slot_figures::OpenSlot;
    use crate::gui::samples;

    fn slot(number: u16) -> Slot {
        Slot::new(number).unwrap()
    }

    fn shades(cluster: &ClusterView, mode: MapMode) -> Shades {
        Shades::of(cluster, mode, Palette::of_theme(egui::Theme::Dark), None, &SlotSet::new())
    }

    #[test]
    fn slots_of_one_owner_look_the_same_and_those_of_nobody_are_hatched() {
        let cluster = samples::uncovered();
        let shades = shades(&cluster, MapMode::Owner);
        assert_eq!(shades.class(0), shades.class(5460));
        assert_ne!(shades.class(0), shades.class(16383));
        let colors = Palette::of_theme(egui::Theme::Dark);
        assert!(shades.shade(shades.class(6000), colors).hatch.is_some());
        assert_eq!(shades.count(owner_class(&cluster, u16::MAX)), 5462);
    }

    #[test]
    fn zero_and_not_told_are_two_things() {
        let mut cluster = samples::healthy();
        let mut figures = SlotFigures::default();
        figures.set(Figure::Keys, slot(1), Some(0), None);
        figures.set(Figure::Keys, slot(2), Some(40), None);
        cluster.slots.figures = Some(Arc::new(figures));
        let shades = shades(&cluster, MapMode::Keys);
        assert_eq!([0, 1, 2].map(|slot| shades.class(slot)), [NOT_TOLD, ZERO, 0]);
    }

    #[test]
    fn a_moving_slot_is_migrating_and_the_worst_wins() {
        let mut cluster = samples::uncovered();
        let open = |number, migrating| OpenSlot {
            slot: slot(number),
            node: NodeAddr::new("127.0.0.1", 7000),
            migrating,
            partner: samples::id(1),
        };
        cluster.slots.states = Arc::new(SlotStates {
            open: vec![open(3, true), open(3, false), open(4, false), open(6000, true)],
            disagreed: "3,5".parse().unwrap(),
        });
        let at = |number| SlotState::of(&cluster, slot(number));
        assert_eq!([at(3), at(4), at(5)], [SlotState::Migrating, SlotState::Importing, SlotState::Disagreed]);
        assert_eq!([at(6), at(6000)], [SlotState::Stable, SlotState::Uncovered]);
    }

    #[test]
    fn what_is_not_selected_stands_aside() {
        let cluster = samples::healthy();
        let colors = Palette::of_theme(egui::Theme::Dark);
        let selection: SlotSet = "10-20".parse().unwrap();
        let shades = Shades::of(&cluster, MapMode::Owner, colors, None, &selection);
        assert_ne!(shades.class(9), shades.class(10));
        assert_ne!(shades.shade(shades.class(9), colors), shades.shade(shades.class(10), colors));
        assert_eq!(shades.count(0), 5461, "but still counts");
    }

    #[test]
    fn shades_are_kept_until_something_is_another() {
        let mut cluster = samples::healthy();
        let colors = Palette::of_theme(egui::Theme::Dark);
        let mut last = LastShades::default();
        let mut of = |cluster: &ClusterView, mode, only, selection: &str| {
            let selection = selection.parse().unwrap_or_default();
            let shades = last.of(cluster, mode, colors, only, &selection);
            assert_eq!(*shades, Shades::of(cluster, mode, colors, only, &selection));
            shades
        };
        let first = of(&cluster, MapMode::Owner, None, "");
        assert!(Arc::ptr_eq(&first, &of(&cluster, MapMode::Owner, None, "")));
        of(&cluster, MapMode::Owner, Some(Only(1)), "");
        of(&cluster, MapMode::Owner, Some(Only(1)), "7-9");
        of(&cluster, MapMode::State, Some(Only(1)), "7-9");
        cluster.slots.states = Arc::new(SlotStates { disagreed: "3,5".parse().unwrap(), ..SlotStates::default() });
        of(&cluster, MapMode::State, None, "");
        of(&cluster, MapMode::Keys, None, "");
        let mut figures = SlotFigures::default();
        figures.set(Figure::Keys, slot(2), Some(40), None);
        cluster.slots.figures = Some(Arc::new(figures));
        assert_eq!(of(&cluster, MapMode::Keys, None, "").total, (40, 1));
        let mut owners = cluster.slot_owner.to_vec();
        owners[5] = 1;
        cluster.slot_owner = owners.into();
        of(&cluster, MapMode::Owner, None, "");
    }
}
