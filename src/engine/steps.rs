//! The steps of a running operation: which one runs, how long each took, and whether it should stop.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::detail::Detail;
use super::job::{Step, StepState, StepView};

/// Receives the steps whenever one of them changes.
pub type Report = Arc<dyn Fn(&[StepView]) + Send + Sync>;

/// The steps of one operation. Clones share them.
#[derive(Clone)]
pub struct Steps {
    state: Arc<Mutex<State>>,
    report: Report,
    cancel: CancellationToken,
}

struct State {
    steps: Vec<StepView>,
    running: Option<(usize, Instant)>,
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.views()).finish()
    }
}

impl Steps {
    /// An operation of these steps. `report` is called on every change and must not block; `cancel` asks the
    /// operation to stop at its next safe point.
    #[must_use]
    pub fn new(steps: &[Step], report: Report, cancel: CancellationToken) -> Self {
        let steps = steps.iter().map(|step| pending(*step)).collect();
        let this = Self { state: Arc::new(Mutex::new(State { steps, running: None })), report, cancel };
        (this.report)(&this.views());
        this
    }

    /// Steps that nobody watches and nobody cancels.
    #[must_use]
    pub fn silent(steps: &[Step]) -> Self {
        Self::new(steps, Arc::new(|_| ()), CancellationToken::new())
    }

    /// The steps as they stand, the running one's time up to now.
    #[must_use]
    pub fn views(&self) -> Vec<StepView> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut steps = state.steps.clone();
        if let Some((index, since)) = state.running {
            steps[index].took = since.elapsed();
        }
        steps
    }

    /// Whether the operation should stop at its next safe point.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Cancelled when the operation should stop at its next safe point.
    #[must_use]
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Begins a step; one that still runs is done. A step that was not announced is added at the end.
    pub fn begin(&self, step: Step) {
        self.change(|state| {
            end_running(state, &StepState::Done);
            let announced = state.steps.iter().position(|s| s.step == step && s.state == StepState::Pending);
            let index = announced.unwrap_or(state.steps.len());
            if announced.is_none() {
                state.steps.push(pending(step));
            }
            state.steps[index].state = StepState::Running;
            state.running = Some((index, Instant::now()));
        });
    }

    /// Says what the running step waits for or has found.
    pub fn detail(&self, detail: impl Into<Detail>) {
        let detail = detail.into();
        self.change(|state| {
            if let Some((index, _)) = state.running {
                state.steps[index].detail = detail;
            }
        });
    }

    /// The running step is done.
    pub fn done(&self) {
        self.change(|state| end_running(state, &StepState::Done));
    }

    /// The running step has what it waited for: what it waited for last is not its result.
    pub fn waited(&self) {
        self.detail(Detail::None);
    }

    /// The running step failed.
    pub fn fail(&self, reason: &str) {
        self.change(|state| end_running(state, &StepState::Failed(reason.to_owned())));
    }

    /// A pending step is not needed.
    pub fn skip(&self, step: Step) {
        self.change(|state| {
            if let Some(view) = state.steps.iter_mut().find(|s| s.step == step && s.state == StepState::Pending) {
                view.state = StepState::Skipped;
            }
        });
    }

    fn change(&self, with: impl FnOnce(&mut State)) {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            with(&mut state);
        }
        (self.report)(&self.views());
    }
}

fn pending(step: Step) -> StepView {
    StepView { step, state: StepState::Pending, detail: Detail::None, took: Duration::ZERO }
}

fn end_running(state: &mut State, end: &StepState) {
    if let Some((index, since)) = state.running.take() {
        state.steps[index].took = since.elapsed();
        state.steps[index].state = end.clone();
    }
}
