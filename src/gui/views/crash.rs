//! What stands above every screen after a thread of the engine has panicked.

use egui::Ui;

use crate::gui::action::Action;
use crate::gui::crash::Crash;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button;

/// What failed, where the report lies, and what to do.
#[must_use]
pub fn crash_ui(ui: &mut Ui, crashes: &[Crash]) -> Option<Action> {
    let mut action = None;
    let tint = Palette::of(ui).tint(Tone::Bad);
    let frame = egui::Frame::new().fill(tint).inner_margin(egui::Margin::symmetric(theme::PAD, 6));
    egui::Panel::top("crash").frame(frame).show_separator_line(false).show(ui, |ui| {
        bits::state(ui, Tone::Bad, Icon::Error, tr!("crash.title"));
        let report = crashes.iter().rev().find_map(|crash| crash.report.as_deref());
        if let Some(crash) = crashes.last() {
            let line = crash.what.lines().collect::<Vec<_>>().join(" ");
            ui.add(egui::Label::new(line).truncate()).on_hover_text(&crash.what);
        }
        ui.horizontal_wrapped(|ui| {
            if let Some(report) = report {
                if let (true, Some(folder)) =
                    (icon_button(ui, Icon::Folder, tr!("crash.reports")).clicked(), report.parent())
                {
                    action = Some(Action::OpenFolder(folder.to_owned()));
                }
                bits::weak(ui, report.display().to_string());
            }
            if icon_button(ui, Icon::Close, tr!("crash.dismiss")).clicked() {
                action = Some(Action::DismissCrashes);
            }
        });
    });
    action
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::gui::testing;

    #[test]
    fn a_crash_is_shown_with_its_report_until_it_was_seen() {
        let crash = Crash {
            what: "panicked at src/engine/poll.rs:1:1:\nthe sky fell".to_owned(),
            thread: "slotdeck-engine".to_owned(),
            report: Some("/home/ada/slotdeck/crashes/crash-1.txt".into()),
            of_window: false,
        };
        let mut harness = testing::harness(None, move |ui, action: &mut Option<Action>| {
            *action = crash_ui(ui, std::slice::from_ref(&crash)).or(action.take());
        });
        harness.run();
        harness.get_by_label_contains("the sky fell");
        harness.get_by_label_contains("crash-1.txt");
        harness.get_by_label("Show report").click();
        harness.run();
        assert!(matches!(harness.state(), Some(Action::OpenFolder(folder)) if folder.ends_with("crashes")));
        harness.get_by_label("Dismiss").click();
        harness.run();
        assert!(matches!(harness.state(), Some(Action::DismissCrashes)));
    }
}
