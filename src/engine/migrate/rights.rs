//! Whether the user that is logged in may do what a move, a repair, an import or a restore takes, asked before anything is
//! changed.
//!
//! `ACL DRYRUN` would say so, but those who may not move slots may not ask it either. So each command is sent in a form
//! that changes nothing: servers look at rights (`ACLCheckAllPerm` in `processCommand`) before they look at anything
//! else but the number of words. A server without ACL (before 6.0) is not asked.

use futures_util::future::join_all;

use crate::core::topology::NodeId;
use crate::engine::client::{NodeClient, NodeError, NodeErrorKind, as_text};
use crate::engine::command::Auth;

use super::{Backend, Why};

/// A key that nobody has.
pub(in crate::engine) const NO_KEY: &str = "slotdeck:nobody-has-this-key";

/// The rule that allows all keys.
const ALL_KEYS: &str = "~*";

/// A command, the rule that allows it, and words that send it in vain.
pub(in crate::engine) struct Need {
    command: &'static str,
    rule: &'static str,
    words: Vec<String>,
}

/// This command, which this rule allows; `words` change nothing wherever they are sent.
pub(in crate::engine) fn need(command: &'static str, rule: &'static str, words: &[&str]) -> Need {
    Need { command, rule, words: words.iter().map(|word| (*word).to_owned()).collect() }
}

fn set_slot() -> Need {
    need("CLUSTER SETSLOT", "+cluster|setslot", &["CLUSTER", "SETSLOT", "0", "NOTHING"])
}

fn count_keys() -> Need {
    need("CLUSTER COUNTKEYSINSLOT", "+cluster|countkeysinslot", &["CLUSTER", "COUNTKEYSINSLOT", "0"])
}

/// What makes a master give keys away.
fn of_source_of_keys() -> [Need; 2] {
    [
        need("CLUSTER GETKEYSINSLOT", "+cluster|getkeysinslot", &["CLUSTER", "GETKEYSINSLOT", "0", "0"]),
        // Who has the right is told NOKEY or MOVED, without a connection to anywhere.
        need("MIGRATE", "+migrate", &["MIGRATE", "127.0.0.1", "1", "", "0", "1", "KEYS", NO_KEY]),
    ]
}

/// What MIGRATE sends to the one that gets them.
fn of_target_of_keys() -> [Need; 2] {
    [
        need("SELECT", "+select", &["SELECT", "0"]),
        // No payload is so short.
        need("RESTORE-ASKING", "+restore-asking", &["RESTORE-ASKING", NO_KEY, "0", "x"]),
    ]
}

/// What is sent to the source.
fn of_source(backend: Backend, target: &NodeId) -> Vec<Need> {
    match backend {
        Backend::Classic => [count_keys(), set_slot()].into_iter().chain(of_source_of_keys()).collect(),
        Backend::RedisAtomic => vec![count_keys()],
        Backend::ValkeyAtomic => {
            let vain = ["CLUSTER", "MIGRATESLOTS", "NOTHING", "0", "0", "NODE", target.as_str()];
            vec![
                count_keys(),
                need("CLUSTER MIGRATESLOTS", "+cluster|migrateslots", &vain),
                need("CLUSTER GETSLOTMIGRATIONS", "+cluster|getslotmigrations", &["CLUSTER", "GETSLOTMIGRATIONS"]),
            ]
        }
    }
}

/// What is sent to the target, by us and, as our user, by the source's MIGRATE.
fn of_target(backend: Backend) -> Vec<Need> {
    match backend {
        Backend::Classic => [count_keys(), set_slot()].into_iter().chain(of_target_of_keys()).collect(),
        Backend::RedisAtomic => {
            vec![
                count_keys(),
                need("CLUSTER MIGRATION", "+cluster|migration", &["CLUSTER", "MIGRATION", "STATUS", "ALL"]),
            ]
        }
        Backend::ValkeyAtomic => vec![count_keys()],
    }
}

/// What the other masters are told.
fn of_others(backend: Backend) -> Vec<Need> {
    if backend == Backend::Classic { vec![set_slot()] } else { Vec::new() }
}

/// Makes sure that this user may move slots from one to the other.
pub(super) async fn check<'a>(
    backend: Backend,
    auth: &Auth,
    (from, to): (&NodeClient, &NodeClient),
    target: &NodeId,
    others: impl Iterator<Item = &'a NodeClient>,
) -> Result<(), Why> {
    let mut asked = vec![(from, of_source(backend, target)), (to, of_target(backend))];
    asked.extend(others.map(|other| (other, of_others(backend))));
    insist(&asked, auth, Keys::All).await
}

/// What a repair takes: of every master, of those whose keys leave, and of those that get some.
pub(in crate::engine) fn of_repair(gives: bool, takes: bool) -> Vec<Need> {
    let mut all = vec![set_slot(), count_keys()];
    if gives {
        all.extend(of_source_of_keys());
    }
    if takes {
        all.extend(of_target_of_keys());
    }
    all
}

/// Which keys the user has to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Keys {
    /// All: any key may have to be moved.
    All,
    /// Those that there are, whatever they are called: that is not looked at.
    Some,
}

/// Makes sure that this user may do all that at these nodes.
pub(in crate::engine) async fn insist(asked: &[(&NodeClient, Vec<Need>)], auth: &Auth, keys: Keys) -> Result<(), Why> {
    let lacking = join_all(asked.iter().map(|(client, needs)| lacks(client, auth, needs, keys))).await;
    let lacking: Result<Vec<Option<Why>>, NodeError> = lacking.into_iter().collect();
    let lacking: Vec<Why> = lacking.map_err(|error| error.to_string())?.into_iter().flatten().collect();
    if lacking.is_empty() { Ok(()) } else { Err(lacking.join("; ")) }
}

/// What this user may not do there, in words.
pub(in crate::engine) async fn lacks(
    client: &NodeClient,
    auth: &Auth,
    needs: &[Need],
    keys: Keys,
) -> Result<Option<Why>, NodeError> {
    if needs.is_empty() {
        return Ok(None);
    }
    let user = match client.call(&["ACL", "WHOAMI"]).await {
        Ok(answer) => as_text(&answer).unwrap_or_default(),
        Err(NodeError { kind: NodeErrorKind::Refused(reply), .. }) if reply.starts_with("NOPERM") => {
            if auth.user.is_empty() { "default".to_owned() } else { auth.user.clone() }
        }
        Err(NodeError { kind: NodeErrorKind::Refused(_), .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let commands: Vec<Vec<String>> = needs.iter().map(|need| need.words.clone()).collect();
    let (mut named, mut rules) = (Vec::new(), Vec::new());
    for (need, answer) in needs.iter().zip(client.call_all(&commands).await) {
        match answer {
            Err(NodeError { kind: NodeErrorKind::Refused(reply), .. }) if reply.starts_with("NOPERM") => {
                let rule = missing_rule(need.rule, &reply);
                if keys == Keys::All || rule != ALL_KEYS {
                    named.push(need.command);
                    rules.push(rule);
                }
            }
            Ok(_) | Err(NodeError { kind: NodeErrorKind::Refused(_), .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if named.is_empty() {
        return Ok(None);
    }
    rules.dedup();
    Ok(Some(format!(
        "{}: the user '{user}' may not use {}: 'ACL SETUSER {user} {}' there allows it",
        client.addr(),
        named.join(", "),
        rules.join(" ")
    )))
}

/// The rule that is missing, by what the server says: the command, the keys, or (Valkey 9) the database.
fn missing_rule(command: &'static str, reply: &str) -> &'static str {
    let reply = reply.to_ascii_lowercase();
    if !reply.contains("access") {
        command
    } else if reply.contains("database") {
        "alldbs"
    } else {
        ALL_KEYS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_say_which_rule_is_missing() {
        let rule = |reply| missing_rule("+migrate", reply);
        assert_eq!(rule("NOPERM this user has no permissions to run the 'migrate' command"), "+migrate");
        assert_eq!(rule("NOPERM User mover has no permissions to run the 'migrate' command"), "+migrate");
        assert_eq!(rule("NOPERM this user has no permissions to access one of the keys used as arguments"), "~*");
        assert_eq!(rule("NOPERM No permissions to access a key"), "~*");
        assert_eq!(rule("NOPERM No permissions to access database"), "alldbs");
    }
}
