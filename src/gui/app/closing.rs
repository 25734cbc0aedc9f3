//! What happens when the window is closed while servers run: ask once, obey remembered answers, wait for those that
//! stop.

use eframe::egui::{Context, ViewportCommand};

use crate::engine::command::Command;
use crate::engine::job::{JobKind, JobState};
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
    /// Waiting until the servers of these clusters have stopped.
    Stopping(Vec<String>),
    /// Nothing is to be asked any more.
    Allowed,
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

fn runs(cluster: &ClusterView) -> bool {
    cluster.nodes.iter().any(|node| node.process.state.pid().is_some())
}

impl App {
    /// Once a frame: answers the wish to close, and closes when the servers have stopped.
    pub(super) fn close_logic(&mut self, ctx: &Context) {
        if let Closing::Stopping(clusters) = &self.closing {
            let still = |name: &String| self.snapshot.clusters.get(name).is_some_and(|c| runs(c));
            if !clusters.iter().any(still) {
                self.close_now(ctx);
            } else if self.stop_failed() {
                // The job strip says why; the window stays open to show it.
                self.closing = Closing::No;
                self.ui.question = None;
            }
        }
        if self.closing == Closing::Allowed || !ctx.input(|input| input.viewport().close_requested()) {
            return;
        }
        let wishes = wishes(&self.snapshot);
        if !wishes.ask.is_empty() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.ui.attach = None;
            self.ui.question = Some(Confirm::Close { clusters: wishes.ask, remember: false });
            ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
        } else if !wishes.stop.is_empty() && self.closing == Closing::No {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.stop_then_close(wishes.stop);
        }
        // Else nothing is left to decide. A second wish to close while servers stop is obeyed.
    }

    fn stop_failed(&self) -> bool {
        let Closing::Stopping(clusters) = &self.closing else { return false };
        let last = |name: &String| self.snapshot.jobs.iter().rfind(|j| j.kind == JobKind::Stop && j.cluster == *name);
        clusters.iter().any(|name| last(name).is_some_and(|job| matches!(job.state, JobState::Failed(_))))
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

    fn stop_then_close(&mut self, clusters: Vec<String>) {
        for cluster in &clusters {
            self.send(Command::Stop { cluster: cluster.clone() });
        }
        self.ui.question = Some(Confirm::Stopping(clusters.clone()));
        self.closing = Closing::Stopping(clusters);
    }

    /// Closes the window without further questions.
    pub(super) fn close_now(&mut self, ctx: &Context) {
        self.closing = Closing::Allowed;
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }
}
