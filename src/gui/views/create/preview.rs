//! The files as they will be written: one tab a node, editable, with what the check found and where.

use egui::{Align, Label, Layout, RichText, ScrollArea, TextBuffer, TextEdit, TextStyle, TextWrapMode, Ui};

use crate::core::spec::{Field, Problem};
use crate::engine::snapshot::{DraftFile, Snapshot};
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::icon_button::icon_button;
use crate::gui::widgets::problem_list::{problem_list, tone_line};

use super::CreateUi;

pub(super) fn preview(ui: &mut Ui, snapshot: &Snapshot, problems: &[Problem], state: &mut CreateUi) {
    let files = snapshot.draft.as_ref().map(|report| report.files.as_slice()).unwrap_or_default();
    let Some(first) = files.first() else {
        tone_line(ui, Tone::Busy, tr!("create.preview.waiting"));
        return;
    };
    let file = files.iter().find(|file| Some(file.port) == state.preview_port).unwrap_or(first);
    state.preview_port = Some(file.port);
    tabs(ui, files, problems, state);
    caption(ui, file, state);
    // Without an edit the lines meant are those of the field at the left, and the problems stand there.
    let found: Vec<&Problem> = problems.iter().filter(|problem| problem.field == Field::ExtraFor(file.port)).collect();
    let edited = state.draft.edited.contains_key(&file.port);
    if edited && !found.is_empty() {
        let height = 26.0 * f32::from(u8::try_from(found.len().min(4)).unwrap_or(4));
        egui::Panel::bottom("create_findings").exact_size(height).show(ui, |ui| {
            ScrollArea::vertical().id_salt("findings").auto_shrink(false).show(ui, |ui| problem_list(ui, found));
        });
    }
    editor(ui, file, state);
}

fn tabs(ui: &mut Ui, files: &[DraftFile], problems: &[Problem], state: &mut CreateUi) {
    ScrollArea::horizontal().id_salt("tabs").show(ui, |ui| {
        ui.horizontal(|ui| {
            for file in files {
                let marked = state.draft.edited.contains_key(&file.port);
                let wrong = problems.iter().any(|problem| problem.field == Field::ExtraFor(file.port));
                let label = match (wrong, marked) {
                    (true, _) => Icon::Warning.with(file.port.to_string()),
                    (false, true) => Icon::Edit.with(file.port.to_string()),
                    (false, false) => file.port.to_string(),
                };
                let selected = state.preview_port == Some(file.port);
                let tab = ui.selectable_label(selected, label);
                if tab.accessible_name(tr!("create.preview.tab", port = file.port)).clicked() {
                    state.preview_port = Some(file.port);
                }
            }
        });
    });
}

/// Where the file will be, whether it was edited, and the way back.
fn caption(ui: &mut Ui, file: &DraftFile, state: &mut CreateUi) {
    ui.horizontal(|ui| {
        if state.draft.edited.contains_key(&file.port) {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icon_button(ui, Icon::Reset, tr!("create.preview.back")).clicked() {
                    state.draft.edited.remove(&file.port);
                    state.check.edited();
                }
                let mark = RichText::new(tr!("create.preview.edited")).color(Palette::of(ui).tone(Tone::Warn));
                ui.label(mark).on_hover_text(tr!("create.preview.edited_hint"));
                path_label(ui, file);
            });
        } else {
            path_label(ui, file);
        }
    });
}

fn path_label(ui: &mut Ui, file: &DraftFile) {
    let path = file.path.display().to_string();
    ui.add(Label::new(RichText::new(&path).weak()).truncate()).on_hover_text(path);
}

fn editor(ui: &mut Ui, file: &DraftFile, state: &mut CreateUi) {
    let edited = state.draft.edited.get(&file.port);
    let mut text = edited.unwrap_or(&file.text).clone();
    let lines = text.lines().count().max(1);
    let row = ui.text_style_height(&TextStyle::Monospace);
    let rows = ((ui.available_height() - 12.0) / row).floor().max(6.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 6 and a screen's rows")]
    let rows = rows as usize;
    // Lines are not wrapped: the numbers beside them must stay true.
    let mut unwrapped = |ui: &Ui, text: &dyn TextBuffer, _width: f32| {
        let (font, color) = (TextStyle::Monospace.resolve(ui.style()), ui.visuals().text_color());
        ui.painter().layout_no_wrap(text.as_str().to_owned(), font, color)
    };
    ScrollArea::both().id_salt(("file", file.port)).auto_shrink(false).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let numbers: Vec<String> = (1..=lines).map(|n| format!("{n:>3}")).collect();
            let numbers = RichText::new(numbers.join("\n")).monospace().weak();
            ui.vertical(|ui| {
                ui.add_space(5.0);
                ui.add(Label::new(numbers).wrap_mode(TextWrapMode::Extend).selectable(false));
            });
            let field = TextEdit::multiline(&mut text)
                .id_salt(("text", file.port))
                .code_editor()
                .lock_focus(false)
                .clip_text(false)
                .layouter(&mut unwrapped)
                .desired_rows(lines.max(rows))
                .desired_width(ui.available_width());
            let response = ui.add(field).accessible_name(tr!("create.preview.file", port = file.port));
            if response.changed() {
                state.draft.edited.insert(file.port, text);
                state.check.edited();
            }
        });
    });
}
