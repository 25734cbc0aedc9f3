//! The dialogs of a backup and of a restoration.

use std::path::{Path, PathBuf};

use egui::{TextEdit, Ui};

use crate::engine::command::Command;
use crate::engine::safekeeping::RestoreWish;
use crate::engine::snapshot::{ClusterView, Snapshot};
use crate::gui::action::{Action, Confirm};
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::Tone;

use super::bits;
use super::confirm::buttons;
use super::problem_list::tone_line;

/// The question before a backup, with a folder of this moment proposed.
#[must_use]
pub fn ask_backup(snapshot: &Snapshot, cluster: &ClusterView) -> Action {
    let time: String = format::date_clock(format::now()).replace(' ', "-").replace(':', "");
    let folder = snapshot.clusters_dir.join("backups").join(format!("{}-{time}", cluster.name));
    Action::Ask(Confirm::Backup { cluster: cluster.name.clone(), folder: folder.display().to_string() })
}

/// The question before a restoration.
#[must_use]
pub fn ask_restore(cluster: &ClusterView) -> Action {
    Action::Ask(Confirm::Restore { cluster: cluster.name.clone(), folder: String::new(), replace: false })
}

/// The content of the one.
#[must_use]
pub fn backup_ui(ui: &mut Ui, name: &str, folder: &mut String) -> Option<Action> {
    bits::subtitle(ui, tr!("safe.backup_title", cluster = name));
    ui.label(tr!("safe.backup_text"));
    ui.add_space(8.0);
    let choose = folder_ui(ui, folder);
    let command = Command::Backup { cluster: name.to_owned(), folder: path(folder) };
    buttons(ui, &tr!("safe.backup_yes"), is_usable(folder), command).or(choose)
}

/// The content of the other.
#[must_use]
pub fn restore_ui(
    ui: &mut Ui,
    snapshot: &Snapshot,
    name: &str,
    folder: &mut String,
    replace: &mut bool,
) -> Option<Action> {
    bits::subtitle(ui, tr!("safe.restore_title", cluster = name));
    ui.label(tr!("safe.restore_text"));
    ui.add_space(8.0);
    let choose = folder_ui(ui, folder);
    let nodes = snapshot.clusters.get(name).map(|cluster| cluster.nodes.clone()).unwrap_or_default();
    let masters = nodes.iter().filter(|node| !node.slots.is_empty());
    let keys: u64 = masters.filter_map(|node| node.stats.as_ref()).map(|stats| stats.keys).sum();
    if keys > 0 {
        ui.add_space(4.0);
        tone_line(ui, Tone::Warn, tr!("safe.not_empty", keys = format::count(keys)));
        ui.checkbox(replace, tr!("safe.replace"));
    } else {
        *replace = false;
    }
    let wish = RestoreWish { folder: path(folder), replace: *replace };
    let may = is_usable(folder) && (keys == 0 || *replace);
    let command = Command::Restore { cluster: name.to_owned(), wish };
    buttons(ui, &tr!("safe.restore_yes"), may, command).or(choose)
}

fn path(folder: &str) -> PathBuf {
    PathBuf::from(folder.trim())
}

fn is_usable(folder: &str) -> bool {
    Path::new(folder.trim()).is_absolute()
}

/// The folder, typed or chosen.
fn folder_ui(ui: &mut Ui, folder: &mut String) -> Option<Action> {
    let label = ui.label(tr!("safe.folder"));
    let choose = ui.horizontal(|ui| {
        let field = TextEdit::singleline(folder).desired_width(ui.available_width() - 36.0);
        ui.add(field).labelled_by(label.id);
        bits::icon_button(ui, Icon::Folder, tr!("safe.choose")).clicked().then_some(Action::ChooseBackupFolder)
    });
    if !folder.trim().is_empty() && !is_usable(folder) {
        tone_line(ui, Tone::Warn, tr!("safe.not_absolute"));
    }
    choose.inner
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::{NodeT as _, Queryable as _};

    use super::*;
    use crate::gui::samples;
    use crate::gui::widgets::dialog_testing::{Asked, ask_by, sent};

    fn ask(action: Action) -> egui_kittest::Harness<'static, Asked> {
        ask_by(action, samples::healthy())
    }

    #[test]
    fn a_backup_proposes_a_folder_of_its_own() {
        format::begin_frame(samples::now());
        format::show_utc(true);
        let cluster = samples::healthy();
        let mut harness = ask(ask_backup(&samples::snapshot(cluster.clone()), &cluster));
        harness.get_by_label("Back up").click();
        harness.run();
        let Command::Backup { folder, .. } = sent(&harness) else { panic!() };
        assert_eq!(folder, Path::new("/home/ada/slotdeck/backups/orders-2025-10-09-085320"));
    }

    #[test]
    fn keys_that_are_there_are_overwritten_only_by_name() {
        let mut harness = ask(ask_restore(&samples::healthy()));
        let field = harness.get_by_label("Folder of the backup");
        field.focus();
        field.type_text("/home/ada/backup");
        harness.run();
        harness.get_by_label_contains("The cluster holds");
        assert!(harness.get_by_label("Restore").accesskit_node().is_disabled());
        harness.get_by_label("Overwrite keys of the same names").click();
        harness.run();
        harness.get_by_label("Restore").click();
        harness.run();
        assert!(matches!(sent(&harness), Command::Restore { wish, .. } if wish.replace));
    }
}
