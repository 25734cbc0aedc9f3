//! A plain table of texts: sorted by a click on a header, copied by a right click on a cell. For lists that one server
//! told; the node table is another thing.

use std::cmp::Ordering;

use egui::{Color32, RichText, Ui};
use egui_extras::{Column, TableBuilder};

use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette, Tone};

use super::bits;
use super::icon_button::icon_button;

/// Room before texts, so that they stand apart from the numbers before them, points.
const TEXT_GAP: f32 = 4.0;

/// A column.
#[derive(Debug, Clone)]
pub struct Head {
    /// What stands above it.
    pub title: String,
    /// What it means.
    pub hint: String,
    /// Its width at first, points.
    pub width: f32,
    /// Whether it holds numbers.
    pub number: bool,
}

impl Head {
    /// A column of texts.
    pub fn text(title: String, hint: String, width: f32) -> Self {
        Self { title, hint, width, number: false }
    }

    /// A column of numbers.
    pub fn number(title: String, hint: String, width: f32) -> Self {
        Self { title, hint, width, number: true }
    }
}

/// What rows are sorted by.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// A number; what is not known comes first.
    Number(Option<f64>),
    /// A text, whose capitals do not count.
    Text(String),
}

impl Key {
    /// A number that may be unknown.
    #[must_use]
    pub fn of(number: Option<u64>) -> Self {
        Key::Number(number.map(|number| number as f64))
    }

    fn compare(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Number(a), Key::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Key::Text(a), Key::Text(b)) => a.cmp(b),
            (Key::Number(_), Key::Text(_)) => Ordering::Less,
            (Key::Text(_), Key::Number(_)) => Ordering::Greater,
        }
    }
}

/// A cell.
#[derive(Debug, Clone)]
pub struct Cell {
    /// What is shown.
    pub text: String,
    /// What is copied; the text where it is `None`.
    pub raw: Option<String>,
    /// What is said on hover.
    pub hint: Option<String>,
    /// The colour of a state.
    pub tone: Option<Tone>,
    /// What the row is sorted by.
    pub key: Key,
}

impl Cell {
    /// A cell of text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { key: Key::Text(text.to_lowercase()), text, raw: None, hint: None, tone: None }
    }

    /// A cell that shows a number in words.
    #[must_use]
    pub fn number(number: Option<u64>, shown: impl FnOnce(u64) -> String) -> Self {
        let text = number.map_or_else(|| crate::gui::format::NONE.to_owned(), shown);
        Self { text, raw: number.map(|number| number.to_string()), hint: None, tone: None, key: Key::of(number) }
    }

    /// The cell with a tooltip.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The cell in the colour of a state.
    #[must_use]
    pub fn tone(self, tone: Tone) -> Self {
        Self { tone: Some(tone), ..self }
    }

    fn copied(&self) -> &str {
        self.raw.as_deref().unwrap_or(&self.text)
    }
}

/// How a sheet is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SheetUi {
    /// By which column; `None` for the order in which the rows came.
    pub sort: Option<usize>,
    /// The largest first.
    pub descending: bool,
}

impl SheetUi {
    /// Sorted so.
    #[must_use]
    pub const fn by(sort: usize, descending: bool) -> Self {
        Self { sort: Some(sort), descending }
    }

    /// The rows in order.
    pub fn sorted(&self, mut rows: Vec<Vec<Cell>>) -> Vec<Vec<Cell>> {
        if let Some(by) = self.sort {
            rows.sort_by(|a, b| {
                let order = match (a.get(by), b.get(by)) {
                    (Some(a), Some(b)) => a.key.compare(&b.key),
                    _ => Ordering::Equal,
                };
                if self.descending { order.reverse() } else { order }
            });
        }
        rows
    }

    fn click(&mut self, column: usize, number: bool) {
        self.descending = if self.sort == Some(column) { !self.descending } else { number };
        self.sort = Some(column);
    }
}

/// The rows as tab-separated lines under their titles.
#[must_use]
pub fn to_tsv(heads: &[Head], rows: &[Vec<Cell>]) -> String {
    let line = |cells: Vec<&str>| {
        cells.iter().map(|cell| cell.replace(['\t', '\n'], " ")).collect::<Vec<_>>().join("\t") + "\n"
    };
    let head = line(heads.iter().map(|head| head.title.as_str()).collect());
    let body = rows.iter().map(|row| line(row.iter().map(Cell::copied).collect()));
    std::iter::once(head).chain(body).collect()
}

/// Shows rows that are sorted already.
#[must_use]
pub fn sheet_ui(ui: &mut Ui, salt: &str, heads: &[Head], rows: &[Vec<Cell>], state: &mut SheetUi) -> Option<Action> {
    // Labels that can be selected would eat the cells' clicks.
    ui.style_mut().interaction.selectable_labels = false;
    ui.spacing_mut().scroll = egui::style::ScrollStyle::solid();
    let mut action = None;
    egui::ScrollArea::horizontal().id_salt(salt).show(ui, |ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let mut table = TableBuilder::new(ui)
            .id_salt(salt)
            .striped(true)
            .resizable(true)
            .auto_shrink([false, false])
            .sense(egui::Sense::click())
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center));
        for (at, head) in heads.iter().enumerate() {
            let is_last = at + 1 == heads.len();
            let column = if is_last { Column::remainder() } else { Column::initial(head.width) };
            table = table.column(column.at_least(if is_last { head.width } else { 40.0 }).clip(true));
        }
        table
            .header(theme::ROW_HEIGHT + 4.0, |mut header| {
                for (at, head) in heads.iter().enumerate() {
                    header.col(|ui| head_ui(ui, at, head, state));
                }
            })
            .body(|body| {
                body.rows(theme::ROW_HEIGHT, rows.len(), |mut row| {
                    let Some(cells) = rows.get(row.index()) else { return };
                    for (cell, head) in cells.iter().zip(heads) {
                        let (_, response) = row.col(|ui| cell_ui(ui, cell, head.number));
                        response.context_menu(|ui| {
                            Action::note(&mut action, menu_ui(ui, heads, cells, cell));
                        });
                    }
                });
            });
    });
    action
}

fn head_ui(ui: &mut Ui, at: usize, head: &Head, state: &mut SheetUi) {
    let colors = Palette::of(ui);
    let shown = match (state.sort == Some(at), state.descending) {
        (true, true) => Icon::SortDown.with(&head.title),
        (true, false) => Icon::SortUp.with(&head.title),
        (false, _) => head.title.clone(),
    };
    let layout = if head.number {
        egui::Layout::right_to_left(egui::Align::Center)
    } else {
        egui::Layout::left_to_right(egui::Align::Center)
    };
    ui.with_layout(layout, |ui| {
        if !head.number {
            ui.add_space(TEXT_GAP);
        }
        let button = egui::Button::new(RichText::new(shown).color(colors.weak)).frame(false).truncate();
        let response = ui.add(button);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ColumnHeader, true, &head.title));
        let hint = if head.hint.is_empty() { tr!("nodes.sort_by", column = head.title) } else { head.hint.clone() };
        if response.on_hover_text(hint).clicked() {
            state.click(at, head.number);
        }
    });
}

fn cell_ui(ui: &mut Ui, cell: &Cell, number: bool) {
    let colors = Palette::of(ui);
    let color: Color32 = cell.tone.map_or(colors.text, |tone| colors.tone(tone));
    if number {
        bits::number(ui, &cell.text, color);
        return;
    }
    ui.add_space(TEXT_GAP);
    let response = bits::cell(ui, &cell.text, color);
    if let Some(hint) = &cell.hint {
        response.on_hover_text(hint);
    } else if response.rect.width() >= ui.available_width() + response.rect.width() - 1.0 {
        response.on_hover_text(&cell.text);
    }
}

fn menu_ui(ui: &mut Ui, heads: &[Head], cells: &[Cell], cell: &Cell) -> Option<Action> {
    if icon_button(ui, Icon::Copy, tr!("inspect.copy_value")).clicked() {
        return Some(Action::Copy(cell.copied().to_owned()));
    }
    icon_button(ui, Icon::Copy, tr!("nodes.copy_row")).clicked().then(|| Action::Copy(to_tsv(heads, &[cells.to_vec()])))
}
