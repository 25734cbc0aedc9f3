//! Which `redis-server` program: those found on this machine, or a file of one's own.

use egui::{RichText, Ui};

use crate::core::limits::{Limit, Weight};
use crate::core::wsl::Inside;
use crate::engine::command::Command;
use crate::engine::snapshot::{FoundServer, Servers};
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::icon_button::{icon_button, icon_button_enabled};
use crate::gui::widgets::problem_list::tone_line;
use crate::gui::words;

use super::CreateUi;
use super::form::enter_pressed;
use super::getting::{getting_ui, limits_ui};

pub(super) fn server_page(ui: &mut Ui, servers: &Servers, state: &mut CreateUi) -> Option<Action> {
    ui.label(tr!("create.server.intro"));
    ui.add_space(8.0);
    for server in &servers.found {
        server_row(ui, server, state);
    }
    if let Some(why) = &state.server_refused {
        tone_line(ui, Tone::Bad, why);
    }
    let none = !servers.found.iter().any(|server| server.version.is_ok());
    if servers.searching {
        tone_line(ui, Tone::Busy, tr!("create.server.searching"));
    } else if none {
        ui.strong(tr!("create.server.none"));
        ui.add(egui::Label::new(tr!("create.server.none_hint")).wrap());
    }
    ui.add_space(8.0);
    let mut action = None;
    ui.horizontal_wrapped(|ui| {
        if icon_button(ui, Icon::File, tr!("create.server.choose")).clicked() {
            action = Some(Action::ChooseServerFile);
        }
        let again = icon_button_enabled(ui, !servers.searching, Icon::Refresh, tr!("create.server.again"));
        if again.clicked() {
            action = Some(Action::Do(Command::FindServers));
        }
    });
    if !servers.asleep.is_empty() && !servers.searching {
        Action::note(&mut action, asleep(ui, &servers.asleep));
    }
    ui.add_space(4.0);
    Action::note(&mut action, typed_path(ui, &mut state.server_path));
    ui.add_space(8.0);
    Action::note(&mut action, getting(ui, none && !servers.searching));
    action
}

/// Distributions of WSL that may hold servers, but would have to start before anybody can look.
fn asleep(ui: &mut Ui, names: &[String]) -> Option<Action> {
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        ui.add(egui::Label::new(tr!("create.server.asleep", names = names.join(", "))).wrap());
        let look = icon_button(ui, Icon::Refresh, tr!("create.server.look_inside"));
        look.clicked().then(|| Action::Do(Command::FindServersInWsl))
    })
    .inner
}

/// The ways to get a server: open where there is none.
fn getting(ui: &mut Ui, open: bool) -> Option<Action> {
    let title = RichText::new(if open { tr!("getting.title") } else { tr!("getting.another") });
    // A state of its own for each case, so that what was folded while there were servers opens when there are none.
    let fold = egui::CollapsingHeader::new(title).id_salt(("getting", open)).default_open(open);
    fold.show(ui, getting_ui).body_returned.flatten()
}

/// What this server's clusters lack; for the chosen one with the reasons.
fn server_limits(ui: &mut Ui, limits: &[Limit], selected: bool) {
    let indent = ui.spacing().icon_width + ui.spacing().icon_spacing;
    if limits.is_empty() {
        return;
    }
    ui.horizontal_top(|ui| {
        ui.add_space(indent);
        ui.vertical(|ui| ui.horizontal_wrapped(|ui| limits_ui(ui, limits)));
    });
    for limit in limits.iter().filter(|limit| selected && limit.weight() > Weight::Note) {
        ui.horizontal_top(|ui| {
            ui.add_space(indent);
            ui.add(egui::Label::new(RichText::new(words::limit_why(*limit)).weak()).wrap());
        });
    }
}

/// What is special about a server inside WSL.
fn wsl_note(ui: &mut Ui) {
    let indent = ui.spacing().icon_width + ui.spacing().icon_spacing;
    ui.horizontal_top(|ui| {
        ui.add_space(indent);
        ui.add(egui::Label::new(RichText::new(tr!("create.server.wsl_note")).weak()).wrap());
    });
}

/// A file by its path, for systems that have no file dialog.
fn typed_path(ui: &mut Ui, path: &mut String) -> Option<Action> {
    ui.horizontal_wrapped(|ui| {
        let label = ui.label(tr!("create.server.type"));
        let field = ui.add(egui::TextEdit::singleline(path).desired_width(280.0)).labelled_by(label.id);
        let entered = field.lost_focus() && enter_pressed(ui);
        let file = path.trim();
        let used = ui.add_enabled(!file.is_empty(), egui::Button::new(tr!("create.server.use"))).clicked();
        let given = !file.is_empty() && (used || entered);
        given.then(|| Action::Do(Command::ProbeServer(file.into())))
    })
    .inner
}

/// Takes the file that the person has chosen just now, and the first usable server where none is chosen.
pub(super) fn preselect(servers: &Servers, state: &mut CreateUi) {
    let mut usable = servers.found.iter().filter(|server| server.version.is_ok());
    let accepted = state.accepted.as_ref();
    let wanted = accepted.and_then(|file| usable.clone().find(|server| server.path.display().to_string() == *file));
    let chosen = state.draft.server.as_ref();
    let pick = match wanted {
        Some(server) => Some(server),
        None if usable.clone().any(|server| chosen == Some(&server.path)) => None,
        None => usable.next(),
    };
    if wanted.is_some() {
        state.accepted = None;
    }
    if let Some(server) = pick {
        state.draft.server = Some(server.path.clone());
        state.check.edited();
    }
}

fn server_row(ui: &mut Ui, server: &FoundServer, state: &mut CreateUi) {
    let palette = Palette::of(ui);
    let selected = state.draft.server.as_ref() == Some(&server.path);
    let mut frame = palette.card_frame().inner_margin(8);
    if selected {
        frame = frame.fill(palette.selected);
    }
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let path = server.path.display().to_string();
        match &server.version {
            Ok(version) => {
                let title = RichText::new(tr!("create.server.row", version = version, path = path));
                if ui.radio(selected, title.strong()).clicked() && !selected {
                    state.draft.server = Some(server.path.clone());
                    state.check.edited();
                }
                ui.horizontal(|ui| {
                    let spacing = ui.spacing();
                    ui.add_space(spacing.icon_width + spacing.icon_spacing);
                    ui.weak(tr!("create.server.origin", origin = words::origin(server.origin)));
                    if let Some(build) = words::build(server.build) {
                        ui.weak(build);
                    }
                });
                server_limits(ui, &server.limits(), selected);
                if selected && Inside::of(&server.path).is_some() {
                    wsl_note(ui);
                }
            }
            Err(why) => {
                ui.add_enabled(false, egui::RadioButton::new(false, path));
                tone_line(ui, Tone::Bad, tr!("create.server.unusable", why = why));
            }
        }
    });
    ui.add_space(2.0);
}
