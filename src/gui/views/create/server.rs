//! Which `redis-server` program: those found on this machine, or a file of one's own.

use egui::{RichText, Ui};

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

pub(super) fn server_page(ui: &mut Ui, servers: &Servers, state: &mut CreateUi) -> Option<Action> {
    ui.label(tr!("create.server.intro"));
    ui.add_space(8.0);
    for server in &servers.found {
        server_row(ui, server, state);
    }
    if let Some(why) = &state.server_refused {
        tone_line(ui, Tone::Bad, why);
    }
    if servers.searching {
        tone_line(ui, Tone::Busy, tr!("create.server.searching"));
    } else if !servers.found.iter().any(|server| server.version.is_ok()) {
        install_help(ui);
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
    ui.add_space(4.0);
    action.or_else(|| typed_path(ui, &mut state.server_path))
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
                });
            }
            Err(why) => {
                ui.add_enabled(false, egui::RadioButton::new(false, path));
                tone_line(ui, Tone::Bad, tr!("create.server.unusable", why = why));
            }
        }
    });
    ui.add_space(2.0);
}

/// How to get a server, this system's way first.
fn install_help(ui: &mut Ui) {
    Palette::of(ui).card_frame().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.strong(tr!("create.server.none"));
        ui.label(tr!("create.server.none_hint"));
        ui.add_space(4.0);
        let mut ways = [
            ("windows", tr!("create.server.windows")),
            ("macos", tr!("create.server.macos")),
            ("linux", tr!("create.server.linux")),
        ];
        ways.sort_by_key(|(os, _)| *os != std::env::consts::OS);
        for (_, way) in ways {
            ui.label(way);
        }
    });
}
