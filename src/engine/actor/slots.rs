//! Everything that is asked about single slots: measuring while somebody looks, listing keys, previews.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::core::slot::{Slot, key_slot};
use crate::core::topology::{NodeAddr, Role};
use crate::engine::command::Auth;
use crate::engine::measure::{MeasurePlan, measure};
use crate::engine::slot_content::{KeyPreview, SlotContent, look_into, preview};
use crate::engine::slot_figures::SlotFigures;
use crate::engine::snapshot::{Phase, Standing};

use super::cluster::Cluster;
use super::{Actor, Report};

/// What was found out.
#[derive(Debug)]
pub(super) enum SlotNews {
    Figures(Arc<SlotFigures>),
    Content(SlotContent),
    Preview(KeyPreview),
}

/// A measuring that runs; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Measuring {
    plan: watch::Sender<MeasurePlan>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl Measuring {
    fn start(name: String, plan: MeasurePlan, reports: mpsc::Sender<Report>) -> Self {
        let (plan, receiver) = watch::channel(plan);
        // One may wait: a frontend that is slow gets the latest but one.
        let (sender, mut figures) = mpsc::channel(1);
        let tasks = [
            tokio::spawn(measure(receiver, sender)),
            tokio::spawn(async move {
                while let Some(figures) = figures.recv().await {
                    if reports.send(Report::Slots(name.clone(), SlotNews::Figures(figures))).await.is_err() {
                        return;
                    }
                }
            }),
        ];
        Self { plan, _tasks: tasks.map(AbortOnDropHandle::new) }
    }
}

impl Cluster {
    /// Its masters that can be asked, with their slots, as last shown.
    fn measure_plan(&self) -> Option<MeasurePlan> {
        // A single node with slots is no formed cluster yet, and can be measured.
        let view = self.shown.as_ref().filter(|view| view.phase != Phase::Stopped)?;
        let masters = view.nodes.iter().filter(|node| {
            node.role == Some(Role::Master) && !node.slots.is_empty() && node.standing != Standing::Failed
        });
        let masters = masters.map(|node| (node.addr.clone(), node.slots.clone())).collect();
        Some(MeasurePlan { masters, auth: self.auth.clone() })
    }
}

impl Actor {
    /// Whose slots are to be measured from now on.
    pub(super) fn measure_slots(&mut self, cluster: Option<String>) {
        self.measured = cluster;
        self.measure_chosen();
    }

    /// Begins, adjusts and ends measurings, so that just the chosen cluster is measured, and only while somebody looks.
    pub(super) fn measure_chosen(&mut self) {
        let reports = self.reporter();
        for (name, cluster) in &mut self.clusters {
            let chosen = self.visible && self.measured.as_ref() == Some(name);
            match cluster.measure_plan().filter(|_| chosen) {
                None => cluster.measuring = None,
                Some(plan) => match &cluster.measuring {
                    Some(running) => {
                        running.plan.send_if_modified(|old| {
                            let changed = *old != plan;
                            *old = plan;
                            changed
                        });
                    }
                    None => cluster.measuring = Some(Measuring::start(name.clone(), plan, reports.clone())),
                },
            }
        }
    }

    pub(super) fn note_slots(&mut self, name: &str, news: SlotNews) {
        let Some(cluster) = self.clusters.get_mut(name) else { return };
        match news {
            SlotNews::Figures(figures) => cluster.slots.figures = Some(figures),
            SlotNews::Content(content) => cluster.slots.content = Some(Arc::new(content)),
            SlotNews::Preview(preview) => cluster.slots.preview = Some(Arc::new(preview)),
        }
        cluster.stale = true;
        self.changed();
    }

    pub(super) fn look_into_slot(&mut self, name: &str, slot: Slot, limit: u32) {
        self.ask_owner(name, slot, move |owner, auth| async move {
            SlotNews::Content(look_into(owner.as_ref(), &auth, slot, limit).await)
        });
    }

    pub(super) fn preview_key(&mut self, name: &str, key: Arc<[u8]>) {
        let slot = key_slot(&key);
        self.ask_owner(name, slot, move |owner, auth| async move {
            SlotNews::Preview(preview(owner.as_ref(), &auth, key).await)
        });
    }

    /// Asks the owner of a slot, in a task.
    fn ask_owner<F>(&mut self, name: &str, slot: Slot, ask: impl FnOnce(Option<NodeAddr>, Auth) -> F)
    where
        F: Future<Output = SlotNews> + Send + 'static,
    {
        let Some(cluster) = self.clusters.get_mut(name) else { return };
        let owner = cluster.view(&self.workspace, &self.jobs).owner_of(slot).map(|node| node.addr.clone());
        let (asking, reports, name) = (ask(owner, cluster.auth.clone()), self.reporter(), name.to_owned());
        tokio::spawn(async move {
            reports.send(Report::Slots(name, asking.await)).await.ok();
        });
    }
}
