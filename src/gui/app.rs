//! The window's state and its frame: `logic` takes in what is new, `ui` shows one snapshot, `dispatch` does what the
//! person meant.

mod closing;
mod definition;
mod dispatch;
mod link;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use eframe::egui;

use crate::core::spec::ClusterSpec;
use crate::core::timeline::Change;
use crate::engine::command::Command;
use crate::engine::event::{Event, Level, What};
use crate::engine::look::Subject;
use crate::engine::snapshot::Snapshot;
use crate::workspace::settings::{MapLayout, MapMode, Settings};
use crate::workspace::store::Workspace;

use super::action::{Action, Confirm, LanguageChoice, Screen, TlsFile, View};
use super::commands::{self, Scene};
use super::crash::{self, Crash};
use super::format;
use super::i18n::{self, Language, tr};
use super::icons::Icon;
use super::notices::Notices;
use super::shell;
use super::theme::{self, Palette};
use super::views::attach::{AttachUi, attach_ui};
use super::views::crash::crash_ui;
use super::views::create::{CreateUi, create_ui};
use super::views::events::{EventList, EventsUi, events_ui};
use super::views::inspect::InspectUi;
use super::views::log::{LogUi, log_ui};
use super::views::metrics::{MetricsUi, metrics_ui};
use super::views::nodes::nodes_ui;
use super::views::overview::overview_ui;
use super::views::palette::{PaletteUi, palette_ui};
use super::views::plan::plan_ui;
use super::views::settings::settings_ui;
use super::views::slots::{Hands, SlotsUi, slots_ui};
use super::views::topology::{TopologyUi, topology_ui};
use super::views::welcome::welcome_ui;
use super::wake::Wake;
use super::widgets::bits;
use super::widgets::confirm::confirm_ui;
use super::widgets::job_strip::{JobStripUi, job_strip_ui};
use super::widgets::node_table::NodeTableUi;
use super::words;

use closing::Closing;
pub use link::Link;

/// Width of the navigation, points.
const NAV_WIDTH: f32 = 180.0;

/// Ages are drawn anew a little after they change, not a little before.
const LEAST_WAIT: Duration = Duration::from_millis(50);

/// What a file dialog found.
#[derive(Debug)]
enum Picked {
    Server(PathBuf),
    Folder(PathBuf),
    BackupFolder(PathBuf),
    Definition(PathBuf),
    Export(PathBuf, Box<ClusterSpec>),
    Text(PathBuf, String),
    Tls(TlsFile, PathBuf),
    /// No dialog could be opened.
    Nothing,
}

/// What the views remember between frames.
#[derive(Default)]
struct UiState {
    screen: Screen,
    /// Whose slots, nodes and plots these are.
    shown: Option<String>,
    /// The screen that the next chosen cluster opens on.
    view: View,
    create: CreateUi,
    slots: SlotsUi,
    nodes: NodeTableUi,
    inspect: InspectUi,
    topology: TopologyUi,
    metrics: MetricsUi,
    log: LogUi,
    events: EventsUi,
    jobs: JobStripUi,
    attach: Option<AttachUi>,
    question: Option<Confirm>,
    palette: Option<PaletteUi>,
}

/// The window.
pub struct App {
    link: Link,
    /// Where the settings are kept; `None` in previews.
    workspace: Option<Workspace>,
    settings: Settings,
    /// The truth of this frame.
    snapshot: Arc<Snapshot>,
    ui: UiState,
    events: EventList,
    notices: Notices,
    closing: Closing,
    /// What the engine was told last.
    visible: bool,
    /// The cluster whose slots the engine was told to measure.
    measured: Option<String>,
    /// What the engine was told to look at closely.
    looked_at: Option<(String, Subject)>,
    /// Panics of other threads, until the person has seen them.
    crashes: Vec<Crash>,
    picked: (SyncSender<Picked>, Receiver<Picked>),
    /// When the window opened: nobody watched before.
    begun: SystemTime,
    /// The time that previews show; `None` for the real one.
    fixed_time: Option<SystemTime>,
    wake: Arc<Wake>,
}

impl App {
    /// The window over an engine and a workspace.
    pub fn new(ctx: &egui::Context, link: Link, workspace: Option<Workspace>, settings: Settings) -> Self {
        theme::install(ctx);
        theme::choose(ctx, settings.theme);
        i18n::set_language(language_of(settings.language));
        Self {
            snapshot: link.snapshot(),
            link,
            workspace,
            ui: UiState {
                slots: SlotsUi::of(&settings),
                nodes: NodeTableUi::with_columns(&settings.node_columns),
                ..UiState::default()
            },
            events: EventList::default(),
            settings,
            notices: Notices::default(),
            closing: Closing::default(),
            visible: true,
            measured: None,
            looked_at: None,
            crashes: Vec::new(),
            picked: sync_channel(4),
            begun: SystemTime::now(),
            fixed_time: None,
            wake: Arc::default(),
        }
    }

    /// A window without an engine that shows this snapshot at this time, on this screen: for tests and pictures.
    #[must_use]
    pub fn preview(ctx: &egui::Context, snapshot: Arc<Snapshot>, time: SystemTime, screen: Screen) -> Self {
        let settings = Settings { language: choice_of(i18n::language()), ..Settings::default() };
        let mut app = Self::new(ctx, Link::preview(snapshot), None, settings);
        app.fixed_time = Some(time);
        app.begun = time - Duration::from_mins(10);
        format::show_utc(true);
        if let Screen::Cluster(name, _) = &screen {
            app.ui.shown = Some(name.clone());
        }
        app.ui.screen = screen;
        app
    }

    /// Lets the window decide from now on which of the engine's news are worth a frame.
    pub fn wake_by(&mut self, wake: Arc<Wake>) {
        self.link.tell_newest(&wake);
        self.wake = wake;
    }

    /// Whether the screen shows nothing that [`Wake`] does not look at.
    fn is_calm(&self) -> bool {
        let quiet = match &self.ui.screen {
            Screen::Settings | Screen::AllEvents => true,
            Screen::Cluster(_, view) => matches!(view, View::Overview | View::Nodes | View::Events),
            Screen::Welcome | Screen::Wizard | Screen::Plan(_) => false,
        };
        quiet
            && self.ui.question.is_none()
            && self.ui.attach.is_none()
            && self.ui.palette.is_none()
            && self.notices.is_empty()
    }

    /// The commands that a preview would have sent.
    #[must_use]
    pub fn sent(&self) -> &[Command] {
        self.link.sent()
    }

    /// Pins a slot on the map.
    pub fn pin(&mut self, slot: crate::core::slot::Slot) {
        self.ui.slots.pinned = Some(slot);
    }

    /// Inspects a node, and shows this of it.
    pub fn inspect(&mut self, node: crate::core::topology::NodeAddr, tab: super::views::inspect::Tab) {
        self.ui.inspect.open(node);
        self.ui.inspect.tab = tab;
    }

    /// Shows this part of the topology.
    pub fn show_topology(&mut self, part: super::views::topology::Part) {
        self.ui.topology.part = part;
    }

    /// Shows the slot map in this mode, with these slots selected.
    pub fn show_map(&mut self, mode: MapMode, layout: MapLayout, selection: crate::core::slot::SlotSet) {
        self.ui.slots.show(mode, layout);
        self.ui.slots.select(selection);
    }

    /// Takes in an event: the list keeps it, a toast says it, the wizard hears it.
    pub fn take_event(&mut self, event: Event) {
        self.ui.create.note(&event);
        self.note_refusal(&event);
        // What is only good to know stays in the list: toasts would bury what matters.
        if event.level > Level::Info && is_worth_a_toast(&event.what) {
            let secs = if event.level >= Level::Warning { 10 } else { 4 };
            self.notices.say(event.level, words::what(&event.what), Duration::from_secs(secs));
        }
        self.events.push(event);
    }

    /// Something that the window itself has to say.
    fn say(&mut self, level: Level, text: String) {
        let what = What::Notice(text);
        self.take_event(Event { at: SystemTime::now(), level, cluster: None, what });
    }

    /// The chosen cluster left: nothing of it can be shown.
    fn leave_lost_cluster(&mut self, before: &Snapshot) {
        let lost = |name: &String| before.clusters.contains_key(name) && !self.snapshot.clusters.contains_key(name);
        if let Screen::Cluster(name, _) | Screen::Plan(name) = &self.ui.screen
            && lost(name)
        {
            self.ui.screen = Screen::Welcome;
        }
        // One that is made anew under its name is another one.
        self.ui.shown.take_if(|name| lost(name));
        if self.ui.screen == Screen::Welcome {
            self.open_some();
        }
    }

    fn tell_visibility(&mut self, ctx: &egui::Context) {
        let visible = ctx.input(|input| input.viewport().visible()).unwrap_or(true);
        if visible != self.visible && self.link.send(Command::SetVisible(visible)).is_ok() {
            self.visible = visible;
        }
    }

    /// Slots are measured only while the map shows figures.
    fn tell_measured(&mut self) {
        let wanted = match &self.ui.screen {
            Screen::Cluster(name, View::Slots) if self.ui.slots.needs_figures() => Some(name.clone()),
            _ => None,
        };
        if wanted != self.measured && self.link.send(Command::MeasureSlots(wanted.clone())).is_ok() {
            self.measured = wanted;
        }
    }

    /// A node is looked at closely only while something of it is shown.
    fn tell_looked_at(&mut self) {
        let wanted = match &self.ui.screen {
            Screen::Cluster(name, View::Nodes) => self.ui.inspect.subject().map(|subject| (name.clone(), subject)),
            Screen::Cluster(name, View::Topology) => {
                let cluster = self.snapshot.clusters.get(name);
                cluster.and_then(|cluster| self.ui.topology.subject(cluster)).map(|subject| (name.clone(), subject))
            }
            _ => None,
        };
        if wanted != self.looked_at && self.link.send(Command::LookAt(wanted.clone())).is_ok() {
            self.looked_at = wanted;
        }
    }

    fn frame_ui(&mut self, ui: &mut egui::Ui) -> Option<Action> {
        let colors = Palette::of(ui);
        let snapshot = Arc::clone(&self.snapshot);
        let mut action = None;
        if !self.crashes.is_empty() {
            Action::note(&mut action, crash_ui(ui, &self.crashes));
        }
        let side = egui::Frame::new().fill(colors.side).inner_margin(8);
        egui::Panel::left("nav").exact_size(NAV_WIDTH).resizable(false).frame(side).show(ui, |ui| {
            Action::note(&mut action, shell::nav_ui(ui, &snapshot, &self.ui.screen));
        });
        if !self.ui.jobs.is_empty(&snapshot) {
            egui::Panel::bottom("jobs").frame(side).show(ui, |ui| {
                Action::note(&mut action, job_strip_ui(ui, &snapshot, &mut self.ui.jobs));
            });
        }
        let screen = self.ui.screen.clone();
        if let Screen::Cluster(name, view) = &screen
            && let Some(cluster) = snapshot.clusters.get(name)
        {
            let tint = colors.tint(shell::banner_tone(cluster));
            let frame = egui::Frame::new().fill(tint).inner_margin(egui::Margin::symmetric(theme::PAD, 6));
            egui::Panel::top("banner").frame(frame).show_separator_line(false).show(ui, |ui| {
                Action::note(&mut action, shell::banner_ui(ui, &Scene::of(&snapshot, &screen), cluster, *view));
            });
        }
        let center = egui::Frame::new().fill(colors.window).inner_margin(theme::PAD);
        egui::CentralPanel::default().frame(center).show(ui, |ui| {
            Action::note(&mut action, self.screen_ui(ui, &snapshot, &screen));
        });
        Action::note(&mut action, self.dialogs_ui(ui, &snapshot));
        Action::note(&mut action, self.keys(ui, &snapshot));
        definition::drop_hint(ui);
        action
    }

    fn screen_ui(&mut self, ui: &mut egui::Ui, snapshot: &Snapshot, screen: &Screen) -> Option<Action> {
        match screen {
            Screen::Welcome => welcome_ui(ui, snapshot),
            Screen::Wizard => create_ui(ui, snapshot, &mut self.ui.create),
            Screen::Settings => settings_ui(ui, snapshot, &self.settings),
            Screen::AllEvents => events_ui(ui, &self.events, None, &mut self.ui.events),
            Screen::Plan(name) | Screen::Cluster(name, _) => {
                let Some(cluster) = snapshot.clusters.get(name) else {
                    bits::nothing(ui, Icon::Busy, tr!("app.no_cluster", cluster = name));
                    return None;
                };
                let Screen::Cluster(_, view) = screen else { return plan_ui(ui, cluster) };
                match view {
                    View::Overview => overview_ui(ui, snapshot, cluster),
                    View::Slots => {
                        let past = |slot| Hands { last: self.events.changed_hands(name, slot), since: self.begun };
                        self.ui.slots.note_hands(self.ui.slots.pinned.map(past));
                        slots_ui(ui, cluster, &mut self.ui.slots)
                    }
                    View::Nodes => {
                        nodes_ui(ui, cluster, snapshot.look.as_deref(), &mut self.ui.nodes, &mut self.ui.inspect)
                    }
                    View::Topology => topology_ui(ui, cluster, snapshot.look.as_deref(), &mut self.ui.topology),
                    View::Metrics => metrics_ui(ui, cluster, &mut self.ui.metrics),
                    View::Log => log_ui(ui, cluster, &mut self.ui.log),
                    View::Events => events_ui(ui, &self.events, Some(name), &mut self.ui.events),
                }
            }
        }
    }

    /// What the pressed keys mean, and the palette. Questions come first: nothing else is done while one is open.
    fn keys(&mut self, ui: &egui::Ui, snapshot: &Snapshot) -> Option<Action> {
        let scene = Scene::of(snapshot, &self.ui.screen);
        if let Some(palette) = &mut self.ui.palette {
            return palette_ui(ui, &scene, palette);
        }
        let asked = self.ui.attach.is_some() || self.ui.question.is_some();
        if asked { None } else { commands::pressed(ui, &scene) }
    }

    fn dialogs_ui(&mut self, ui: &egui::Ui, snapshot: &Snapshot) -> Option<Action> {
        let attach = self.ui.attach.as_mut().and_then(|attach| attach_ui(ui, snapshot, attach));
        let answer = self.ui.question.as_mut().and_then(|question| confirm_ui(ui, snapshot, question));
        answer.or(attach)
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        let before = std::mem::replace(&mut self.snapshot, self.link.snapshot());
        self.leave_lost_cluster(&before);
        for event in self.link.drain_events() {
            match event.what {
                What::OpenRequested(file) => self.started_again(ctx, file.as_deref()),
                _ => self.take_event(event),
            }
        }
        if self.workspace.is_some() {
            self.crashes.extend(crash::take().into_iter().filter(|crash| !crash.of_window));
        }
        while let Ok(picked) = self.picked.1.try_recv() {
            match picked {
                Picked::Server(file) => {
                    self.send(Command::ProbeServer(file));
                }
                Picked::Nothing => self.say(Level::Error, tr!("app.no_dialog")),
                Picked::BackupFolder(chosen) => {
                    if let Some(Confirm::Backup { folder, .. } | Confirm::Restore { folder, .. }) =
                        &mut self.ui.question
                    {
                        *folder = chosen.display().to_string();
                    }
                }
                Picked::Folder(folder) => self.ui.create.folder_chosen(&folder),
                Picked::Definition(file) => self.open_definition(&file),
                Picked::Text(file, text) => self.write_text(&file, &text),
                Picked::Tls(which, file) => {
                    if let Some(attach) = &mut self.ui.attach {
                        attach.file_chosen(which, &file);
                    }
                }
                Picked::Export(file, spec) => self.write_definition(file, &spec),
            }
        }
        self.take_drops(ctx);
        self.tell_visibility(ctx);
        self.tell_measured();
        self.tell_looked_at();
        self.close_logic(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        format::begin_frame(self.fixed_time.unwrap_or_else(SystemTime::now));
        let action = self.frame_ui(ui);
        self.notices.show(ui);
        if let Some(action) = action {
            self.dispatch(ui, frame, action);
            // What the action changed is shown at once.
            ui.request_repaint();
        }
        if let Some(after) = format::next_age_change().filter(|_| self.fixed_time.is_none()) {
            ui.request_repaint_after(after.max(LEAST_WAIT));
        }
        self.wake.drawn(&self.snapshot, self.is_calm());
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.link.shutdown();
    }
}

/// Whether a toast says it too: of what changes on nodes only what concerns everybody.
fn is_worth_a_toast(what: &What) -> bool {
    match what {
        What::Changed(_, change) => matches!(change, Change::Standing { .. } | Change::Health { .. }),
        _ => true,
    }
}

/// The language that a choice means on this machine.
pub(super) fn language_of(choice: LanguageChoice) -> Language {
    choice.tag().and_then(Language::from_code).unwrap_or_else(Language::of_system)
}

/// The choice that names a language.
fn choice_of(language: Language) -> LanguageChoice {
    match language {
        Language::English => LanguageChoice::English,
        Language::Chinese => LanguageChoice::Chinese,
    }
}

#[cfg(test)]
#[path = "app_tests.rs"]
mod tests;
