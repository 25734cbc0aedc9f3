//! How it looks: what fits, and pictures for eyes.

use std::path::PathBuf;
use std::sync::Arc;

use egui::accesskit::Role as Ui;
use egui_kittest::kittest::NodeT;
use slotdeck::core::spec::{Field, Problem, ProblemKind};
use slotdeck::core::topology::NodeAddr;
use slotdeck::engine::job::{JobKind, JobState, Step, StepState, StepView};
use slotdeck::engine::snapshot::{HalfMade, Health, Phase, ProcessState};
use slotdeck::gui::i18n::Language;

use crate::stage::*;
use crate::testing;

fn pressable(role: Ui) -> bool {
    // Files and directives scroll: they may be wider than the window.
    use Ui::{Button, CheckBox, PasswordInput, RadioButton, SpinButton, TextInput};
    matches!(role, Button | CheckBox | RadioButton | TextInput | PasswordInput | SpinButton)
}

#[test]
fn nothing_is_cut_off_in_the_smallest_window() {
    // What the navigation leaves of 1024 x 700.
    let size = (804.0, 620.0);
    for language in Language::ALL {
        let look = testing::Look { size, language, ..testing::Look::default() };
        let mut window = testing::builder(look).build_ui_state(Stage::show, stage());
        walk(&mut window, if language == Language::Chinese { "是" } else { "Yes" }, |window| {
            settle(window);
            for node in window.root().children_recursive().filter(|node| pressable(node.accesskit_node().role())) {
                let rect = node.rect();
                assert!(rect.left() >= 0.0 && rect.right() <= size.0, "{:?}: {rect}", node.accesskit_node().label());
            }
        });
    }
}

/// The first page alone: nothing found, and a Windows machine with sound and unsound builds.
#[test]
#[ignore = "draws pictures for eyes"]
fn pictures_of_the_server_page() {
    let Some(dir) = std::env::var_os("SLOTDECK_PICTURES").map(PathBuf::from) else { return };
    std::fs::create_dir_all(&dir).unwrap();
    for theme in [egui::Theme::Dark, egui::Theme::Light] {
        for language in Language::ALL {
            for (name, servers) in [("none", Vec::new()), ("ports", windows_ports())] {
                let mut stage = stage();
                stage.snapshot.servers.found = servers;
                let look = testing::Look { size: (804.0, 620.0), theme, language };
                let mut window = testing::builder(look).build_ui_state(Stage::show, stage);
                settle(&mut window);
                let name = format!("server-{name}-{theme:?}-{}.png", language.code());
                window.render().unwrap().save(dir.join(name)).unwrap();
            }
        }
    }
}

/// Not a test but a camera: `SLOTDECK_PICTURES=dir cargo test --test wizard_pages -- --ignored` draws every page in
/// both themes, both languages and two sizes, for eyes to judge.
#[test]
#[ignore = "draws pictures for eyes"]
fn pictures_of_every_page() {
    let Some(dir) = std::env::var_os("SLOTDECK_PICTURES").map(PathBuf::from) else { return };
    std::fs::create_dir_all(&dir).unwrap();
    for theme in [egui::Theme::Dark, egui::Theme::Light] {
        for language in Language::ALL {
            for size in [(804.0, 620.0), (2560.0, 1440.0)] {
                let look = testing::Look { size, theme, language };
                let mut window = testing::builder(look).build_ui_state(Stage::show, stage());
                let mut shots = 0;
                let shoot = |window: &mut Window| {
                    settle(window);
                    shots += 1;
                    let name = format!("{shots:02}-{theme:?}-{}-{}.png", language.code(), size.0);
                    window.render().unwrap().save(dir.join(name)).unwrap();
                };
                walk(&mut window, if language == Language::Chinese { "是" } else { "Yes" }, shoot);
            }
        }
    }
}

/// Every page once, with something to see on each.
fn walk(window: &mut Window, yes: &str, mut shoot: impl FnMut(&mut Window)) {
    let enter = |window: &mut Window| {
        settle(window);
        window.key_press(egui::Key::Enter);
        settle(window);
    };
    // The check's answer is changed under the wizard's feet, so that no label is needed to type into a field.
    let find = |window: &mut Window, problems: Vec<Problem>| {
        Arc::make_mut(window.state_mut().snapshot.draft.as_mut().unwrap()).problems = problems;
        settle(window);
    };
    shoot(window);
    enter(window);
    find(
        window,
        vec![
            Problem::warning(Field::Replicas, ProblemKind::NoReplicas),
            Problem::error(Field::Ports, ProblemKind::PortInUse { port: 7000, reason: "it is in use".to_owned() }),
            Problem::error(Field::Dir, ProblemKind::DirNotEmpty("nodes-7000.conf".to_owned())),
        ],
    );
    shoot(window);
    find(window, Vec::new());
    enter(window);
    let kind = ProblemKind::UnknownDirective { line: 2, name: "hzz".to_owned() };
    find(window, vec![Problem::error(Field::ExtraFor(7000), kind)]);
    shoot(window);
    find(window, Vec::new());
    enter(window);
    let log = [
        "4711:M 23 Nov 2026 08:00:00.000 # Could not create server TCP listening socket 127.0.0.1:7002: bind: Address already in use",
        "4711:M # Failed listening on port 7002 (tcp), aborting.",
    ];
    let died = ProcessState::Died {
        how: slotdeck::engine::process::Exit::Code(1),
        cause: Some("port 7002 is taken".to_owned()),
    };
    let mut nodes = running().nodes.to_vec();
    nodes[2] = node(7002, died, &log);
    nodes[4] = node(7004, ProcessState::Starting { pid: 4713 }, &[]);
    let failed =
        JobState::Failed("127.0.0.1:7002 ended at once: exit code 1. Its log says: port 7002 is taken.".to_owned());
    put(window, cluster(nodes), vec![job(1, JobKind::Launch, failed, Vec::new())]);
    shoot(window);
    let mut view = running();
    view.plan = Some(plan());
    put(window, view, vec![job(1, JobKind::Launch, JobState::Done, Vec::new())]);
    shoot(window);
    window.key_press(egui::Key::Escape);
    shoot(window);
    window.key_press(egui::Key::Escape);
    settle(window);
    press(window, yes);
    let steps = |until: usize| {
        let all =
            [Step::InspectNodes, Step::TuneForCreate, Step::AssignSlots, Step::Meet, Step::AwaitJoin, Step::Check];
        let state = |i: usize| match i.cmp(&until) {
            std::cmp::Ordering::Less => StepState::Done,
            std::cmp::Ordering::Equal => StepState::Running,
            std::cmp::Ordering::Greater => StepState::Pending,
        };
        all.into_iter()
            .enumerate()
            .map(|(i, s)| StepView { detail: "6 nodes".to_owned().into(), ..step(s, state(i)) })
            .collect::<Vec<_>>()
    };
    put(window, running(), vec![job(2, JobKind::Create, JobState::Running, steps(4))]);
    shoot(window);
    let reason = "127.0.0.1:7004 does not answer: the connection timed out after 5 s".to_owned();
    let touched = (7000..7006).map(|port| NodeAddr::new("127.0.0.1", port)).collect();
    let mut view = running();
    view.half_made = Some(Arc::new(HalfMade { touched, reason: reason.clone() }));
    put(window, view, vec![job(2, JobKind::Create, JobState::Failed(reason), steps(4))]);
    shoot(window);
    let mut view = running();
    (view.phase, view.health) = (Phase::Formed, Health::Ok);
    put(window, view, vec![job(2, JobKind::Create, JobState::Done, steps(9))]);
    shoot(window);
}
