//! Which renderer opens the window: a pure rule, so that every machine can be played through in a test.
//!
//! OpenGL (glow) is the lighter one and comes first. Machines without it (remote desktops, virtual machines, the basic
//! display driver) have `DirectX` 12. A renderer can fail in two ways: it says so, or it takes the process with it. In the
//! first case the program starts itself again and names what failed; in the second nobody is left to do so, and
//! [`trial`](crate::workspace::trial) tells the next start. What worked is tried first the next time.

use crate::workspace::settings::Renderer;

/// The renderers of this build, in the order in which they are tried.
pub const BUILT: &[Renderer] = if cfg!(windows) { &[Renderer::Glow, Renderer::Wgpu] } else { &[Renderer::Glow] };

/// What is known when a renderer is to be chosen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Situation<'a> {
    /// The one that the person insists on.
    pub forced: Option<Renderer>,
    /// Those that this build has, in order.
    pub built: &'a [Renderer],
    /// The one that painted the window last.
    pub won: Option<Renderer>,
    /// Those that ended the process in earlier starts, since the last window.
    pub crashed: &'a [Renderer],
    /// Those that failed in this start.
    pub failed: &'a [Renderer],
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Open the window with this one.
    Try(Renderer),
    /// Say what is known, and open the window with this one if the person wants to try again: it crashed before.
    Ask(Renderer),
    /// Say what failed: nothing is left to try.
    GiveUp,
    /// The person insists on one that this build lacks.
    Lacking(Renderer),
}

/// Chooses. One start tries each renderer at most once, for each adds itself to `failed`.
#[must_use]
pub fn next(situation: &Situation<'_>) -> Next {
    let failed = |renderer: &Renderer| situation.failed.contains(renderer);
    if let Some(forced) = situation.forced {
        return match situation.built.contains(&forced) {
            false => Next::Lacking(forced),
            true if failed(&forced) => Next::GiveUp,
            true => Next::Try(forced),
        };
    }
    let won = situation.won.filter(|won| situation.built.contains(won));
    let others = situation.built.iter().copied().filter(|renderer| Some(*renderer) != won);
    let left: Vec<Renderer> = won.into_iter().chain(others).filter(|renderer| !failed(renderer)).collect();
    let unhurt = left.iter().find(|renderer| !situation.crashed.contains(renderer));
    match (unhurt, left.first()) {
        (Some(renderer), _) => Next::Try(*renderer),
        (None, Some(renderer)) => Next::Ask(*renderer),
        (None, None) => Next::GiveUp,
    }
}

#[cfg(test)]
#[path = "renderer_tests.rs"]
mod tests;
