use super::*;

use Renderer::{Glow, Wgpu};

const BOTH: &[Renderer] = &[Glow, Wgpu];

/// How a renderer behaves on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Works,
    Fails,
    Crashes,
}

/// What the person saw of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Window(Renderer),
    Words,
    Nothing,
}

/// A machine with what is remembered on it.
struct Machine {
    glow: Does,
    wgpu: Does,
    won: Option<Renderer>,
    crashed: Vec<Renderer>,
}

impl Machine {
    fn new(glow: Does, wgpu: Does) -> Self {
        Self { glow, wgpu, won: None, crashed: Vec::new() }
    }

    /// One double click, with the processes that follow from it; the person answers questions with "try again".
    fn start(&mut self) -> Seen {
        let (mut failed, mut said) = (Vec::new(), false);
        for _process in 0..=BOTH.len() {
            let situation =
                Situation { forced: None, built: BOTH, won: self.won, crashed: &self.crashed, failed: &failed };
            let renderer = match next(&situation) {
                Next::Try(renderer) => renderer,
                Next::Ask(renderer) => {
                    said = true;
                    renderer
                }
                Next::GiveUp => return Seen::Words,
                Next::Lacking(renderer) => panic!("{renderer:?}"),
            };
            match if renderer == Glow { self.glow } else { self.wgpu } {
                Does::Works => {
                    self.won = Some(renderer);
                    self.crashed.clear();
                    return Seen::Window(renderer);
                }
                Does::Fails => {
                    self.crashed.retain(|crashed| *crashed != renderer);
                    failed.push(renderer);
                }
                Does::Crashes => {
                    if !self.crashed.contains(&renderer) {
                        self.crashed.push(renderer);
                    }
                    return if said { Seen::Words } else { Seen::Nothing };
                }
            }
        }
        panic!("a start that does not end");
    }
}

const ALL: [Does; 3] = [Does::Works, Does::Fails, Does::Crashes];

#[test]
fn on_every_machine_a_start_ends_and_after_two_silent_ones_there_is_a_window_or_words() {
    for (glow, wgpu) in ALL.into_iter().flat_map(|glow| ALL.map(|wgpu| (glow, wgpu))) {
        for won in [None, Some(Glow), Some(Wgpu)] {
            let mut machine = Machine { won, ..Machine::new(glow, wgpu) };
            let seen: Vec<Seen> = (0..6).map(|_| machine.start()).collect();
            assert!(!seen[2..].contains(&Seen::Nothing), "{glow:?} {wgpu:?} {won:?}: {seen:?}");
            let works = glow == Does::Works || wgpu == Does::Works;
            let opens = seen[1..].iter().all(|seen| matches!(seen, Seen::Window(_)));
            assert_eq!(opens, works, "{glow:?} {wgpu:?} {won:?}: {seen:?}");
        }
    }
}

#[test]
fn a_machine_without_opengl_opens_at_the_first_click_and_remembers() {
    let mut machine = Machine::new(Does::Fails, Does::Works);
    assert_eq!(machine.start(), Seen::Window(Wgpu));
    assert_eq!(machine.won, Some(Wgpu), "the next start tries it first");
}

#[test]
fn a_remembered_renderer_that_stops_working_gives_way_to_the_other() {
    let mut machine = Machine { won: Some(Wgpu), ..Machine::new(Does::Works, Does::Fails) };
    assert_eq!(machine.start(), Seen::Window(Glow));
    let mut machine = Machine { won: Some(Wgpu), ..Machine::new(Does::Works, Does::Crashes) };
    assert_eq!(machine.start(), Seen::Nothing);
    assert_eq!(machine.start(), Seen::Window(Glow));
    assert_eq!(machine.start(), Seen::Window(Glow));
}

#[test]
fn the_one_that_the_person_insists_on_is_the_only_one() {
    let forced = |built, failed| next(&Situation { forced: Some(Wgpu), built, failed, ..Situation::default() });
    assert_eq!(forced(BOTH, &[]), Next::Try(Wgpu));
    assert_eq!(forced(BOTH, &[Wgpu]), Next::GiveUp);
    assert_eq!(forced(&[Glow], &[]), Next::Lacking(Wgpu));
    let crashed = Situation { forced: Some(Glow), built: BOTH, crashed: BOTH, ..Situation::default() };
    assert_eq!(next(&crashed), Next::Try(Glow), "an order is an order");
}

#[test]
fn a_remembered_renderer_that_this_build_lacks_is_passed_over() {
    let situation = Situation { won: Some(Wgpu), built: &[Glow], ..Situation::default() };
    assert_eq!(next(&situation), Next::Try(Glow));
}
