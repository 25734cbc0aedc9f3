//! Moves of slots in the window: what the person asks for as a draft, and the plan that this snapshot makes of it.

use std::sync::Arc;

use crate::core::check::Finding;
use crate::core::plan::moves::{Master, MovePlan, MoveRefusal, SlotMove, forbids, move_slots};
use crate::core::plan::rebalance::{Wish, rebalance};
use crate::core::plan::reshard::reshard;
use crate::core::slot::{SlotError, SlotSet};
use crate::core::topology::{NodeAddr, NodeId, Role};
use crate::engine::snapshot::{ClusterView, Health, NodeView, Phase, Reach};

use super::action::{Action, Confirm};
use super::i18n::{self, Language, tr};
use super::words;

/// Which slots are to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// As many for each master.
    Even,
    /// So many to one master.
    Count,
    /// Exactly these to one master.
    These,
}

impl Which {
    /// All of them, in the order of the dialog.
    pub const ALL: [Which; 3] = [Which::Even, Which::Count, Which::These];
}

/// What the dialog holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveDraft {
    /// Which slots.
    pub which: Which,
    /// [`Which::Even`]: whether masters without slots get some.
    pub use_empty: bool,
    /// [`Which::Count`]: how many.
    pub count: u16,
    /// [`Which::Count`]: from whom; `None` for all others.
    pub from: Option<NodeId>,
    /// To whom.
    pub to: Option<NodeId>,
    /// [`Which::These`]: the slots, as typed.
    pub slots: String,
    /// The plan that was made of this last.
    pub planned: Memo,
}

/// A plan, and all that it was made of: planning anew in each frame would be felt in large clusters.
#[derive(Debug, Clone, Default)]
pub struct Memo(Option<Box<Made>>);

#[derive(Debug, Clone)]
struct Made {
    draft: MoveDraft,
    nodes: Arc<[NodeView]>,
    findings: Arc<[Finding]>,
    language: Language,
    masters: Arc<[Master]>,
    plan: Result<Arc<MovePlan>, String>,
}

/// What is remembered does not count: it follows from the rest.
impl PartialEq for Memo {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Memo {}

impl MoveDraft {
    /// The masters to choose from, and the [`plan`]; made anew only where what they depend on has changed.
    pub fn planned(&mut self, cluster: &ClusterView) -> (Arc<[Master]>, Result<Arc<MovePlan>, String>) {
        let language = i18n::language();
        let still = self.planned.0.take().filter(|made| {
            let seen = Arc::ptr_eq(&made.nodes, &cluster.nodes) && Arc::ptr_eq(&made.findings, &cluster.findings);
            seen && made.language == language && made.draft == *self
        });
        let made = still.unwrap_or_else(|| {
            let (nodes, findings) = (cluster.nodes.clone(), cluster.findings.clone());
            let (masters, plan) = (masters(cluster).into(), plan(cluster, self));
            Box::new(Made { draft: self.clone(), nodes, findings, language, masters, plan })
        });
        let found = (made.masters.clone(), made.plan.clone());
        self.planned.0 = Some(made);
        found
    }
}

impl Default for MoveDraft {
    fn default() -> Self {
        let (slots, planned) = (String::new(), Memo::default());
        Self { which: Which::Even, use_empty: true, count: 1000, from: None, to: None, slots, planned }
    }
}

/// The dialog, with these slots filled in where some are chosen.
#[must_use]
pub fn ask(cluster: &ClusterView, slots: Option<&SlotSet>) -> Action {
    let draft = match slots {
        Some(slots) => MoveDraft { which: Which::These, slots: slots.to_string(), ..MoveDraft::default() },
        None => MoveDraft::default(),
    };
    Action::Ask(Confirm::Move { cluster: cluster.name.clone(), draft: Box::new(draft) })
}

/// The masters that answer, by address.
#[must_use]
pub fn masters(cluster: &ClusterView) -> Vec<Master> {
    let master = |node: &NodeView| {
        let may = node.role == Some(Role::Master) && node.reach == Reach::Live;
        let id = node.id.clone().filter(|_| may)?;
        Some(Master { addr: node.addr.clone(), id, slots: node.slots.clone() })
    };
    cluster.nodes.iter().filter_map(master).collect()
}

/// Why no slot of this cluster can be moved now.
#[must_use]
pub fn obstacle(cluster: &ClusterView) -> Option<String> {
    if let Some(lost) = cluster.nodes.iter().find(|n| !n.slots.is_empty() && n.reach != Reach::Live) {
        return Some(tr!("moves.lost_master", node = lost.addr));
    }
    let serves = |addr: &NodeAddr| cluster.nodes.iter().any(|n| n.addr == *addr && !n.slots.is_empty());
    if let Some(finding) = cluster.findings.iter().find(|finding| forbids(finding, serves)) {
        return Some(tr!("moves.not_whole", problem = words::finding(finding)));
    }
    (masters(cluster).len() < 2).then(|| tr!("moves.too_few"))
}

/// Whether moving slots means anything for this cluster.
#[must_use]
pub fn concerns(cluster: &ClusterView) -> bool {
    cluster.phase == Phase::Formed && cluster.health != Health::Stopped
}

/// The plan of a draft; an empty one where nothing is to be moved.
///
/// # Errors
/// What is missing or wrong, in words.
pub fn plan(cluster: &ClusterView, draft: &MoveDraft) -> Result<Arc<MovePlan>, String> {
    if let Some(why) = obstacle(cluster) {
        return Err(why);
    }
    let masters = masters(cluster);
    let known = |id: &NodeId| masters.iter().find(|master| master.id == *id);
    let target = || draft.to.as_ref().and_then(known).ok_or_else(|| tr!("moves.no_target"));
    let plan = match draft.which {
        Which::Even => {
            let wish = Wish { use_empty: draft.use_empty, threshold: 0.0, ..Wish::default() };
            rebalance(&masters, &wish).map_err(|why| refusal(&why))?.map(|found| found.plan).unwrap_or_default()
        }
        Which::Count => {
            let target = target()?;
            let gives = |m: &&Master| m.id != target.id && draft.from.as_ref().is_none_or(|from| m.id == *from);
            let sources: Vec<&Master> = masters.iter().filter(gives).collect();
            if sources.is_empty() {
                return Err(refusal(&MoveRefusal::TargetIsSource));
            }
            reshard(&sources, target, draft.count)
        }
        Which::These => {
            if draft.slots.trim().is_empty() {
                return Err(tr!("moves.no_slots"));
            }
            let slots: SlotSet = draft.slots.parse().map_err(|why| bad_slots(&why))?;
            move_slots(&masters, &slots, target()?).map_err(|why| refusal(&why))?
        }
    };
    Ok(Arc::new(plan))
}

/// What is wrong with a list of slots.
fn bad_slots(why: &SlotError) -> String {
    match why {
        SlotError::OutOfRange(slot) => tr!("moves.no_such_slot", slot = slot),
        SlotError::NotANumber(text) => tr!("moves.not_a_slot", text = text),
        SlotError::Reversed(first, last) => tr!("moves.reversed", first = first, last = last),
    }
}

fn refusal(why: &MoveRefusal) -> String {
    match why {
        MoveRefusal::NoOwner(slots) => tr!("moves.no_owner", slots = slots),
        MoveRefusal::TargetIsSource | MoveRefusal::NoSource => tr!("moves.nothing_there"),
        other => other.to_string(),
    }
}

/// About how many keys a move carries: the source's, by the share of its slots.
#[must_use]
pub fn keys(cluster: &ClusterView, one: &SlotMove) -> u64 {
    let Some(source) = cluster.node(&one.from) else { return 0 };
    let keys = source.stats.as_ref().map_or(0, |stats| stats.keys);
    let (part, whole) = (one.slots.len() as u64, source.slots.len().max(1) as u64);
    keys.saturating_mul(part) / whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::samples;

    fn draft(which: Which) -> MoveDraft {
        MoveDraft { which, to: Some(samples::id(1)), ..MoveDraft::default() }
    }

    fn moved(cluster: &ClusterView, draft: &MoveDraft) -> Result<usize, String> {
        plan(cluster, draft).map(|plan| plan.slot_count())
    }

    #[test]
    fn an_even_cluster_has_nothing_to_even_out() {
        assert_eq!(moved(&samples::healthy(), &draft(Which::Even)), Ok(0));
    }

    #[test]
    fn a_number_of_slots_comes_from_all_others_or_from_one() {
        let cluster = samples::healthy();
        let all = plan(&cluster, &MoveDraft { count: 100, ..draft(Which::Count) }).unwrap();
        assert_eq!((all.slot_count(), all.moves().len()), (100, 2));
        let one = MoveDraft { count: 100, from: Some(samples::id(2)), ..draft(Which::Count) };
        assert_eq!(plan(&cluster, &one).unwrap().moves().len(), 1);
        let itself = MoveDraft { from: Some(samples::id(1)), ..draft(Which::Count) };
        assert!(plan(&cluster, &itself).is_err());
    }

    #[test]
    fn named_slots_are_checked_before_they_are_planned() {
        let cluster = samples::healthy();
        let named = |slots: &str| MoveDraft { slots: slots.to_owned(), ..draft(Which::These) };
        assert_eq!(moved(&cluster, &named("0-9, 512")), Ok(11));
        assert!(moved(&cluster, &named("9-0")).is_err());
        assert!(moved(&cluster, &named("16384")).is_err());
        assert_eq!(moved(&cluster, &named(" ")), Err("Name the slots.".to_owned()));
        assert!(moved(&cluster, &MoveDraft { to: None, ..named("1") }).is_err());
    }

    #[test]
    fn nothing_moves_in_a_cluster_that_is_not_whole() {
        assert!(obstacle(&samples::healthy()).is_none());
        assert!(obstacle(&samples::uncovered()).is_some());
        assert!(obstacle(&samples::failed()).is_some_and(|why| why.contains("127.0.0.1:7000")));
    }

    #[test]
    fn a_plan_is_made_anew_only_where_something_has_changed() {
        let cluster = samples::healthy();
        let mut draft = MoveDraft { count: 100, ..draft(Which::Count) };
        let first = draft.planned(&cluster).1.unwrap();
        assert!(Arc::ptr_eq(&first, &draft.planned(&cluster).1.unwrap()));
        draft.count = 200;
        assert_eq!(draft.planned(&cluster).1.unwrap().slot_count(), 200);
        let polled = ClusterView { nodes: cluster.nodes.iter().cloned().collect(), ..cluster.clone() };
        let before = draft.planned(&cluster).1.unwrap();
        assert!(!Arc::ptr_eq(&before, &draft.planned(&polled).1.unwrap()));
    }

    #[test]
    fn what_the_engine_would_refuse_is_said_here() {
        let with = |finding| ClusterView { findings: [finding].into(), ..samples::healthy() };
        let node = samples::healthy().nodes[0].addr.clone();
        let slots = SlotSet::full();
        assert!(obstacle(&with(Finding::Disputed { slots, by: vec![node.clone()] })).is_some());
        assert!(obstacle(&with(Finding::Failed(node.clone()))).is_some(), "a master that is called failed");
        assert!(obstacle(&with(Finding::LinkDown(node))).is_none());
    }

    #[test]
    fn keys_are_estimated_from_the_sources_share() {
        let cluster = samples::healthy();
        let plan = plan(&cluster, &MoveDraft { count: 5461, from: Some(samples::id(0)), ..draft(Which::Count) });
        let plan = plan.unwrap();
        let one = &plan.moves()[0];
        let keys_there = cluster.node(&samples::id(0)).unwrap().stats.as_ref().unwrap().keys;
        assert_eq!(keys(&cluster, one), keys_there);
    }
}
