//! `ps`: the clusters and how they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::join_all;
use serde::Serialize;

use crate::core::topology::{NodeAddr, NodeId};
use crate::engine::assemble::{Known, Shards, assemble};
use crate::engine::client::CONNECT_DEADLINE;
use crate::engine::command::Auth;
use crate::engine::gather::ask_at;
use crate::engine::lifecycle::auth_of;
use crate::workspace::document::{ClusterDoc, MoveJournal};
use crate::workspace::journal::JournalFile;
use crate::workspace::store::Workspace;

use super::draft::ports_text;
use super::failure::Failure;
use super::json::{FindingJson, findings_of};
use super::state;
use super::terminal::{Terminal, complain};
use super::text::Text;

/// A cluster as `ps` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// `ok`, `degraded`, `down`, `stopped`, `unformed` or `unreadable`.
    pub state: &'static str,
    /// Nodes that answer.
    pub up: usize,
    /// All its nodes: those that are written down, and those that they know.
    pub nodes: usize,
    /// Where they listen.
    pub addrs: Vec<String>,
    /// `Redis 7.0.15`, where known.
    pub version: Option<String>,
    /// Its folder, for a cluster made here.
    pub dir: Option<PathBuf>,
    /// What is wrong.
    pub findings: Vec<FindingJson>,
    #[serde(skip)]
    ports: String,
}

/// `ps` as JSON.
#[derive(Debug, Serialize)]
struct PsJson {
    ok: bool,
    clusters: Vec<Row>,
}

/// Lists all clusters.
///
/// # Errors
/// A document can't be read; the other clusters are listed all the same.
pub async fn ps(workspace: &Workspace, terminal: Terminal) -> Result<(), Failure> {
    let documents = workspace.list();
    let mut broken = Vec::new();
    let mut good = Vec::new();
    for (name, document) in documents {
        match document {
            Ok(document) => good.push(document),
            Err(error) => broken.push((name, error)),
        }
    }
    let mut rows = join_all(good.iter().map(|document| row(workspace, document))).await;
    for (name, error) in &broken {
        complain(&error.to_string());
        let findings = vec![FindingJson { error: true, text: error.to_string() }];
        rows.push(Row { findings, ..Row::blank(name, "unreadable") });
    }
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    terminal.say(|text| table(text, &rows));
    let ok = broken.is_empty();
    terminal.object(&PsJson { ok, clusters: rows });
    if ok { Ok(()) } else { Err(Failure::Shown) }
}

fn table(text: &mut Text, rows: &[Row]) {
    if rows.is_empty() {
        text.line("No clusters yet: 'slotctl up NAME' makes one.");
        return;
    }
    let head = ["NAME", "STATE", "NODES", "PORTS", "VERSION", "FOLDER"].map(str::to_owned).to_vec();
    let cells = rows.iter().map(|row| {
        vec![
            row.name.clone(),
            row.state.to_owned(),
            format!("{}/{}", row.up, row.nodes),
            row.ports.clone(),
            row.version.clone().unwrap_or_else(|| "-".to_owned()),
            row.dir.as_ref().map_or_else(|| "-".to_owned(), |dir| dir.display().to_string()),
        ]
    });
    text.table(&std::iter::once(head).chain(cells).collect::<Vec<_>>());
}

impl Row {
    fn blank(name: &str, state: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            state,
            up: 0,
            nodes: 0,
            addrs: Vec::new(),
            version: None,
            dir: None,
            findings: Vec::new(),
            ports: String::new(),
        }
    }
}

/// One cluster, asked now: the nodes that are written down, and those that they know.
async fn row(workspace: &Workspace, document: &ClusterDoc) -> Row {
    let written = document.places();
    let known = ask_members(&written, &auth_of(document)).await;
    let phase = state::phase(Some(document), &known);
    let mut found = assemble(&known, &BTreeMap::new(), phase, &mut Shards::default());
    let joined = found.nodes.iter().map(|node| &node.addr).filter(|addr| !written.iter().any(|a| a.same_place(addr)));
    let addrs: Vec<NodeAddr> = written.iter().chain(joined).cloned().collect();
    if let Some(under_way) = JournalFile::<MoveJournal>::under_way(workspace, &addrs) {
        found.pardon(&under_way.plan.slots());
    }
    let said = found.nodes.iter().filter(|n| !n.is_stale()).find_map(|n| n.stats.as_ref()?.version);
    let version = said.or_else(|| document.spec.as_ref()?.server.as_ref().map(|server| server.version));
    let ports: Vec<u16> = addrs.iter().map(|addr| addr.port).collect();
    let rests = state::rests(Some(document), &known);
    Row {
        state: state::word(Some(document), &known, found.health),
        up: state::up(&known),
        nodes: addrs.len(),
        addrs: addrs.iter().map(ToString::to_string).collect(),
        version: version.map(|version| version.to_string()),
        dir: document.spec.as_ref().map(|spec| spec.dir.clone()),
        findings: if rests { Vec::new() } else { findings_of(&found.findings) },
        ports: ports_text(&ports),
        ..Row::blank(&document.name, "")
    }
}

/// The answers of these nodes, and of all that they know as members.
async fn ask_members(written: &[NodeAddr], auth: &Auth) -> BTreeMap<NodeAddr, Known> {
    let mut known = ask_all(written, auth).await;
    loop {
        let answers = || known.values().filter_map(|node| node.answer.as_ref());
        let answered: BTreeSet<&NodeId> = answers().map(|answer| &answer.view.myself).collect();
        let others = answers().flat_map(|answer| answer.view.nodes.values());
        let others = others.filter(|node| !node.flags.handshake && !answered.contains(&node.id));
        let addrs = others.filter_map(|node| node.addr.clone()).filter(|addr| !addr.host.is_empty());
        let new: BTreeSet<NodeAddr> = addrs.filter(|addr| !known.keys().any(|k| k.same_place(addr))).collect();
        if new.is_empty() {
            return known;
        }
        known.extend(ask_all(&new.into_iter().collect::<Vec<_>>(), auth).await);
    }
}

/// Every node's answer, asked at once.
async fn ask_all(addrs: &[NodeAddr], auth: &Auth) -> BTreeMap<NodeAddr, Known> {
    let answers = addrs.iter().map(|addr| async move {
        match ask_at(addr, auth, CONNECT_DEADLINE).await {
            Ok(answer) => Known { answer: Some(Arc::new(answer)), at: Some(SystemTime::now()), ..Known::default() },
            Err(error) => Known { error: Some(error.kind.to_string()), ..Known::default() },
        }
    });
    addrs.iter().cloned().zip(join_all(answers).await).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_at_a_glance() {
        let row = Row {
            up: 6,
            nodes: 6,
            version: Some("Redis 7.0.15".into()),
            dir: Some("/c/demo".into()),
            ports: "7000-7005".into(),
            ..Row::blank("demo", "ok")
        };
        let mut text = Text::default();
        table(&mut text, &[row]);
        assert_eq!(
            text.into_string(),
            "NAME  STATE  NODES  PORTS      VERSION       FOLDER\n\
             demo  ok     6/6    7000-7005  Redis 7.0.15  /c/demo\n"
        );
        let mut text = Text::default();
        table(&mut text, &[]);
        assert!(text.into_string().contains("slotctl up NAME"));
    }
}
