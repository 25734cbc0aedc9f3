//! The dialog before a failover, and the button that leads to it: the plan, what it means, the exact commands.

use egui::{RichText, ScrollArea, Ui};

use crate::core::plan::failover::{FailoverMode, FailoverPlan, NodeNow, plan};
use crate::core::topology::Role;
use crate::engine::command::Command;
use crate::engine::failover::nodes_of_view;
use crate::engine::snapshot::{ClusterView, NodeView, Snapshot};
use crate::gui::action::Action;
use crate::gui::commands::{self, Scene};
use crate::gui::failover;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};

use super::bits;
use super::confirm::buttons;
use super::icon_button::icon_button_enabled;
use super::plan_view::{code_block, heading_with_copy};
use super::problem_list::tone_line;

/// The tallest that the plans may grow before they scroll, points.
const PLANS_HEIGHT: f32 = 300.0;

/// "Fail over…", greyed with the reason where it can't be; nothing where it means nothing.
#[must_use]
pub fn failover_button(ui: &mut Ui, cluster: &ClusterView, node: &NodeView) -> Option<Action> {
    if !failover::concerns(cluster, node) {
        return None;
    }
    let to_itself = node.role == Some(Role::Replica);
    let label = if to_itself { tr!("failover.to_this") } else { tr!("failover.of_master") };
    let question = failover::question(cluster, node);
    let button = icon_button_enabled(ui, question.is_ok(), Icon::Failover, label);
    match question {
        Ok(action) => button.clicked().then_some(action),
        Err(why) => {
            button.on_disabled_hover_text(failover::refusal(&why));
            None
        }
    }
}

/// The dialog's content. The mode of a single plan can be changed, as long as the chosen one can work.
#[must_use]
pub fn failover_ui(
    ui: &mut Ui,
    snapshot: &Snapshot,
    cluster: &str,
    plans: &mut std::sync::Arc<[FailoverPlan]>,
) -> Option<Action> {
    let nodes = snapshot.clusters.get(cluster).map(|cluster| nodes_of_view(cluster)).unwrap_or_default();
    let title = match &**plans {
        [one] => tr!("failover.title", node = one.replica),
        many => tr!("failover.title_many", count = many.len()),
    };
    bits::subtitle(ui, title);
    if let [one] = &**plans
        && let Some(other) = modes_ui(ui, one, &nodes)
    {
        *plans = vec![other].into();
    }
    ScrollArea::vertical().max_height(PLANS_HEIGHT).show(ui, |ui| {
        ui.set_width(ui.available_width());
        for plan in plans.iter() {
            plan_ui(ui, plan);
        }
        meaning_ui(ui, plans);
    });
    ui.add_space(4.0);
    let tls = snapshot.clusters.get(cluster).and_then(|cluster| cluster.tls.as_deref());
    let lines: Vec<String> = plans.iter().map(|plan| plan.command().redis_cli_line_in(tls)).collect();
    let heading = if lines.len() == 1 { tr!("failover.command") } else { tr!("failover.commands") };
    heading_with_copy(ui, &heading, &tr!("failover.copy"), || lines.join("\n"));
    code_block(ui, "failover_commands", &lines.join("\n"));
    // The engine would refuse it as well: better said before than after.
    let stale = plans.iter().find_map(|plan| plan.still_holds(&nodes).err());
    if let Some(why) = &stale {
        tone_line(ui, Tone::Bad, failover::refusal(why));
    }
    let busy = snapshot.clusters.get(cluster);
    let busy = busy.and_then(|cluster| commands::busy(&Scene { snapshot, cluster: Some(cluster) }, cluster));
    if let (Some(why), None) = (&busy, &stale) {
        tone_line(ui, Tone::Warn, why.clone());
    }
    let label = match plans.iter().map(|plan| plan.mode).max() {
        Some(FailoverMode::Takeover) => tr!("failover.yes_takeover"),
        Some(FailoverMode::Force) => tr!("failover.yes_force"),
        _ => tr!("failover.yes"),
    };
    let command = Command::Failover { cluster: cluster.to_owned(), plans: plans.clone() };
    buttons(ui, &label, stale.is_none() && busy.is_none(), command)
}

/// The three modes, those that can't work greyed; the plan of another one when it is chosen.
fn modes_ui(ui: &mut Ui, shown: &FailoverPlan, nodes: &[NodeNow]) -> Option<FailoverPlan> {
    let own = plan(nodes, &shown.replica_id, None).ok();
    let mut chosen = None;
    ui.horizontal(|ui| {
        for mode in FailoverMode::ALL {
            // The plan's own choice keeps its reason.
            let plan = match &own {
                Some(own) if own.mode == mode => Ok(own.clone()),
                _ => plan(nodes, &shown.replica_id, Some(mode)),
            };
            let is_shown = shown.mode == mode;
            let radio = egui::RadioButton::new(is_shown, failover::mode(mode));
            let response = ui.add_enabled(is_shown || plan.is_ok(), radio).on_hover_text(failover::mode_hint(mode));
            match plan {
                Ok(plan) if response.clicked() && !is_shown => chosen = Some(plan),
                Err(why) if !is_shown => drop(response.on_disabled_hover_text(failover::refusal(&why))),
                _ => {}
            }
        }
    });
    chosen
}

fn plan_ui(ui: &mut Ui, plan: &FailoverPlan) {
    let colors = Palette::of(ui);
    ui.label(
        RichText::new(tr!(
            "failover.takes",
            replica = plan.replica,
            master = plan.master,
            count = format::count(plan.slots.len() as u64),
            slots = shortened(&plan.slots.to_string())
        ))
        .color(colors.strong),
    );
    if plan.mode == FailoverMode::Plain
        && let Some(behind) = plan.behind
    {
        bits::weak(ui, tr!("failover.behind", bytes = format::bytes(behind)));
    }
}

/// Why, and what it means: what is so for several plans is said once.
fn meaning_ui(ui: &mut Ui, plans: &[FailoverPlan]) {
    let colors = Palette::of(ui);
    let reasons =
        plans.iter().map(|plan| tr!("failover.why", mode = failover::mode(plan.mode), why = failover::why(plan.why)));
    for reason in once(reasons) {
        ui.label(reason);
    }
    for meaning in once(plans.iter().flat_map(|plan| plan.meaning.iter().copied())) {
        if meaning.is_warning() {
            tone_line(ui, Tone::Warn, failover::meaning(meaning));
        } else {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                ui.add(egui::Label::new(Icon::Info.rich().color(colors.weak)).selectable(false));
                ui.add(egui::Label::new(failover::meaning(meaning)).wrap());
            });
        }
    }
}

/// Each value at its first place.
fn once<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.fold(Vec::new(), |mut list, value| {
        if !list.contains(&value) {
            list.push(value);
        }
        list
    })
}

/// A long list of slots, cut between two ranges.
fn shortened(slots: &str) -> String {
    const SHOWN: usize = 40;
    match slots.get(..SHOWN).and_then(|start| start.rfind(',')) {
        Some(end) if slots.len() > SHOWN => format!("{},…", &slots[..end]),
        _ => slots.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use egui_kittest::kittest::{NodeT as _, Queryable as _};

    use super::*;
    use crate::core::plan::failover::plan_for_lost;
    use crate::gui::action::Confirm;
    use crate::gui::samples;
    use crate::gui::widgets::dialog_testing::{self, Asked};

    fn ask(shown: ClusterView, plans: Vec<FailoverPlan>) -> egui_kittest::Harness<'static, Asked> {
        let question = Confirm::Failover { cluster: "orders".to_owned(), plans: plans.into() };
        dialog_testing::ask(question, shown)
    }

    fn planned(cluster: &ClusterView, replica: u16) -> FailoverPlan {
        plan(&nodes_of_view(cluster), &samples::id(usize::from(replica)), None).unwrap()
    }

    fn sent(harness: &egui_kittest::Harness<'static, Asked>) -> Arc<[FailoverPlan]> {
        let Command::Failover { plans, .. } = dialog_testing::sent(harness) else { panic!() };
        plans.clone()
    }

    #[test]
    fn the_dialog_shows_the_exact_command_and_sends_exactly_its_plan() {
        let cluster = samples::healthy();
        let made = planned(&cluster, 3);
        let mut harness = ask(cluster, vec![made.clone()]);
        harness.get_by_label_contains("127.0.0.1:7003 takes 5,461 slots (0-5460) from 127.0.0.1:7000.");
        harness.get_by_label_contains("redis-cli -h 127.0.0.1 -p 7003 CLUSTER FAILOVER");
        harness.get_by_label_contains("no write is lost");
        harness.get_by_label("Fail over").click();
        harness.run();
        assert_eq!(*sent(&harness), [made]);
    }

    #[test]
    fn another_mode_can_be_chosen_and_says_what_it_costs() {
        let cluster = samples::healthy();
        let mut harness = ask(cluster.clone(), vec![planned(&cluster, 3)]);
        harness.get_by_label("takeover").click();
        harness.run();
        harness.get_by_label_contains("Nobody votes");
        harness.get_by_label_contains("The old master still serves");
        harness.get_by_label("Take over").click();
        harness.run();
        assert_eq!(sent(&harness)[0].mode, FailoverMode::Takeover);
    }

    #[test]
    fn modes_that_can_not_work_are_greyed() {
        let cluster = samples::failed();
        let harness = ask(cluster.clone(), vec![planned(&cluster, 3)]);
        assert!(harness.get_by_label("plain").accesskit_node().is_disabled());
        assert!(!harness.get_by_label("force").accesskit_node().is_disabled());
    }

    #[test]
    fn a_plan_that_no_longer_holds_can_not_be_sent() {
        let made = planned(&samples::failed(), 3);
        let mut harness = ask(samples::failed_over(), vec![made]);
        harness.get_by_label_contains("The cluster has changed since this plan was made");
        harness.get_by_label("Fail over by force").click();
        harness.run();
        assert!(harness.state().1.is_none(), "{:?}", harness.state().1);
    }

    #[test]
    fn all_lost_masters_are_replaced_in_one_go() {
        let mut cluster = samples::failed();
        let mut nodes = cluster.nodes.to_vec();
        nodes[1].standing = crate::engine::snapshot::Standing::Failed;
        nodes[1].reach = nodes[0].reach.clone();
        cluster.nodes = nodes.into();
        let plans: Vec<_> = plan_for_lost(&nodes_of_view(&cluster), None).into_iter().flatten().collect();
        let mut harness = ask(cluster, plans);
        harness.get_by_label("Make 2 replicas masters?");
        harness.get_by_label("Take over").click();
        harness.run();
        assert_eq!(sent(&harness).len(), 2);
    }
}
