//! slotdeck: the window. eframe and egui live only here.
//!
//! # How to add a screen
//! 1. One file in `views/`: a state struct `XxxUi` (plain data, `Default`) and one function
//!    `#[must_use] pub fn xxx_ui(ui: &mut egui::Ui, snapshot: &Snapshot, state: &mut XxxUi) -> Option<Action>`.
//!    It reads the snapshot, edits its own state, and says what the person meant. No channel, lock, await, file or
//!    process in it; no `request_repaint`.
//! 2. One variant of [`action::View`] (a screen of a cluster) or [`action::Screen`], and the `match`es that the
//!    compiler then names.
//! 3. Texts: `tr!("xxx.title")` with `[xxx] title = "…"` in `assets/i18n/app.en.toml` **and** `app.zh-CN.toml`; a larger
//!    screen brings its own pair of files, `assets/i18n/xxx.en.toml` and `xxx.zh-CN.toml` (all are merged;
//!    add them to the list in `i18n.rs`, so that cargo builds again when they change). What core
//!    and engine say by variant comes from [`words`]: `words::problem(&problem.kind)`.
//! 4. Colours from `theme::Palette::of(ui)`, icons from `icons::Icon` (`Icon::Copy.with(tr!("…"))`). Icon-only buttons
//!    get `.on_hover_text(…)`, inputs `.labelled_by(label.id)`: the tests fail an input without a name.
//! 5. A test beside it: `testing::harness(state, |ui, state| …)`, press by label, look at the `Action` that came out.
//!
//! New things for the engine go through `Action::Do(Command)`; what destroys is turned into its question
//! (`Confirm::before`, by `Command::danger`) and sent as `Action::Confirmed` after the yes.

pub mod action;
pub mod app;
pub mod args;
pub mod commands;
pub mod crash;
mod detail_words;
pub mod failover;
pub mod format;
pub mod i18n;
pub mod icons;
pub mod info_words;
mod logfile;
pub mod members;
pub mod message;
pub mod moves;
mod notices;
mod opening;
mod outline;
pub mod renderer;
pub mod repairs;
pub mod run;
#[cfg(test)]
pub mod samples;
mod server_words;
pub mod shell;
pub mod slot_words;
pub mod summary;
#[cfg(test)]
pub mod testing;
pub mod theme;
pub mod views;
pub mod wake;
pub mod widgets;
pub mod words;
