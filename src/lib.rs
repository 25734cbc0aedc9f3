//! Slotdeck makes, shows and runs Redis Clusters. This page is the architecture chapter: read it first.
//!
//! # What the program is
//!
//! Two programs over one library: `slotdeck`, a window, and `slotctl`, its terminal twin. Both find a `redis-server`,
//! write a folder and a `redis.conf` for each node, start the processes, plan a cluster, show the plan, and on a yes
//! make it; then they show it live, stop it, start it again and delete it. What one front makes the other sees, because
//! both keep the same documents.
//!
//! # Layers
//!
//! ```text
//!   gui (egui)      cli (slotctl)      frontends: read snapshots, call operations; never see each other
//!        \            /
//!         engine                       tokio, sockets, processes, time; owns all state
//!        /      \
//!  workspace     |                     documents on disk: JSON, atomic writes, locks
//!        \      /
//!          core                        pure: slots, topology, specs, plans, checks, redis.conf text
//!
//!   os                                  beside them: safe functions over system calls, used by all but core
//! ```
//!
//! Arrows go down only; `tests/layers.rs` reads the `use` lines and fails otherwise. [`core`] has no clock, no I/O and no
//! async, so each of its rules is tested without a server. The feature `gui` gates the window: `cargo build
//! --no-default-features` proves that the rest does not know egui. [`os`] is the one place with unsafe code; what follows
//! from its answers are rules of [`core`], so that what Windows does otherwise is tested everywhere.
//!
//! # How data flows in the window
//!
//! ```text
//!   user                                                     redis-server processes, sockets
//!    | click                                                     ^   | replies, exits
//!    v                                                           |   v
//!  view --Option<Action>--> App::dispatch --Command--> engine::actor --> tasks (polls, jobs, probes)
//!    ^                       (bounded queue)              |   ^               | Report (bounded queue)
//!    |                                                    |   +---------------+
//!    +------------- Arc<Snapshot> (watch) <---------------+---> Event (bounded queue)
//! ```
//!
//! * The actor is the only writer of the engine's state. A frame holds one [`Arc<Snapshot>`](engine::snapshot::Snapshot)
//!   from its first line to its last, so it never shows two truths.
//! * A view takes the snapshot and its own small state and returns what the person meant; it has no channel, lock,
//!   await, file or process.
//! * Work that takes time is an *operation*: an async function that tells its [`Steps`](engine::steps::Steps). The
//!   window runs it as a job of the actor; slotctl awaits it. There is one [`create`](engine::create::create), one
//!   [`launch`](engine::lifecycle::launch) and one [`stop`](engine::lifecycle::stop) for both fronts.
//! * The documents are the memory. A job writes there what became of a cluster, and the actor reads the document again
//!   when the job ends; it does the same when another program has changed one.
//! * A process opens one window, once: an event loop can't be begun twice. A renderer that fails therefore ends in
//!   another process of the same program, which is told what failed (`gui::renderer` is the rule,
//!   [`workspace::trial`] remembers what took its process with it). A second start finds the instance lock taken and
//!   leaves a [request](workspace::requests).
//! * A [definition](core::definition) is a cluster's spec without its server and its secrets, as a `.slotdeck` file. It
//!   only ever fills the wizard or the options of `slotctl up`; all checks come after.
//!
//! # How a cluster is made
//!
//! [`inspect`](engine::inspect) asks every node and refuses those that hold anything; [`CreatePlan`](core::plan::create)
//! is a value that can be shown as redis-cli's lines and as exact commands; [`create`](engine::create) executes the
//! confirmed one. It is fast because it does not wait for what need not be waited for: all nodes at once, slots as
//! ranges, a full mesh of MEETs instead of gossip, REPLICATE as soon as a replica knows its master, polls of
//! some 20 ms instead of sleeps, and for the time of the creation a short `cluster-node-timeout` (it paces both the pings
//! that spread the roles and the delay after which a master without quorum is ok again) and no
//! `repl-diskless-sync-delay`. Those settings are put back whatever happens. A journal in the document says which nodes
//! were touched and what is to be put back, so that a creation that ended half-way can be gone on with or undone.
//!
//! # How slots move
//!
//! `reshard`, `rebalance` and lists of slots become a [`MovePlan`](core::plan::moves::MovePlan), and
//! [`migrate`](engine::migrate::migrate) carries it out: atomically where both servers of a pair can, else key by key with
//! a bounded window of open slots. The servers themselves say which slots are done, so the journal holds the plan only, and
//! resuming is carrying out the same plan again. [`moves`](engine::moves) keeps that journal for both fronts.
//!
//! # How a cluster is looked after
//!
//! Every other work follows the same pattern: a plan as data in [`core::plan`] (nodes that come or go, drains, repairs,
//! failovers), shown and asked about, then carried out by a module of the engine that checks the result on every node.
//! [`fix`](engine::fix) settles owners first and keys afterwards, so that a loser of a slot never drops its keys.
//! [`backup`](engine::backup) takes each master's RDB file as a replica would, [`restore`](engine::restore) walks such
//! files with [`core::rdb`] and gives each entry to the master that owns its slot, and [`import`](engine::import) does it
//! for the keys of a server that is no cluster.
//!
//! What was polled is kept as [`history`](core::history) (figures, in a fixed amount of memory) and as a
//! [`timeline`](core::timeline) of changes; [`measure`](engine::measure) asks for single slots only while somebody looks.
//!
//! # Large clusters
//!
//! Every node has a view of its own, and views that differ are what the check is for; but a thousand views of a thousand
//! nodes are a million lines. [`ViewReader`](core::nodes::ViewReader) keeps each different line and each different list once,
//! and [`opinions`](core::topology::Topology::opinions) lets the check look at each list once, whoever holds it. The
//! [poll](engine::poll) asks every node for itself each second and for views in turn; a view from before the last change is
//! `dated`: it still speaks for its own node, but is not held against the others. The actor rests after each picture for a
//! multiple of what it took, and the window (`gui::wake`) draws a calm screen only when something on it has changed.
//!
//! # Processes
//!
//! A server is started in a session of its own and outlives the program. It is found again by process id *and* start time
//! *and* what it is ([`process`](engine::process)); a record that fits nothing is searched for by the folder the
//! server runs in. Nothing is ever ended that was not identified so. The password of a local cluster is kept in the nodes'
//! own `redis.conf` (mode 0600; on Windows the folder's permissions count) and nowhere else.
//!
//! Windows has no signals: there a Ctrl-C is sent by a short-lived process of this same program ([`os::ctrl_c`]), and
//! the servers of a cluster that is to stop with the window are in a [job](os::job), so that they end even if it crashes.
//!
//! # Where things are
//!
//! | to change | look in |
//! |---|---|
//! | what a server version can do | [`core::capability`] |
//! | the generated redis.conf, quoting, known directives | [`core::conf`] |
//! | what builds for Windows lack, and how to get one | [`core::limits`], [`core::build`], [`core::getting`] |
//! | what Windows' servers make of a path | [`core::windows_path`] |
//! | what is wrong with a draft | [`core::validate`], [`engine::machine`] |
//! | slots, pairs, commands of a creation | [`core::plan::create`] |
//! | which slots a reshard or rebalance moves | [`core::plan::reshard`], [`core::plan::rebalance`], [`core::plan::rebalance_load`] |
//! | how slots get from master to master | [`engine::migrate`] |
//! | who joins, leaves or is emptied, and how | [`core::plan::add`], [`core::plan::remove`], [`core::plan::drain`], [`engine::add`], [`engine::remove`] |
//! | which damage is repaired, and how | [`core::plan::fix`], [`engine::fix`] |
//! | who takes over from whom, and what that can lose | [`core::plan::failover`], [`engine::failover`] |
//! | how servers start, stop and are deleted | [`engine::lifecycle`], [`engine::starting`], [`engine::process`] |
//! | TLS: options, trust, what a failure means | [`core::tls`], [`engine::tls`] |
//! | what a node or a slot tells when it is looked at closely | [`core::answers`], [`engine::look`], [`engine::slot_content`] |
//! | RDB files, backups and what is read from them | [`core::rdb`], [`core::backup`], [`engine::backup`], [`engine::restore`] |
//! | views that share what they say alike, whose turn it is | [`core::nodes`], [`engine::poll`] |
//! | figures over time, events, failovers as stories | [`core::history`], [`core::timeline`] |
//! | what "healthy" means | [`core::check`] |
//! | what is shown for what was answered | [`engine::assemble`] |
//! | what can be asked of the engine | [`engine::command`] |
//! | a screen, a dialog | `gui::views`, `gui::widgets`, one file each |
//! | what Ctrl+K finds | `gui::commands` |
//! | a slotctl sub command | [`cli`] |

// Tests that are also compiled into the library name it from outside and from inside alike.
#[cfg(test)]
extern crate self as slotdeck;

#[cfg(feature = "gui")]
rust_i18n::i18n!("assets/i18n", fallback = "en");

pub mod cli;
pub mod core;
pub mod engine;
#[cfg(feature = "gui")]
pub mod gui;
pub mod os;
pub mod workspace;
