//! What the person has typed so far, as typed, and the `ClusterSpec` that it means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::core::definition::Definition;
use crate::core::spec::{ClusterSpec, Field, NodeConfig, Ports, Problem, ProblemKind, ServerExe};
use crate::core::topology::BUS_PORT_OFFSET;
use crate::engine::machine::typed_dir;
use crate::engine::snapshot::{FoundServer, Snapshot};

/// How the ports are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PortsBy {
    /// By the first one.
    First,
    /// One by one.
    List,
}

/// How the RDB save points are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SaveBy {
    /// Left to the server.
    Default,
    /// No snapshots.
    Never,
    /// The rows of [`Draft::save_rows`].
    Rows,
}

/// The wizard's fields. Numbers that may be half typed are kept as text.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// The chosen server program.
    pub server: Option<PathBuf>,
    /// Name.
    pub name: String,
    /// Masters.
    pub masters: u16,
    /// Replicas per master.
    pub replicas: u16,
    /// Which of the two port fields counts.
    pub ports_by: PortsBy,
    /// First port, as typed.
    pub first_port: String,
    /// List of ports, as typed.
    pub port_list: String,
    /// Bind address.
    pub bind: String,
    /// Folder, as typed.
    pub dir: String,
    /// Whether the folder still follows the name.
    pub dir_follows_name: bool,
    /// The settings. `save` is set from the two fields below.
    pub config: NodeConfig,
    /// Node timeout in milliseconds, as typed.
    pub node_timeout: String,
    /// Which kind of save points.
    pub save_by: SaveBy,
    /// Save points: seconds and changes, as typed.
    pub save_rows: Vec<(String, String)>,
    /// Files edited by hand, by port.
    pub edited: BTreeMap<u16, String>,
}

impl Draft {
    /// A draft that proposes a name, ports and a folder which no known cluster has.
    pub(super) fn propose(snapshot: &Snapshot) -> Self {
        let name = free_name(snapshot);
        let config = NodeConfig::default();
        Self {
            server: None,
            dir: snapshot.clusters_dir.join(&name).display().to_string(),
            name,
            masters: 3,
            replicas: 1,
            ports_by: PortsBy::First,
            first_port: free_first_port(snapshot).to_string(),
            port_list: String::new(),
            bind: "127.0.0.1".to_owned(),
            dir_follows_name: true,
            node_timeout: config.node_timeout_ms.to_string(),
            config,
            save_by: SaveBy::Default,
            save_rows: vec![("3600".to_owned(), "1".to_owned())],
            edited: BTreeMap::new(),
        }
    }

    /// What a definition says; the rest is proposed. A folder or ports that can't be used here are named by the check.
    pub(super) fn of(definition: &Definition, snapshot: &Snapshot) -> Self {
        let spec = definition.spec(&snapshot.clusters_dir);
        let same = |server: &&FoundServer| {
            server.version.as_ref().is_ok_and(|version| Some(version.to_string()) == definition.server)
        };
        let ports = spec.port_list().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let (ports_by, first_port) = match &spec.ports {
            Ports::From(first) => (PortsBy::First, first.to_string()),
            Ports::List(list) => (PortsBy::List, list.first().map(ToString::to_string).unwrap_or_default()),
        };
        let rows = spec.config.save.clone().unwrap_or_default();
        let proposed = Self::propose(snapshot);
        Self {
            server: snapshot.servers.found.iter().find(same).map(|server| server.path.clone()),
            name: spec.name,
            masters: spec.masters,
            replicas: spec.replicas,
            ports_by,
            first_port,
            port_list: if ports_by == PortsBy::List { ports } else { String::new() },
            bind: spec.bind,
            dir: spec.dir.display().to_string(),
            dir_follows_name: definition.dir.is_none(),
            node_timeout: spec.config.node_timeout_ms.to_string(),
            save_by: match &spec.config.save {
                None => SaveBy::Default,
                Some(rows) if rows.is_empty() => SaveBy::Never,
                Some(_) => SaveBy::Rows,
            },
            save_rows: if rows.is_empty() {
                proposed.save_rows
            } else {
                rows.iter().map(|(secs, changes)| (secs.to_string(), changes.to_string())).collect()
            },
            config: spec.config,
            edited: BTreeMap::new(),
        }
    }

    /// The name was typed: the folder follows, unless it was chosen by hand.
    pub(super) fn name_changed(&mut self, clusters_dir: &Path) {
        if self.dir_follows_name {
            self.dir = clusters_dir.join(self.name.trim()).display().to_string();
        }
    }

    /// The chosen server, where it is usable.
    pub(super) fn server_exe(&self, found: &[FoundServer]) -> Option<ServerExe> {
        let path = self.server.as_ref()?;
        let server = found.iter().find(|server| server.path == *path)?;
        server.exe()
    }

    /// The spec that the fields mean. What can't be read is left out here and named by [`Draft::problems`].
    pub(super) fn spec(&self, found: &[FoundServer]) -> ClusterSpec {
        let mut config = self.config.clone();
        config.node_timeout_ms = self.node_timeout.trim().parse().unwrap_or(0);
        config.save = match self.save_by {
            SaveBy::Default => None,
            SaveBy::Never => Some(Vec::new()),
            SaveBy::Rows => Some(self.save_rows.iter().filter_map(|row| save_point(row).ok()).collect()),
        };
        let mut spec = ClusterSpec::new(self.name.trim(), typed_dir(self.dir.trim()));
        spec.server = self.server_exe(found);
        spec.masters = self.masters;
        spec.replicas = self.replicas;
        spec.ports = self.ports().0;
        self.bind.trim().clone_into(&mut spec.bind);
        let ports = spec.port_list();
        config.extra_by_port.retain(|port, text| ports.contains(port) && !text.trim().is_empty());
        spec.config = config;
        spec
    }

    /// The edited files of nodes that still exist.
    pub(super) fn edited_files(&self) -> BTreeMap<u16, String> {
        let ports = self.port_list();
        self.edited.iter().filter(|(port, _)| ports.contains(port)).map(|(port, text)| (*port, text.clone())).collect()
    }

    /// The ports as far as they can be read, in order.
    pub(super) fn port_list(&self) -> Vec<u16> {
        let mut spec = ClusterSpec::new("", "");
        spec.masters = self.masters;
        spec.replicas = self.replicas;
        spec.ports = self.ports().0;
        spec.port_list()
    }

    /// Goes to the next hundred of ports that no known cluster uses, in the plain form; `false` where there is none.
    pub(super) fn next_ports(&mut self, snapshot: &Snapshot) -> bool {
        let first = self.port_list().first().copied().unwrap_or(7000);
        let Some(next) = free_hundred(snapshot, (first / 100).saturating_add(1).saturating_mul(100)) else {
            return false;
        };
        self.ports_by = PortsBy::First;
        self.first_port = next.to_string();
        true
    }

    /// How many nodes there will be.
    pub(super) fn node_count(&self) -> usize {
        usize::from(self.masters) * (usize::from(self.replicas) + 1)
    }

    /// Problems with the text itself, which a spec can't express.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = self.ports().1;
        if self.node_timeout.trim().parse::<u32>().is_err() {
            let kind = ProblemKind::NotANumber(self.node_timeout.trim().to_owned());
            problems.push(Problem::error(Field::NodeTimeout, kind));
        }
        if self.save_by == SaveBy::Rows {
            let bad = self.save_rows.iter().filter_map(|row| save_point(row).err());
            problems.extend(bad.map(|text| Problem::error(Field::Save, ProblemKind::BadSave(text))));
        }
        problems
    }

    fn ports(&self) -> (Ports, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut read = |text: &str| match read_port(text) {
            Ok(port) => Some(port),
            Err(kind) => {
                problems.push(Problem::error(Field::Ports, kind));
                None
            }
        };
        let ports = match self.ports_by {
            PortsBy::First => {
                // Port 0 is none; with no first port there are no ports at all.
                read(&self.first_port).map_or(Ports::List(Vec::new()), Ports::From)
            }
            PortsBy::List => {
                let words =
                    self.port_list.split([',', ' ', ';', '\u{ff0c}', '\n']).filter(|word| !word.trim().is_empty());
                Ports::List(words.filter_map(&mut read).collect())
            }
        };
        (ports, problems)
    }
}

fn read_port(text: &str) -> Result<u16, ProblemKind> {
    let text = text.trim();
    let number: u32 = text.parse().map_err(|_| ProblemKind::NotANumber(text.to_owned()))?;
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(ProblemKind::PortOutOfRange(number)),
    }
}

fn save_point((secs, changes): &(String, String)) -> Result<(u32, u32), String> {
    let read = |text: &str| text.trim().parse::<u32>().ok().filter(|number| *number > 0);
    match (read(secs), read(changes)) {
        (Some(secs), Some(changes)) => Ok((secs, changes)),
        _ => Err(format!("{} {}", secs.trim(), changes.trim()).trim().to_owned()),
    }
}

/// `demo`, or `demo-2`, `demo-3` … where that is taken.
fn free_name(snapshot: &Snapshot) -> String {
    let taken = |name: &str| snapshot.clusters.keys().any(|known| known.eq_ignore_ascii_case(name));
    std::iter::once("demo".to_owned())
        .chain((2..=1000_u32).map(|n| format!("demo-{n}")))
        .find(|name| !taken(name))
        .unwrap_or_default()
}

/// 7000, or the first hundred after it that no known cluster uses.
fn free_first_port(snapshot: &Snapshot) -> u16 {
    free_hundred(snapshot, 7000).unwrap_or(7000)
}

/// The first hundred from this one on where no known cluster has a port or a bus port.
fn free_hundred(snapshot: &Snapshot, from: u16) -> Option<u16> {
    let used: Vec<u16> =
        snapshot.clusters.values().flat_map(|cluster| cluster.nodes.iter().map(|n| n.addr.port)).collect();
    let free = |first: u16| {
        let taken = |port: u16| (first..first + 100).contains(&port);
        !used.iter().any(|port| taken(*port) || port.checked_add(BUS_PORT_OFFSET).is_some_and(taken))
    };
    // From 22768 on the bus ports lie among those that the system gives to outgoing connections.
    (from..22_600).step_by(100).find(|first| free(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft::propose(&Snapshot { clusters_dir: PathBuf::from("/data"), ..Snapshot::default() })
    }

    #[test]
    fn the_proposal_is_three_masters_with_a_replica_each_from_port_7000() {
        let draft = draft();
        assert_eq!(
            (draft.name.as_str(), draft.dir.as_str()),
            ("demo", Path::new("/data").join("demo").to_str().unwrap())
        );
        assert_eq!(draft.port_list(), [7000, 7001, 7002, 7003, 7004, 7005]);
        assert!(draft.problems().is_empty());
    }

    #[test]
    fn a_definition_fills_every_field() {
        let snapshot = Snapshot { clusters_dir: PathBuf::from("/data"), ..Snapshot::default() };
        let mut spec = ClusterSpec::new("orders", "/data/orders");
        spec.config.save = Some(vec![(900, 1), (60, 10)]);
        spec.config.extra = "maxclients 100\n".to_owned();
        spec.config.node_timeout_ms = 5000;
        for (ports, dir) in [(Ports::From(7100), "/data/orders"), (Ports::List(vec![7001, 7003, 7005]), "relative")] {
            (spec.ports, spec.dir, spec.replicas) = (ports, dir.into(), 0);
            let (definition, _) = Definition::of(&spec, Path::new("/data"));
            let draft = Draft::of(&definition, &snapshot);
            assert!(draft.problems().is_empty());
            assert_eq!(draft.spec(&[]), spec);
        }
    }

    #[test]
    fn the_folder_follows_the_name_until_it_is_chosen_by_hand() {
        let mut draft = draft();
        draft.name = "shop".to_owned();
        draft.name_changed(Path::new("/data"));
        assert!(draft.dir.ends_with("shop"));
        draft.dir = "/elsewhere".to_owned();
        draft.dir_follows_name = false;
        draft.name = "other".to_owned();
        draft.name_changed(Path::new("/data"));
        assert_eq!(draft.dir, "/elsewhere");
    }

    #[test]
    fn the_next_ports_are_a_hundred_on_and_end_below_the_systems_own() {
        let mut draft = draft();
        draft.first_port = "7003".to_owned();
        assert!(draft.next_ports(&Snapshot::default()));
        assert_eq!(draft.first_port, "7100");
        draft.first_port = "22550".to_owned();
        assert!(!draft.next_ports(&Snapshot::default()));
        assert_eq!(draft.first_port, "22550");
    }

    #[test]
    fn a_list_of_ports_takes_commas_and_spaces() {
        let mut draft = draft();
        draft.ports_by = PortsBy::List;
        draft.port_list = " 7001, 7003 ,7005 7007".to_owned();
        assert_eq!(draft.port_list(), [7001, 7003, 7005, 7007]);
        assert!(draft.problems().is_empty());
    }

    #[test]
    fn what_is_no_port_is_named() {
        let mut draft = draft();
        draft.first_port = "70000".to_owned();
        assert_eq!(draft.problems()[0].kind, ProblemKind::PortOutOfRange(70_000));
        draft.first_port = "7k".to_owned();
        assert_eq!(draft.problems()[0].kind, ProblemKind::NotANumber("7k".to_owned()));
        draft.first_port = "0".to_owned();
        assert_eq!(draft.problems()[0].kind, ProblemKind::PortOutOfRange(0));
    }

    #[test]
    fn save_points_must_be_two_numbers() {
        let mut draft = draft();
        draft.save_by = SaveBy::Rows;
        draft.save_rows = vec![("900".to_owned(), "1".to_owned()), ("x".to_owned(), String::new())];
        assert_eq!(draft.problems()[0].kind, ProblemKind::BadSave("x".to_owned()));
        assert_eq!(draft.spec(&[]).config.save, Some(vec![(900, 1)]));
    }

    #[test]
    fn edits_of_nodes_that_are_gone_are_kept_but_not_sent() {
        let mut draft = draft();
        draft.edited.insert(7005, "port 7005".to_owned());
        draft.replicas = 0;
        assert!(draft.edited_files().is_empty());
        draft.replicas = 1;
        assert_eq!(draft.edited_files().len(), 1);
    }
}
