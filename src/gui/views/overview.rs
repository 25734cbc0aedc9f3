//! A cluster at a glance: totals, what can be done, what is wrong, and its shards.

use egui::{RichText, Ui};

use crate::core::slot::SLOT_COUNT;
use crate::core::topology::Role;
use crate::engine::blank::Blank;
use crate::engine::snapshot::{ClusterView, HalfMade, HalfMoved, NodeView, Phase, Snapshot};
use crate::gui::action::Action;
use crate::gui::commands::{self, Op, Scene};
use crate::gui::format::{self, NONE};
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::repairs;
use crate::gui::summary::{self, Shard, Totals};
use crate::gui::theme::{self, GAP, Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::widgets::half_moved;
use crate::gui::widgets::long_list::long_list;
use crate::gui::widgets::node_table;
use crate::gui::widgets::offer::{offer_button, offer_ui};
use crate::gui::words;

/// Shows the overview.
#[must_use]
pub fn overview_ui(ui: &mut Ui, snapshot: &Snapshot, cluster: &ClusterView) -> Option<Action> {
    let mut action = None;
    let scene = Scene { snapshot, cluster: Some(cluster) };
    ui.horizontal(|ui| {
        bits::title(ui, &cluster.name);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            action = buttons_ui(ui, &scene, cluster);
        });
    });
    ui.add_space(4.0);
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        if let Some(half) = &cluster.half_made {
            Action::note(&mut action, half_made_ui(ui, &scene, cluster, half));
            ui.add_space(GAP);
        } else if cluster.blank() == Some(Blank::Unformed) && commands::busy(&scene, cluster).is_none() {
            Action::note(&mut action, unformed_ui(ui, &scene, cluster));
            ui.add_space(GAP);
        }
        if let Some(half) = &cluster.half_moved {
            Action::note(&mut action, half_moved_ui(ui, &scene, cluster, half));
            ui.add_space(GAP);
        }
        totals_ui(ui, cluster);
        ui.add_space(GAP);
        Action::note(&mut action, findings_ui(ui, &scene, cluster));
        bits::subtitle(ui, tr!("overview.shards"));
        let nodes = summary::by_shard(cluster);
        let shards = nodes.chunk_by(|a, b| a.shard == b.shard);
        let height = shard_height(ui);
        long_list(
            ui,
            shards,
            |_, shard| height(shard.len()),
            |ui, shard| {
                Action::note(&mut action, shard_ui(ui, cluster, &Shard::of(shard)));
            },
        );
    });
    action
}

/// What stands beside the title, from right to left; the rest is in the menu.
const BUTTONS: [Op; 5] = [Op::Delete, Op::Move, Op::Login, Op::Stop, Op::Start];

/// The menu, then Delete…, Move…, Stop…, Start, from right to left.
fn buttons_ui(ui: &mut Ui, scene: &Scene<'_>, cluster: &ClusterView) -> Option<Action> {
    let mut action = None;
    let menu = egui::containers::menu::MenuButton::new(Icon::More.with(tr!("overview.more"))).ui(ui, |ui| {
        for op in Op::ALL.into_iter().filter(|op| !BUTTONS.contains(op)) {
            if let Some(offer) = commands::op(op, scene, cluster) {
                Action::note(&mut action, offer_button(ui, offer));
            }
        }
    });
    drop(menu.0.accessible_name(tr!("overview.more")));
    for op in BUTTONS {
        let Some(offer) = commands::op(op, scene, cluster) else { continue };
        let button = match op {
            Op::Login => theme::primary(Palette::of(ui), offer.icon.with(&offer.label)),
            _ => egui::Button::new(offer.icon.with(&offer.label)),
        };
        Action::note(&mut action, offer_ui(ui, offer, button));
    }
    action
}

/// A creation that stopped half-way, and the two ways out.
fn half_made_ui(ui: &mut Ui, scene: &Scene<'_>, cluster: &ClusterView, half: &HalfMade) -> Option<Action> {
    banner(ui, Tone::Warn, |ui| {
        bits::state(ui, Tone::Warn, Icon::Warning, tr!("overview.half_made"));
        ui.label(&half.reason);
        bits::weak(ui, tr!("overview.touched", nodes = words::addrs(&half.touched)));
        ways_out(ui, scene, cluster, [Op::GoOn, Op::Reset])
    })
}

/// A move of slots that was left half-way, and the two ways out.
fn half_moved_ui(ui: &mut Ui, scene: &Scene<'_>, cluster: &ClusterView, half: &HalfMoved) -> Option<Action> {
    banner(ui, Tone::Warn, |ui| {
        bits::state(ui, Tone::Warn, Icon::Warning, half_moved::sum(half));
        bits::weak(ui, tr!("resume.explain"));
        ways_out(ui, scene, cluster, [Op::Resume, Op::ForgetMove])
    })
}

/// Two ways out of something left half-way, the first of them the one to take.
fn ways_out(ui: &mut Ui, scene: &Scene<'_>, cluster: &ClusterView, ways: [Op; 2]) -> Option<Action> {
    let mut action = None;
    ui.horizontal(|ui| {
        let [first, second] = ways.map(|op| commands::op(op, scene, cluster));
        if let Some(offer) = first {
            let button = theme::primary(Palette::of(ui), offer.icon.with(&offer.label));
            Action::note(&mut action, offer_ui(ui, offer, button));
        }
        if let Some(offer) = second {
            Action::note(&mut action, offer_button(ui, offer));
        }
    });
    action
}

/// Nodes that run and are no cluster yet.
fn unformed_ui(ui: &mut Ui, scene: &Scene<'_>, cluster: &ClusterView) -> Option<Action> {
    let offer = commands::op(Op::Make, scene, cluster)?;
    banner(ui, Tone::Busy, |ui| {
        ui.horizontal(|ui| {
            bits::state(ui, Tone::Busy, Icon::Info, tr!("overview.unformed", count = cluster.nodes.len()));
            let make = theme::primary(Palette::of(ui), offer.icon.with(&offer.label));
            offer_ui(ui, offer, make)
        })
        .inner
    })
}

fn banner<R>(ui: &mut Ui, tone: Tone, content: impl FnOnce(&mut Ui) -> R) -> R {
    let colors = Palette::of(ui);
    egui::Frame::new()
        .fill(colors.tint(tone))
        .corner_radius(theme::RADIUS)
        .inner_margin(theme::PAD)
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            content(ui)
        })
        .inner
}

fn totals_ui(ui: &mut Ui, cluster: &ClusterView) {
    let totals = Totals::of(cluster);
    let colors = Palette::of(ui);
    let partial = |text: String| if totals.partial { format!("≥ {text}") } else { text };
    let known = cluster.nodes.iter().any(|n| n.stats.is_some());
    let or_none = |text: String| if known { partial(text) } else { NONE.to_owned() };
    colors.card_frame().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 32.0;
            bits::fact(
                ui,
                tr!("overview.nodes"),
                tr!("overview.nodes_value", masters = totals.masters, replicas = totals.replicas),
            );
            let covered =
                format!("{} / {}", format::count(totals.covered as u64), format::count(u64::from(SLOT_COUNT)));
            bits::fact(ui, tr!("overview.slots"), covered);
            bits::fact(ui, tr!("overview.keys"), or_none(format::count(totals.keys)));
            bits::fact(ui, tr!("overview.memory"), or_none(format::bytes(totals.memory)));
            bits::fact(ui, tr!("overview.ops"), or_none(format::count(totals.ops)));
            let age = cluster.polled_at.map_or(NONE.to_owned(), format::age_of_poll);
            bits::fact(ui, tr!("overview.polled"), age);
        });
    });
}

fn findings_ui(ui: &mut Ui, scene: &Scene<'_>, cluster: &ClusterView) -> Option<Action> {
    if cluster.findings.is_empty() || cluster.phase == Phase::Stopped {
        return None;
    }
    let mut action = None;
    ui.horizontal(|ui| {
        bits::subtitle(ui, tr!("overview.findings"));
        if let Some(fix) = commands::op(Op::Fix, scene, cluster).filter(|_| repairs::concerns(cluster)) {
            action = offer_button(ui, fix);
        }
    });
    for finding in cluster.findings.iter() {
        let (tone, icon) = if finding.is_error() { (Tone::Bad, Icon::Error) } else { (Tone::Warn, Icon::Warning) };
        ui.horizontal_wrapped(|ui| {
            bits::state(ui, tone, icon, words::finding(finding));
            bits::weak(ui, words::remedy(finding));
        });
    }
    ui.add_space(GAP);
    action
}

/// The frame of a shard.
fn shard_frame(colors: &Palette) -> egui::Frame {
    colors.card_frame().inner_margin(egui::Margin { left: 16, right: 12, top: 8, bottom: 8 })
}

/// How tall a shard of so many nodes is: a line a node.
fn shard_height(ui: &Ui) -> impl Fn(usize) -> f32 + use<> {
    let margin = shard_frame(Palette::of(ui)).total_margin().sum().y;
    let (line, gap) = (ui.spacing().interact_size.y, ui.spacing().item_spacing.y);
    move |nodes| margin + line * nodes as f32 + gap * nodes.saturating_sub(1) as f32
}

/// A shard: its colour, its master and its copies.
fn shard_ui(ui: &mut Ui, cluster: &ClusterView, shard: &Shard<'_>) -> Option<Action> {
    let colors = Palette::of(ui);
    let mut action = None;
    let color = shard.number.map_or(colors.weak, |number| colors.shard(number));
    let shown = shard_frame(colors).show(ui, |ui| {
        ui.set_width(ui.available_width());
        for node in shard.master.iter().chain(&shard.others) {
            let is_head = shard.master.is_some_and(|m| std::ptr::eq(m, *node));
            Action::note(&mut action, node_ui(ui, cluster, node, is_head));
        }
    });
    let bar = shown.response.rect.with_max_x(shown.response.rect.left() + 5.0);
    ui.painter().rect_filled(bar, theme::RADIUS, color);
    action
}

/// A node on one line: role, address, state; slots, keys, memory; link of a replica.
fn node_ui(ui: &mut Ui, cluster: &ClusterView, node: &NodeView, is_head: bool) -> Option<Action> {
    let colors = Palette::of(ui);
    ui.horizontal(|ui| {
        let text_color = if node.is_stale() { colors.dimmed(colors.text) } else { colors.text };
        let icon = if is_head { Icon::Master } else { Icon::Replica };
        let role = node.role.map_or(NONE.to_owned(), words::role);
        fixed(ui, 96.0, |ui| ui.label(RichText::new(icon.with(role)).color(colors.weak)));
        let log = fixed(ui, 150.0, |ui| ui.link(RichText::new(node.addr.to_string()).color(colors.strong)));
        let (word, tone, state_icon) = node_table::state_of(node);
        fixed(ui, 110.0, |ui| bits::state(ui, tone, state_icon, word));
        bits::staleness(ui, node);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let stats = node.stats.as_ref();
            let number = |ui: &mut Ui, width: f32, text: String| {
                fixed(ui, width, |ui| bits::number(ui, text, text_color));
            };
            number(ui, 84.0, stats.map_or(NONE.to_owned(), |s| format::bytes(s.used_memory)));
            number(ui, 96.0, stats.map_or(NONE.to_owned(), |s| tr!("overview.n_keys", count = format::count(s.keys))));
            if node.role == Some(Role::Master) && cluster.phase == Phase::Formed {
                number(ui, 96.0, tr!("overview.n_slots", count = format::count(node.slots.len() as u64)));
            } else if let Some(up) = stats.and_then(|s| s.link_up) {
                let (tone, icon, word) = if up {
                    (Tone::Good, Icon::Linked, tr!("nodes.link_up"))
                } else {
                    (Tone::Bad, Icon::Unlinked, tr!("nodes.link_down"))
                };
                fixed(ui, 96.0, |ui| {
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        bits::state(ui, tone, icon, word)
                    });
                });
            }
        });
        log.on_hover_text(tr!("nodes.show_log")).clicked().then(|| Action::ShowLog(node.addr.clone()))
    })
    .inner
}

/// A cell of this width.
fn fixed<R>(ui: &mut Ui, width: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    let size = egui::vec2(width, ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Center), |ui| {
        ui.set_min_width(width);
        content(ui)
    })
    .inner
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::engine::client::NodeErrorKind;
    use crate::engine::command::Command;
    use crate::engine::snapshot::Reach;
    use crate::gui::action::Confirm;
    use crate::gui::{samples, testing};

    fn view(cluster: ClusterView) -> egui_kittest::Harness<'static, Option<Action>> {
        let snapshot = samples::snapshot(cluster.clone());
        let mut harness = testing::harness(None, move |ui, action: &mut Option<Action>| {
            *action = overview_ui(ui, &snapshot, &cluster).or(action.take());
        });
        harness.run();
        harness
    }

    #[test]
    fn totals_of_a_healthy_cluster_are_shown() {
        let harness = view(samples::healthy());
        harness.get_by_label("3 masters, 3 replicas");
        harness.get_by_label("16,384 / 16,384");
        assert!(harness.query_by_label("Start").is_none(), "everything runs already");
    }

    #[test]
    fn delete_asks_first_and_names_the_folder() {
        let mut harness = view(samples::healthy());
        harness.get_by_label("Delete…").click();
        harness.run();
        let Some(Action::Ask(Confirm::Delete { cluster, dir: Some(dir), wipe: false })) = harness.state() else {
            panic!("{:?}", harness.state())
        };
        assert_eq!((cluster.as_str(), dir.to_str()), ("orders", Some("/home/ada/slotdeck/orders")));
    }

    #[test]
    fn an_attached_cluster_that_lets_nobody_in_asks_for_its_password() {
        let mut cluster = samples::healthy();
        let enter = "Enter password…";
        cluster.spec = None;
        assert!(view(cluster.clone()).query_by_label(enter).is_none());
        let mut nodes = cluster.nodes.to_vec();
        let why = NodeErrorKind::Auth("NOAUTH Authentication required.".to_owned());
        nodes[0].reach = Reach::Never { error: why.to_string() };
        cluster.nodes = nodes.into();
        let mut harness = view(cluster);
        harness.get_by_label(enter).click();
        harness.run();
        assert!(matches!(harness.state(), Some(Action::EnterPassword(name)) if name == "orders"));
    }

    #[test]
    fn a_stopped_cluster_offers_to_start() {
        let mut harness = view(samples::stopped());
        harness.get_by_label("Start").click();
        harness.run();
        assert!(matches!(harness.state(), Some(Action::Do(Command::Start { .. }))));
    }

    #[test]
    fn a_dead_master_is_found_with_a_remedy() {
        let harness = view(samples::failed());
        harness.get_by_label_contains("The cluster calls 127.0.0.1:7000 failed");
        harness.get_by_label_contains("Its replica takes over");
    }

    #[test]
    fn a_half_made_cluster_has_two_ways_out() {
        let mut harness = view(samples::half_made());
        harness.get_by_label_contains("can't reach each other on the bus ports");
        harness.get_by_label_contains("Reset the touched nodes…").click();
        harness.run();
        let Some(Action::Ask(Confirm::Reset { nodes, .. })) = harness.state() else { panic!() };
        assert_eq!(nodes.len(), 3);
        harness.get_by_label_contains("Go on").click();
        harness.run();
        assert!(matches!(harness.state(), Some(Action::OpenPlan(_))));
    }
}
