//! The cluster that a backup is made of: which masters are copied, and what makes the copy less than the whole.

use crate::core::backup::{MANIFEST_FORMAT, Manifest};
use crate::core::check::Finding;
use crate::core::count::counted;
use crate::core::plan::moves::{Master, masters_of, obstacles};
use crate::core::topology::NodeAddr;
use crate::core::version::ServerVersion;
use crate::engine::gather::Gathered;

use super::{Saved, Source};

/// The masters, each as it sees itself. One without slots has no keys, but may have functions.
#[must_use]
pub fn sources(gathered: &Gathered, seed: &NodeAddr) -> Vec<Source> {
    let server = |addr: &NodeAddr| gathered.infos.get(addr).and_then(|info| ServerVersion::parse_info(info));
    let source =
        |master: Master| Source { server: server(&master.addr), addr: master.addr, id: master.id, slots: master.slots };
    masters_of(&gathered.topology, seed).into_iter().map(source).collect()
}

/// A lost master, whose keys would be missing without a word.
#[must_use]
pub fn lost_master(gathered: &Gathered, findings: &[Finding]) -> Option<Finding> {
    let lost = |finding: &Finding| matches!(finding, Finding::Unreachable(..) | Finding::Failed(_));
    obstacles(&gathered.topology, findings).into_iter().find(lost)
}

/// What makes the copy less than the whole cluster at about one time; the findings are of before.
#[must_use]
pub fn problems(before: &Gathered, after: &Gathered, findings: &[Finding]) -> Vec<String> {
    let mut problems: Vec<String> = obstacles(&before.topology, findings).iter().map(ToString::to_string).collect();
    if before.topology.slot_owner() != after.topology.slot_owner() {
        problems.push("Slots changed hands during the backup: keys can be missing, or be there twice".to_owned());
    }
    problems
}

/// The manifest of a backup that this program made; `created` in seconds since 1970. Keys that lie where their slots are not
/// join the problems.
#[must_use]
pub fn manifest(program: &str, created: u64, saved: &[Saved], mut problems: Vec<String>) -> Manifest {
    problems.extend(saved.iter().filter(|one| one.strays > 0).map(|one| {
        format!(
            "{} holds {} of slots that it does not own: 'slotctl fix HOST:PORT --cluster-search-multiple-owners' moves them, \
             and restore takes the owners' first",
            one.record.addr,
            counted(one.strays, "key")
        )
    }));
    Manifest {
        format: MANIFEST_FORMAT,
        made_by: format!("{program} {}", env!("CARGO_PKG_VERSION")),
        created,
        files: saved.iter().map(|one| one.record.clone()).collect(),
        problems,
    }
}
