//! What stands around every screen: the navigation at the left and the health banner on top.

use egui::{RichText, Ui};

use crate::core::check::Finding;
use crate::core::plan::failover::FailoverPlan;
use crate::engine::blank::Blank;
use crate::engine::snapshot::{ClusterView, Health, Phase, Snapshot};

use super::action::{Action, Screen, View};
use super::commands::{self, Global, Offer, Op, Scene};
use super::failover;
use super::format;
use super::i18n::tr;
use super::icons::Icon;
use super::repairs;
use super::theme::{self, Palette, Tone};
use super::widgets::bits;
use super::widgets::offer::offer_ui;
use super::words;

/// The navigation: clusters, the screens of the chosen one, settings.
#[must_use]
pub fn nav_ui(ui: &mut Ui, snapshot: &Snapshot, screen: &Screen) -> Option<Action> {
    let mut action = None;
    egui::Panel::bottom("nav-bottom").frame(egui::Frame::new()).show_separator_line(false).show(ui, |ui| {
        for (command, shown) in [
            (Global::Palette, false),
            (Global::AllEvents, *screen == Screen::AllEvents),
            (Global::Settings, *screen == Screen::Settings),
        ] {
            Action::note(&mut action, entry_ui(ui, commands::global(command), shown));
        }
    });
    let colors = Palette::of(ui);
    let wide = egui::vec2(ui.available_width(), 32.0);
    let create = commands::global(Global::Create);
    let button = theme::primary(colors, create.icon.with(&create.label)).min_size(wide);
    Action::note(&mut action, offer_ui(ui, create, button));
    let attach = commands::global(Global::Attach);
    let button = egui::Button::new(attach.icon.with(&attach.label)).min_size(wide);
    Action::note(&mut action, offer_ui(ui, attach, button));
    ui.add_space(8.0);
    bits::weak(ui, tr!("nav.clusters"));
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        if snapshot.clusters.is_empty() {
            bits::weak(ui, tr!("nav.no_clusters"));
        }
        for cluster in snapshot.clusters.values() {
            Action::note(&mut action, cluster_ui(ui, cluster, screen));
        }
    });
    action
}

/// A line of the navigation.
fn entry_ui(ui: &mut Ui, offer: Offer, selected: bool) -> Option<Action> {
    let wide = egui::vec2(ui.available_width(), 0.0);
    let button = egui::Button::selectable(selected, offer.icon.with(&offer.label)).min_size(wide);
    offer_ui(ui, offer, button)
}

/// A cluster's name, dot and word; below the chosen one, its screens.
fn cluster_ui(ui: &mut Ui, cluster: &ClusterView, screen: &Screen) -> Option<Action> {
    let shown = match screen {
        Screen::Cluster(name, view) if *name == cluster.name => Some(Some(*view)),
        Screen::Plan(name) if *name == cluster.name => Some(None),
        _ => None,
    };
    let mut action = None;
    let (word, tone, _) = words::cluster_health(cluster);
    let colors = Palette::of(ui);
    // One button with nothing painted in it; the dot and the texts lie over it.
    let size = egui::vec2(ui.available_width(), ui.spacing().interact_size.y);
    let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
    let button = ui.put(rect, egui::Button::selectable(false, "").min_size(size));
    let button = button.accessible_name(tr!("nav.cluster", name = cluster.name, health = word));
    let inside = rect.shrink2(egui::vec2(8.0, 0.0));
    let word_width = paint_right(ui, inside, &word, colors.tone(tone));
    let dot = egui::UiBuilder::new().max_rect(inside.with_max_x(inside.right() - word_width - 8.0));
    ui.scope_builder(dot.layout(egui::Layout::left_to_right(egui::Align::Center)), |ui| {
        ui.style_mut().interaction.selectable_labels = false;
        bits::dot(ui, tone);
        let name = RichText::new(&cluster.name).color(if shown.is_some() { colors.strong } else { colors.text });
        let name = if shown.is_some() { name.strong() } else { name };
        ui.add(egui::Label::new(name).truncate().sense(egui::Sense::hover()));
    });
    if button.clicked() {
        action = Some(Action::OpenCluster(cluster.name.clone()));
    }
    if let Some(current) = shown {
        ui.indent("screens", |ui| {
            for view in View::ALL {
                let offer = commands::view(&cluster.name, view);
                Action::note(&mut action, entry_ui(ui, offer, current == Some(view)));
            }
        });
        ui.add_space(4.0);
    }
    action
}

/// Paints a small word at the right end; says how wide it is.
fn paint_right(ui: &Ui, rect: egui::Rect, text: &str, color: egui::Color32) -> f32 {
    let font = egui::TextStyle::Small.resolve(ui.style());
    ui.painter().text(rect.right_center(), egui::Align2::RIGHT_CENTER, text, font, color).width()
}

/// One line: how the chosen cluster is, the worst thing that is wrong, and what can be done.
#[must_use]
pub fn banner_ui(ui: &mut Ui, scene: &Scene<'_>, cluster: &ClusterView, view: View) -> Option<Action> {
    let (word, tone, icon) = words::cluster_health(cluster);
    let mut action = None;
    ui.horizontal(|ui| {
        bits::state(ui, tone, icon, word);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let repair = failover::repair(cluster, format::now());
            if !repair.is_empty() {
                Action::note(&mut action, repair_ui(ui, cluster, repair));
            } else if let Some(fix) = commands::op(Op::Fix, scene, cluster).filter(|_| repairs::concerns(cluster)) {
                let button = theme::primary(Palette::of(ui), fix.icon.with(&fix.label));
                Action::note(&mut action, offer_ui(ui, fix, button));
            }
            let worst = worst(cluster);
            if worst.is_some() && view != View::Overview && ui.button(tr!("banner.show")).clicked() {
                action = Some(Action::ShowView(View::Overview));
            }
            let more = cluster.findings.len().saturating_sub(1);
            if worst.is_some() && more > 0 {
                bits::weak(ui, tr!("banner.more", count = more));
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let (text, hint) = match worst {
                    Some(finding) => (words::finding(finding), Some(words::remedy(finding))),
                    None => (calm(cluster), None),
                };
                let colors = Palette::of(ui);
                let mut job = egui::text::LayoutJob::default();
                let font = egui::TextStyle::Body.resolve(ui.style());
                let format = |color| egui::TextFormat { font_id: font.clone(), color, ..egui::TextFormat::default() };
                job.append(&text, 4.0, format(colors.text));
                if let Some(hint) = &hint {
                    job.append(hint, 12.0, format(colors.weak));
                }
                let label = ui.add(egui::Label::new(job).truncate());
                if let Some(hint) = hint {
                    label.on_hover_text(format!("{text}\n{hint}"));
                }
            });
        });
    });
    action
}

/// "Promote 127.0.0.1:7003 (takeover)…": leads to the plan.
fn repair_ui(ui: &mut Ui, cluster: &ClusterView, plans: Vec<FailoverPlan>) -> Option<Action> {
    let label = match plans.as_slice() {
        [one] => tr!("failover.promote", node = one.replica, mode = failover::mode(one.mode)),
        many => tr!("failover.promote_many", count = many.len()),
    };
    let hints: Vec<String> = plans
        .iter()
        .map(|plan| tr!("failover.promote_hint", master = plan.master, why = failover::why(plan.why)))
        .collect();
    let button = theme::primary(Palette::of(ui), Icon::Failover.with(&label));
    let clicked = ui.add(button).accessible_name(label).on_hover_text(hints.join("\n")).clicked();
    clicked.then(|| failover::ask(cluster, plans))
}

/// The ground of the banner.
#[must_use]
pub fn banner_tone(cluster: &ClusterView) -> Tone {
    words::cluster_health(cluster).1
}

/// The finding that the banner names.
fn worst(cluster: &ClusterView) -> Option<&Finding> {
    let runs = cluster.phase == Phase::Formed && cluster.health != Health::Stopped;
    cluster.findings.first().filter(|_| runs)
}

/// What the banner says when nothing is wrong.
fn calm(cluster: &ClusterView) -> String {
    match (cluster.busy_elsewhere, cluster.phase, cluster.health) {
        (true, ..) => tr!("banner.busy_elsewhere"),
        (_, Phase::Stopped, _) | (.., Health::Stopped) => tr!("banner.stopped"),
        (_, Phase::Unformed, _) => match cluster.blank() {
            Some(Blank::Unformed) | None => tr!("overview.unformed", count = cluster.nodes.len()),
            Some(why) => words::blank(why).0,
        },
        (_, Phase::Formed, Health::Ok) => tr!("banner.ok"),
        (_, Phase::Formed, _) => tr!("banner.unknown"),
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::gui::action::Confirm;
    use crate::gui::{samples, testing};

    fn scene(snapshot: &Snapshot) -> Scene<'_> {
        Scene { snapshot, cluster: None }
    }

    #[test]
    fn slots_that_nobody_owns_can_be_repaired_from_the_banner() {
        let mut harness = testing::harness(None, |ui, action: &mut Option<Action>| {
            *action = banner_ui(ui, &scene(&Snapshot::default()), &samples::uncovered(), View::Slots).or(action.take());
        });
        harness.run();
        harness.get_by_label("Repair…").click();
        harness.run();
        let Some(Action::All(actions)) = harness.state() else { panic!("{:?}", harness.state()) };
        assert!(matches!(actions[1], Action::Ask(Confirm::Fix { .. })));
    }

    #[test]
    fn the_chosen_cluster_shows_its_screens_and_the_other_one_can_be_chosen() {
        let screen = Screen::Cluster("orders".to_owned(), View::Slots);
        let snapshot = samples::snapshot(samples::healthy());
        let mut harness = testing::harness(None, move |ui, action: &mut Option<Action>| {
            *action = nav_ui(ui, &snapshot, &screen).or(action.take());
        });
        harness.run();
        harness.get_by_label("orders: Healthy");
        harness.get_by_label("Nodes");
        harness.get_by_label("sessions: Stopped").click();
        harness.run();
        assert!(matches!(harness.state(), Some(Action::OpenCluster(name)) if name == "sessions"));
    }

    #[test]
    fn the_banner_names_the_worst_and_counts_the_rest() {
        let mut harness = testing::harness(None, |ui, action: &mut Option<Action>| {
            *action = banner_ui(ui, &scene(&Snapshot::default()), &samples::failed(), View::Slots).or(action.take());
        });
        harness.run();
        harness.get_by_label_contains("127.0.0.1:7000 does not answer");
        harness.get_by_label("and 2 more");
        harness.get_by_label("Show").click();
        harness.run();
        assert!(matches!(harness.state(), Some(Action::ShowView(View::Overview))));
    }

    #[test]
    fn the_banner_offers_to_promote_a_replica_that_is_late() {
        format::begin_frame(samples::now());
        let mut harness = testing::harness(None, |ui, action: &mut Option<Action>| {
            *action = banner_ui(ui, &scene(&Snapshot::default()), &samples::failed(), View::Slots).or(action.take());
        });
        harness.run();
        harness.get_by_label("Promote 127.0.0.1:7003 (force)…").click();
        harness.run();
        let Some(Action::Ask(Confirm::Failover { plans, .. })) = harness.state() else {
            panic!("{:?}", harness.state())
        };
        assert_eq!(plans[0].master.port, 7000);
    }

    #[test]
    fn a_healthy_cluster_has_a_calm_banner() {
        let harness = testing::harness((), |ui, ()| {
            drop(banner_ui(ui, &scene(&Snapshot::default()), &samples::healthy(), View::Slots));
        });
        harness.get_by_label_contains("All slots are served");
    }
}
