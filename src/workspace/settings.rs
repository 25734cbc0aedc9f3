//! The user's choices that belong to no cluster.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The version of the settings' format that this program writes.
pub const SETTINGS_VERSION: u32 = 1;

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system.
    #[default]
    System,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// The window's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Language {
    /// As the system, English where it is none of ours.
    #[default]
    #[serde(rename = "system")]
    System,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    Chinese,
}

impl Language {
    /// The language's tag (`en`, `zh-CN`); `None` when the system decides.
    #[must_use]
    pub fn tag(self) -> Option<&'static str> {
        match self {
            Language::System => None,
            Language::English => Some("en"),
            Language::Chinese => Some("zh-CN"),
        }
    }
}

/// What paints the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Renderer {
    /// OpenGL.
    Glow,
    /// wgpu; on Windows with `DirectX` 12, which paints in software where there is no graphics card.
    Wgpu,
}

/// What the colours of the slot map mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapMode {
    /// Who owns a slot.
    #[default]
    Owner,
    /// How many keys it has.
    Keys,
    /// How much memory they take.
    Memory,
    /// How much processor time they take.
    Cpu,
    /// What comes in for it.
    NetIn,
    /// What goes out for it.
    NetOut,
    /// Whether it is settled.
    State,
}

/// How the slot map lays out its cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapLayout {
    /// By number, 128 in a row.
    #[default]
    Square,
    /// A band for each master.
    Bands,
}

/// What the user chose, for all clusters. Fields that a file lacks have their default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Version of this format.
    pub version: u32,
    /// Server programs that the user pointed at, latest first.
    pub chosen_servers: Vec<PathBuf>,
    /// Light or dark.
    pub theme: Theme,
    /// The window's language.
    pub language: Language,
    /// Where new clusters are proposed to live; `None` for the workspace's own folder.
    pub clusters_dir: Option<PathBuf>,
    /// What the colours of the slot map mean.
    pub map_mode: MapMode,
    /// How the slot map lays out its cells.
    pub map_layout: MapLayout,
    /// What painted the window last; `None` before the first time.
    pub renderer: Option<Renderer>,
    /// The columns of the node table by name, in their order; none named means all.
    pub node_columns: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: SETTINGS_VERSION,
            chosen_servers: Vec::new(),
            theme: Theme::default(),
            language: Language::default(),
            clusters_dir: None,
            map_mode: MapMode::default(),
            map_layout: MapLayout::default(),
            renderer: None,
            node_columns: Vec::new(),
        }
    }
}

impl Settings {
    /// How many chosen servers are remembered.
    const MAX_CHOSEN: usize = 20;

    /// Remembers a server program, the latest first, each once.
    pub fn choose_server(&mut self, path: PathBuf) {
        self.chosen_servers.retain(|known| *known != path);
        self.chosen_servers.insert(0, path);
        self.chosen_servers.truncate(Self::MAX_CHOSEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_lacks_fields_or_has_unknown_ones_is_read() {
        let settings: Settings = serde_json::from_str(r#"{"version":1,"theme":"dark","later":[1]}"#).unwrap();
        assert_eq!(settings, Settings { theme: Theme::Dark, ..Settings::default() });
    }

    #[test]
    fn values_are_written_as_the_guide_says() {
        let settings = Settings { theme: Theme::Light, language: Language::Chinese, ..Settings::default() };
        let text = serde_json::to_string(&settings).unwrap();
        assert!(text.contains(r#""theme":"light""#) && text.contains(r#""language":"zh-CN""#), "{text}");
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
    }

    #[test]
    fn a_server_chosen_again_moves_to_the_front() {
        let mut settings = Settings::default();
        for name in ["a", "b", "a"] {
            settings.choose_server(PathBuf::from(name));
        }
        assert_eq!(settings.chosen_servers, [PathBuf::from("a"), PathBuf::from("b")]);
    }
}
