//! The one dialog that asks before something is stopped or destroyed. Esc and the backdrop take the question back; the
//! safe button has the focus.

use egui::{RichText, Sides, Ui};

use crate::engine::command::{Command, Danger};
use crate::engine::snapshot::Snapshot;
use crate::gui::action::{Action, Confirm};
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette, Tone};
use crate::gui::words;
use crate::workspace::document::OnClose;

use super::bits;
use super::failover_dialog::failover_ui;
use super::fix_dialog::fix_ui;
use super::half_moved::{forget_ui, resume_ui};
use super::members_dialog::{add_ui, remove_ui};
use super::move_dialog::move_ui;
use super::safe_dialog::{backup_ui, restore_ui};

/// Shows the question; answers with what the person decided.
#[must_use]
pub fn confirm_ui(ctx: &egui::Context, snapshot: &Snapshot, question: &mut Confirm) -> Option<Action> {
    let modal = bits::modal(ctx, "confirm", |ui| match question {
        Confirm::Stop(cluster) => stop_ui(ui, cluster),
        Confirm::Delete { cluster, dir, wipe } => {
            let dir = dir.as_deref().map(|d| d.display().to_string());
            delete_ui(ui, cluster, dir.as_deref(), wipe)
        }
        Confirm::Reset { cluster, nodes } => {
            bits::subtitle(ui, tr!("confirm.reset_title", cluster = cluster));
            ui.label(tr!("confirm.reset_text", nodes = words::addrs(nodes)));
            let reset = Command::ResetTouched { cluster: cluster.clone() };
            buttons(ui, &tr!("confirm.reset"), true, reset)
        }
        Confirm::Failover { cluster, plans } => failover_ui(ui, snapshot, cluster, plans),
        Confirm::Move { cluster, draft } => move_ui(ui, snapshot, cluster, draft),
        Confirm::Fix { cluster, wish, plan } => fix_ui(ui, snapshot, cluster, wish, plan),
        Confirm::Resume { cluster } => resume_ui(ui, snapshot, cluster),
        Confirm::ForgetMove { cluster } => forget_ui(ui, snapshot, cluster),
        Confirm::AddNode { cluster, draft } => add_ui(ui, snapshot, cluster, draft),
        Confirm::RemoveNode { cluster, node, stays } => remove_ui(ui, snapshot, cluster, node, stays),
        Confirm::Working { ending } => working_ui(ui, snapshot, *ending),
        Confirm::Backup { cluster, folder } => backup_ui(ui, cluster, folder),
        Confirm::Restore { cluster, folder, replace } => restore_ui(ui, snapshot, cluster, folder, replace),
        Confirm::Close { clusters, remember } => close_ui(ui, clusters, remember),
        Confirm::Stopping(clusters) => stopping_ui(ui, snapshot, clusters),
    });
    let may_leave = !matches!(question, Confirm::Stopping(_));
    let leave = may_leave && modal.should_close();
    modal.inner.or_else(|| leave.then_some(Action::Withdraw))
}

fn stop_ui(ui: &mut Ui, cluster: &str) -> Option<Action> {
    bits::subtitle(ui, tr!("confirm.stop_title", cluster = cluster));
    ui.label(tr!("confirm.stop_text"));
    buttons(ui, &tr!("confirm.stop"), true, Command::Stop { cluster: cluster.to_owned() })
}

fn delete_ui(ui: &mut Ui, cluster: &str, dir: Option<&str>, wipe: &mut bool) -> Option<Action> {
    bits::subtitle(ui, tr!("confirm.delete_title", cluster = cluster));
    match dir {
        Some(dir) => {
            ui.label(tr!("confirm.delete_text"));
            ui.add_space(4.0);
            ui.checkbox(wipe, tr!("confirm.wipe"));
            ui.indent("folder", |ui| {
                ui.add(egui::Label::new(RichText::new(dir).monospace()).wrap());
                let colors = Palette::of(ui);
                if *wipe {
                    ui.label(RichText::new(tr!("confirm.wipe_warning")).color(colors.tone(Tone::Bad)));
                }
            });
        }
        None => {
            ui.label(tr!("confirm.forget_text"));
        }
    }
    let wipe = *wipe && dir.is_some();
    let delete = Command::Delete { cluster: cluster.to_owned(), wipe };
    let label = if dir.is_some() { tr!("confirm.delete") } else { tr!("confirm.forget") };
    buttons(ui, &label, true, delete)
}

/// Cancel, which has the focus, and the button that does it, where it may; red where the command destroys.
pub(super) fn buttons(ui: &mut Ui, label: &str, may: bool, command: Command) -> Option<Action> {
    ui.add_space(12.0);
    let colors = Palette::of(ui);
    let ((), answer) = Sides::new().show(
        ui,
        |_| {},
        |ui| {
            let no = ui.button(tr!("confirm.cancel"));
            focus_once(ui, &no);
            let yes = match command.danger() {
                Danger::Destroys => egui::Button::new(RichText::new(label).color(colors.tone(Tone::Bad))),
                Danger::Changes | Danger::None => theme::primary(colors, label),
            };
            if ui.add_enabled(may, yes).clicked() {
                Some(Action::All(vec![Action::Confirmed(command), Action::Withdraw]))
            } else {
                no.clicked().then_some(Action::Withdraw)
            }
        },
    );
    answer
}

/// Gives the safe button the focus when the dialog opens, and never takes it back from the person.
fn focus_once(ui: &Ui, response: &egui::Response) {
    if ui.memory(|memory| memory.focused().is_none()) {
        response.request_focus();
    }
}

fn close_ui(ui: &mut Ui, clusters: &[String], remember: &mut bool) -> Option<Action> {
    bits::subtitle(ui, tr!("confirm.close_title"));
    ui.label(tr!("confirm.close_text", clusters = clusters.join(", ")));
    ui.add_space(4.0);
    let label = if clusters.len() == 1 { tr!("confirm.remember_one") } else { tr!("confirm.remember_all") };
    ui.checkbox(remember, label);
    ui.add_space(12.0);
    let answer = |servers| Action::CloseWith { servers, clusters: clusters.to_vec(), remember: *remember };
    let colors = Palette::of(ui);
    let (left, right) = Sides::new().show(
        ui,
        |ui| ui.button(tr!("confirm.cancel")).clicked().then_some(Action::Withdraw),
        |ui| {
            let leave = ui.button(tr!("confirm.leave_running"));
            focus_once(ui, &leave);
            let stop = ui.button(RichText::new(tr!("confirm.stop_and_close")).color(colors.tone(Tone::Bad)));
            if stop.clicked() { Some(answer(OnClose::Stop)) } else { leave.clicked().then(|| answer(OnClose::Leave)) }
        },
    );
    left.or(right)
}

/// The window closes while jobs run that leave work behind.
fn working_ui(ui: &mut Ui, snapshot: &Snapshot, ending: bool) -> Option<Action> {
    bits::subtitle(ui, if ending { tr!("confirm.ending_title") } else { tr!("confirm.working_title") });
    for job in snapshot.jobs.iter().filter(|job| !job.state.is_over()) {
        let title = tr!("job.title", job = words::job(job.kind), cluster = job.cluster);
        bits::state(ui, Tone::Busy, Icon::Busy, title);
    }
    ui.label(if ending { tr!("confirm.ending_text") } else { tr!("confirm.working_text") });
    ui.add_space(12.0);
    let colors = Palette::of(ui);
    let ((), action) = Sides::new().show(
        ui,
        |_| {},
        |ui| {
            let keep = ui.button(tr!("confirm.keep_open"));
            focus_once(ui, &keep);
            let (label, answer) = if ending {
                (RichText::new(tr!("confirm.close_anyway")).color(colors.tone(Tone::Bad)), Action::CloseNow)
            } else {
                (RichText::new(tr!("confirm.end_and_close")), Action::EndWorkAndClose)
            };
            if ui.button(label).clicked() { Some(answer) } else { keep.clicked().then_some(Action::Withdraw) }
        },
    );
    action
}

/// The window waits until the servers have stopped.
fn stopping_ui(ui: &mut Ui, snapshot: &Snapshot, clusters: &[String]) -> Option<Action> {
    bits::subtitle(ui, tr!("confirm.stopping_title"));
    for name in clusters {
        let nodes = snapshot.clusters.get(name).map(|c| c.nodes.clone()).unwrap_or_default();
        let stopped = nodes.iter().filter(|n| n.process.state.pid().is_none()).count();
        bits::state(
            ui,
            Tone::Busy,
            Icon::Busy,
            tr!("confirm.stopping", cluster = name, done = stopped, total = nodes.len()),
        );
    }
    ui.add_space(12.0);
    let ((), action) = Sides::new().show(
        ui,
        |_| {},
        |ui| {
            if ui.button(tr!("confirm.close_anyway")).clicked() {
                Some(Action::CloseNow)
            } else {
                ui.button(tr!("confirm.keep_open")).clicked().then_some(Action::Withdraw)
            }
        },
    );
    action
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::gui::{samples, testing};

    type Asked = (Confirm, Option<Action>);

    fn ask(question: Confirm) -> egui_kittest::Harness<'static, Asked> {
        let snapshot = samples::snapshot(samples::healthy());
        let mut harness = testing::harness((question, None), move |ui, (question, answer): &mut Asked| {
            let got = confirm_ui(ui, &snapshot, question);
            *answer = got.or(answer.take());
        });
        harness.run();
        harness
    }

    fn delete() -> Confirm {
        Confirm::Delete { cluster: "orders".to_owned(), dir: Some("/tmp/orders".into()), wipe: false }
    }

    #[test]
    fn deleting_names_the_folder_and_keeps_the_files_unless_told_otherwise() {
        let mut harness = ask(delete());
        harness.get_by_label("/tmp/orders");
        harness.get_by_label("Also remove the files in this folder").click();
        harness.run();
        harness.get_by_label("Delete").click();
        harness.run();
        let Some(Action::All(actions)) = &harness.state().1 else { panic!("{:?}", harness.state().1) };
        assert!(matches!(&actions[0], Action::Confirmed(Command::Delete { wipe: true, .. })));
    }

    #[test]
    fn enter_presses_the_safe_button_and_escape_withdraws() {
        for key in [egui::Key::Enter, egui::Key::Escape] {
            let mut harness = ask(delete());
            harness.key_press(key);
            harness.run();
            assert!(matches!(harness.state().1, Some(Action::Withdraw)), "{key:?}: {:?}", harness.state().1);
        }
    }

    #[test]
    fn closing_asks_once_for_all_clusters_and_can_remember() {
        let question = Confirm::Close { clusters: vec!["orders".to_owned()], remember: false };
        let mut harness = ask(question);
        harness.get_by_label("Remember for this cluster").click();
        harness.run();
        harness.get_by_label("Stop them and close").click();
        harness.run();
        let answer = &harness.state().1;
        assert!(matches!(answer, Some(Action::CloseWith { servers: OnClose::Stop, remember: true, .. })), "{answer:?}");
    }
}
