//! Repairs of slots in the window: when one is offered, and the words for findings, remedies and refusals.

use crate::core::check::Finding;
use crate::core::plan::fix::{FixPlan, Left, LeftWhy, Lost, Meeting, Party, Reason, Refusal, Repair, Trouble};
use crate::core::slot::SlotSet;
use crate::core::topology::NodeAddr;
use crate::engine::command::Command;
use crate::engine::fix::{FixError, FixWish};
use crate::engine::snapshot::{ClusterView, Health, Phase};

use super::action::{Action, Confirm};
use super::format;
use super::i18n::tr;
use super::words;

/// Whether something is wrong that a repair of slots may mend.
#[must_use]
pub fn concerns(cluster: &ClusterView) -> bool {
    let mends = |finding: &Finding| {
        matches!(
            finding,
            Finding::Uncovered(_)
                | Finding::OpenSlots { .. }
                | Finding::Disputed { .. }
                | Finding::Strays { .. }
                | Finding::SlotsDisagree(_)
                | Finding::Unknown { .. }
        )
    };
    can_look(cluster) && cluster.findings.iter().any(mends)
}

/// Whether a look for damage means anything: also keys where nobody says that something is wrong can be found.
#[must_use]
pub fn can_look(cluster: &ClusterView) -> bool {
    cluster.phase == Phase::Formed && cluster.health != Health::Stopped
}

/// The dialog, which looks for damage first.
#[must_use]
pub fn ask(cluster: &ClusterView) -> Action {
    let wish = FixWish::default();
    let name = || cluster.name.clone();
    Action::All(vec![
        Action::Do(Command::PlanFix { cluster: name(), wish }),
        Action::Ask(Confirm::Fix { cluster: name(), wish, plan: None }),
    ])
}

/// Slots as "slot 7" or "3 slots (1-3)", a long list cut.
fn some(slots: &SlotSet) -> String {
    if slots.len() == 1 {
        return tr!("fix.slot", slot = slots);
    }
    let count = format::count(slots.len() as u64);
    tr!("fix.slots", count = count, slots = words::short_list(&slots.to_string()))
}

fn listed<'a>(parties: impl IntoIterator<Item = &'a Party>) -> String {
    words::addrs(&parties.into_iter().map(|party| party.addr.clone()).collect::<Vec<NodeAddr>>())
}

/// What is wrong.
#[must_use]
pub fn finding(repair: &Repair) -> String {
    let (slots, owner) = (some(&repair.slots), &repair.owner.addr);
    match repair.trouble {
        Trouble::Uncovered => tr!("fix.uncovered", slots = slots),
        Trouble::Disputed => {
            let all = repair.losers.iter().chain(repair.claimed.then_some(&repair.owner));
            tr!("fix.disputed", slots = slots, nodes = listed(all))
        }
        Trouble::Open => tr!("fix.open_on", slots = slots, nodes = listed(&repair.close)),
        Trouble::Disagreed => tr!("fix.disagreed", slots = slots, owner = owner),
        Trouble::Strays => {
            let others = repair.keys_from.iter().map(|(party, _)| party);
            tr!("fix.strays", slots = slots, owner = owner, nodes = listed(others))
        }
    }
}

/// What is done about it, in its order.
#[must_use]
pub fn remedies(repair: &Repair) -> Vec<String> {
    let (owner, why) = (&repair.owner.addr, reason(repair.reason));
    let mut list = Vec::new();
    if !repair.losers.is_empty() {
        list.push(tr!("fix.gives_up", nodes = listed(&repair.losers)));
    }
    list.push(match &repair.forward {
        Some((from, keys)) => {
            tr!("fix.finished", from = from.addr, owner = owner, keys = format::count(*keys), why = why)
        }
        None if repair.claimed => tr!("fix.keeps", owner = owner, why = why),
        None => tr!("fix.gets", owner = owner, why = why),
    });
    for (from, keys) in &repair.keys_from {
        list.push(tr!("fix.keys_move", keys = format::count(*keys), from = from.addr, owner = owner));
    }
    if !repair.close.is_empty() && repair.forward.is_none() {
        list.push(tr!("fix.closed", nodes = listed(&repair.close)));
    }
    list
}

fn reason(reason: Reason) -> String {
    match reason {
        Reason::Spread => tr!("fix.why_spread"),
        Reason::OnlyKeys => tr!("fix.why_only_keys"),
        Reason::MostKeys => tr!("fix.why_most_keys"),
        Reason::HighestEpoch => tr!("fix.why_highest_epoch"),
        Reason::MoveBegun => tr!("fix.why_move_begun"),
        Reason::OnlyClaim => tr!("fix.why_only_claim"),
    }
}

/// Nodes that are made to know each other.
#[must_use]
pub fn meeting(meeting: &Meeting) -> String {
    tr!("fix.meets", node = meeting.by, other = meeting.whom)
}

/// What stays as it is, and why.
#[must_use]
pub fn left(left: &Left) -> String {
    let slots = some(&left.slots);
    match &left.why {
        LeftWhy::UnderWay => tr!("fix.under_way", slots = slots),
        LeftWhy::FailOver { master, replica } => {
            tr!("fix.fail_over", slots = slots, master = master, replica = replica)
        }
    }
}

/// Why there is no plan.
#[must_use]
pub fn refusal(why: &FixError) -> String {
    match why {
        FixError::Refused(Refusal::Unreachable(lost)) => {
            let names: Vec<String> = lost.iter().map(lost_words).collect();
            tr!("fix.unreachable", nodes = names.join("; "))
        }
        FixError::Refused(Refusal::NoMaster) => tr!("fix.no_master"),
        FixError::Stale(what) => tr!("fix.stale", what = what),
        FixError::Node(what) => tr!("fix.node", what = what),
    }
}

fn lost_words(lost: &Lost) -> String {
    match (&lost.replica, lost.slots.is_empty()) {
        (_, true) => tr!("fix.lost_target", node = lost.name),
        (None, false) => tr!("fix.lost", node = lost.name, slots = some(&lost.slots)),
        (Some(replica), false) => {
            tr!("fix.lost_with_replica", node = lost.name, slots = some(&lost.slots), replica = replica)
        }
    }
}

/// Whether the risk of losing keys of masters that do not answer is what stands in the way.
#[must_use]
pub fn is_risk(why: &FixError) -> bool {
    matches!(why, FixError::Refused(Refusal::Unreachable(_)))
}

/// The button: what is repaired.
#[must_use]
pub fn yes(plan: &FixPlan) -> String {
    match plan.slots().len() {
        0 => tr!("fix.yes_meet"),
        1 => tr!("fix.yes_one"),
        count => tr!("fix.yes", count = format::count(count as u64)),
    }
}
