//! The one table of what the window can do: its label, icon, shortcut, and whether it can be done now or why not.
//!
//! Navigation, buttons, the menu of a cluster, shortcuts and the command palette all ask here, so that a command has
//! the same name, the same condition and the same effect wherever it is met.

mod jumps;
mod ops;

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::engine::snapshot::{ClusterView, Snapshot};

use super::action::{Action, LanguageChoice, Screen, ThemeChoice, View};
use super::i18n::{Language, tr};
use super::icons::Icon;
use super::words;

pub use jumps::jumps;
pub use ops::{Op, busy, offer as op};

/// What the table looks at.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The truth of this frame.
    pub snapshot: &'a Snapshot,
    /// The chosen cluster.
    pub cluster: Option<&'a ClusterView>,
}

impl<'a> Scene<'a> {
    /// The scene of a screen.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot, screen: &Screen) -> Self {
        let name = match screen {
            Screen::Cluster(name, _) | Screen::Plan(name) => Some(name),
            _ => None,
        };
        Self { snapshot, cluster: name.and_then(|name| snapshot.clusters.get(name)).map(AsRef::as_ref) }
    }
}

/// A command as it is offered.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Its icon.
    pub icon: Icon,
    /// What it does; `…` where it asks first.
    pub label: String,
    /// What it belongs to: a cluster's name, "Theme"; empty for the window itself.
    pub of: String,
    /// What it means, where the label does not say it all.
    pub hint: Option<String>,
    /// The keys that do it.
    pub keys: Option<KeyboardShortcut>,
    /// What it does, or why it can't now.
    pub action: Result<Action, String>,
}

impl Offer {
    fn new(icon: Icon, label: String, action: Action) -> Self {
        Self { icon, label, of: String::new(), hint: None, keys: None, action: Ok(action) }
    }

    fn keys(self, modifiers: Modifiers, key: Key) -> Self {
        Self { keys: Some(KeyboardShortcut::new(modifiers, key)), ..self }
    }

    fn of(self, of: impl Into<String>) -> Self {
        Self { of: of.into(), ..self }
    }
}

/// A command of the window itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {
    /// The command palette.
    Palette,
    /// The create wizard.
    Create,
    /// Attach running servers.
    Attach,
    /// The events of all clusters.
    AllEvents,
    /// The settings.
    Settings,
}

impl Global {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Palette, Self::Create, Self::Attach, Self::AllEvents, Self::Settings];
}

/// A command of the window.
#[must_use]
pub fn global(command: Global) -> Offer {
    let ctrl = Modifiers::COMMAND;
    match command {
        Global::Palette => Offer::new(Icon::Search, tr!("palette.open"), Action::OpenPalette).keys(ctrl, Key::K),
        Global::Create => Offer::new(Icon::Create, tr!("nav.create"), Action::OpenWizard).keys(ctrl, Key::N),
        Global::Attach => {
            Offer::new(Icon::Attach, tr!("nav.attach"), Action::OpenAttach).keys(ctrl.plus(Modifiers::SHIFT), Key::N)
        }
        Global::AllEvents => Offer::new(Icon::Events, tr!("nav.all_events"), Action::OpenAllEvents)
            .of(tr!("palette.all_clusters"))
            .keys(ctrl.plus(Modifiers::SHIFT), Key::E),
        Global::Settings => {
            Offer::new(Icon::Settings, tr!("nav.settings"), Action::OpenSettings).keys(ctrl, Key::Comma)
        }
    }
}

/// A screen of a cluster.
#[must_use]
pub fn view(cluster: &str, view: View) -> Offer {
    const DIGITS: [Key; 9] =
        [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8, Key::Num9];
    let (label, icon) = words::view(view);
    let action = Action::All(vec![Action::OpenCluster(cluster.to_owned()), Action::ShowView(view)]);
    let offer = Offer::new(icon, label, action).of(cluster);
    let key = View::ALL.iter().position(|one| *one == view).and_then(|at| DIGITS.get(at));
    match key {
        Some(key) => offer.keys(Modifiers::COMMAND, *key),
        None => offer,
    }
}

/// A cluster.
#[must_use]
pub fn cluster(cluster: &ClusterView) -> Offer {
    let (health, ..) = words::cluster_health(cluster);
    let label = tr!("palette.cluster", name = cluster.name);
    Offer::new(Icon::Nodes, label, Action::OpenCluster(cluster.name.clone())).of(health)
}

/// A theme, by its label.
#[must_use]
pub fn theme(choice: ThemeChoice) -> Offer {
    let label = match choice {
        ThemeChoice::System => tr!("settings.as_system"),
        ThemeChoice::Dark => tr!("settings.dark"),
        ThemeChoice::Light => tr!("settings.light"),
    };
    Offer::new(Icon::Settings, label, Action::SetTheme(choice)).of(tr!("settings.theme"))
}

/// A language, by its label.
#[must_use]
pub fn language(choice: LanguageChoice) -> Offer {
    let label = match choice {
        LanguageChoice::System => tr!("settings.system_language"),
        LanguageChoice::English => Language::English.name().to_owned(),
        LanguageChoice::Chinese => Language::Chinese.name().to_owned(),
    };
    Offer::new(Icon::Settings, label, Action::SetLanguage(choice)).of(tr!("settings.language"))
}

/// The themes, in the order in which they are shown.
pub const THEMES: [ThemeChoice; 3] = [ThemeChoice::System, ThemeChoice::Dark, ThemeChoice::Light];
/// The languages, in the order in which they are shown.
pub const LANGUAGES: [LanguageChoice; 3] = [LanguageChoice::System, LanguageChoice::English, LanguageChoice::Chinese];

/// Everything that can be done here, without the jumps that a query names.
#[must_use]
pub fn all(scene: &Scene<'_>) -> Vec<Offer> {
    let mut list = without_nodes(scene);
    list.extend(scene.cluster.into_iter().flat_map(jumps::nodes));
    list
}

/// What needs no look at each node of a cluster, of which there may be a thousand: what keys may mean in every frame.
fn without_nodes(scene: &Scene<'_>) -> Vec<Offer> {
    let mut list = Vec::new();
    if let Some(cluster) = scene.cluster {
        list.extend(View::ALL.map(|one| view(&cluster.name, one)));
        list.extend(Op::ALL.into_iter().filter_map(|one| op(one, scene, cluster)));
    }
    let chosen = |one: &&std::sync::Arc<ClusterView>| scene.cluster.is_none_or(|c| c.name != one.name);
    list.extend(scene.snapshot.clusters.values().filter(chosen).map(|one| cluster(one)));
    list.extend(Global::ALL.into_iter().filter(|one| *one != Global::Palette).map(global));
    list.extend(THEMES.map(theme));
    list.extend(LANGUAGES.map(language));
    list
}

/// What the pressed keys mean; the keys are taken.
#[must_use]
pub fn pressed(ctx: &egui::Context, scene: &Scene<'_>) -> Option<Action> {
    // What could be done is worked out only for a frame in which a key went down: hardly any.
    let is_down = |event: &egui::Event| matches!(event, egui::Event::Key { pressed: true, .. });
    if !ctx.input(|input| input.events.iter().any(is_down)) {
        return None;
    }
    let palette = global(Global::Palette);
    let offers = without_nodes(scene).into_iter().chain([palette]);
    let mut bound: Vec<Offer> = offers.filter(|offer| offer.keys.is_some()).collect();
    // Those with more modifiers first: a shortcut without Shift also matches one with it.
    bound.sort_by_key(|offer| offer.keys.is_some_and(|keys| !keys.modifiers.shift));
    ctx.input_mut(|input| bound.into_iter().find(|offer| offer.keys.is_some_and(|keys| input.consume_shortcut(&keys))))?
        .action
        .ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::gui::samples;

    fn offers(cluster: ClusterView) -> Vec<Offer> {
        let snapshot = samples::snapshot(cluster);
        let screen = Screen::Cluster("orders".to_owned(), View::Overview);
        all(&Scene::of(&snapshot, &screen))
    }

    #[test]
    fn no_two_commands_have_the_same_keys() {
        let mut seen = BTreeSet::new();
        for keys in offers(samples::healthy()).iter().chain([&global(Global::Palette)]).filter_map(|o| o.keys) {
            assert!(seen.insert(format!("{keys:?}")), "{keys:?} twice");
        }
    }

    #[test]
    fn no_two_commands_can_be_taken_for_each_other() {
        let mut seen = BTreeSet::new();
        for offer in offers(samples::healthy()) {
            assert!(seen.insert((offer.label.clone(), offer.of.clone())), "{} of {} twice", offer.label, offer.of);
        }
    }

    #[test]
    fn no_command_of_a_node_has_keys_so_that_pressed_keys_need_no_look_at_the_nodes() {
        assert!(jumps::nodes(&samples::healthy()).iter().all(|offer| offer.keys.is_none()));
    }

    #[test]
    fn what_can_not_be_done_now_says_why() {
        let mut cluster = samples::healthy();
        cluster.busy_elsewhere = true;
        let stop = offers(cluster).into_iter().find(|offer| offer.label == "Stop…").unwrap();
        assert!(stop.action.is_err_and(|why| why.contains("Another Slotdeck")));
    }
}
