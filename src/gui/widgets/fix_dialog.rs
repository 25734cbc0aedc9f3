//! The dialog that repairs slots: what was found, what is done about it and why, what is refused, and the risks that
//! have to be taken by name.

use std::sync::Arc;

use egui::{CollapsingHeader, Label, RichText, ScrollArea, Ui};

use crate::core::plan::fix::{FixPlan, Repair};
use crate::core::tls::TlsOptions;
use crate::engine::command::Command;
use crate::engine::fix::{FixFound, FixWish};
use crate::engine::snapshot::{ClusterView, Snapshot};
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::repairs;
use crate::gui::theme::{Palette, Tone};

use super::bits;
use super::confirm::buttons;
use super::plan_view::{code_block, heading_with_copy};
use super::problem_list::tone_line;

/// The tallest that the findings may grow before they scroll, points.
const LIST_HEIGHT: f32 = 290.0;
/// So many repairs are shown one by one.
const SHOWN: usize = 100;

/// The dialog's content. `plan` is the one that was shown last: a plan that came later is not sent unseen.
#[must_use]
pub fn fix_ui(
    ui: &mut Ui,
    snapshot: &Snapshot,
    name: &str,
    wish: &mut FixWish,
    shown: &mut Option<Arc<FixPlan>>,
) -> Option<Action> {
    bits::subtitle(ui, tr!("fix.title", cluster = name));
    let Some(cluster) = snapshot.clusters.get(name) else { return Some(Action::Withdraw) };
    ui.label(tr!("fix.explain"));
    ui.add_space(8.0);
    let look = cluster.fix.as_ref().filter(|look| look.wish == *wish);
    *shown = None;
    match look.map(|look| &look.found) {
        None => {
            bits::state(ui, Tone::Busy, Icon::Busy, tr!("fix.looking"));
        }
        Some(Err(why)) => tone_line(ui, Tone::Bad, repairs::refusal(why)),
        Some(Ok(found)) => {
            found_ui(ui, cluster, found);
            *shown = Some(found.plan.clone());
        }
    }
    ui.add_space(8.0);
    let risk = look.is_some_and(|look| look.found.as_ref().is_err_and(repairs::is_risk));
    let dark = look.and_then(|look| look.found.as_ref().ok()).is_some_and(|found| !found.dark.is_empty());
    let again = wishes_ui(ui, wish, risk, dark);
    if let Some(plan) = shown.as_ref().filter(|plan| !plan.is_empty()) {
        commands_ui(ui, plan, cluster.tls.as_deref());
    }
    let plan = shown.clone().unwrap_or_default();
    // What is hidden may change the plan.
    let (label, may) = (repairs::yes(&plan), !plan.is_empty() && !dark);
    let label = if may { label } else { tr!("fix.yes_none") };
    let answer = buttons(ui, &label, may, Command::Fix { cluster: name.to_owned(), plan, wish: *wish });
    let look_again = || Action::Do(Command::PlanFix { cluster: name.to_owned(), wish: *wish });
    answer.or_else(|| again.then(look_again))
}

/// How far to look, the look at hidden keys where there are some, and the risk of losing keys where it is what stands in the way; says whether a wish has changed.
fn wishes_ui(ui: &mut Ui, wish: &mut FixWish, risk: bool, dark: bool) -> bool {
    let mut again = ui.checkbox(&mut wish.everywhere, tr!("fix.everywhere")).changed();
    if dark || wish.peek {
        again |= ui.checkbox(&mut wish.peek, tr!("fix.peek")).changed();
    }
    if risk || wish.with_unreachable {
        again |= ui.checkbox(&mut wish.with_unreachable, tr!("fix.with_unreachable")).changed();
        if wish.with_unreachable {
            tone_line(ui, Tone::Bad, tr!("fix.with_unreachable_hint"));
        }
    }
    let look = ui.link(Icon::Refresh.with(tr!("fix.look_again")));
    again | look.clicked()
}

fn found_ui(ui: &mut Ui, cluster: &ClusterView, found: &FixFound) {
    let plan = &found.plan;
    ScrollArea::vertical().max_height(LIST_HEIGHT).show(ui, |ui| {
        ui.set_width(ui.available_width());
        for left in &plan.left {
            tone_line(ui, Tone::Warn, repairs::left(left));
        }
        for (addr, keys) in &found.passed_over {
            tone_line(ui, Tone::Warn, tr!("fix.passed_over", node = addr, keys = format::count(*keys)));
        }
        for (addr, keys) in &found.dark {
            tone_line(ui, Tone::Warn, tr!("fix.dark", node = addr, keys = format::count(*keys)));
        }
        for meeting in &plan.meetings {
            tone_line(ui, Tone::Warn, repairs::meeting(meeting));
        }
        for repair in plan.repairs.iter().take(SHOWN) {
            repair_ui(ui, repair);
        }
        if plan.repairs.len() > SHOWN {
            bits::weak(ui, tr!("banner.more", count = plan.repairs.len() - SHOWN));
        }
        if plan.is_empty() && plan.left.is_empty() {
            let wrong = cluster.findings.iter().any(crate::core::check::Finding::is_error);
            let (tone, text) =
                if wrong { (Tone::Warn, tr!("fix.nothing_here")) } else { (Tone::Good, tr!("fix.nothing")) };
            tone_line(ui, tone, text);
        }
    });
}

fn repair_ui(ui: &mut Ui, repair: &Repair) {
    let colors = Palette::of(ui);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.add(Label::new(Icon::Warning.rich().color(colors.tone(Tone::Warn))).selectable(false));
        let text = RichText::new(repairs::finding(repair)).color(colors.strong);
        ui.add(Label::new(text).wrap()).on_hover_text(repair.slots.to_string());
    });
    ui.indent("remedies", |ui| {
        for remedy in repairs::remedies(repair) {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                ui.add(Label::new(Icon::Next.rich().color(colors.weak)).selectable(false));
                ui.add(Label::new(remedy).wrap());
            });
        }
    });
    ui.add_space(4.0);
}

/// The exact commands, folded away.
fn commands_ui(ui: &mut Ui, plan: &FixPlan, tls: Option<&TlsOptions>) {
    CollapsingHeader::new(tr!("fix.commands")).id_salt("fix_commands").show(ui, |ui| {
        let lines: Vec<String> = plan.commands().iter().map(|command| command.line_in(tls)).collect();
        heading_with_copy(ui, "", &tr!("fix.copy"), || lines.join("\n"));
        ScrollArea::vertical().max_height(120.0).show(ui, |ui| code_block(ui, "fix_lines", &lines.join("\n")));
    });
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::{NodeT as _, Queryable as _};

    use super::*;
    use crate::core::plan::fix::{Left, LeftWhy, Lost, Party, Reason, Refusal, Trouble};
    use crate::core::topology::NodeAddr;
    use crate::engine::fix::{FixError, FixLook};
    use crate::gui::action::Confirm;
    use crate::gui::samples;
    use crate::gui::widgets::dialog_testing::{self, Asked, sent};

    fn party(number: u16) -> Party {
        Party { addr: NodeAddr::new("127.0.0.1", 7000 + number), id: samples::id(usize::from(number)) }
    }

    /// Slots 5461-10922 have no owner, and one is half moved.
    fn plan() -> FixPlan {
        let uncovered = Repair {
            trouble: Trouble::Uncovered,
            slots: "5461-10922".parse().unwrap(),
            owner: party(0),
            reason: Reason::Spread,
            claimed: false,
            losers: Vec::new(),
            forward: None,
            keys_from: Vec::new(),
            close: Vec::new(),
        };
        let open = Repair {
            trouble: Trouble::Open,
            slots: "7".parse().unwrap(),
            owner: party(2),
            reason: Reason::MoveBegun,
            forward: Some((party(0), 41)),
            close: vec![party(0), party(2)],
            ..uncovered.clone()
        };
        FixPlan { repairs: vec![uncovered, open], ..FixPlan::default() }
    }

    fn ask(found: Option<Result<FixFound, FixError>>, wish: FixWish) -> egui_kittest::Harness<'static, Asked> {
        let mut cluster = samples::uncovered();
        cluster.fix = found.map(|found| Arc::new(FixLook { wish, found }));
        let question = Confirm::Fix { cluster: cluster.name.clone(), wish, plan: None };
        dialog_testing::ask(question, cluster)
    }

    fn found(plan: FixPlan) -> FixFound {
        FixFound { plan: Arc::new(plan), passed_over: Vec::new(), dark: Vec::new() }
    }

    #[test]
    fn findings_and_remedies_are_explained_and_exactly_they_are_sent() {
        let mut harness = ask(Some(Ok(found(plan()))), FixWish::default());
        harness.get_by_label_contains("Without an owner: 5,462 slots (5461-10922)");
        harness.get_by_label_contains("127.0.0.1:7000 gets them: no master has keys of them");
        harness.get_by_label_contains("from 127.0.0.1:7000 to 127.0.0.1:7002 is finished (41 keys)");
        harness.get_by_label("Repair 5,463 slots").click();
        harness.run();
        let Command::Fix { plan: carried_out, .. } = sent(&harness) else { panic!() };
        assert_eq!(**carried_out, plan());
    }

    #[test]
    fn nothing_can_be_sent_while_it_still_looks() {
        let harness = ask(None, FixWish::default());
        harness.get_by_label_contains("Counting keys");
        assert!(harness.get_by_label("Repair").accesskit_node().is_disabled());
    }

    #[test]
    fn a_refusal_names_the_risk_which_is_off_until_it_is_ticked() {
        let lost = Lost { name: "127.0.0.1:7001".to_owned(), slots: "5461-10922".parse().unwrap(), replica: None };
        let refused = Some(Err(FixError::Refused(Refusal::Unreachable(vec![lost]))));
        let mut harness = ask(refused, FixWish::default());
        harness.get_by_label_contains("127.0.0.1:7001");
        assert!(harness.get_by_label("Repair").accesskit_node().is_disabled());
        harness.get_by_label_contains("even if their keys are lost").click();
        harness.run();
        let Some(Action::Do(Command::PlanFix { wish, .. })) = &harness.state().1 else {
            panic!("{:?}", harness.state().1)
        };
        assert!(wish.with_unreachable && !wish.everywhere);
    }

    #[test]
    fn hidden_keys_are_looked_at_by_a_persons_leave_and_nothing_is_repaired_before() {
        let dark = vec![(NodeAddr::new("127.0.0.1", 7002), 1234)];
        let mut harness = ask(Some(Ok(FixFound { dark, ..found(plan()) })), FixWish::default());
        harness.get_by_label_contains("127.0.0.1:7002 hides 1,234 keys");
        assert!(harness.get_by_label("Repair").accesskit_node().is_disabled());
        harness.get_by_label_contains("closes them at once").click();
        harness.run();
        let Some(Action::Do(Command::PlanFix { wish, .. })) = &harness.state().1 else {
            panic!("{:?}", harness.state().1)
        };
        assert!(wish.peek && !wish.everywhere);
    }

    #[test]
    fn what_stays_is_said_with_the_way_out() {
        let left = Left {
            slots: "5461-10922".parse().unwrap(),
            why: LeftWhy::FailOver {
                master: NodeAddr::new("127.0.0.1", 7001),
                replica: NodeAddr::new("127.0.0.1", 7004),
            },
        };
        let harness = ask(Some(Ok(found(FixPlan { left: vec![left], ..FixPlan::default() }))), FixWish::default());
        harness.get_by_label_contains("Its replica 127.0.0.1:7004 has its keys");
        assert!(harness.get_by_label("Repair").accesskit_node().is_disabled());
    }
}
