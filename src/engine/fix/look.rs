//! What repairs are planned from: which master holds how many keys of which slot, and what the servers move by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use redis::Value;
use tokio::time::{Instant, sleep};

use crate::core::plan::fix::{Damage, KeyCounts, suspects};
use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::{Node, NodeAddr, Role};
use crate::engine::client::{CONNECT_DEADLINE, NodeClient, NodeError, as_text};
use crate::engine::command::Auth;
use crate::engine::gather::Gathered;
use crate::engine::migrate::{FREE_DEADLINE, Migration, is_passing, keys_in};
use crate::engine::restore::keys_by_db;

/// So many slots are asked about in one transaction.
const PEEK_AT_ONCE: usize = 128;

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Slots that something is wrong with by what the nodes say.
    Suspects,
    /// All slots: keys may also lie where nobody says that anything is wrong.
    All,
}

/// A cluster as repairs see it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Every node's answer.
    pub gathered: Gathered,
    /// Keys by master and slot.
    pub keys: KeyCounts,
    /// Keys of masters that do not tell which slots they are of (Redis from 8.4 on, outside its own slots), unless
    /// they were looked for.
    pub hidden: BTreeMap<NodeAddr, u64>,
    /// Masters that hide keys of slots that are looked at: only with `peek` do they tell them.
    pub dark: BTreeSet<NodeAddr>,
    /// What the servers move by themselves just now.
    pub migrations: Vec<Migration>,
    /// The slots of that.
    pub under_way: SlotSet,
    /// Keys of slots that nothing else is wrong with, on masters that do not own them, where only what is wrong by the
    /// nodes' own words is to be repaired.
    pub passed_over: BTreeMap<NodeAddr, u64>,
}

impl Seen {
    /// How many keys the masters hide of which some may be of slots that are looked at.
    pub fn dark_keys(&self) -> impl Iterator<Item = (NodeAddr, u64)> {
        self.dark.iter().map(|addr| (addr.clone(), self.hidden.get(addr).copied().unwrap_or_default()))
    }

    /// What a repair is planned from.
    #[must_use]
    pub fn damage(&self) -> Damage<'_> {
        Damage { topology: &self.gathered.topology, keys: &self.keys, under_way: &self.under_way }
    }
}

/// Counts the keys of each master. `peek` makes servers that hide keys outside their own slots tell them: each such slot
/// is opened, counted and closed in one transaction.
///
/// # Errors
/// A master that does not answer any more, or one with keys in several databases, of which MIGRATE sees only one.
pub async fn look(gathered: Gathered, auth: &Auth, scope: Scope, peek: bool) -> Result<Seen, String> {
    let wanted = match scope {
        Scope::Suspects => suspects(&gathered.topology),
        Scope::All => SlotSet::full(),
    };
    let masters: Vec<(NodeAddr, Node)> = masters(&gathered);
    let ids: Vec<String> = masters.iter().map(|(_, node)| node.id.to_string()).collect();
    let counting = masters.iter().map(|(addr, node)| {
        let info = gathered.infos.get(addr).map_or("", String::as_str);
        let partner = ids.iter().find(|id| **id != node.id.as_str()).cloned();
        Counting { addr, node, auth, info, wanted: &wanted, partner, peek }.run()
    });
    let counts: Result<Vec<Counted>, String> = join_all(counting).await.into_iter().collect();
    let mut seen = Seen::default();
    for ((addr, node), mut counted) in masters.iter().zip(counts?) {
        seen.under_way.union_with(&counted.under_way);
        Migration::merge(&mut seen.migrations, std::mem::take(&mut counted.migrations));
        if counted.dark {
            seen.dark.insert(addr.clone());
        }
        if counted.hidden > 0 {
            seen.hidden.insert(addr.clone(), counted.hidden);
        }
        let passed_over = |slot: &Slot| !wanted.contains(*slot) && !node.slots.contains(*slot);
        let strays: u64 = counted.keys.iter().filter(|(slot, _)| passed_over(slot)).map(|(_, count)| count).sum();
        let passed_over = strays + if counted.dark { 0 } else { counted.hidden };
        if passed_over > 0 {
            seen.passed_over.insert(addr.clone(), passed_over);
        }
        counted.keys.retain(|slot, _| wanted.contains(*slot));
        seen.keys.insert(node.id.clone(), counted.keys);
    }
    seen.gathered = gathered;
    Ok(seen)
}

fn masters(gathered: &Gathered) -> Vec<(NodeAddr, Node)> {
    let own = gathered.topology.views.iter().filter_map(|(addr, view)| Some((addr.clone(), view.me()?.clone())));
    own.filter(|(_, node)| node.role == Role::Master).collect()
}

#[derive(Default)]
struct Counted {
    keys: BTreeMap<Slot, u64>,
    hidden: u64,
    dark: bool,
    migrations: Vec<Migration>,
    under_way: SlotSet,
}

/// The counting at one master.
struct Counting<'a> {
    addr: &'a NodeAddr,
    node: &'a Node,
    auth: &'a Auth,
    info: &'a str,
    wanted: &'a SlotSet,
    /// Some other master, in whose name slots are opened for a look.
    partner: Option<String>,
    /// Whether they may be.
    peek: bool,
}

impl Counting<'_> {
    async fn run(self) -> Result<Counted, String> {
        let words = |error: NodeError| error.to_string();
        let client = NodeClient::connect_within(self.addr, self.auth, CONNECT_DEADLINE).await.map_err(words)?;
        let migrations = Migration::all_at(&client).await.map_err(words)?;
        let mut counted = Counted { migrations, ..Counted::default() };
        counted.migrations.iter().for_each(|one| counted.under_way.union_with(&one.slots()));
        let all = client.number(&["DBSIZE"]).await.map_err(words)?;
        let others = other_databases(self.info);
        if !others.is_empty() {
            return Err(format!(
                "{} holds keys in several databases (in the first and in {}), of which CLUSTER COUNTKEYSINSLOT and MIGRATE see one at a \
                 time: fix would leave the others' keys behind, and repairs nothing here. Close open slots by hand (CLUSTER \
                 SETSLOT … STABLE at the node that has their keys, then at the other one), and move slots with --method \
                 atomic, which takes all databases",
                self.addr,
                others.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            ));
        }
        if all == 0 {
            return Ok(counted);
        }
        let asked: Vec<Slot> = Slot::all().collect();
        let counts = keys_in(&client, &asked).await?;
        let visible: u64 = counts.iter().sum();
        let some = asked.into_iter().zip(counts).filter(|(_, count)| *count > 0);
        counted.keys = some.collect();
        // What is hidden is what the visible ones lack.
        if hides_keys(&client).await {
            let now = client.number(&["DBSIZE"]).await.map_err(words)?;
            counted.hidden = now.min(all).saturating_sub(visible);
        }
        if let (Some(partner), 1..) = (&self.partner, counted.hidden) {
            let own = &self.node;
            let told: BTreeSet<Slot> = own.importing.iter().map(|(slot, _)| *slot).collect();
            let dark =
                |slot: &Slot| !own.slots.contains(*slot) && !told.contains(slot) && !counted.under_way.contains(*slot);
            let dark: Vec<Slot> = self.wanted.iter().filter(dark).collect();
            counted.dark = !self.peek && !dark.is_empty();
            for slots in dark.chunks(PEEK_AT_ONCE).filter(|_| self.peek) {
                let found = peek_when_free(&client, slots, partner).await?;
                counted.hidden = counted.hidden.saturating_sub(found.iter().sum());
                counted.keys.extend(slots.iter().copied().zip(found).filter(|(_, count)| *count > 0));
            }
        }
        Ok(counted)
    }
}

/// The databases with keys beside the first, as INFO lists them.
fn other_databases(info: &str) -> Vec<u64> {
    keys_by_db(info).into_keys().filter(|db| *db > 0).collect()
}

/// Servers that migrate slots by themselves as Redis does (8.4) show keys of a slot only while they own or import it.
async fn hides_keys(client: &NodeClient) -> bool {
    client.call(&["CLUSTER", "MIGRATION", "STATUS", "ALL"]).await.is_ok()
}

/// Looks again where the server still clears away the end of a migration of its own.
async fn peek_when_free(client: &NodeClient, slots: &[Slot], partner: &str) -> Result<Vec<u64>, String> {
    let deadline = Instant::now() + FREE_DEADLINE;
    loop {
        match peek(client, slots, partner).await {
            Err(why) if is_passing(&why) && Instant::now() < deadline => sleep(Duration::from_millis(50)).await,
            found => return found,
        }
    }
}

/// Opens slots that the server does not own, counts their keys, and closes them, all in one transaction that no other
/// client or node comes between. Whatever is not a count is no 0.
async fn peek(client: &NodeClient, slots: &[Slot], partner: &str) -> Result<Vec<u64>, String> {
    let words = |error: NodeError| error.to_string();
    let each = |words: &dyn Fn(String) -> Vec<String>| -> Vec<Vec<String>> {
        slots.iter().map(|slot| words(slot.to_string())).collect()
    };
    let set = |slot: String, rest: &[&str]| -> Vec<String> {
        ["CLUSTER", "SETSLOT", &slot].iter().chain(rest).map(|word| (*word).to_owned()).collect()
    };
    let open = each(&|slot| set(slot, &["IMPORTING", partner]));
    let count = each(&|slot| ["CLUSTER", "COUNTKEYSINSLOT", &slot].map(str::to_owned).to_vec());
    let close = each(&|slot| set(slot, &["STABLE"]));
    client.call(&["MULTI"]).await.map_err(words)?;
    for commands in [&open, &count, &close] {
        for queued in client.call_all(commands).await {
            queued.map_err(words)?;
        }
    }
    let answers = client.call(&["EXEC"]).await.map_err(words)?;
    counts_of(&answers, slots).map_err(|why| format!("{}: a look at hidden keys failed: {why}", client.addr()))
}

/// The counts among the answers of such a transaction: of as many openings, counts and closings as there are slots.
fn counts_of(answers: &Value, slots: &[Slot]) -> Result<Vec<u64>, String> {
    let Value::Array(answers) = answers else { return Err(format!("EXEC gave {answers:?}")) };
    if answers.len() != 3 * slots.len() {
        return Err(format!("EXEC gave {} answers to {} commands", answers.len(), 3 * slots.len()));
    }
    let (opened, rest) = answers.split_at(slots.len());
    let (counted, closed) = rest.split_at(slots.len());
    for (slot, answer) in slots.iter().zip(opened).chain(slots.iter().zip(closed)) {
        if !matches!(answer, Value::Okay) && as_text(answer).as_deref() != Some("OK") {
            return Err(format!("slot {slot}: SETSLOT gave {}", told(answer)));
        }
    }
    let counts = slots.iter().zip(counted).map(|(slot, answer)| match answer {
        Value::Int(count) => u64::try_from(*count).map_err(|_| format!("slot {slot}: a count of {count}")),
        other => Err(format!("slot {slot}: COUNTKEYSINSLOT gave {}", told(other))),
    });
    counts.collect()
}

/// An answer that is none of those expected.
fn told(answer: &Value) -> String {
    match answer {
        Value::ServerError(error) => format!("{} {}", error.code(), error.details().unwrap_or_default()),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_database_is_seen() {
        assert!(other_databases("# Keyspace\r\ndb0:keys=3,expires=0\r\n").is_empty());
        assert_eq!(other_databases("# Keyspace\r\ndb0:keys=3,expires=0\r\ndb2:keys=1,expires=0\r\n"), [2]);
        assert!(other_databases("db_size:keys=3").is_empty());
    }

    #[test]
    fn whatever_is_no_count_is_not_taken_for_no_keys() {
        let slots = [Slot::FIRST, Slot::new(1).unwrap()];
        let all = |middle: [Value; 2]| {
            let [first, second] = middle;
            Value::Array(vec![Value::Okay, Value::Okay, first, second, Value::Okay, Value::Okay])
        };
        assert_eq!(counts_of(&all([Value::Int(0), Value::Int(7)]), &slots), Ok(vec![0, 7]));
        let no = |answer: &Value| counts_of(answer, &slots).unwrap_err();
        assert!(no(&Value::Nil).contains("EXEC gave"));
        assert!(no(&Value::Array(vec![Value::Int(0); 2])).contains("2 answers to 6 commands"));
        assert!(no(&all([Value::Int(0), Value::Nil])).contains("slot 1: COUNTKEYSINSLOT"));
        assert!(no(&all([Value::Int(0), Value::Int(-1)])).contains("a count of -1"));
        let mut unopened = vec![Value::Nil, Value::Okay, Value::Int(0), Value::Int(0), Value::Okay, Value::Okay];
        assert!(
            no(&Value::Array(unopened.clone())).contains("slot 0: SETSLOT"),
            "a slot that stayed shut shows no key"
        );
        unopened.swap(0, 5);
        assert!(no(&Value::Array(unopened)).contains("slot 1: SETSLOT"), "nor is one left open unsaid");
    }
}
