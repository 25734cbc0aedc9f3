//! What happens when the window is closed while servers run: ask once, obey remembered answers, wait for those that
//! stop.

use eframe::egui::{Context, ViewportCommand};

use crate::engine::command::Command;
use crate::engine::event::{Event, What};
use crate::engine::job::{JobId, JobKind, JobState, JobView};
use crate::engine::snapshot::{ClusterView, Snapshot};
use crate::gui::action::Confirm;
use crate::workspace::document::OnClose;

use super::App;

/// How far closing is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Closing {
    /// The window stays open.
    #[default]
    No,
    /// Waiting until work has come to a safe point.
    Ending,
    /// Waiting until the servers have stopped.
    Stopping(Stopping),
    /// Nothing is to be asked any more.
    Allowed,
}

/// A stop that the window waits for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stopping {
    /// Whose servers.
    clusters: Vec<String>,
    /// The newest job from before: earlier stops are not this one.
    after: Option<JobId>,
    /// Whether the engine did not take it.
    refused: bool,
}

impl Stopping {
    /// Whether one of the stops will not come to a good end.
    fn failed(&self, snapshot: &Snapshot) -> bool {
        let badly = |state: &JobState| matches!(state, JobState::Failed(_) | JobState::Cancelled(_));
        let mine = |cluster: &str, kind: JobKind| kind == JobKind::Stop && self.clusters.iter().any(|c| c == cluster);
        let new = |id: JobId| self.after.is_none_or(|after| id > after);
        self.refused || snapshot.jobs.iter().any(|j| new(j.id) && mine(&j.cluster, j.kind) && badly(&j.state))
    }
}

/// What closing means for the clusters that run now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    /// No answer is remembered.
    pub ask: Vec<String>,
    /// Remembered: stop.
    pub stop: Vec<String>,
}

/// The clusters launched here whose servers run.
pub(super) fn wishes(snapshot: &Snapshot) -> Wishes {
    let mut wishes = Wishes::default();
    for cluster in snapshot.clusters.values().filter(|c| c.spec.is_some() && runs(c)) {
        match cluster.on_close {
            OnClose::Ask => wishes.ask.push(cluster.name.clone()),
            OnClose::Stop => wishes.stop.push(cluster.name.clone()),
            OnClose::Leave => {}
        }
    }
    wishes
}

/// The jobs that would be left half-done: the engine gives them but a moment when the window closes.
fn at_work(snapshot: &Snapshot) -> impl Iterator<Item = &JobView> {
    snapshot.jobs.iter().map(AsRef::as_ref).filter(|job| job.kind.leaves_work() && !job.state.is_over())
}

fn is_at_work(snapshot: &Snapshot) -> bool {
    at_work(snapshot).next().is_some()
}

fn runs(cluster: &ClusterView) -> bool {
    cluster.nodes.iter().any(|node| node.process.state.pid().is_some())
}

impl App {
    /// Once a frame: answers the wish to close, and closes when the servers have stopped.
    pub(super) fn close_logic(&mut self, ctx: &Context) {
        if let Closing::Stopping(stopping) = &self.closing {
            let still = |name: &String| self.snapshot.clusters.get(name).is_some_and(|c| runs(c));
            if !stopping.clusters.iter().any(still) {
                self.close_now(ctx);
            } else if stopping.failed(&self.snapshot) {
                // The job strip or a toast says why; the window stays open to show it.
                self.closing = Closing::No;
                self.ui.question = None;
            }
        }
        if self.closing == Closing::Ending && !is_at_work(&self.snapshot) {
            // What is to become of the servers is asked next.
            (self.closing, self.ui.question) = (Closing::No, None);
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
        if self.closing == Closing::Allowed || !ctx.input(|input| input.viewport().close_requested()) {
            return;
        }
        if is_at_work(&self.snapshot) {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.ui.attach = None;
            self.ui.question = Some(Confirm::Working { ending: self.closing == Closing::Ending });
            ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
            return;
        }
        let wishes = wishes(&self.snapshot);
        if !wishes.ask.is_empty() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.ui.attach = None;
            self.ui.question = Some(Confirm::Close { clusters: wishes.ask, remember: true });
            ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
        } else if !wishes.stop.is_empty() && self.closing == Closing::No {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.stop_then_close(wishes.stop);
        }
        // Else nothing is left to decide. A second wish to close while servers stop is obeyed.
    }

    /// Hears whether the engine refused a stop that the window waits for.
    pub(super) fn note_refusal(&mut self, event: &Event) {
        if let (Closing::Stopping(stopping), What::Refused(..), Some(name)) =
            (&mut self.closing, &event.what, &event.cluster)
        {
            stopping.refused |= stopping.clusters.contains(name);
        }
    }

    /// The answer to the question what is to become of the servers.
    pub(super) fn close_with(&mut self, ctx: &Context, servers: OnClose, clusters: Vec<String>, remember: bool) {
        self.ui.question = None;
        if remember {
            for cluster in &clusters {
                self.send(Command::SetOnClose { cluster: cluster.clone(), on_close: servers });
            }
        }
        let mut stop = wishes(&self.snapshot).stop;
        if servers == OnClose::Stop {
            stop.extend(clusters);
        }
        if stop.is_empty() {
            self.close_now(ctx);
        } else {
            self.stop_then_close(stop);
        }
    }

    /// Lets the jobs that would leave work behind come to their next safe point; the window closes then.
    pub(super) fn end_work(&mut self) {
        let jobs: Vec<JobId> = at_work(&self.snapshot).map(|job| job.id).collect();
        for job in jobs {
            self.send(Command::CancelJob(job));
        }
        (self.closing, self.ui.question) = (Closing::Ending, Some(Confirm::Working { ending: true }));
    }

    fn stop_then_close(&mut self, clusters: Vec<String>) {
        let after = self.snapshot.jobs.iter().map(|job| job.id).max();
        let mut refused = false;
        for cluster in &clusters {
            refused |= !self.send(Command::Stop { cluster: cluster.clone() });
        }
        self.ui.question = Some(Confirm::Stopping(clusters.clone()));
        self.closing = Closing::Stopping(Stopping { clusters, after, refused });
    }

    /// Closes the window without further questions.
    pub(super) fn close_now(&mut self, ctx: &Context) {
        self.closing = Closing::Allowed;
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }
}
