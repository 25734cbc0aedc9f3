//! A repair as the commands that carry it out.

use super::fix::{FixPlan, Party, Repair, Trouble};
use super::{NodeCommand, ShownCommand};
use crate::core::count::counted_are;
use crate::core::slot::SlotSet;

impl FixPlan {
    /// The commands in their order, one for all slots that get it. Which keys move is only known when they do.
    #[must_use]
    pub fn commands(&self) -> Vec<ShownCommand> {
        let mut list: Vec<ShownCommand> = Vec::new();
        let settled = || self.repairs.iter().filter(|repair| repair.settles_owner());
        for repair in settled() {
            list.extend(repair.losers.iter().map(|loser| give_up(loser, repair)));
        }
        for meeting in &self.meetings {
            let (port, bus) = (meeting.whom.port.to_string(), meeting.whom.bus_port.map(|port| port.to_string()));
            let words = ["CLUSTER", "MEET", &meeting.whom.host, &port].into_iter().chain(bus.as_deref());
            list.push(NodeCommand::new(&meeting.by, words).into());
        }
        for repair in settled() {
            let mut claim = each(&repair.owner, &repair.slots, &["SETSLOT", "SLOT", "NODE", repair.owner.id.as_str()]);
            // Who claims them already tells it with a new epoch; all others hear it from us, too.
            let whom = if repair.claimed { "at every other master" } else { "here and at every other master" };
            claim.note = Some(claim.note.map_or_else(|| whom.to_owned(), |note| format!("{note}, {whom}")));
            let bump: ShownCommand = NodeCommand::new(&repair.owner.addr, ["CLUSTER", "BUMPEPOCH"]).into();
            list.extend(if repair.claimed { [bump, claim] } else { [claim, bump] });
        }
        for repair in &self.repairs {
            repair.moves(&mut list);
            let close = repair.close.iter().filter(|_| repair.forward.is_none());
            list.extend(close.map(|party| each(party, &repair.slots, &["SETSLOT", "SLOT", "STABLE"])));
        }
        list
    }
}

impl Repair {
    /// Whether it has to be settled who owns the slots before anything else.
    #[must_use]
    pub fn settles_owner(&self) -> bool {
        let unclear = matches!(self.trouble, Trouble::Uncovered | Trouble::Disputed | Trouble::Disagreed);
        unclear && self.forward.is_none()
    }

    fn moves(&self, list: &mut Vec<ShownCommand>) {
        let owner = self.owner.id.as_str();
        let set = |at: &Party, rest: &[&str]| {
            let words: Vec<&str> = ["SETSLOT", "SLOT"].iter().chain(rest).copied().collect();
            each(at, &self.slots, &words)
        };
        if let Some((from, keys)) = &self.forward {
            list.push(set(&self.owner, &["IMPORTING", from.id.as_str()]));
            list.push(set(from, &["MIGRATING", owner]));
            list.push(migrate(from, &self.owner, *keys));
            list.push(set(&self.owner, &["NODE", owner]));
            list.push(set(from, &["NODE", owner]));
        }
        for (from, keys) in &self.keys_from {
            list.push(set(from, &["IMPORTING", owner]));
            list.push(migrate(from, &self.owner, *keys));
            list.push(set(from, &["STABLE"]));
        }
    }
}

/// A loser that holds no key of a slot names the owner instead, and is never without one.
fn give_up(loser: &Party, repair: &Repair) -> ShownCommand {
    let mut shown = each(loser, &repair.slots, &["DELSLOTS", "SLOT"]);
    let instead = format!("SETSLOT … NODE {} where it holds no key", repair.owner.id);
    shown.note = Some(shown.note.map_or_else(|| instead.clone(), |note| format!("{note}; {instead}")));
    shown
}

/// One command for each slot, written once.
fn each(at: &Party, slots: &SlotSet, words: &[&str]) -> ShownCommand {
    let single = slots.iter().next().filter(|_| slots.len() == 1).map(|slot| slot.to_string());
    let words = words.iter().map(|word| match (*word, &single) {
        ("SLOT", Some(slot)) => slot.clone(),
        (word, _) => word.to_owned(),
    });
    let command = NodeCommand::new(&at.addr, std::iter::once("CLUSTER".to_owned()).chain(words));
    let note = single.is_none().then(|| format!("for each slot of {slots}"));
    ShownCommand { command, note }
}

fn migrate(from: &Party, to: &Party, keys: u64) -> ShownCommand {
    let port = to.addr.port.to_string();
    let words = ["MIGRATE", &to.addr.host, &port, "", "0", "60000", "KEYS", "KEY…"];
    ShownCommand {
        command: NodeCommand::new(&from.addr, words),
        note: Some(format!("until its {} moved", counted_are(keys, "key", ["has", "have"]))),
    }
}
