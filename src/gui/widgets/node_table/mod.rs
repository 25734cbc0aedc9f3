//! The table of nodes: columns chosen and ordered, sorted by header, filtered, folded, selected and copied.

mod columns;
mod export;
mod line;
mod rows;
mod tools;

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::{Color32, RichText, Ui};
use egui_extras::{Column, TableBuilder};

use crate::core::topology::{NodeAddr, NodeId};
use crate::engine::snapshot::{ClusterView, NodeView};
use crate::gui::action::Action;
use crate::gui::i18n::{self, Language, tr};
use crate::gui::icons::Icon;
use crate::gui::members;
use crate::gui::moves;
use crate::gui::theme::{self, Palette, Tone};
use crate::gui::words;

use super::bits;
use super::failover_dialog::failover_button;
use super::icon_button::icon_button;

pub use columns::{Col, Row, state_of};
pub use export::{to_csv, to_json, to_tsv};
pub use tools::tools_ui;

use line::{Cell, Line, rows_ui};
use rows::{Arrangement, Place, Rank, arrange};

/// Room between the right-aligned numbers of a column and the words of the next, points.
const LINK_GAP: f32 = 10.0;
/// How far replicas stand in below their master, points.
const INDENT: f32 = 14.0;

/// The table's state.
#[derive(Debug)]
pub struct NodeTableUi {
    /// What rows must hold, in the language of [`crate::core::filter`].
    pub filter: String,
    columns: Vec<Col>,
    sort: Col,
    descending: bool,
    grouped: bool,
    folded: BTreeSet<NodeId>,
    selected: BTreeSet<NodeAddr>,
    /// The row from which a click with Shift selects.
    anchor: Option<NodeAddr>,
    /// The rows as they were worked out last.
    order: Option<Order>,
}

impl Default for NodeTableUi {
    fn default() -> Self {
        Self::with_columns(&[])
    }
}

/// What the rows depend on, and the rows: a large cluster is not filtered and sorted anew in each frame.
#[derive(Debug)]
struct Order {
    nodes: Arc<[NodeView]>,
    how: Arrangement,
    language: Language,
    rows: Arc<[Place]>,
}

impl NodeTableUi {
    /// A table with the columns of these names, in this order; all of them where none is named.
    #[must_use]
    pub fn with_columns(names: &[String]) -> Self {
        Self {
            filter: String::new(),
            columns: Col::chosen(names),
            sort: Col::default(),
            descending: false,
            grouped: false,
            folded: BTreeSet::new(),
            selected: BTreeSet::new(),
            anchor: None,
            order: None,
        }
    }

    /// Forgets what belongs to one cluster only.
    pub fn leave_cluster(&mut self) {
        self.folded.clear();
        self.selected.clear();
        self.anchor = None;
        self.order = None;
    }

    fn is_still(&self, order: &Order, cluster: &ClusterView) -> bool {
        let how = &order.how;
        Arc::ptr_eq(&order.nodes, &cluster.nodes)
            && order.language == i18n::language()
            && how.filter == self.filter
            && how.sort == (self.sort, self.descending)
            && how.grouped == self.grouped
            && how.folded == self.folded
    }

    /// The rows to show, in order.
    fn places(&mut self, cluster: &ClusterView) -> Arc<[Place]> {
        if let Some(order) = self.order.take().filter(|order| self.is_still(order, cluster)) {
            return self.order.insert(order).rows.clone();
        }
        let how = Arrangement {
            filter: self.filter.clone(),
            sort: (self.sort, self.descending),
            grouped: self.grouped,
            folded: self.folded.clone(),
        };
        let rows: Arc<[Place]> = arrange(&cluster.nodes, &how).into();
        self.order = Some(Order { nodes: cluster.nodes.clone(), how, language: i18n::language(), rows: rows.clone() });
        rows
    }

    /// The rows to show, sorted.
    #[must_use]
    pub fn rows<'a>(&mut self, cluster: &'a ClusterView) -> Vec<Row<'a>> {
        self.places(cluster).iter().filter_map(|place| row_at(cluster, place)).collect()
    }

    /// How many rows are shown.
    #[must_use]
    pub fn shown(&mut self, cluster: &ClusterView) -> usize {
        self.places(cluster).len()
    }

    /// How many of the nodes shown are selected.
    #[must_use]
    pub fn selected(&mut self, cluster: &ClusterView) -> usize {
        if self.selected.is_empty() { 0 } else { self.picked(cluster).len() }
    }

    /// What a copy takes: the selected rows among those shown, all that are shown where none is selected.
    #[must_use]
    pub fn picked<'a>(&mut self, cluster: &'a ClusterView) -> Vec<Row<'a>> {
        let mut rows = self.rows(cluster);
        if rows.iter().any(|row| self.selected.contains(&row.node.addr)) {
            rows.retain(|row| self.selected.contains(&row.node.addr));
        }
        rows
    }

    fn click(&mut self, col: Col) {
        // The first click on a number wants the largest on top.
        self.descending = if self.sort == col { !self.descending } else { col.is_number() };
        self.sort = col;
    }

    /// A click on a row: selects it alone, with Ctrl besides the others, with Shift all from the last one on.
    fn select(&mut self, cluster: &ClusterView, addr: &NodeAddr, keys: egui::Modifiers) {
        let anchor = self.anchor.clone().filter(|_| keys.shift);
        if let Some(anchor) = anchor {
            let rows = self.rows(cluster);
            let at = |addr: &NodeAddr| rows.iter().position(|row| row.node.addr == *addr);
            if let (Some(a), Some(b)) = (at(&anchor), at(addr)) {
                self.selected = rows[a.min(b)..=a.max(b)].iter().map(|row| row.node.addr.clone()).collect();
            }
            return;
        }
        let was = self.selected.contains(addr);
        let alone = self.selected.len() == 1;
        if !keys.command {
            self.selected.clear();
        }
        if was && (keys.command || alone) {
            self.selected.remove(addr);
        } else {
            self.selected.insert(addr.clone());
        }
        self.anchor = Some(addr.clone());
    }

    fn fold(&mut self, id: &NodeId) {
        if !self.folded.remove(id) {
            self.folded.insert(id.clone());
        }
    }
}

fn row_at<'a>(cluster: &'a ClusterView, place: &Place) -> Option<Row<'a>> {
    let at = |i: usize| cluster.nodes.get(i);
    Some(Row { node: at(place.node)?, master: place.master.and_then(at) })
}

/// What the person did with a row.
enum Did {
    Fold(NodeId),
    Select(NodeAddr),
}

/// Shows the table.
#[must_use]
pub fn node_table_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut NodeTableUi) -> Option<Action> {
    // Labels that can be selected would eat the rows' clicks.
    ui.style_mut().interaction.selectable_labels = false;
    keys(ui, cluster, state);
    let (places, columns) = (state.places(cluster), state.columns.clone());
    let (mut action, mut did) = (None, None);
    ui.spacing_mut().scroll = egui::style::ScrollStyle::solid();
    egui::ScrollArea::horizontal().show(ui, |ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        let mut table = TableBuilder::new(ui)
            .id_salt(("nodes", state.grouped, columns.iter().map(|col| col.name()).collect::<Vec<_>>()))
            .striped(true)
            .resizable(true)
            .auto_shrink([false, false])
            .sense(egui::Sense::click())
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center));
        for col in &columns {
            let indent = if state.grouped && *col == Col::Address { 3.0 * INDENT } else { 0.0 };
            table = table.column(Column::initial(col.width() + indent).at_least(48.0).clip(true));
        }
        table
            .header(theme::ROW_HEIGHT + 4.0, |mut header| {
                for col in &columns {
                    header.col(|ui| header_ui(ui, *col, state));
                }
            })
            .body(|mut body| {
                rows_ui(&mut body, theme::ROW_HEIGHT, places.len(), |index, mut line| {
                    let Some((shown, rank)) = places.get(index).and_then(|p| Some((row_at(cluster, p)?, p.rank)))
                    else {
                        return;
                    };
                    line.ground(state.selected.contains(&shown.node.addr));
                    did = row_ui(&mut line, &columns, shown, rank).or(did.take());
                    if line.response.double_clicked() {
                        Action::note(&mut action, Some(Action::InspectNode(shown.node.addr.clone())));
                    } else if line.response.clicked() {
                        did.get_or_insert_with(|| Did::Select(shown.node.addr.clone()));
                    }
                    line.response.context_menu(|ui| {
                        let got = menu_ui(ui, cluster, shown, state);
                        action = got.or(action.take());
                    });
                });
            });
    });
    match did {
        Some(Did::Fold(id)) => state.fold(&id),
        Some(Did::Select(addr)) => state.select(cluster, &addr, ui.input(|input| input.modifiers)),
        None => {}
    }
    action
}

/// Ctrl+A selects all rows, Esc none; while a field has the keyboard, they are its.
fn keys(ui: &Ui, cluster: &ClusterView, state: &mut NodeTableUi) {
    if ui.egui_wants_keyboard_input() || !bits::keys_reach(ui) {
        return;
    }
    if ui.input_mut(|input| input.consume_key(egui::Modifiers::COMMAND, egui::Key::A)) {
        state.selected = state.rows(cluster).iter().map(|row| row.node.addr.clone()).collect();
    }
    if !state.selected.is_empty() && ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, egui::Key::Escape)) {
        state.selected.clear();
    }
}

fn header_ui(ui: &mut Ui, col: Col, state: &mut NodeTableUi) {
    let colors = Palette::of(ui);
    let title = col.title();
    let shown = match (state.sort == col, state.descending) {
        (true, true) => Icon::SortDown.with(&title),
        (true, false) => Icon::SortUp.with(&title),
        (false, _) => title.clone(),
    };
    let button = egui::Button::new(RichText::new(shown).color(colors.weak)).frame(false).truncate();
    let layout = if col.is_number() {
        egui::Layout::right_to_left(egui::Align::Center)
    } else {
        egui::Layout::left_to_right(egui::Align::Center)
    };
    ui.with_layout(layout, |ui| {
        if col == Col::Link {
            ui.add_space(LINK_GAP);
        }
        let response = ui.add(button);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ColumnHeader, true, &title));
        if response.on_hover_text(tr!("nodes.sort_by", column = title)).clicked() {
            state.click(col);
        }
    });
}

/// Shows a row; says whether its fold was clicked.
fn row_ui(line: &mut Line<'_>, columns: &[Col], shown: Row<'_>, rank: Rank) -> Option<Did> {
    let (colors, node) = (Palette::of(line.ui), shown.node);
    let mut did = None;
    for (at, col) in columns.iter().enumerate() {
        let mut cell = line.cell(at);
        let color = if col.ages() && node.is_stale() { colors.dimmed(colors.text) } else { colors.text };
        if *col == Col::Address && fold_ui(&mut cell, node, rank) {
            did = node.id.clone().map(Did::Fold);
        }
        cell_ui(cell, *col, shown, color);
    }
    did
}

/// The triangle before a master with replicas, or the room of one.
fn fold_ui(cell: &mut Cell<'_>, node: &NodeView, rank: Rank) -> bool {
    let colors = Palette::of(cell.ui);
    match rank {
        Rank::Flat => false,
        Rank::Under => {
            cell.space(2.0 * INDENT);
            false
        }
        Rank::Head { replicas: 0, .. } => {
            cell.space(INDENT + 5.0);
            false
        }
        Rank::Head { replicas, folded } => {
            let icon = if folded { Icon::Expand } else { Icon::Collapse };
            let name = if folded {
                tr!("nodes.unfold", count = replicas, node = node.addr)
            } else {
                tr!("nodes.fold", count = replicas, node = node.addr)
            };
            let button = egui::Button::new(icon.rich().color(colors.weak)).frame(false);
            let rect = cell.take(egui::vec2(INDENT, cell.ui.spacing().interact_size.y));
            cell.ui.put(rect, button).accessible_name(&name).on_hover_text(name).clicked()
        }
    }
}

fn cell_ui(mut cell: Cell<'_>, col: Col, shown: Row<'_>, color: Color32) {
    let (colors, node) = (Palette::of(cell.ui), shown.node);
    match col {
        Col::Address => {
            cell.swatch(bits::shard_color(colors, node));
            let response = cell.text_with_more(col.text(shown), colors.text);
            if let Some(id) = &node.id {
                response.on_hover_text(id.as_str());
            }
        }
        Col::State => {
            let (word, tone, icon) = state_of(node);
            let response = cell.text_with_more(icon.with(word), colors.tone(tone));
            response.on_hover_ui(|ui| {
                ui.label(words::process(&node.process.state).0);
                bits::staleness(ui, node);
            });
            if node.is_stale() {
                cell.widgets(|ui| bits::staleness(ui, node));
            }
        }
        Col::Link => {
            cell.space(LINK_GAP);
            let color = match node.stats.as_ref().and_then(|s| s.link_up) {
                Some(false) => colors.tone(Tone::Bad),
                _ => color,
            };
            cell.text(col.text(shown), color);
        }
        col if col.is_number() => {
            cell.number(col.text(shown), color);
        }
        _ => {
            cell.text(col.text(shown), color);
        }
    }
}

fn menu_ui(ui: &mut Ui, cluster: &ClusterView, row: Row<'_>, state: &mut NodeTableUi) -> Option<Action> {
    let node = row.node;
    if icon_button(ui, Icon::Search, tr!("inspect.open")).clicked() {
        return Some(Action::InspectNode(node.addr.clone()));
    }
    ui.separator();
    if icon_button(ui, Icon::Copy, tr!("nodes.copy_row")).clicked() {
        return Some(Action::Copy(to_tsv(&[row], &state.columns)));
    }
    let asked = tools::copy_ui(ui, cluster, state);
    if asked.is_some() {
        return asked;
    }
    if icon_button(ui, Icon::Copy, tr!("nodes.copy_address")).clicked() {
        return Some(Action::Copy(node.addr.to_string()));
    }
    if let Some(id) = &node.id
        && icon_button(ui, Icon::Copy, tr!("nodes.copy_id")).clicked()
    {
        return Some(Action::Copy(id.to_string()));
    }
    ui.separator();
    if let Some(asked) = failover_button(ui, cluster, node) {
        return Some(asked);
    }
    if icon_button(ui, Icon::Log, tr!("nodes.show_log")).clicked() {
        return Some(Action::ShowLog(node.addr.clone()));
    }
    let id = node.id.as_ref().filter(|_| moves::concerns(cluster))?;
    ui.separator();
    let leaves = icon_button(ui, Icon::Remove, tr!("members.remove_this")).clicked();
    leaves.then(|| members::ask_remove(cluster, Some(id.clone())))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
