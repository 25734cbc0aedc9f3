//! From what the person meant to what happens: the only place where the window acts.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use eframe::egui::Context;

use crate::core::slot::SlotSet;
use crate::engine::command::Command;
use crate::engine::event::{Event, Level, What};
use crate::gui::action::{Action, Confirm, Screen, View};
use crate::gui::i18n::{self, tr};
use crate::gui::theme;
use crate::gui::views::attach::AttachUi;
use crate::gui::views::create::CreateUi;
use crate::gui::views::palette::PaletteUi;
use crate::workspace::atomic::atomic_write;
use crate::workspace::settings::Settings;

use super::closing::Closing;
use super::{App, Picked, language_of};

/// How long "Copied" is shown.
const COPIED: std::time::Duration = std::time::Duration::from_secs(1);

/// A file dialog that is answered within this time was never on the screen: the system has none.
const NO_DIALOG: Duration = Duration::from_millis(300);

impl App {
    /// Does what the person meant.
    pub(super) fn dispatch(&mut self, ctx: &Context, frame: &eframe::Frame, action: Action) {
        match action {
            Action::All(actions) => actions.into_iter().for_each(|action| self.dispatch(ctx, frame, action)),
            Action::Do(command) => match Confirm::before(&command, &self.snapshot) {
                Some(question) => self.ui.question = Some(question),
                None => drop(self.send(command)),
            },
            Action::Confirmed(command) => drop(self.send(command)),
            Action::Ask(question) => self.ui.question = Some(question),
            Action::Withdraw => self.withdraw(),
            Action::CloseWith { servers, clusters, remember } => self.close_with(ctx, servers, clusters, remember),
            Action::EndWorkAndClose => self.end_work(),
            Action::CloseNow => self.close_now(ctx),
            Action::Copy(text) => {
                ctx.copy_text(text);
                self.notices.say(Level::Info, tr!("app.copied"), COPIED);
            }
            Action::ChooseServerFile => self.choose_server(ctx, frame),
            Action::ChooseTlsFile(which) => {
                let dialog = rfd::AsyncFileDialog::new().set_title(tr!("app.choose_file")).set_parent(frame);
                self.pick(ctx, dialog.pick_file(), move |file| Picked::Tls(which, file));
            }
            Action::ChooseFolder => self.choose_folder(ctx, frame, Picked::Folder),
            Action::ChooseBackupFolder => self.choose_folder(ctx, frame, Picked::BackupFolder),
            Action::OpenDefinition => self.choose_definition(ctx, frame),
            Action::ExportDefinition(spec) => self.export_definition(ctx, frame, spec),
            Action::SaveText { name, text } => self.save_text(ctx, frame, &name, text),
            Action::OpenFolder(folder) => self.open_folder(&folder),
            Action::DismissCrashes => self.crashes.clear(),
            Action::DismissJob(id) => self.ui.jobs.dismiss(id),
            Action::SetTheme(choice) => {
                theme::choose(ctx, choice);
                self.change_settings(|settings| settings.theme = choice);
            }
            Action::SetSlotMap(mode, layout) => {
                self.change_settings(|settings| (settings.map_mode, settings.map_layout) = (mode, layout));
            }
            Action::SetLanguage(choice) => {
                i18n::set_language(language_of(choice));
                self.change_settings(|settings| settings.language = choice);
            }
            Action::SetNodeColumns(names) => {
                self.change_settings(|settings| settings.node_columns.clone_from(&names));
            }
            other => self.navigate(other),
        }
    }

    /// The actions that only change what is shown.
    fn navigate(&mut self, action: Action) {
        match action {
            Action::OpenWizard => self.ui.screen = Screen::Wizard,
            Action::LeaveWizard => self.open_some(),
            Action::OpenAttach => self.ui.attach = Some(AttachUi::default()),
            Action::EnterPassword(name) => {
                self.ui.attach = self.snapshot.clusters.get(&name).map(|cluster| AttachUi::login(cluster));
            }
            Action::OpenCluster(name) => self.open_cluster(name),
            Action::ShowView(view) => self.show_view(view),
            Action::ShowLog(node) => {
                self.ui.log.node = Some(node);
                self.show_view(View::Log);
            }
            Action::OpenPalette => self.ui.palette = Some(PaletteUi::default()),
            Action::ClosePalette => self.ui.palette = None,
            Action::InspectNode(node) => {
                self.ui.inspect.open(node);
                self.show_view(View::Nodes);
            }
            Action::LeaveNode => self.ui.inspect.node = None,
            Action::ShowSlot(slot) => {
                self.ui.slots.go_to(slot);
                self.show_view(View::Slots);
            }
            Action::ShowMapAt { cluster, at, slots } => self.show_map_at(cluster, at, slots.as_ref()),
            Action::OpenPlan(cluster) => {
                self.send(Command::PlanCreate { cluster: cluster.clone(), replicas: None });
                self.ui.screen = Screen::Plan(cluster);
            }
            Action::OpenAllEvents => self.ui.screen = Screen::AllEvents,
            Action::OpenSettings => self.ui.screen = Screen::Settings,
            _ => {}
        }
    }

    /// Hands a command to the engine. `false`, and an event that says so, where it takes none.
    pub(super) fn send(&mut self, command: Command) -> bool {
        let Err(busy) = self.link.send(command) else { return true };
        tracing::warn!(command = busy.0, "the engine's queue is full");
        let what = What::Refused(busy.0, tr!("app.busy"));
        self.take_event(Event { at: SystemTime::now(), level: Level::Error, cluster: None, what });
        false
    }

    fn open_cluster(&mut self, name: String) {
        if self.ui.screen == Screen::Wizard {
            self.ui.create = CreateUi::default();
        }
        self.enter(name);
    }

    /// Shows a cluster, with what the views remember of it alone.
    fn enter(&mut self, name: String) {
        if self.ui.shown.as_ref() != Some(&name) {
            // Slots and nodes are another cluster's now.
            self.ui.slots = super::SlotsUi::of(&self.settings);
            self.ui.metrics = super::MetricsUi::default();
            self.ui.nodes.leave_cluster();
            self.ui.log.node = None;
            self.ui.inspect = super::InspectUi::default();
            self.ui.topology.leave_cluster();
        }
        self.ui.shown = Some(name.clone());
        self.ui.screen = Screen::Cluster(name, self.ui.view);
    }

    pub(super) fn show_view(&mut self, view: View) {
        self.ui.view = view;
        if let Screen::Cluster(_, shown) = &mut self.ui.screen {
            *shown = view;
        }
    }

    fn show_map_at(&mut self, name: String, at: SystemTime, slots: Option<&SlotSet>) {
        let Some(cluster) = self.snapshot.clusters.get(&name).cloned() else { return };
        self.open_cluster(name);
        if self.ui.slots.go_back(&cluster, at, slots) {
            self.show_view(View::Slots);
        } else {
            self.say(Level::Warning, tr!("past.forgotten"));
        }
    }

    /// Shows the cluster that was shown last, or the first one.
    pub(super) fn open_some(&mut self) {
        let clusters = &self.snapshot.clusters;
        let last = self.ui.shown.as_ref().filter(|name| clusters.contains_key(*name));
        match last.or_else(|| clusters.keys().next()).cloned() {
            Some(name) => self.enter(name),
            None => self.ui.screen = Screen::Welcome,
        }
    }

    /// The open dialog goes; the window stays open.
    fn withdraw(&mut self) {
        match self.ui.question.take() {
            Some(Confirm::Stopping(_) | Confirm::Working { .. }) => self.closing = Closing::No,
            Some(_) => {}
            None => self.ui.attach = None,
        }
    }

    /// Changes the settings on disk, which the engine writes too, and here.
    fn change_settings(&mut self, change: impl Fn(&mut Settings)) {
        change(&mut self.settings);
        let Some(workspace) = &self.workspace else { return };
        let saved = workspace.load_settings().and_then(|mut on_disk| {
            change(&mut on_disk);
            workspace.save_settings(&on_disk)
        });
        if let Err(why) = saved {
            self.say(Level::Error, tr!("app.settings_failed", why = why));
        }
    }

    fn choose_server(&mut self, ctx: &Context, frame: &eframe::Frame) {
        let mut dialog = rfd::AsyncFileDialog::new().set_title(tr!("app.choose_server")).set_parent(frame);
        if cfg!(windows) {
            dialog = dialog.add_filter(tr!("app.programs"), &["exe"]);
        }
        self.pick(ctx, dialog.pick_file(), Picked::Server);
    }

    fn choose_folder(&mut self, ctx: &Context, frame: &eframe::Frame, picked: fn(PathBuf) -> Picked) {
        let dialog = rfd::AsyncFileDialog::new()
            .set_title(tr!("app.choose_folder"))
            .set_directory(&self.snapshot.clusters_dir)
            .set_parent(frame);
        self.pick(ctx, dialog.pick_folder(), picked);
    }

    fn save_text(&self, ctx: &Context, frame: &eframe::Frame, name: &str, text: String) {
        let dialog = rfd::AsyncFileDialog::new().set_title(tr!("app.save_as")).set_file_name(name).set_parent(frame);
        self.pick(ctx, dialog.save_file(), move |file| Picked::Text(file, text));
    }

    /// Writes a text where the person wanted it.
    pub(super) fn write_text(&mut self, file: &Path, text: &str) {
        match atomic_write(file, text.as_bytes(), false) {
            Ok(()) => self.say(Level::Success, tr!("app.saved", file = file.display())),
            Err(why) => self.say(Level::Error, tr!("app.save_failed", file = file.display(), why = why)),
        }
    }

    /// Waits for a dialog on the engine's runtime, so that the window never freezes.
    pub(super) fn pick(
        &self,
        ctx: &Context,
        answer: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static,
        picked: impl FnOnce(std::path::PathBuf) -> Picked + Send + 'static,
    ) {
        let (sender, ctx) = (self.picked.0.clone(), ctx.clone());
        if let Some(runtime) = self.link.runtime() {
            runtime.spawn(async move {
                let asked = Instant::now();
                let picked = match answer.await {
                    Some(file) => picked(file.path().to_owned()),
                    // Nobody cancels a dialog that fast: none was opened.
                    None if asked.elapsed() < NO_DIALOG => Picked::Nothing,
                    None => return,
                };
                // Full only if four answers wait: then this one is one too many.
                sender.try_send(picked).ok();
                ctx.request_repaint();
            });
        }
    }

    fn open_folder(&mut self, folder: &Path) {
        let program = if cfg!(windows) {
            "explorer"
        } else if cfg!(target_os = "macos") {
            "open"
        } else {
            "xdg-open"
        };
        let opened = std::process::Command::new(program)
            .arg(folder)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .and_then(|mut child| {
                // Somebody has to wait for it, or it stays as a zombie.
                std::thread::Builder::new().name("open-folder".to_owned()).spawn(move || child.wait().map(drop))
            });
        if let Err(why) = opened {
            self.say(Level::Error, tr!("app.open_failed", folder = folder.display(), why = why));
        }
    }
}
