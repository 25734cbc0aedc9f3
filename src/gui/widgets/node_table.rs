//! The table of nodes: sorted by header, filtered by text, copied as tab-separated values.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use egui::{Color32, RichText, Ui};
use egui_extras::{Column, TableBuilder, TableRow};

use crate::engine::snapshot::{ClusterView, NodeView, Standing};
use crate::gui::action::Action;
use crate::gui::format::{self, NONE};
use crate::gui::i18n::{self, Language, tr};
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette, Tone};
use crate::gui::words;

use super::bits;
use super::failover_dialog::failover_button;
use super::icon_button::icon_button;

/// Room between the right-aligned numbers of a column and the words of the next, points.
const LINK_GAP: f32 = 10.0;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each name says what the column shows")]
pub enum Col {
    #[default]
    Address,
    Role,
    Master,
    State,
    Slots,
    Keys,
    Memory,
    Ops,
    Clients,
    Link,
    Lag,
    Epoch,
    Pid,
}

impl Col {
    /// All of them, in the order of the table.
    pub const ALL: [Col; 13] = [
        Col::Address,
        Col::Role,
        Col::Master,
        Col::State,
        Col::Slots,
        Col::Keys,
        Col::Memory,
        Col::Ops,
        Col::Clients,
        Col::Link,
        Col::Lag,
        Col::Epoch,
        Col::Pid,
    ];

    fn title(self) -> String {
        match self {
            Col::Address => tr!("nodes.address"),
            Col::Role => tr!("nodes.role"),
            Col::Master => tr!("nodes.master"),
            Col::State => tr!("nodes.state"),
            Col::Slots => tr!("nodes.slots"),
            Col::Keys => tr!("nodes.keys"),
            Col::Memory => tr!("nodes.memory"),
            Col::Ops => tr!("nodes.ops"),
            Col::Clients => tr!("nodes.clients"),
            Col::Link => tr!("nodes.link"),
            Col::Lag => tr!("nodes.lag"),
            Col::Epoch => tr!("nodes.epoch"),
            Col::Pid => tr!("nodes.pid"),
        }
    }

    fn width(self) -> f32 {
        match self {
            Col::Address | Col::Master => 124.0,
            Col::State => 132.0,
            Col::Role | Col::Memory | Col::Keys => 68.0,
            Col::Link => 70.0,
            Col::Slots | Col::Ops | Col::Clients | Col::Lag | Col::Epoch | Col::Pid => 54.0,
        }
    }

    /// Numbers stand at the right of their column.
    fn is_number(self) -> bool {
        matches!(
            self,
            Col::Slots | Col::Keys | Col::Memory | Col::Ops | Col::Clients | Col::Lag | Col::Epoch | Col::Pid
        )
    }

    /// Whether the value comes from the last INFO and ages with it.
    fn ages(self) -> bool {
        matches!(self, Col::Keys | Col::Memory | Col::Ops | Col::Clients | Col::Link | Col::Lag)
    }

    /// The cell's text.
    fn text(self, row: Row<'_>) -> String {
        let node = row.node;
        let stat = |get: &dyn Fn(&crate::engine::snapshot::NodeStats) -> Option<String>| {
            node.stats.as_ref().and_then(get).unwrap_or_else(|| NONE.to_owned())
        };
        match self {
            Col::Address => node.addr.to_string(),
            Col::Role => node.role.map_or(NONE.to_owned(), words::role),
            Col::Master => match &node.master {
                Some(id) => row.master.map_or_else(|| id.short().to_owned(), |m| m.addr.to_string()),
                None => NONE.to_owned(),
            },
            Col::State => state_of(node).0,
            Col::Slots => format::count(node.slots.len() as u64),
            Col::Keys => stat(&|s| Some(format::count(s.keys))),
            Col::Memory => stat(&|s| Some(format::bytes(s.used_memory))),
            Col::Ops => stat(&|s| Some(format::count(s.ops_per_sec))),
            Col::Clients => stat(&|s| Some(format::count(s.clients))),
            Col::Link => stat(&|s| s.link_up.map(|up| if up { tr!("nodes.link_up") } else { tr!("nodes.link_down") })),
            Col::Lag => stat(&|s| match (s.lag_bytes, s.lag_secs) {
                (Some(lag), _) => Some(format::bytes(lag)),
                (None, Some(secs)) => Some(format!("{secs} s")),
                (None, None) => None,
            }),
            Col::Epoch => node.epoch.to_string(),
            Col::Pid => pid(node).map_or(NONE.to_owned(), |pid| pid.to_string()),
        }
    }

    /// What rows are sorted by: a number, then a text. Both are the same for all rows where only the address counts.
    fn key(self, row: Row<'_>) -> (Option<u64>, String) {
        let node = row.node;
        let stat = |get: fn(&crate::engine::snapshot::NodeStats) -> Option<u64>| node.stats.as_ref().and_then(get);
        let number = match self {
            Col::Slots => Some(node.slots.len() as u64),
            Col::Keys => stat(|s| Some(s.keys)),
            Col::Memory => stat(|s| Some(s.used_memory)),
            Col::Ops => stat(|s| Some(s.ops_per_sec)),
            Col::Clients => stat(|s| Some(s.clients)),
            Col::Lag => stat(|s| s.lag_bytes),
            Col::Epoch => Some(node.epoch),
            Col::Pid => pid(node).map(u64::from),
            Col::Address => None,
            Col::Role | Col::Master | Col::State | Col::Link => return (None, self.text(row)),
        };
        (number, String::new())
    }
}

fn pid(node: &NodeView) -> Option<u32> {
    node.process.state.pid().or_else(|| node.stats.as_ref().and_then(|s| s.process_id))
}

/// One word for a node's state: what the cluster says, else what its process does, else whether it answers.
#[must_use]
pub fn state_of(node: &NodeView) -> (String, Tone, Icon) {
    use crate::engine::snapshot::{ProcessState, Reach};
    let icon = |tone| match tone {
        Tone::Good => Icon::Ok,
        Tone::Busy => Icon::Busy,
        Tone::Warn => Icon::Warning,
        Tone::Bad => Icon::Error,
        Tone::Quiet => Icon::Stopped,
    };
    let (word, tone) = match (&node.process.state, node.standing, &node.reach) {
        (ProcessState::Died { .. }, ..) => (tr!("nodes.died"), Tone::Bad),
        // Others still run and miss it: then "stopped" would be too calm a word.
        (ProcessState::Stopped, Standing::Failed, _) => words::standing(Standing::Failed),
        (state, ..) if !matches!(state, ProcessState::External | ProcessState::Running { .. }) => words::process(state),
        (_, standing, _) if standing != Standing::Fine => words::standing(standing),
        (.., Reach::Live) => words::standing(Standing::Fine),
        (.., Reach::Unknown) => return (tr!("reach.unknown"), Tone::Quiet, Icon::Unknown),
        (.., Reach::Stale { .. } | Reach::Never { .. }) => (tr!("nodes.no_answer"), Tone::Bad),
    };
    (word, tone, icon(tone))
}

/// A row: a node, and the node that it copies.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The node.
    pub node: &'a NodeView,
    /// Its master, if it has one that is known.
    pub master: Option<&'a NodeView>,
}

/// The table's state.
#[derive(Debug, Default)]
pub struct NodeTableUi {
    /// The text that rows must contain.
    pub filter: String,
    sort: Col,
    descending: bool,
    /// The rows as they were worked out last.
    order: Option<Order>,
}

/// What the rows depend on, and the rows: a large cluster is not filtered and sorted anew in each frame.
#[derive(Debug)]
struct Order {
    nodes: Arc<[NodeView]>,
    filter: String,
    sort: (Col, bool),
    language: Language,
    /// Of each row, the index of its node and of the node's master.
    rows: Vec<(usize, Option<usize>)>,
}

impl NodeTableUi {
    /// The rows to show, sorted.
    #[must_use]
    pub fn rows<'a>(&mut self, cluster: &'a ClusterView) -> Vec<Row<'a>> {
        let (sort, language) = ((self.sort, self.descending), i18n::language());
        let still = self.order.take().filter(|order| {
            Arc::ptr_eq(&order.nodes, &cluster.nodes)
                && order.filter == self.filter
                && order.sort == sort
                && order.language == language
        });
        let order = self.order.insert(still.unwrap_or_else(|| {
            let (nodes, filter) = (cluster.nodes.clone(), self.filter.clone());
            let rows = worked_out(&nodes, &filter, sort);
            Order { nodes, filter, sort, language, rows }
        }));
        let at = |i: usize| cluster.nodes.get(i);
        order.rows.iter().filter_map(|(i, master)| Some(Row { node: at(*i)?, master: master.and_then(at) })).collect()
    }

    fn click(&mut self, col: Col) {
        // The first click on a number wants the largest on top.
        self.descending = if self.sort == col { !self.descending } else { col.is_number() };
        self.sort = col;
    }
}

/// The nodes that hold the text, sorted: the index of each and of its master.
fn worked_out(nodes: &[NodeView], filter: &str, (col, descending): (Col, bool)) -> Vec<(usize, Option<usize>)> {
    let needle = filter.trim().to_lowercase();
    let by_id: HashMap<_, _> = nodes.iter().enumerate().filter_map(|(i, n)| Some((n.id.as_ref()?, i))).collect();
    let row = |(i, master): (usize, Option<usize>)| Row { node: &nodes[i], master: master.map(|m| &nodes[m]) };
    let hit = |row: Row<'_>| {
        needle.is_empty()
            || row.node.id.as_ref().is_some_and(|id| id.as_str().starts_with(&needle))
            || Col::ALL.iter().any(|col| col.text(row).to_lowercase().contains(&needle))
    };
    let all = nodes.iter().enumerate().map(|(i, node)| (i, node.master.as_ref().and_then(|m| by_id.get(m).copied())));
    let mut rows: Vec<_> = all.filter(|at| hit(row(*at))).collect();
    let addr = |i: usize| &nodes[i].addr;
    match (col, descending) {
        (Col::Address, true) => rows.sort_by_key(|(i, _)| Reverse(addr(*i))),
        (_, true) => rows.sort_by_cached_key(|at| (Reverse(col.key(row(*at))), addr(at.0))),
        (_, false) => rows.sort_by_cached_key(|at| (col.key(row(*at)), addr(at.0))),
    }
    rows
}

/// Rows as tab-separated values with a header and the full ids.
#[must_use]
pub fn to_tsv(rows: &[Row<'_>]) -> String {
    let mut header: Vec<String> = Col::ALL.iter().map(|col| col.title()).collect();
    header.push(tr!("nodes.id"));
    let mut lines = vec![header.join("\t")];
    for row in rows {
        let mut cells: Vec<String> = Col::ALL.iter().map(|col| col.text(*row)).collect();
        cells.push(row.node.id.as_ref().map_or(NONE.to_owned(), ToString::to_string));
        lines.push(cells.join("\t"));
    }
    lines.join("\n") + "\n"
}

/// Shows the table.
#[must_use]
pub fn node_table_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut NodeTableUi) -> Option<Action> {
    // Labels that can be selected would eat the rows' clicks.
    ui.style_mut().interaction.selectable_labels = false;
    let rows = state.rows(cluster);
    let mut action = None;
    ui.spacing_mut().scroll = egui::style::ScrollStyle::solid();
    egui::ScrollArea::horizontal().show(ui, |ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        let mut table = TableBuilder::new(ui)
            .striped(true)
            .resizable(true)
            .auto_shrink([false, false])
            .sense(egui::Sense::click())
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center));
        for col in Col::ALL {
            table = table.column(Column::initial(col.width()).at_least(48.0).clip(true));
        }
        table
            .header(theme::ROW_HEIGHT + 4.0, |mut header| {
                for col in Col::ALL {
                    header.col(|ui| header_ui(ui, col, state));
                }
            })
            .body(|body| {
                body.rows(theme::ROW_HEIGHT, rows.len(), |mut row| {
                    let shown = rows[row.index()];
                    row_ui(&mut row, shown);
                    row.response().context_menu(|ui| {
                        let got = menu_ui(ui, cluster, shown, &rows);
                        action = got.or(action.take());
                    });
                });
            });
    });
    action
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

fn row_ui(row: &mut TableRow<'_, '_>, shown: Row<'_>) {
    let node = shown.node;
    for col in Col::ALL {
        row.col(|ui| {
            let colors = Palette::of(ui);
            let text = col.text(shown);
            let color = if col.ages() && node.is_stale() { colors.dimmed(colors.text) } else { colors.text };
            cell_ui(ui, col, node, text, color);
        });
    }
}

fn cell_ui(ui: &mut Ui, col: Col, node: &NodeView, text: String, color: Color32) {
    let colors = Palette::of(ui);
    match col {
        Col::Address => {
            bits::swatch(ui, bits::shard_color(colors, node));
            let response = ui.label(text);
            if let Some(id) = &node.id {
                response.on_hover_text(id.as_str());
            }
        }
        Col::State => {
            let (word, tone, icon) = state_of(node);
            let response = bits::state(ui, tone, icon, word);
            response.on_hover_ui(|ui| {
                ui.label(words::process(&node.process.state).0);
                bits::staleness(ui, node);
            });
            bits::staleness(ui, node);
        }
        Col::Link => {
            ui.add_space(LINK_GAP);
            let color = match node.stats.as_ref().and_then(|s| s.link_up) {
                Some(false) => colors.tone(Tone::Bad),
                _ => color,
            };
            ui.label(RichText::new(text).color(color));
        }
        col if col.is_number() => {
            bits::number(ui, text, color);
        }
        _ => {
            ui.label(RichText::new(text).color(color));
        }
    }
}

fn menu_ui(ui: &mut Ui, cluster: &ClusterView, row: Row<'_>, rows: &[Row<'_>]) -> Option<Action> {
    let node = row.node;
    if icon_button(ui, Icon::Copy, tr!("nodes.copy_row")).clicked() {
        return Some(Action::Copy(to_tsv(&[row])));
    }
    if icon_button(ui, Icon::Copy, tr!("nodes.copy_table")).clicked() {
        return Some(Action::Copy(to_tsv(rows)));
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
    icon_button(ui, Icon::Log, tr!("nodes.show_log")).clicked().then(|| Action::ShowLog(node.addr.clone()))
}

#[cfg(test)]
#[path = "node_table_tests.rs"]
mod tests;
