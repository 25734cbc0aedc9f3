//! Cluster definitions in the window: opened by a double click, a button or a drop; written by a button. And the second
//! start, which may bring one.

use std::path::{Path, PathBuf};

use eframe::egui::{self, Context, UserAttentionType, ViewportCommand};

use crate::core::definition::{Definition, EXTENSION};
use crate::core::spec::ClusterSpec;
use crate::engine::event::Level;
use crate::gui::action::Screen;
use crate::gui::i18n::tr;
use crate::gui::theme::Palette;
use crate::workspace::definition_file;

use super::{App, Picked};

impl App {
    /// Reads a definition and opens the wizard filled with it; says why where it can't.
    pub fn open_definition(&mut self, file: &Path) {
        let shown = file.file_name().map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into());
        if self.ui.create.is_under_way() {
            self.ui.screen = Screen::Wizard;
            return self.say(Level::Warning, tr!("definition.busy", file = shown));
        }
        match definition_file::read(file) {
            Ok(definition) => {
                let text = if definition.brings_lines() {
                    tr!("definition.opened_lines", file = shown)
                } else {
                    tr!("definition.opened", file = shown)
                };
                self.ui.create.open(definition);
                self.ui.screen = Screen::Wizard;
                self.say(Level::Success, text);
            }
            Err(why) => self.say(Level::Error, why.to_string()),
        }
    }

    /// The program was started a second time: come to the front, with what that start was to open.
    pub(super) fn started_again(&mut self, ctx: &Context, file: Option<&Path>) {
        for command in [
            ViewportCommand::Visible(true),
            ViewportCommand::Minimized(false),
            ViewportCommand::Focus,
            // Where the system lets no window take the front, its entry blinks.
            ViewportCommand::RequestUserAttention(UserAttentionType::Informational),
        ] {
            ctx.send_viewport_cmd(command);
        }
        if let Some(file) = file {
            self.open_definition(file);
        }
        ctx.request_repaint();
    }

    /// Opens what was dropped on the window.
    pub(super) fn take_drops(&mut self, ctx: &Context) {
        let dropped = ctx.input(|input| input.raw.dropped_files.first().map(|file| file.path().to_owned()));
        if let Some(file) = dropped {
            self.open_definition(&file);
        }
    }

    /// Asks for a definition to open.
    pub(super) fn choose_definition(&self, ctx: &Context, frame: &eframe::Frame) {
        let dialog = rfd::AsyncFileDialog::new()
            .set_title(tr!("definition.open"))
            .add_filter(tr!("definition.filter"), &[EXTENSION])
            .set_parent(frame);
        self.pick(ctx, dialog.pick_file(), Picked::Definition);
    }

    /// Asks where the definition of this cluster is to be written.
    pub(super) fn export_definition(&self, ctx: &Context, frame: &eframe::Frame, spec: Box<ClusterSpec>) {
        let dialog = rfd::AsyncFileDialog::new()
            .set_title(tr!("definition.export"))
            .set_file_name(format!("{}.{EXTENSION}", spec.name))
            .add_filter(tr!("definition.filter"), &[EXTENSION])
            .set_parent(frame);
        self.pick(ctx, dialog.save_file(), move |file| Picked::Export(file, spec));
    }

    /// Writes the definition there.
    pub(super) fn write_definition(&mut self, mut file: PathBuf, spec: &ClusterSpec) {
        // Not every dialog adds the ending, and without it a double click finds no program.
        if file.extension().is_none() {
            file.set_extension(EXTENSION);
        }
        let (definition, left_out) = Definition::of(spec, &self.snapshot.clusters_dir);
        match definition_file::write(&file, &definition) {
            Ok(()) if left_out.is_empty() => {
                self.say(Level::Success, tr!("definition.exported", file = file.display()));
            }
            Ok(()) => {
                let names = left_out.join(", ");
                self.say(Level::Warning, tr!("definition.left_out", names = names, file = file.display()));
            }
            Err(why) => self.say(Level::Error, why.to_string()),
        }
    }
}

/// While a file hangs over the window: what letting it go does.
pub(super) fn drop_hint(ui: &egui::Ui) {
    if ui.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let colors = Palette::of(ui);
    let painter = ui.layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop")));
    let rect = ui.content_rect();
    painter.rect_filled(rect, 0.0, colors.dimmed(colors.window));
    let font = egui::TextStyle::Heading.resolve(ui.style());
    painter.text(rect.center(), egui::Align2::CENTER_CENTER, tr!("definition.drop"), font, colors.strong);
}
