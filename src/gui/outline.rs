//! What is on the screen, as a text file: the names, places and states that the window tells screen readers. With it a
//! script can use the real window with a real mouse, and a person can see what a screen reader sees.
//!
//! Asked for with the environment variable [`VARIABLE`]; without it nothing of this is done.

use std::cmp::Ordering;
use std::fmt::Write;
use std::path::PathBuf;

use eframe::egui::accesskit::{Node, NodeId, Role, Toggled, TreeUpdate};
use eframe::egui::{Context, FullOutput, Plugin};

use crate::workspace::atomic::atomic_write;

/// Names the file that takes the outline: a line for each thing with a name, of fields parted by tabs:
/// left, top, right, bottom (pixels of the window), role, state (`on`, `off`, `disabled` or `-`), name, value (of what is chosen, never
/// of what is typed).
pub const VARIABLE: &str = "SLOTDECK_OUTLINE";

struct Outline {
    path: PathBuf,
    written: String,
}

/// Writes the outline after each frame that changed it, if the environment asks for it.
pub fn install_if_asked(ctx: &Context) {
    let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) else { return };
    ctx.add_plugin(Outline { path: PathBuf::from(path), written: String::new() });
}

impl Plugin for Outline {
    fn debug_name(&self) -> &'static str {
        "outline"
    }

    fn setup(&mut self, ctx: &Context) {
        ctx.enable_accesskit();
    }

    fn output_hook(&mut self, _ctx: &Context, output: &mut FullOutput) {
        let Some(update) = &output.platform_output.accesskit_update else { return };
        let text = outline(update, output.pixels_per_point);
        if text == self.written {
            return;
        }
        match atomic_write(&self.path, text.as_bytes(), true) {
            Ok(()) => self.written = text,
            Err(why) => tracing::warn!(%why, path = %self.path.display(), "the outline can't be written"),
        }
    }
}

fn outline(update: &TreeUpdate, pixels_per_point: f32) -> String {
    let mut rows = Vec::new();
    for (_, node) in &update.nodes {
        // The runs of a label repeat it.
        if node.role() == Role::TextRun {
            continue;
        }
        let Some(bounds) = node.bounds() else { continue };
        // What is typed is not written down: a password may be shown while it is typed, or stand in a file's text.
        let secret = matches!(node.role(), Role::TextInput | Role::PasswordInput | Role::MultilineTextInput);
        let value = node.value().filter(|_| !secret).unwrap_or_default();
        let name = name_of(update, node);
        if name.is_empty() && value.is_empty() {
            continue;
        }
        let scale = f64::from(pixels_per_point);
        let [left, top, right, bottom] = [bounds.x0, bounds.y0, bounds.x1, bounds.y1].map(|at| (at * scale).round());
        // A label's text is its value.
        let (name, value) = if name.is_empty() && node.role() == Role::Label { (value, "") } else { (name, value) };
        rows.push((top, left, right, bottom, node.role(), state(node), one_field(name), one_field(value)));
    }
    // As one reads; the tree has no order of its own.
    rows.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    rows.iter().fold(String::new(), |mut text, (top, left, right, bottom, role, state, name, value)| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{left}\t{top}\t{right}\t{bottom}\t{role:?}\t{state}\t{name}\t{value}");
        text
    })
}

/// Its own name, or the text of the label that names it.
fn name_of<'a>(update: &'a TreeUpdate, node: &'a Node) -> &'a str {
    let text = |id: &NodeId| update.nodes.iter().find(|(found, _)| found == id).and_then(|(_, label)| label.value());
    node.label().or_else(|| node.labelled_by().iter().find_map(text)).unwrap_or_default()
}

fn state(node: &Node) -> &'static str {
    match (node.is_disabled(), node.toggled()) {
        (true, _) => "disabled",
        (false, Some(Toggled::True)) => "on",
        (false, Some(_)) => "off",
        (false, None) => "-",
    }
}

fn one_field(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::testing::{Look, builder};
    use eframe::egui;

    #[test]
    fn what_can_be_pressed_is_written_down_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("outline.tsv");
        let mut harness = builder(Look::default()).build_ui_state(
            |ui, on: &mut bool| {
                ui.checkbox(on, "Tab\there");
                ui.add_enabled(false, egui::Button::new("Go"));
                let secret = ui.label("Secret");
                ui.add(egui::TextEdit::singleline(&mut "hidden").password(true)).labelled_by(secret.id);
                let words = ui.label("Words");
                ui.text_edit_singleline(&mut "typed").labelled_by(words.id);
            },
            true,
        );
        harness.ctx.add_plugin(Outline { path: path.clone(), written: String::new() });
        harness.run();
        let text = std::fs::read_to_string(&path).unwrap();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
        let row = |name: &str| rows.iter().find(|row| row[6] == name).unwrap_or_else(|| panic!("no {name} in {text}"));
        assert!(rows.iter().all(|row| row.len() == 8));
        assert_eq!(row("Tab here")[4..6], ["CheckBox", "on"]);
        assert_eq!(row("Go")[4..6], ["Button", "disabled"]);
        assert_eq!(row("Words")[4], "Label");
        assert!(rows.iter().any(|row| row[4] == "TextInput" && row[6..] == ["Words", ""]), "{text}");
        assert!(rows.iter().any(|row| row[4..] == ["PasswordInput", "-", "Secret", ""]), "{text}");
        let at: Vec<f64> = row("Go")[..4].iter().map(|number| number.parse().unwrap()).collect();
        assert!(at[0] < at[2] && at[1] < at[3], "{at:?}");
    }
}
