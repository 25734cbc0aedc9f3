//! What repairs are planned from: which master holds how many keys of which slot, and what the servers move by themselves.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use redis::Value;

use crate::core::plan::fix::{Damage, KeyCounts, suspects};
use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::{Node, NodeAddr, Role};
use crate::engine::client::{CONNECT_DEADLINE, NodeClient, NodeError};
use crate::engine::command::Auth;
use crate::engine::gather::Gathered;
use crate::engine::migrate::{Migration, keys_in};
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
    /// What the servers move by themselves just now.
    pub migrations: Vec<Migration>,
    /// The slots of that.
    pub under_way: SlotSet,
    /// Keys of slots that nothing else is wrong with, on masters that do not own them, where only what is wrong by the
    /// nodes' own words is to be repaired.
    pub passed_over: BTreeMap<NodeAddr, u64>,
}

impl Seen {
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
        Counting { addr, node, auth, info, wanted: &wanted, partner: partner.filter(|_| peek) }.run()
    });
    let counts: Result<Vec<Counted>, String> = join_all(counting).await.into_iter().collect();
    let mut seen = Seen::default();
    for ((addr, node), mut counted) in masters.iter().zip(counts?) {
        seen.under_way.union_with(&counted.under_way);
        Migration::merge(&mut seen.migrations, std::mem::take(&mut counted.migrations));
        if counted.hidden > 0 {
            seen.hidden.insert(addr.clone(), counted.hidden);
        }
        let passed_over = |slot: &Slot| !wanted.contains(*slot) && !node.slots.contains(*slot);
        let strays: u64 = counted.keys.iter().filter(|(slot, _)| passed_over(slot)).map(|(_, count)| count).sum();
        if counted.hidden + strays > 0 {
            seen.passed_over.insert(addr.clone(), counted.hidden + strays);
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
}

impl Counting<'_> {
    async fn run(self) -> Result<Counted, String> {
        let words = |error: NodeError| error.to_string();
        let client = NodeClient::connect_within(self.addr, self.auth, CONNECT_DEADLINE).await.map_err(words)?;
        let migrations = Migration::all_at(&client).await.map_err(words)?;
        let mut counted = Counted { migrations, ..Counted::default() };
        counted.migrations.iter().for_each(|one| counted.under_way.union_with(&one.slots()));
        let all = client.number(&["DBSIZE"]).await.map_err(words)?;
        if other_databases(self.info) {
            return Err(format!(
                "{} holds keys in several databases, of which MIGRATE and COUNTKEYSINSLOT see one at a time",
                self.addr
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
            for slots in dark.chunks(PEEK_AT_ONCE) {
                let found = peek(&client, slots, partner).await.map_err(words)?;
                counted.hidden = counted.hidden.saturating_sub(found.iter().sum());
                counted.keys.extend(slots.iter().copied().zip(found).filter(|(_, count)| *count > 0));
            }
        }
        Ok(counted)
    }
}

/// Whether INFO lists a database beside the first.
fn other_databases(info: &str) -> bool {
    keys_by_db(info).into_keys().any(|db| db > 0)
}

/// Servers that migrate slots by themselves as Redis does (8.4) show keys of a slot only while they own or import it.
async fn hides_keys(client: &NodeClient) -> bool {
    client.call(&["CLUSTER", "MIGRATION", "STATUS", "ALL"]).await.is_ok()
}

/// Opens slots that the server does not own, counts their keys, and closes them, all in one transaction that no other
/// client or node comes between.
async fn peek(client: &NodeClient, slots: &[Slot], partner: &str) -> Result<Vec<u64>, NodeError> {
    let each = |words: &dyn Fn(String) -> Vec<String>| -> Vec<Vec<String>> {
        slots.iter().map(|slot| words(slot.to_string())).collect()
    };
    let set = |slot: String, rest: &[&str]| -> Vec<String> {
        ["CLUSTER", "SETSLOT", &slot].iter().chain(rest).map(|word| (*word).to_owned()).collect()
    };
    let open = each(&|slot| set(slot, &["IMPORTING", partner]));
    let count = each(&|slot| ["CLUSTER", "COUNTKEYSINSLOT", &slot].map(str::to_owned).to_vec());
    let close = each(&|slot| set(slot, &["STABLE"]));
    client.call(&["MULTI"]).await?;
    for commands in [&open, &count, &close] {
        for queued in client.call_all(commands).await {
            queued?;
        }
    }
    let Value::Array(answers) = client.call(&["EXEC"]).await? else { return Ok(vec![0; slots.len()]) };
    let counts = answers.iter().skip(slots.len()).take(slots.len()).map(|answer| match answer {
        Value::Int(count) => u64::try_from(*count).unwrap_or_default(),
        _ => 0,
    });
    Ok(counts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_database_is_seen() {
        assert!(!other_databases("# Keyspace\r\ndb0:keys=3,expires=0\r\n"));
        assert!(other_databases("# Keyspace\r\ndb0:keys=3,expires=0\r\ndb2:keys=1,expires=0\r\n"));
        assert!(!other_databases("db_size:keys=3"));
    }
}
