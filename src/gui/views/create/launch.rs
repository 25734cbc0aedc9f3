//! The servers start: a row for each, with its state, its process and the tail of its log.

use egui::{Label, RichText, ScrollArea, Ui};

use crate::engine::command::Command;
use crate::engine::job::{JobKind, JobState};
use crate::engine::snapshot::{NodeView, ProcessState, Snapshot};
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::icon_button::icon_button;
use crate::gui::widgets::problem_list::{tone_icon, tone_line};
use crate::gui::words;

use super::run::{Run, all_run};

/// How many log lines of a dead server are shown without asking.
const LAST_LINES: usize = 12;

pub(super) fn launch_page(ui: &mut Ui, snapshot: &Snapshot, run: &mut Run) -> Option<Action> {
    let mut action = None;
    let job = run.job(snapshot, &[JobKind::Launch, JobKind::Start]);
    let view = run.view(snapshot);
    headline(ui, snapshot, run);
    if let Some(JobState::Failed(_) | JobState::Cancelled(_)) = job.map(|job| &job.state)
        && view.is_some()
        && icon_button(ui, Icon::Start, tr!("create.launch.again")).clicked()
    {
        let cluster = run.cluster.clone();
        run.begin_again(snapshot);
        action = Some(Action::Do(Command::Start { cluster }));
    }
    ui.add_space(6.0);
    for node in view.map(|view| view.nodes.as_ref()).unwrap_or_default() {
        node_row(ui, node, run);
    }
    action
}

/// The plan is asked for by itself once every server answers.
pub(super) fn ask_for_plan(snapshot: &Snapshot, run: &mut Run) -> Option<Action> {
    let view = run.view(snapshot)?;
    let over = run.job(snapshot, &[JobKind::Launch, JobKind::Start]).is_none_or(|job| job.state.is_over());
    if run.plan_asked || !over || !all_run(view) {
        return None;
    }
    run.plan_asked = true;
    Some(Action::Do(Command::PlanCreate { cluster: run.cluster.clone(), replicas: None }))
}

fn headline(ui: &mut Ui, snapshot: &Snapshot, run: &Run) {
    let view = run.view(snapshot);
    if let Some(why) = &run.refused {
        tone_line(ui, Tone::Bad, why);
    }
    match run.job(snapshot, &[JobKind::Launch, JobKind::Start]) {
        Some(job) => match &job.state {
            JobState::Failed(why) => tone_line(ui, Tone::Bad, why),
            JobState::Cancelled(_) => tone_line(ui, Tone::Warn, tr!("create.launch.cancelled")),
            JobState::Running | JobState::Cancelling => {
                let step = job.steps.iter().find(|step| step.state == crate::engine::job::StepState::Running);
                let text = step.map_or_else(|| tr!("create.launch.starting"), |step| words::step(step.step));
                tone_line(ui, Tone::Busy, text);
            }
            JobState::Done if view.is_some_and(all_run) => {
                let n = view.map_or(0, |view| view.nodes.len());
                tone_line(ui, Tone::Good, tr!("create.launch.all_run", n = n));
            }
            JobState::Done => tone_line(ui, Tone::Warn, tr!("create.launch.not_all")),
        },
        None if view.is_some_and(all_run) => {
            tone_line(ui, Tone::Good, tr!("create.launch.all_run", n = view.map_or(0, |view| view.nodes.len())));
        }
        None if run.refused.is_none() => tone_line(ui, Tone::Busy, tr!("create.launch.starting")),
        None => {}
    }
}

fn node_row(ui: &mut Ui, node: &NodeView, run: &mut Run) {
    let port = node.addr.port;
    let died = matches!(node.process.state, ProcessState::Died { .. });
    let open = run.opened.contains(&port);
    Palette::of(ui).card_frame().inner_margin(8).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            let icon = if open { Icon::Collapse } else { Icon::Expand };
            let toggle = egui::Button::new(icon.with(node.addr.to_string())).frame(false);
            let toggle = ui.add(toggle).on_hover_text(tr!("create.launch.log"));
            if toggle.accessible_name(tr!("create.launch.log_of", node = node.addr)).clicked() {
                run.stay = true;
                if !run.opened.remove(&port) {
                    run.opened.insert(port);
                }
            }
            ui.add_space(8.0);
            state_of(ui, node);
        });
        if let ProcessState::Died { cause: Some(cause), .. } = &node.process.state {
            tone_line(ui, Tone::Bad, tr!("create.launch.cause", cause = cause));
        }
        if open || died {
            let lines = &node.process.log_tail;
            let from = if open { 0 } else { lines.len().saturating_sub(LAST_LINES) };
            log(ui, port, &lines[from..]);
        }
    });
    ui.add_space(2.0);
}

/// Icon, word and process id.
fn state_of(ui: &mut Ui, node: &NodeView) {
    let state = match &node.process.state {
        // The cause has a line of its own.
        ProcessState::Died { how, .. } => ProcessState::Died { how: *how, cause: None },
        other => other.clone(),
    };
    let (word, tone) = words::process(&state);
    tone_icon(ui, tone);
    ui.label(word);
    if let Some(pid) = state.pid() {
        ui.weak(tr!("create.launch.pid", pid = pid));
    }
}

fn log(ui: &mut Ui, port: u16, lines: &[String]) {
    if lines.is_empty() {
        ui.weak(tr!("create.launch.no_log"));
        return;
    }
    egui::Frame::canvas(ui.style()).inner_margin(6).show(ui, |ui| {
        let scroll = ScrollArea::vertical().id_salt(("log", port)).max_height(180.0).auto_shrink([false, true]);
        scroll.stick_to_bottom(true).show(ui, |ui| {
            ui.add(Label::new(RichText::new(lines.join("\n")).monospace()).wrap().selectable(true));
        });
    });
}
