//! The plan of a cluster's creation, waiting for an answer: for servers that run already, and to go on with a creation
//! that stopped half-way.

use egui::Ui;

use crate::engine::command::Command;
use crate::engine::snapshot::ClusterView;
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::Tone;
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button;
use crate::gui::widgets::plan_view::{PlanAnswer, plan_view};
use crate::gui::widgets::problem_list;

/// Shows the plan; the confirmed command carries exactly this one.
#[must_use]
pub fn plan_ui(ui: &mut Ui, cluster: &ClusterView) -> Option<Action> {
    let back = || Action::OpenCluster(cluster.name.clone());
    let Some(plan) = &cluster.plan else {
        let leave = icon_button(ui, Icon::Back, tr!("plan.cancel")).clicked();
        match &cluster.plan_error {
            Some(why) => problem_list::tone_line(ui, Tone::Bad, why.as_ref()),
            None => bits::nothing(ui, Icon::Busy, tr!("overview.inspecting")),
        }
        return leave.then(back);
    };
    Some(match plan_view(ui, plan, cluster.tls.as_deref())? {
        PlanAnswer::Yes => {
            let apply = Command::ApplyCreate { cluster: cluster.name.clone(), plan: plan.clone() };
            Action::All(vec![Action::Do(apply), back()])
        }
        PlanAnswer::Cancel => back(),
    })
}
