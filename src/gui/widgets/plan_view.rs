//! A create plan before it is confirmed: the well-known form, the slots, every command that will be sent, and the
//! question. Nothing here sends anything.

use std::collections::BTreeMap;

use egui::{CollapsingHeader, Frame, Label, RichText, TextWrapMode, Ui};

use crate::core::plan::create::CreatePlan;
use crate::core::plan::{NodeCommand, shell_words};
use crate::core::tls::TlsOptions;
use crate::core::topology::NodeAddr;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette};
use crate::gui::words;

use super::icon_button::icon_button;
use super::problem_list::tone_line;
use super::slot_bar::{Share, slot_bar};

/// What the person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanAnswer {
    /// Do it.
    Yes,
    /// Send nothing.
    Cancel,
}

/// The plan with its question below: a whole view for servers that run already.
pub fn plan_view(ui: &mut Ui, plan: &CreatePlan, tls: Option<&TlsOptions>) -> Option<PlanAnswer> {
    let answer = egui::Panel::bottom("plan_question").show(ui, plan_question).inner;
    egui::CentralPanel::default().show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| plan_body(ui, plan, tls));
    });
    answer
}

/// The question and its two answers in a row, at the right.
pub fn plan_question(ui: &mut Ui) -> Option<PlanAnswer> {
    let mut answer = None;
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if ui.add(theme::primary(Palette::of(ui), tr!("plan.yes"))).clicked() {
            answer = Some(PlanAnswer::Yes);
        }
        if ui.button(tr!("plan.cancel")).clicked() {
            answer = Some(PlanAnswer::Cancel);
        }
        ui.add_space(8.0);
        ui.add(Label::new(RichText::new(tr!("plan.question")).strong()).truncate());
    });
    answer
}

/// The plan without the question.
pub fn plan_body(ui: &mut Ui, plan: &CreatePlan, tls: Option<&TlsOptions>) {
    let shares: Vec<Share> = plan
        .masters
        .iter()
        .enumerate()
        .map(|(shard, master)| Share { slots: master.slots, shard, name: master.node.addr.to_string() })
        .collect();
    slot_bar(ui, &shares);
    ui.add_space(4.0);
    let (text, tone) = words::affinity(plan.affinity);
    tone_line(ui, tone, text);
    ui.add_space(8.0);
    let text = plan.lines().join("\n");
    heading_with_copy(ui, &tr!("plan.form"), &tr!("plan.copy_plan"), || text.clone());
    code_block(ui, "plan_lines", &text);
    ui.add_space(8.0);
    let commands = plan.commands();
    heading_with_copy(ui, &tr!("plan.commands", n = commands.len()), &tr!("plan.copy_commands"), || {
        commands.iter().map(|command| command.redis_cli_line_in(tls)).collect::<Vec<_>>().join("\n")
    });
    node_commands(ui, plan, &commands);
}

/// A heading with a copy button at the right end of the line.
pub(super) fn heading_with_copy(ui: &mut Ui, heading: &str, button: &str, text: impl FnOnce() -> String) {
    ui.horizontal(|ui| {
        ui.strong(heading);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if icon_button(ui, Icon::Copy, button).clicked() {
                ui.copy_text(text());
            }
        });
    });
}

/// Monospace text that can be selected; long lines scroll.
pub(super) fn code_block(ui: &mut Ui, salt: impl egui::AsIdSalt, text: &str) {
    Frame::canvas(ui.style()).inner_margin(8).show(ui, |ui| {
        egui::ScrollArea::horizontal().id_salt(salt).auto_shrink([false, true]).show(ui, |ui| {
            ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
            ui.add(Label::new(RichText::new(text).monospace()).selectable(true));
        });
    });
}

fn node_commands(ui: &mut Ui, plan: &CreatePlan, commands: &[NodeCommand]) {
    let mut by_node: BTreeMap<&NodeAddr, Vec<&NodeCommand>> = BTreeMap::new();
    for command in commands {
        by_node.entry(&command.node).or_default().push(command);
    }
    for node in plan.nodes() {
        let Some(commands) = by_node.get(&node.addr) else { continue };
        let title = tr!("plan.node_commands", node = node.addr, n = commands.len());
        CollapsingHeader::new(title).id_salt(&node.addr).show(ui, |ui| {
            let text: Vec<String> = commands.iter().map(|command| shell_words(&command.words)).collect();
            code_block(ui, &node.addr, &text.join("\n"));
        });
    }
}
