//! The wizard that makes a cluster: server, shape, configuration, launch, plan, done.
//!
//! Each page is a file. [`CreateUi`] is what the person has typed and what was started; everything else is in the
//! snapshot. The pages before the launch write nothing; from the launch on, leaving asks what is to become of the
//! servers.

mod apply;
mod ask;
mod check;
mod configuration;
mod draft;
mod footer;
mod form;
mod getting;
mod launch;
mod preview;
mod removal;
mod run;
mod server;
mod shape;
mod steps;
mod turns;

use std::path::Path;

use egui::{Key, Ui};

use crate::core::definition::Definition;
use crate::core::spec::Problem;
use crate::engine::command::Command;
use crate::engine::event::{Event, What};
use crate::engine::snapshot::Snapshot;
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::theme::{FORM_WIDTH, Tone};
use crate::gui::widgets::plan_view::plan_body;
use crate::gui::widgets::problem_list::tone_line;
use crate::gui::words;

use apply::ApplyTurn;
use ask::Ask;
use check::Check;
use draft::Draft;
use removal::Removal;
use run::Run;
use turns::{answered, by_itself, plan_again, turn};

/// Widest that a page without a form becomes, points.
const PAGE_WIDTH: f32 = 1200.0;

/// A page of the wizard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Page {
    Server,
    Shape,
    Configuration,
    Launch,
    Plan,
    Done,
}

impl Page {
    const ALL: [Page; 6] = [Page::Server, Page::Shape, Page::Configuration, Page::Launch, Page::Plan, Page::Done];

    fn before(self) -> Option<Page> {
        match self {
            Page::Server | Page::Launch | Page::Done => None,
            Page::Shape => Some(Page::Server),
            Page::Configuration => Some(Page::Shape),
            Page::Plan => Some(Page::Launch),
        }
    }
}

/// The wizard's state between frames.
#[derive(Debug, Clone)]
pub struct CreateUi {
    /// Whether the proposals were made from a snapshot.
    begun: bool,
    page: Page,
    draft: Draft,
    check: Check,
    /// The file that the engine accepted as a server just now: it becomes the choice once it is in the list.
    accepted: Option<String>,
    /// Why it refused the last one.
    server_refused: Option<String>,
    /// The path of a server program, typed by hand.
    server_path: String,
    /// How many more blocks of ports are tried until one is free; `None` while nobody asked for that.
    seek_ports: Option<u8>,
    /// Whether the password is shown.
    reveal: bool,
    /// Whose extra directives are shown.
    extra_port: Option<u16>,
    /// Whose file is shown.
    preview_port: Option<u16>,
    /// The first field gets the keyboard in the next frame.
    focus_first: bool,
    /// The keyboard focus is to be dropped in the next frame.
    drop_focus: bool,
    /// Enter was pressed while the check was under way: go on when it ends well.
    next_wanted: bool,
    /// What was started, from the launch on.
    run: Option<Run>,
    /// What was started is being removed.
    removing: Option<Removal>,
    ask: Option<Ask>,
    /// A definition that the fields are to be filled with.
    definition: Option<Box<Definition>>,
}

impl Default for CreateUi {
    fn default() -> Self {
        let nothing = Snapshot::default();
        Self {
            begun: false,
            page: Page::Server,
            draft: Draft::propose(&nothing),
            check: Check::new(&nothing),
            accepted: None,
            server_refused: None,
            server_path: String::new(),
            seek_ports: None,
            reveal: false,
            extra_port: None,
            preview_port: None,
            focus_first: false,
            drop_focus: false,
            next_wanted: false,
            run: None,
            removing: None,
            ask: None,
            definition: None,
        }
    }
}

impl CreateUi {
    /// Whether servers were started that are not the cluster list's yet.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.run.is_some() || self.removing.is_some()
    }

    /// Begins anew, with the fields filled from a definition.
    pub fn open(&mut self, definition: Definition) {
        *self = Self { definition: Some(Box::new(definition)), ..Self::default() };
    }

    /// The answer of the folder dialog.
    pub fn folder_chosen(&mut self, dir: &Path) {
        self.draft.dir = dir.display().to_string();
        self.draft.dir_follows_name = false;
        self.check.edited();
    }

    /// Tells the wizard what happened: it takes the server file that was accepted, and shows why the engine refused
    /// something that it had asked for.
    pub fn note(&mut self, event: &Event) {
        match &event.what {
            What::ServerAccepted(file, _) => (self.accepted, self.server_refused) = (Some(file.clone()), None),
            What::ServerRefused(..) => self.server_refused = Some(words::what(&event.what)),
            _ => {}
        }
        if let Some(run) = &mut self.run {
            run.note(event);
        }
        if let Some(removal) = &mut self.removing {
            removal.note(event);
        }
    }

    /// The proposals for name, ports and folder need to know what exists.
    fn begin(&mut self, snapshot: &Snapshot) {
        if !self.begun {
            self.begun = true;
            self.draft = match self.definition.take() {
                Some(definition) => Draft::of(&definition, snapshot),
                None => Draft::propose(snapshot),
            };
            self.check = Check::new(snapshot);
        }
        if let Some(run) = &mut self.run {
            run.observe(snapshot);
        }
    }

    fn go(&mut self, page: Page) {
        self.page = page;
        self.next_wanted = false;
        self.focus_first = page == Page::Shape;
        self.drop_focus = true;
        if page <= Page::Configuration {
            // Ports and folders may have changed hands meanwhile.
            self.check.edited();
        }
    }
}

/// The wizard. Says what the person meant.
#[must_use]
pub fn create_ui(ui: &mut Ui, snapshot: &Snapshot, state: &mut CreateUi) -> Option<Action> {
    state.begin(snapshot);
    server::preselect(&snapshot.servers, state);
    if std::mem::take(&mut state.drop_focus) {
        // The keyboard must not stay on a place where the next page has another button.
        ui.memory_mut(|memory| memory.focused().into_iter().for_each(|id| memory.surrender_focus(id)));
    }
    let modal = ui.memory(|memory| memory.top_modal_layer().is_some());
    let free_enter = ui.memory(|memory| memory.focused().is_none()) && !modal && state.ask.is_none();
    let problems = check::problems(&state.draft, snapshot.draft.as_deref());

    egui::Panel::top("create_steps").show(ui, |ui| steps::steps_header(ui, state.page));
    let gate = footer::gate(snapshot, &problems, state);
    let pressed = egui::Panel::bottom("create_footer").show(ui, |ui| footer::footer(ui, snapshot, &gate, state)).inner;
    let (mut action, submitted) =
        egui::CentralPanel::default().show(ui, |ui| page_ui(ui, snapshot, &problems, state)).inner;

    let enter = form::enter_pressed(ui);
    let popup = egui::Popup::is_any_open(ui);
    if submitted || (enter && free_enter && !popup) {
        state.next_wanted = true;
    }
    let pressed = pressed.or_else(|| footer::by_enter(&gate, state));
    if let Some(pressed) = pressed {
        action = action.or_else(|| turn(pressed, snapshot, state));
    }
    if state.ask.is_none() && !popup && !modal && ui.input(|input| input.key_pressed(Key::Escape)) {
        action = action.or_else(|| turn(footer::Press::Leave, snapshot, state));
    } else if let Some(answer) = ask::ask_ui(ui, snapshot, state) {
        action = action.or_else(|| answered(answer, snapshot, state));
    }
    action.or_else(|| by_itself(ui, snapshot, state))
}

/// The page itself; says whether Enter was pressed in one of its fields.
fn page_ui(ui: &mut Ui, snapshot: &Snapshot, problems: &[Problem], state: &mut CreateUi) -> (Option<Action>, bool) {
    if state.page == Page::Configuration {
        return (None, configuration::configuration_page(ui, snapshot, problems, state));
    }
    let scroll = egui::ScrollArea::vertical().id_salt(("create", state.page as u8)).auto_shrink(false);
    scroll
        .show(ui, |ui| {
            // Long lines are hard to read, and a button at their far end is hard to find.
            let width = if matches!(state.page, Page::Server | Page::Shape) { FORM_WIDTH } else { PAGE_WIDTH };
            ui.set_max_width(width.min(ui.available_width()));
            match (state.page, &mut state.run) {
                (Page::Server, _) => (server::server_page(ui, &snapshot.servers, state), false),
                (Page::Shape, _) => shape::shape_page(ui, snapshot, problems, state),
                (Page::Launch, Some(run)) => (launch::launch_page(ui, snapshot, run), false),
                (Page::Plan, Some(run)) => (plan_page(ui, snapshot, run), false),
                (Page::Done, Some(run)) => match apply::apply_page(ui, snapshot, run) {
                    Some(ApplyTurn::Do(action)) => (Some(action), false),
                    Some(ApplyTurn::PlanAgain) => (Some(plan_again(snapshot, state)), false),
                    Some(ApplyTurn::Resume) => {
                        run.begin_again(snapshot);
                        (Some(Action::Do(Command::ResumeCreate { cluster: run.cluster.clone() })), false)
                    }
                    None => (None, false),
                },
                _ => (None, false),
            }
        })
        .inner
}

fn plan_page(ui: &mut Ui, snapshot: &Snapshot, run: &mut Run) -> Option<Action> {
    if let Some(plan) = run.plan(snapshot) {
        plan_body(ui, plan, None);
        return None;
    }
    let Some(why) = run.no_plan(snapshot) else {
        tone_line(ui, Tone::Busy, tr!("create.plan.waiting"));
        return None;
    };
    tone_line(ui, Tone::Bad, why);
    if !ui.button(tr!("create.plan.again")).clicked() {
        return None;
    }
    run.refused = None;
    Some(Action::Do(Command::PlanCreate { cluster: run.cluster.clone(), replicas: None }))
}
