//! What goes into each redis.conf: the settings at the left, the resulting files at the right.

use egui::{ComboBox, TextEdit, Ui};

use crate::core::limits;
use crate::core::spec::{Field, Problem};
use crate::engine::snapshot::Snapshot;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::Tone;
use crate::gui::widgets::icon_button::icon_button;
use crate::gui::widgets::problem_list::tone_line;

use super::CreateUi;
use super::draft::{Draft, SaveBy};
use super::form::Form;
use super::preview::preview;

/// The fields of this page.
pub(super) fn is_mine(field: Field) -> bool {
    !super::shape::is_mine(field) && field != Field::Server
}

/// `maxmemory-policy` values; the LFU ones came with 4.0.
const POLICIES: [&str; 8] = [
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
];

/// Says whether Enter was pressed in a field.
pub(super) fn configuration_page(ui: &mut Ui, snapshot: &Snapshot, problems: &[Problem], state: &mut CreateUi) -> bool {
    let mut submitted = false;
    let width = (ui.available_width() * 0.42).clamp(300.0, 460.0);
    egui::Panel::left("create_settings").resizable(true).default_size(width).size_range(280.0..=620.0).show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            submitted = settings(ui, problems, state);
            chosen(ui, snapshot, state);
        });
    });
    egui::CentralPanel::default().show(ui, |ui| preview(ui, snapshot, problems, state));
    submitted
}

fn settings(ui: &mut Ui, problems: &[Problem], state: &mut CreateUi) -> bool {
    let mut form = Form::stacked(problems);
    let ports = state.draft.port_list();
    let draft = &mut state.draft;
    form.seen(ui.checkbox(&mut draft.config.append_only, tr!("create.conf.append_only")));
    ui.add_space(4.0);
    let timeout = &mut draft.node_timeout;
    form.row(ui, &tr!("create.conf.node_timeout"), &[Field::NodeTimeout], |ui, form| {
        form.line(ui, TextEdit::singleline(timeout).desired_width(90.0));
    });
    password_row(ui, &mut form, draft, &mut state.reveal);
    let memory = &mut draft.config.maxmemory;
    form.row(ui, &tr!("create.conf.maxmemory"), &[Field::Maxmemory], |ui, form| {
        form.line(ui, TextEdit::singleline(memory).desired_width(90.0).hint_text(tr!("create.conf.maxmemory_hint")));
    });
    policy_row(ui, &mut form, draft);
    save_row(ui, &mut form, draft);
    directives(ui, &mut form, &tr!("create.conf.extra"), &[Field::Extra], "extra", &mut draft.config.extra);
    node_row(ui, &mut form, draft, &ports, &mut state.extra_port);
    if form.edited {
        state.check.edited();
    }
    form.submitted
}

/// Settings that nobody asked for, but the chosen server needs, each with its reason.
fn chosen(ui: &mut Ui, snapshot: &Snapshot, state: &CreateUi) {
    let Some(server) = state.draft.server_exe(&snapshot.servers.found) else { return };
    for setting in limits::settings(server.build, server.version, cfg!(windows)) {
        let line = format!("{} {}", setting.directive, setting.value);
        let text = match setting.reason {
            limits::Reason::SeenToFail => tr!("create.conf.chosen_seen", line = line),
            limits::Reason::NotTried => tr!("create.conf.chosen_untried", line = line),
        };
        tone_line(ui, Tone::Quiet, text);
    }
}

fn password_row(ui: &mut Ui, form: &mut Form<'_>, draft: &mut Draft, reveal: &mut bool) {
    form.row(ui, &tr!("create.conf.password"), &[Field::Password], |ui, form| {
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 110.0).clamp(100.0, 240.0);
            let text = draft.config.password.expose_mut();
            form.line(ui, TextEdit::singleline(text).password(!*reveal).desired_width(width));
            ui.checkbox(reveal, tr!("create.conf.reveal"));
        });
    });
}

fn policy_row(ui: &mut Ui, form: &mut Form<'_>, draft: &mut Draft) {
    form.row(ui, &tr!("create.conf.policy"), &[Field::MaxmemoryPolicy], |ui, form| {
        let policy = &mut draft.config.maxmemory_policy;
        let default = tr!("create.conf.server_default");
        let shown = if policy.is_empty() { default.clone() } else { policy.clone() };
        ComboBox::from_id_salt("policy").selected_text(shown).width(200.0).show_ui(ui, |ui| {
            form.seen(ui.selectable_value(policy, String::new(), default));
            for name in POLICIES {
                form.seen(ui.selectable_value(policy, name.to_owned(), name));
            }
        });
    });
}

fn save_row(ui: &mut Ui, form: &mut Form<'_>, draft: &mut Draft) {
    form.row(ui, &tr!("create.conf.save"), &[Field::Save], |ui, form| {
        ui.horizontal_wrapped(|ui| {
            let choices = [
                (SaveBy::Default, tr!("create.conf.server_default")),
                (SaveBy::Never, tr!("create.conf.save_never")),
                (SaveBy::Rows, tr!("create.conf.save_rows")),
            ];
            for (choice, label) in choices {
                form.seen(ui.radio_value(&mut draft.save_by, choice, label));
            }
        });
        if draft.save_by == SaveBy::Rows {
            save_points(ui, form, &mut draft.save_rows);
        }
    });
}

fn save_points(ui: &mut Ui, form: &mut Form<'_>, rows: &mut Vec<(String, String)>) {
    let mut remove = None;
    for (i, (secs, changes)) in rows.iter_mut().enumerate() {
        ui.horizontal(|ui| {
            let n = i + 1;
            let secs = form.nameless_line(ui, TextEdit::singleline(secs).id_salt(("secs", i)).desired_width(60.0));
            secs.accessible_name(tr!("create.conf.save_secs_name", n = n));
            ui.label(tr!("create.conf.save_secs"));
            let changes =
                form.nameless_line(ui, TextEdit::singleline(changes).id_salt(("changes", i)).desired_width(60.0));
            changes.accessible_name(tr!("create.conf.save_changes_name", n = n));
            ui.label(tr!("create.conf.save_changes"));
            let button = ui.button(Icon::Delete.text()).on_hover_text(tr!("create.conf.save_remove"));
            if button.accessible_name(tr!("create.conf.save_remove_name", n = n)).clicked() {
                remove = Some(i);
            }
        });
    }
    if let Some(i) = remove {
        rows.remove(i);
        form.edited = true;
    }
    if icon_button(ui, Icon::Create, tr!("create.conf.save_add")).clicked() {
        rows.push(("300".to_owned(), "100".to_owned()));
        form.edited = true;
    }
}

/// A field for lines of redis.conf.
fn directives(ui: &mut Ui, form: &mut Form<'_>, label: &str, fields: &[Field], salt: &str, text: &mut String) {
    form.row(ui, label, fields, |ui, form| {
        let editor = TextEdit::multiline(text)
            .id_salt(salt)
            .code_editor()
            // Tab leaves the field, as everywhere in the form.
            .lock_focus(false)
            .desired_rows(3)
            .desired_width(f32::INFINITY)
            .hint_text(tr!("create.conf.extra_hint"));
        form.line(ui, editor);
    });
}

fn node_row(ui: &mut Ui, form: &mut Form<'_>, draft: &mut Draft, ports: &[u16], chosen: &mut Option<u16>) {
    let Some(first) = ports.first() else { return };
    let port = chosen.filter(|port| ports.contains(port)).unwrap_or(*first);
    let label = ui.label(tr!("create.conf.extra_node"));
    let mut next = port;
    ui.label_inputs_by(label.id, |ui| {
        ComboBox::from_id_salt("extra_port").selected_text(port.to_string()).width(90.0).show_ui(ui, |ui| {
            for other in ports {
                let mark = draft.config.extra_by_port.contains_key(other);
                let label = if mark { Icon::Edit.with(other.to_string()) } else { other.to_string() };
                ui.selectable_value(&mut next, *other, label);
            }
        });
    });
    *chosen = Some(next);
    // An edited file is shown with its findings at the right; here only this field's own.
    let field = if draft.edited.contains_key(&next) { &[][..] } else { &[Field::ExtraFor(next)][..] };
    let text = draft.config.extra_by_port.entry(next).or_default();
    directives(ui, form, &tr!("create.conf.extra_for", port = next), field, "extra_node", text);
    draft.config.extra_by_port.retain(|_, text| !text.is_empty());
}
