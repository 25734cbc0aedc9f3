//! The columns: what each shows, sorts by and is called by.

use crate::core::filter::Fields;
use crate::core::topology::Role;
use crate::engine::snapshot::{NodeStats, NodeView, Standing};
use crate::gui::format::{self, NONE};
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::Tone;
use crate::gui::words;

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

    /// Its name in filters, in the settings and in tables that programs read.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Col::Address => "address",
            Col::Role => "role",
            Col::Master => "master",
            Col::State => "state",
            Col::Slots => "slots",
            Col::Keys => "keys",
            Col::Memory => "memory",
            Col::Ops => "ops",
            Col::Clients => "clients",
            Col::Link => "link",
            Col::Lag => "lag",
            Col::Epoch => "epoch",
            Col::Pid => "pid",
        }
    }

    /// The columns of these names, each once, the address first; all of them where none is named.
    #[must_use]
    pub fn chosen(names: &[String]) -> Vec<Col> {
        let mut columns = vec![Col::Address];
        for col in names.iter().filter_map(|name| Col::ALL.into_iter().find(|col| col.name() == name)) {
            if !columns.contains(&col) {
                columns.push(col);
            }
        }
        if columns.len() == 1 && names.is_empty() { Col::ALL.to_vec() } else { columns }
    }

    /// What it shows, as programs read it: numbers without unit, words in English; `None` where it is not known.
    #[must_use]
    pub fn plain(self, row: Row<'_>) -> Option<String> {
        let node = row.node;
        match self {
            Col::Role => node.role.map(|role| if role == Role::Master { "master" } else { "replica" }.to_owned()),
            Col::State => Some(plain_state(node).to_owned()),
            Col::Link => {
                let up = node.stats.as_ref()?.link_up?;
                Some(if up { "up" } else { "down" }.to_owned())
            }
            Col::Address => Some(node.addr.to_string()),
            Col::Master => node.master.as_ref().map(|_| self.text(row)),
            _ => self.key(row).0.map(|number| number.to_string()),
        }
    }

    pub(super) fn title(self) -> String {
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

    pub(super) fn width(self) -> f32 {
        match self {
            Col::Address | Col::Master => 124.0,
            Col::State => 132.0,
            Col::Role | Col::Memory | Col::Keys => 68.0,
            Col::Link => 70.0,
            Col::Slots | Col::Ops | Col::Clients | Col::Lag | Col::Epoch | Col::Pid => 54.0,
        }
    }

    /// Numbers stand at the right of their column.
    pub(super) fn is_number(self) -> bool {
        matches!(
            self,
            Col::Slots | Col::Keys | Col::Memory | Col::Ops | Col::Clients | Col::Lag | Col::Epoch | Col::Pid
        )
    }

    /// Whether the value comes from the last INFO and ages with it.
    pub(super) fn ages(self) -> bool {
        matches!(self, Col::Keys | Col::Memory | Col::Ops | Col::Clients | Col::Link | Col::Lag)
    }

    /// The cell's text.
    pub(super) fn text(self, row: Row<'_>) -> String {
        let node = row.node;
        let stat = |get: &dyn Fn(&NodeStats) -> Option<String>| {
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
    pub(super) fn key(self, row: Row<'_>) -> (Option<u64>, String) {
        let node = row.node;
        let stat = |get: fn(&NodeStats) -> Option<u64>| node.stats.as_ref().and_then(get);
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

/// A node's state as one English word, for filters and programs.
fn plain_state(node: &NodeView) -> &'static str {
    use crate::engine::snapshot::{ProcessState, Reach};
    match (&node.process.state, node.standing, &node.reach) {
        (_, Standing::Failed, _) => "fail",
        (ProcessState::Died { .. }, ..) => "died",
        (ProcessState::Stopped, ..) => "stopped",
        (ProcessState::Starting { .. }, ..) => "starting",
        (ProcessState::Loading { .. }, ..) => "loading",
        (ProcessState::Stopping { .. }, ..) => "stopping",
        (_, Standing::Suspected, _) => "pfail",
        (_, Standing::Joining, _) => "joining",
        (.., Reach::Live) => "ok",
        (.., Reach::Unknown) => "unknown",
        (.., Reach::Stale { .. } | Reach::Never { .. }) => "silent",
    }
}

/// The names that a filter of nodes knows.
pub const FIELDS: [&str; 15] = [
    "address", "role", "master", "state", "slots", "keys", "memory", "ops", "clients", "link", "lag", "epoch", "pid",
    "id", "shard",
];

fn column(field: &str) -> Option<Col> {
    Col::ALL.into_iter().find(|col| col.name() == field)
}

impl Fields for Row<'_> {
    fn holds(&self, field: &str, text: &str) -> bool {
        match field {
            "id" => self.node.id.as_ref().is_some_and(|id| id.as_str().starts_with(text)),
            "shard" => self.node.shard.is_some_and(|shard| shard.to_string() == text),
            // Servers and their tools say slave as well.
            "role" if text == "slave" => self.node.role == Some(Role::Replica),
            _ => column(field).is_some_and(|col| {
                let plain = col.plain(*self).is_some_and(|plain| {
                    if col.is_number() { plain == text } else { plain.to_lowercase().contains(text) }
                });
                plain || (!col.is_number() && col.text(*self).to_lowercase().contains(text))
            }),
        }
    }

    fn number(&self, field: &str) -> Option<f64> {
        let number = match field {
            "shard" => self.node.shard.map(|shard| shard as u64),
            _ => column(field)?.key(*self).0,
        };
        number.map(|number| number as f64)
    }

    fn anywhere(&self, text: &str) -> bool {
        self.node.id.as_ref().is_some_and(|id| id.as_str().starts_with(text))
            || Col::ALL.iter().any(|col| col.text(*self).to_lowercase().contains(text))
    }
}
