//! The map as it was: the owners of a moment, with a banner that leads on, back, and to now.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use egui::Ui;

use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::{NodeAddr, Role};
use crate::engine::figures::millis;
use crate::engine::slot_figures::SlotDetails;
use crate::engine::snapshot::{ClusterView, NO_OWNER, NodeView};
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button_enabled;

/// A moment of a cluster.
#[derive(Debug, Clone)]
pub(super) struct Past {
    at_ms: u64,
    /// The cluster with the owners of then; what else is known of its nodes is of when it was made.
    pub(super) view: Arc<ClusterView>,
}

impl Past {
    /// The cluster as it was; `None` where nothing of that time is remembered.
    pub(super) fn of(cluster: &ClusterView, at_ms: u64) -> Option<Self> {
        let owners = cluster.owners.at(at_ms)?;
        let mut nodes = cluster.nodes.to_vec();
        for node in &mut nodes {
            node.slots = SlotSet::new();
        }
        let mut last: Option<(&NodeAddr, u16)> = None;
        let mut slot_owner = vec![NO_OWNER; owners.len()];
        for (slot, owner) in Slot::all().zip(&owners) {
            let Some(addr) = owner else { continue };
            let place = match last {
                Some((known, place)) if known == *addr => place,
                _ => last.insert((addr, place_of(&mut nodes, addr))).1,
            };
            slot_owner[slot.index()] = place;
            if let Some(node) = nodes.get_mut(usize::from(place)) {
                node.slots.insert(slot);
            }
        }
        // Who owns slots was a master then.
        for node in nodes.iter_mut().filter(|node| !node.slots.is_empty()) {
            (node.role, node.master) = (Some(Role::Master), None);
        }
        let view = ClusterView {
            nodes: nodes.into(),
            slot_owner: slot_owner.into(),
            slots: SlotDetails::default(),
            slot_keys: None,
            findings: Arc::default(),
            ..cluster.clone()
        };
        Some(Self { at_ms, view: Arc::new(view) })
    }

    fn at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.at_ms)
    }
}

/// The place of a node, which is added where it has left the cluster since.
fn place_of(nodes: &mut Vec<NodeView>, addr: &NodeAddr) -> u16 {
    let place = nodes.iter().position(|node| node.addr == *addr).unwrap_or_else(|| {
        nodes.push(NodeView { role: Some(Role::Master), ..NodeView::unknown(addr.clone()) });
        nodes.len() - 1
    });
    u16::try_from(place).unwrap_or(NO_OWNER)
}

/// The time of a moment, in milliseconds since 1970.
pub(super) fn moment(at: SystemTime) -> u64 {
    millis(at)
}

/// What the banner leads to: another moment, now, or nowhere.
pub(super) enum Way {
    Stay,
    To(u64),
    Now,
}

/// Says which moment is shown; `cluster` is as it is now.
pub(super) fn banner_ui(ui: &mut Ui, cluster: &ClusterView, past: &Past) -> Way {
    let colors = Palette::of(ui);
    let mut way = Way::Stay;
    let frame = egui::Frame::new().fill(colors.tint(Tone::Busy)).corner_radius(theme::RADIUS).inner_margin(8);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            let text = tr!("past.as_it_was", time = format::date_clock(past.at()));
            bits::state(ui, Tone::Busy, Icon::History, text);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let label = tr!("past.now");
                if ui.add(theme::primary(colors, &label)).clicked() {
                    way = Way::Now;
                }
                let (before, after) = (cluster.owners.before(past.at_ms), cluster.owners.after(past.at_ms));
                if icon_button_enabled(ui, after.is_some(), Icon::Next, tr!("past.next")).clicked() {
                    way = after.map_or(Way::Stay, Way::To);
                }
                if icon_button_enabled(ui, before.is_some(), Icon::Back, tr!("past.previous")).clicked() {
                    way = before.map_or(Way::Stay, Way::To);
                }
            });
        });
    });
    ui.add_space(6.0);
    way
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::samples;

    /// The healthy cluster, in which the first master's slots went to the second at second 20, from a node that has
    /// left, which had them until second 10.
    pub(in crate::gui::views) fn cluster() -> ClusterView {
        let mut cluster = samples::healthy();
        let gone = NodeAddr::new("127.0.0.1", 6999);
        let owners = |cluster: &ClusterView, first: Option<NodeAddr>| -> Vec<Option<NodeAddr>> {
            let owner = |slot| cluster.owner_of(slot).map(|node| node.addr.clone());
            Slot::all().map(|slot| if slot.get() < 100 { first.clone() } else { owner(slot) }).collect()
        };
        let mut log = crate::core::timeline::OwnerLog::default();
        for (at, first) in [(5_000, Some(gone)), (10_000, None), (20_000, Some(cluster.nodes[0].addr.clone()))] {
            log.record(at, owners(&cluster, first).iter().map(Option::as_ref));
        }
        cluster.owners = Arc::new(log);
        cluster
    }

    #[test]
    fn the_owners_of_then_are_shown_even_those_that_have_left() {
        let cluster = cluster();
        let slot = Slot::new(7).unwrap();
        let owner = |at| Past::of(&cluster, at).unwrap().view.owner_of(slot).map(|node| node.addr.port);
        assert_eq!((owner(5_000), owner(10_000), owner(20_000)), (Some(6999), None, Some(7000)));
        assert!(Past::of(&cluster, 4_999).is_none(), "nothing is known of that");
        let past = Past::of(&cluster, 5_000).unwrap();
        assert_eq!(past.view.nodes.len(), 7);
        assert_eq!(past.view.nodes[6].slots.len(), 100);
    }
}
