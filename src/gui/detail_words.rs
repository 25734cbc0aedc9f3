//! What running steps wait for or have found, in the current language.

use crate::engine::detail::{Detail, Moved, Pace};

use super::format;
use super::i18n::tr;
use super::words;

/// What a step says.
#[must_use]
pub fn detail(detail: &Detail) -> String {
    use Detail as D;
    match detail {
        D::None => String::new(),
        D::Text(text) => text.clone(),
        D::Keys { done, of } => tr!("detail.keys", done = format::count(*done), of = format::count(*of)),
        D::Bytes(bytes) => format::bytes(*bytes),
        D::Acquainted { nodes, of } => tr!("detail.acquainted", nodes = nodes, of = of),
        D::Kept { keys, folder } => tr!("detail.kept", keys = format::count(*keys), folder = folder),
        D::Proven { keys, sampled } => {
            tr!("detail.proven", keys = format::count(*keys), sampled = format::count(*sampled))
        }
        D::StillEnding(node) => tr!("detail.still_ending", node = node),
        D::Loading(node) => tr!("detail.loading", node = node),
        D::TookOver(node) => tr!("detail.took_over", node = node),
        D::NotSeenBy(node) => tr!("detail.not_seen", node = node),
        D::StillReplica(node) => tr!("detail.still_replica", node = node),
        D::Functions(node) => tr!("detail.functions", node = node),
        D::Undoing => tr!("detail.undoing"),
        D::WillCopy { replica, master } => tr!("detail.will_copy", replica = replica, master = master),
        D::NotRemoved(files) => tr!("detail.not_removed", files = files),
        D::Paused(file) => tr!("detail.paused", file = file),
        D::Finding(finding) => words::finding(finding),
        D::Moved(far) => moved(far),
        D::Silent { node, why } if why.is_empty() => tr!("detail.silent", node = node),
        D::Silent { node, why } => tr!("detail.silent_why", node = node, why = why),
        D::DoesNotKnow { node, whom } => tr!("detail.does_not_know", node = node, whom = whom),
        D::StillKnows { node, whom } => tr!("detail.still_knows", node = node, whom = whom.short()),
        D::KnowsOthers(node) => tr!("detail.knows_others", node = node),
        D::OwnersUnknown(node) => tr!("detail.owners_unknown", node = node),
        D::SlotsUnseen { node, of } => tr!("detail.slots_unseen", node = node, of = of),
        D::RoleUnseen { node, of } => tr!("detail.role_unseen", node = node, of = of),
        D::NoSteadyLink { node, to } => tr!("detail.no_steady_link", node = node, to = to),
        D::NotLinked(node) => tr!("detail.not_linked", node = node),
        D::NotOk(node) => tr!("detail.not_ok", node = node),
        D::DoesNotFollow { node, master } => tr!("detail.does_not_follow", node = node, master = master),
        D::Copies { replica, master, words } => {
            tr!("detail.copies", replica = replica, master = master, words = words)
        }
    }
}

/// How far a move has come, and its pace or what it waits for.
fn moved(far: &Moved) -> String {
    let count = |slots: usize| format::count(slots as u64);
    let line = tr!(
        "detail.moved",
        slots = count(far.slots.0),
        of_slots = count(far.slots.1),
        keys = format::count(far.keys.0),
        of_keys = format::count(far.keys.1)
    );
    if let Some(why) = &far.ends_first {
        let why = tr!("detail.ends_first", node = why.at, slots = why.others);
        return tr!("detail.both", first = line, second = why);
    }
    let more = match (&far.paused, far.pace) {
        (Some(file), _) => tr!("detail.paused", file = file),
        (None, Some(Pace { rate, of_slots: true, left })) => {
            tr!("detail.slots_pace", rate = format::count(rate), left = time_left(left))
        }
        (None, Some(Pace { rate, of_slots: false, left })) => {
            tr!("detail.keys_pace", rate = format::count(rate), left = time_left(left))
        }
        (None, None) => return line,
    };
    tr!("detail.both", first = line, second = more)
}

fn time_left(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    match seconds {
        0..60 => tr!("detail.seconds", seconds = seconds),
        60..3600 => tr!("detail.minutes", minutes = minutes, seconds = rest),
        _ => tr!("detail.hours", hours = hours, minutes = minutes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::i18n::{self, Language};

    #[test]
    fn a_move_says_its_numbers_and_its_pace_in_each_language() {
        let far = Moved {
            slots: (20, 100),
            keys: (1000, 5000),
            pace: Some(Pace { rate: 500, of_slots: false, left: 125 }),
            ..Moved::default()
        };
        i18n::set_language(Language::English);
        assert_eq!(moved(&far), "20 of 100 slots, 1,000 of 5,000 keys, 500 keys/s, 2 min 5 s left");
        i18n::set_language(Language::Chinese);
        let chinese = moved(&far);
        i18n::set_language(Language::English);
        assert_eq!(chinese, "槽位 20/100，键 1,000/5,000，每秒 500 个键，剩余 2 分 5 秒");
    }
}
