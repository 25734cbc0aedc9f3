//! A steady writer and a steady reader, and how long they waited for their answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::VALUE;
use super::common::TestServer;
use super::common::follower::Follower;

/// Each client sends a command so often.
const EVERY: Duration = Duration::from_millis(1);

/// Both at work.
pub struct Clients {
    /// What they are about to wait for is over.
    over: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    threads: [JoinHandle<Vec<Wait>>; 2],
}

/// One answer.
#[derive(Clone, Copy)]
pub struct Wait {
    /// How long it took.
    pub took: Duration,
    /// Whether it was asked for while the work was under way, not afterwards.
    pub meanwhile: bool,
}

/// How long answers took.
#[derive(Default)]
pub struct Waits {
    /// Of the reader.
    pub reads: Vec<Wait>,
    /// Of the writer.
    pub writes: Vec<Wait>,
}

impl Waits {
    /// How many answers took longer than a millisecond.
    pub fn late(&self) -> usize {
        self.reads.iter().chain(&self.writes).filter(|wait| wait.took > Duration::from_millis(1)).count()
    }

    /// Takes others in.
    pub fn add(&mut self, other: Self) {
        self.reads.extend(other.reads);
        self.writes.extend(other.writes);
    }
}

impl Clients {
    /// Begins; the keys are those of [`Cluster::load`](super::Cluster::load).
    pub fn start(servers: &[TestServer], keys: usize) -> Self {
        let [over, stop] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        // Neither measures while the other is still getting ready.
        let ready = [("reader", false), ("writer", true)].map(|(name, writes)| {
            let mut client = Follower::new(servers);
            // Every node's connection and owner is known before the first measured call.
            for number in 0..keys.min(20_000) {
                client.get(format!("key:{number}").as_bytes());
            }
            (name, writes, client)
        });
        let threads = ready.map(|(name, writes, mut client)| {
            let (over, stop) = (Arc::clone(&over), Arc::clone(&stop));
            let work = move || run(&mut client, keys, writes, &over, &stop);
            std::thread::Builder::new().name(name.to_owned()).spawn(work).expect("a thread")
        });
        Self { over, stop, threads }
    }

    /// The work has ended; they go on.
    pub fn work_is_over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Ends both.
    pub fn stop(self) -> Waits {
        self.stop.store(true, Ordering::Relaxed);
        let [reads, writes] = self.threads.map(|thread| thread.join().expect("a client that works"));
        Waits { reads, writes }
    }
}

/// One command after the other, at its time; what is late because an earlier one took long is counted from its time.
fn run(client: &mut Follower, keys: usize, writes: bool, over: &AtomicBool, stop: &AtomicBool) -> Vec<Wait> {
    let value = [b'v'; VALUE];
    let mut waits = Vec::new();
    let mut number = 1;
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        due += EVERY;
        let early = due.saturating_duration_since(Instant::now());
        std::thread::sleep(early);
        let meanwhile = !over.load(Ordering::Relaxed);
        let begun = if early.is_zero() { due } else { Instant::now() };
        // All keys in an order that jumps about: 7919 is prime.
        number = (number + 7919) % keys;
        let key = format!("key:{number}");
        if writes {
            client.set(key.as_bytes(), &value);
        } else {
            assert!(client.get(key.as_bytes()).is_some(), "{key} is gone");
        }
        waits.push(Wait { took: begun.elapsed(), meanwhile });
    }
    waits
}

/// Median, 99th of a hundred and the longest, in milliseconds.
pub fn figures<'a>(waits: impl Iterator<Item = &'a Wait>) -> [f64; 3] {
    let mut waits: Vec<f64> = waits.map(|wait| wait.took.as_secs_f64() * 1000.0).collect();
    waits.sort_by(f64::total_cmp);
    let at = |share: usize| waits.get(waits.len().saturating_sub(1) * share / 100).copied().unwrap_or(f64::NAN);
    [at(50), at(99), at(100)]
}
