//! The renderer that is being tried: written before the window opens and removed when it has been painted. What is found
//! there by the next start took its process with it.

use std::fs;

use serde::{Deserialize, Serialize};

use super::settings::Renderer;
use super::store::{Workspace, read_json};

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Record {
    trying: Option<Renderer>,
    crashed: Vec<Renderer>,
}

/// The renderers that ended their process since a window was painted last, and the one that is tried now. To be used
/// only while holding the [instance lock](Workspace::instance_lock).
#[derive(Debug, Clone)]
pub struct Trial {
    path: std::path::PathBuf,
    crashed: Vec<Renderer>,
}

impl Trial {
    /// Reads what earlier starts left behind. What can't be read says nothing.
    #[must_use]
    pub fn open(workspace: &Workspace) -> Self {
        let path = workspace.root().join("opening.json");
        let Record { trying, mut crashed } = read_json(&path).unwrap_or_default();
        if let Some(renderer) = trying.filter(|renderer| !crashed.contains(renderer)) {
            crashed.push(renderer);
        }
        Self { path, crashed }
    }

    /// The renderers that ended their process.
    #[must_use]
    pub fn crashed(&self) -> &[Renderer] {
        &self.crashed
    }

    /// A renderer is about to open the window.
    pub fn begin(&self, renderer: Renderer) {
        self.write(&Record { trying: Some(renderer), crashed: self.crashed.clone() });
    }

    /// It failed and said so: that is no crash.
    pub fn failed(&mut self, renderer: Renderer) {
        self.crashed.retain(|crashed| *crashed != renderer);
        if self.crashed.is_empty() {
            self.painted();
        } else {
            self.write(&Record { trying: None, crashed: self.crashed.clone() });
        }
    }

    /// The window is there.
    pub fn painted(&self) {
        // Nothing there is what is wanted.
        let _ = fs::remove_file(&self.path);
    }

    /// Without waiting for the disk: it has to outlive the process, not the system. A start that can't write it opens
    /// all the same, with less to go by the next time.
    fn write(&self, record: &Record) {
        if let Ok(text) = serde_json::to_vec(record) {
            let _ = fs::write(&self.path, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use Renderer::{Glow, Wgpu};

    #[test]
    fn a_renderer_that_never_painted_is_told_to_the_next_start_and_to_no_later_one() {
        let home = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(Some(home.path().to_owned())).unwrap();
        Trial::open(&workspace).begin(Glow);
        let second = Trial::open(&workspace);
        assert_eq!(second.crashed(), [Glow]);
        second.begin(Wgpu);
        let third = Trial::open(&workspace);
        assert_eq!(third.crashed(), [Glow, Wgpu]);
        third.begin(Glow);
        third.painted();
        assert!(Trial::open(&workspace).crashed().is_empty());
    }

    #[test]
    fn a_renderer_that_said_why_it_failed_did_not_crash() {
        let home = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(Some(home.path().to_owned())).unwrap();
        let mut trial = Trial::open(&workspace);
        trial.begin(Glow);
        trial.failed(Glow);
        assert!(Trial::open(&workspace).crashed().is_empty());
        Trial::open(&workspace).begin(Wgpu);
        let mut trial = Trial::open(&workspace);
        trial.begin(Glow);
        trial.failed(Glow);
        assert_eq!(Trial::open(&workspace).crashed(), [Wgpu]);
    }

    #[test]
    fn a_file_that_is_no_record_says_nothing() {
        let home = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(Some(home.path().to_owned())).unwrap();
        fs::write(home.path().join("opening.json"), "{\"trying\":\"vulkan\"").unwrap();
        assert!(Trial::open(&workspace).crashed().is_empty());
    }
}
