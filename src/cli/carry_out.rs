//! Carries a creation's plan out, and where it stops half-way, offers the ways out.

use crate::core::plan::create::CreatePlan;
use crate::engine::command::Auth;
use crate::engine::create::{CREATE_STEPS, CreateError, Journal, Mode, create};
use crate::engine::steps::{Report, Steps};

use super::interrupt::Interrupt;
use super::terminal::{Terminal, complain};

/// The question after a creation that stopped half-way.
pub(super) const WAY_OUT: &str =
    "Type 'yes' to go on, 'reset' to make exactly these nodes empty again, anything else to leave them: ";

/// A plan, and all that it takes to carry it out.
pub(super) struct Work<'a> {
    pub(super) plan: &'a CreatePlan,
    pub(super) auth: &'a Auth,
    pub(super) terminal: Terminal,
    pub(super) interrupt: &'a Interrupt,
    /// The words of the steps.
    pub(super) report: fn(Terminal) -> Report,
    /// Whether nothing may be asked.
    pub(super) yes: bool,
}

/// How a creation ended that made no cluster.
pub(super) enum Halt {
    /// Nothing was changed; why.
    Untouched(String),
    /// It stopped half-way, and these are the words for it. They were said already if there was a question.
    HalfMade {
        /// What happened, and which nodes were changed.
        said: String,
        /// What the person wants; `None` where nobody was asked.
        wish: Option<Wish>,
    },
}

/// What a person wants of a creation that stopped half-way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To go on.
    GoOn,
    /// To make exactly the touched nodes empty again.
    Reset,
    /// To leave them as they are.
    Leave,
    /// Nobody answered.
    Unanswered,
}

/// Asks which way out to take.
pub(super) async fn ask_way_out(interrupt: &Interrupt, terminal: Terminal) -> Wish {
    match interrupt.ask(terminal, WAY_OUT).await.as_str() {
        "yes" => Wish::GoOn,
        "reset" => Wish::Reset,
        "" => Wish::Unanswered,
        _ => Wish::Leave,
    }
}

/// Carries the plan out; where it stops half-way and the person wants so, goes on.
pub(super) async fn carry_out(work: &Work<'_>, mut mode: Mode, journal: &dyn Journal) -> Result<Steps, Halt> {
    let mut cancel = work.interrupt.token();
    loop {
        let steps = Steps::new(&CREATE_STEPS, (work.report)(work.terminal), cancel);
        let (touched, reason) = match create(work.plan, mode, work.auth, &steps, journal).await {
            Ok(_) => return Ok(steps),
            Err(CreateError::Untouched(reason)) => return Err(Halt::Untouched(reason)),
            Err(CreateError::HalfMade { touched, reason, .. }) => (touched, reason),
        };
        let nodes = touched.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let said = format!("[ERR] The cluster is not finished: {reason}. Changed nodes: {nodes}.");
        if work.yes {
            return Err(Halt::HalfMade { said, wish: None });
        }
        complain(&said);
        match ask_way_out(work.interrupt, work.terminal).await {
            Wish::GoOn => (mode, cancel) = (Mode::Resume, work.interrupt.renew()),
            wish => return Err(Halt::HalfMade { said, wish: Some(wish) }),
        }
    }
}
