//! A node's clients.

use egui::Ui;

use crate::core::answers::{Client, Clients};
use crate::core::filter::{Fields, Filter};
use crate::engine::look::{Look, Seen};
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button_enabled;
use crate::gui::widgets::sheet::{Cell, Head, sheet_ui, to_tsv};

use super::{InspectUi, nothing_yet};

/// The fields that a filter knows by name, as servers call them.
const FIELDS: [&str; 14] =
    ["id", "addr", "laddr", "name", "user", "age", "idle", "db", "cmd", "flags", "tot-mem", "lib-name", "omem", "resp"];

/// A client as a filter sees it.
struct Filtered<'a>(&'a Client);

impl Fields for Filtered<'_> {
    fn holds(&self, field: &str, text: &str) -> bool {
        self.0.text(field).to_lowercase().contains(text)
    }
    fn number(&self, field: &str) -> Option<f64> {
        self.0.number(field).map(|number| number as f64)
    }
    fn anywhere(&self, text: &str) -> bool {
        self.0.fields().iter().any(|(_, value)| value.to_lowercase().contains(text))
    }
}

pub(super) fn clients_ui(ui: &mut Ui, look: Option<&Look>, state: &mut InspectUi) -> Option<Action> {
    let Some(Seen::Clients(told)) = look.and_then(|look| look.seen.as_ref()) else {
        nothing_yet(ui, look);
        return None;
    };
    let filter = Filter::parse(&state.filter, &FIELDS);
    let shown: Vec<&Client> = told.list.iter().filter(|client| filter.passes(&Filtered(client))).collect();
    let rows = state.clients.sorted(shown.iter().map(|client| row(client)).collect());
    let heads = heads();
    let mut action = None;
    ui.horizontal(|ui| {
        let field = bits::search_field(ui, &mut state.filter, tr!("inspect.filter_clients"), 240.0);
        field.on_hover_text(tr!("inspect.filter_clients_hint"));
        bits::weak(ui, count(told, shown.len()));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if icon_button_enabled(ui, !rows.is_empty(), Icon::Copy, tr!("log.copy")).clicked() {
                action = Some(Action::Copy(to_tsv(&heads, &rows)));
            }
        });
    });
    ui.add_space(4.0);
    if rows.is_empty() {
        bits::nothing(ui, Icon::Search, tr!("inspect.no_hit"));
        return action;
    }
    Action::note(&mut action, sheet_ui(ui, "clients", &heads, &rows, &mut state.clients));
    action
}

/// How many are shown, how many are kept and how many there are.
fn count(told: &Clients, shown: usize) -> String {
    if told.list.len() < told.total {
        tr!("inspect.clients_cut", shown = shown, kept = told.list.len(), total = told.total)
    } else {
        tr!("inspect.clients_count", shown = shown, total = told.total)
    }
}

fn heads() -> [Head; 10] {
    [
        Head::number("ID".to_owned(), tr!("client.id"), 50.0),
        Head::text(tr!("nodes.address"), tr!("client.addr"), 140.0),
        Head::text(tr!("client.name_title"), tr!("client.name"), 84.0),
        Head::text(tr!("client.user_title"), tr!("client.user"), 64.0),
        Head::number(tr!("client.age_title"), tr!("client.age"), 72.0),
        Head::number(tr!("client.idle_title"), tr!("client.idle"), 64.0),
        Head::number(tr!("client.memory_title"), tr!("client.memory"), 76.0),
        Head::text(tr!("client.flags_title"), tr!("client.flags"), 46.0),
        Head::text(tr!("client.lib_title"), tr!("client.lib"), 76.0),
        Head::text(tr!("client.cmd_title"), tr!("client.cmd"), 76.0),
    ]
}

fn row(client: &Client) -> Vec<Cell> {
    let secs = |name: &str| {
        Cell::number(client.number(name), |secs| {
            if secs < 60 { format!("{secs} s") } else { format::took(std::time::Duration::from_secs(secs)) }
        })
    };
    let text = |name: &str| Cell::text(client.text(name));
    let all: Vec<String> = client.fields().iter().map(|(name, value)| format!("{name}={value}")).collect();
    vec![
        Cell::number(client.number("id"), |id| id.to_string()),
        text("addr").hint(all.join("\n")),
        text("name"),
        text("user"),
        secs("age"),
        secs("idle"),
        Cell::number(client.number("tot-mem"), format::bytes),
        text("flags"),
        text("lib-name"),
        text("cmd"),
    ]
}
