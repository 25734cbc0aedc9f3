//! Which of the engine's news are worth a frame.
//!
//! The engine publishes a snapshot with every poll, and most of them say what the last one said: a window that drew them
//! all would cost ten times what one costs that waits. So where a screen shows nothing but what `outlook` looks at, only
//! a change in that wakes it; other screens are drawn with every snapshot.

use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use crate::engine::snapshot::{ClusterView, NodeStats, NodeView, Reach, Snapshot};

use super::format;

/// Where the newest snapshot is.
pub type Newest = Box<dyn Fn() -> Arc<Snapshot> + Send + Sync>;

/// Knows what was drawn last, and whether it is enough to draw changes. Shared by the window and the engine's waker.
#[derive(Default)]
pub struct Wake {
    newest: OnceLock<Newest>,
    calm: AtomicBool,
    drawn: AtomicU64,
    /// Whose outlook `drawn` is: many frames may show one snapshot.
    of: Mutex<Weak<Snapshot>>,
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake").field("calm", &self.calm).finish_non_exhaustive()
    }
}

impl Wake {
    /// Tells where snapshots come from; until then every one is worth a frame.
    pub fn follow(&self, newest: Newest) {
        // It is told once.
        self.newest.set(newest).ok();
    }

    /// A frame with this snapshot ends, and it showed nothing beyond `outlook` if it was calm.
    pub fn drawn(&self, snapshot: &Arc<Snapshot>, calm: bool) {
        self.calm.store(calm, Ordering::Relaxed);
        if !calm {
            return;
        }
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if of.as_ptr() != Arc::as_ptr(snapshot) {
            self.drawn.store(outlook(snapshot), Ordering::Relaxed);
            *of = Arc::downgrade(snapshot);
        }
    }

    /// Whether what was published just now is worth a frame.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let Some(newest) = self.newest.get() else { return true };
        !self.calm.load(Ordering::Relaxed) || outlook(&newest()) != self.drawn.load(Ordering::Relaxed)
    }
}

/// A number that changes when something changes that a person could see on a calm screen: figures as precisely as they
/// are shown, and no times. Each field is named here, so that a new one has to be thought of.
fn outlook(snapshot: &Snapshot) -> u64 {
    let Snapshot { events, servers, draft, clusters, jobs, clusters_dir, look } = snapshot;
    let mut seen = Seen(DefaultHasher::new());
    (events, draft.as_ref().map(place), clusters_dir, clusters.len(), look.as_ref().map(place)).hash(&mut seen.0);
    // Writing into a hash does not fail.
    let _ = write!(seen, "{servers:?}{jobs:?}");
    for cluster in clusters.values() {
        seen.cluster(cluster);
    }
    seen.0.finish()
}

/// Where a shared value lies: another place, another value.
fn place<T: ?Sized>(shared: &Arc<T>) -> usize {
    Arc::as_ptr(shared).addr()
}

struct Seen(DefaultHasher);

impl fmt::Write for Seen {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Seen {
    fn cluster(&mut self, cluster: &ClusterView) {
        let ClusterView {
            name,
            spec: _,
            phase,
            health,
            findings,
            nodes,
            slot_owner,
            plan,
            plan_error,
            half_made,
            half_moved,
            fix,
            slot_keys,
            slots,
            // Only the topology's screen shows it, and that is not calm.
            topology: _,
            on_close,
            history: _,
            owners: _,
            polled_at: _,
            busy_elsewhere,
            tls,
        } = cluster;
        (
            name,
            slot_owner,
            plan.as_ref().map(place),
            plan_error,
            busy_elsewhere,
            tls.is_some(),
            fix.as_ref().map(place),
        )
            .hash(&mut self.0);
        let shared = (slots.figures.as_ref().map(place), slots.content.as_ref().map(place));
        (shared, slots.preview.as_ref().map(place)).hash(&mut self.0);
        let _ = write!(
            self,
            "{phase:?}{health:?}{findings:?}{half_made:?}{half_moved:?}{slot_keys:?}{on_close:?}{:?}",
            slots.states
        );
        for node in nodes.iter() {
            self.node(node);
        }
    }

    fn node(&mut self, node: &NodeView) {
        let NodeView {
            addr,
            id,
            role,
            master,
            shard,
            slots,
            epoch,
            standing,
            reach,
            viewed,
            stats,
            settings: _,
            process,
        } = node;
        (addr, id, role, master, shard, slots, epoch, viewed.is_some()).hash(&mut self.0);
        // Since when is a time, and ages wake the window by themselves.
        let why = match reach {
            Reach::Stale { error, .. } | Reach::Never { error } => Some(error),
            Reach::Unknown | Reach::Live => None,
        };
        (std::mem::discriminant(reach), why, process.log_tail.last()).hash(&mut self.0);
        let _ = write!(self, "{standing:?}{:?}", process.state);
        if let Some(stats) = stats {
            self.stats(stats);
        }
    }

    fn stats(&mut self, stats: &NodeStats) {
        let NodeStats {
            keys,
            used_memory,
            ops_per_sec,
            clients,
            link_up,
            lag_bytes,
            repl_offset: _,
            lag_secs,
            never_linked,
            state_ok,
            version,
            build,
            process_id,
            uptime: _,
        } = stats;
        let lag = lag_bytes.map(format::bytes);
        let silence = lag_secs.filter(|_| lag.is_none());
        (keys, format::bytes(*used_memory), ops_per_sec, clients, link_up, lag, silence).hash(&mut self.0);
        (never_linked, state_ok, build, process_id).hash(&mut self.0);
        let _ = write!(self, "{version:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::samples;

    /// The sample, changed.
    fn after(change: impl FnOnce(&mut Snapshot, &mut ClusterView)) -> Snapshot {
        let mut snapshot = (*samples::snapshot(samples::healthy())).clone();
        let mut cluster = (*snapshot.clusters["orders"]).clone();
        change(&mut snapshot, &mut cluster);
        snapshot.clusters.insert("orders".to_owned(), cluster.into());
        snapshot
    }

    fn with_stats(change: impl FnOnce(&mut NodeStats)) -> Snapshot {
        after(|_, cluster| {
            let mut nodes = cluster.nodes.to_vec();
            change(nodes[1].stats.as_mut().unwrap());
            cluster.nodes = nodes.into();
        })
    }

    #[test]
    fn what_nobody_can_see_changes_nothing() {
        let before = outlook(&after(|_, _| ()));
        let quiet = [
            after(|_, cluster| cluster.polled_at = None),
            with_stats(|stats| stats.used_memory += 16),
            with_stats(|stats| stats.uptime += std::time::Duration::from_secs(1)),
            with_stats(|stats| stats.repl_offset = Some(1)),
        ];
        assert!(quiet.iter().all(|snapshot| outlook(snapshot) == before));
    }

    #[test]
    fn what_can_be_seen_changes_it() {
        let before = outlook(&after(|_, _| ()));
        let loud = [
            after(|snapshot, _| snapshot.events += 1),
            after(|_, cluster| cluster.health = crate::engine::snapshot::Health::Down),
            after(|_, cluster| cluster.busy_elsewhere = true),
            with_stats(|stats| stats.used_memory += 1 << 20),
            with_stats(|stats| stats.ops_per_sec += 1),
            with_stats(|stats| stats.link_up = Some(false)),
        ];
        assert!(loud.iter().all(|snapshot| outlook(snapshot) != before));
    }

    #[test]
    fn only_calm_screens_sleep_over_news_that_say_nothing_new() {
        let (wake, snapshot) = (Wake::default(), samples::snapshot(samples::healthy()));
        assert!(wake.is_due(), "nothing is known yet");
        let newest = snapshot.clone();
        wake.follow(Box::new(move || newest.clone()));
        assert!(wake.is_due(), "nothing was drawn yet");
        wake.drawn(&snapshot, true);
        assert!(!wake.is_due());
        wake.drawn(&snapshot, false);
        assert!(wake.is_due());
    }
}
