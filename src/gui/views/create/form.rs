//! A form: labelled rows, each with its problems in words below the field.

use egui::{Align, Event, Id, Key, Layout, Response, TextEdit, Ui, vec2};

use crate::core::spec::{Field, Problem};
use crate::gui::widgets::problem_list::problem_list;

/// Whether Enter was pressed just now. A key that is held down does not walk through several pages.
pub(super) fn enter_pressed(ui: &Ui) -> bool {
    let fresh = |event: &Event| matches!(event, Event::Key { key: Key::Enter, pressed: true, repeat: false, .. });
    ui.input(|input| input.events.iter().any(fresh))
}

/// Width of the labels' column, points.
pub(super) const LABEL_WIDTH: f32 = 150.0;
/// Width of a text field, points, where there is room.
const FIELD_WIDTH: f32 = 380.0;

/// What happens to the fields of one form in one frame.
pub(super) struct Form<'a> {
    problems: &'a [Problem],
    /// Labels above the fields instead of beside them: for narrow columns.
    stacked: bool,
    /// The label of the present row.
    label: Option<Id>,
    /// Whether something was edited.
    pub edited: bool,
    /// Whether Enter was pressed in a one-line field.
    pub submitted: bool,
}

impl<'a> Form<'a> {
    /// A form with labels beside the fields.
    pub(super) fn new(problems: &'a [Problem]) -> Self {
        Self { problems, stacked: false, label: None, edited: false, submitted: false }
    }

    /// A form with labels above the fields.
    pub(super) fn stacked(problems: &'a [Problem]) -> Self {
        Self { stacked: true, ..Self::new(problems) }
    }

    /// A row: its label names the inputs that `add` makes; the problems of `fields` follow.
    pub(super) fn row(&mut self, ui: &mut Ui, label: &str, fields: &[Field], add: impl FnOnce(&mut Ui, &mut Self)) {
        let problems = self.problems;
        let shown = problems.iter().filter(|problem| fields.contains(&problem.field));
        if self.stacked {
            let label = ui.label(label);
            self.label = Some(label.id);
            ui.label_inputs_by(label.id, |ui| add(ui, self));
            problem_list(ui, shown);
        } else {
            ui.horizontal_top(|ui| {
                let cell = vec2(LABEL_WIDTH, ui.spacing().interact_size.y);
                let label = ui.allocate_ui_with_layout(cell, Layout::left_to_right(Align::Center), |ui| {
                    ui.set_min_width(LABEL_WIDTH);
                    ui.label(label)
                });
                ui.vertical(|ui| {
                    self.label = Some(label.inner.id);
                    ui.label_inputs_by(label.inner.id, |ui| add(ui, self));
                    problem_list(ui, shown);
                });
            });
        }
        ui.add_space(4.0);
    }

    /// A row with one text field.
    pub(super) fn text_row(&mut self, ui: &mut Ui, label: &str, fields: &[Field], text: &mut String) {
        self.row(ui, label, fields, |ui, form| {
            form.text(ui, text);
        });
    }

    /// A one-line text field as wide as the form allows.
    pub(super) fn text(&mut self, ui: &mut Ui, text: &mut String) -> Response {
        let width = FIELD_WIDTH.min(ui.available_width());
        self.line(ui, TextEdit::singleline(text).desired_width(width))
    }

    /// Any text field that the row's label names. (A hint would count as its name otherwise.)
    pub(super) fn line(&mut self, ui: &mut Ui, field: TextEdit<'_>) -> Response {
        let response = self.nameless_line(ui, field);
        match self.label {
            Some(label) => response.labelled_by(label),
            None => response,
        }
    }

    /// A text field that the caller names.
    pub(super) fn nameless_line(&mut self, ui: &mut Ui, field: TextEdit<'_>) -> Response {
        let response = ui.add(field);
        // A field of several lines keeps the focus on Enter.
        self.submitted |= response.lost_focus() && enter_pressed(ui);
        self.seen(response)
    }

    /// Notes whether a widget was changed.
    pub(super) fn seen(&mut self, response: Response) -> Response {
        self.edited |= response.changed();
        response
    }
}
