//! The one close look at a time: begun, refreshed and ended as somebody looks and turns away.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio_util::task::AbortOnDropHandle;

use crate::core::topology::{NodeAddr, NodeId};
use crate::engine::look::{Look, MOST_PEERS, Subject, look};
use crate::engine::snapshot::ClusterView;

use super::{Actor, Report};

/// A look that goes on; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Looking {
    /// The last of it.
    pub(super) last: Arc<Look>,
    again: Arc<Notify>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl Actor {
    /// At what to look from now on. The same again is fetched at once.
    pub(super) fn look_at(&mut self, wanted: Option<(String, Subject)>) {
        let is_same = |looking: &Looking| {
            wanted
                .as_ref()
                .is_some_and(|(cluster, subject)| looking.last.cluster == *cluster && looking.last.subject == *subject)
        };
        if let Some(looking) = self.looking.as_ref().filter(|looking| is_same(looking)) {
            looking.again.notify_one();
            return;
        }
        self.looked_at = wanted;
        self.looking = None;
        self.look_chosen();
        self.changed();
    }

    /// Begins and ends the look, so that it goes on only while the window can be seen.
    pub(super) fn look_chosen(&mut self) {
        if !self.visible {
            self.looking = None;
            return;
        }
        if self.looking.is_some() {
            return;
        }
        let Some((name, subject)) = self.looked_at.clone() else { return };
        let Some(cluster) = self.clusters.get(&name) else { return };
        let peers = match (&subject, &cluster.shown) {
            (Subject::Config(node), Some(view)) => peers_of(view, node),
            _ => Vec::new(),
        };
        let begun = Look::begun(name, subject);
        let (last, again, reports) = (Arc::new(begun.clone()), Arc::new(Notify::new()), self.reporter());
        // One may wait: a frontend that is slow gets the latest but one.
        let (sender, mut news) = mpsc::channel(1);
        let tasks = [
            tokio::spawn(look(begun, peers, cluster.auth.clone(), again.clone(), sender)),
            tokio::spawn(async move {
                while let Some(news) = news.recv().await {
                    if reports.send(Report::Looked(news)).await.is_err() {
                        return;
                    }
                }
            }),
        ];
        self.looking = Some(Looking { last, again, _tasks: tasks.map(AbortOnDropHandle::new) });
    }

    pub(super) fn note_look(&mut self, news: Arc<Look>) {
        let Some(looking) = &mut self.looking else { return };
        // What was under way when the person turned to something else says nothing about that.
        if looking.last.subject == news.subject && looking.last.cluster == news.cluster {
            looking.last = news;
            self.changed();
        }
    }
}

/// With whom a node is compared: those of its own shard first, then one of each other shard, then the rest.
fn peers_of(view: &ClusterView, node: &NodeAddr) -> Vec<NodeAddr> {
    let own = view.nodes.iter().find(|n| n.addr == *node);
    let head = |n: &crate::engine::snapshot::NodeView| -> Option<NodeId> { n.master.clone().or_else(|| n.id.clone()) };
    let shard = own.and_then(head);
    let mut peers: Vec<_> = view.nodes.iter().filter(|n| n.addr != *node && !n.is_stale()).collect();
    peers.sort_by_key(|n| (head(n) != shard, n.master.is_some(), n.addr.clone()));
    peers.into_iter().take(MOST_PEERS).map(|n| n.addr.clone()).collect()
}
