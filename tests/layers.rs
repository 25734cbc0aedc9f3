//! Arrows go one way: `gui | cli -> engine -> workspace -> core`, with `os` beside all but `core`. This test reads the `use` lines and every other path in
//! the sources, and names each one that goes up or across.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

/// What each layer must not name.
const FORBIDDEN: [(&str, &[&str]); 6] = [
    (
        "src/core",
        &[
            "crate::engine",
            "crate::workspace",
            "crate::gui",
            "crate::cli",
            "crate::os",
            "egui",
            "eframe",
            "tokio",
            "redis::",
            "std::fs",
            // Of std::net only what asks nobody: `IpAddr` and its kin are values, and reading one is computation.
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "ToSocketAddrs",
            "std::process",
            "std::thread",
            "std::env",
            "Instant::now",
            "SystemTime::now",
        ],
    ),
    (
        "src/os",
        &["crate::core", "crate::engine", "crate::workspace", "crate::gui", "crate::cli", "egui", "eframe", "tokio"],
    ),
    ("src/workspace", &["crate::engine", "crate::gui", "crate::cli", "egui", "eframe", "tokio::", "redis::"]),
    ("src/engine", &["crate::gui", "crate::cli", "egui", "eframe"]),
    ("src/cli", &["crate::gui", "egui", "eframe"]),
    ("src/gui", &["crate::cli", "redis::", "tokio::net"]),
];

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push(path);
        }
    }
    files
}

/// The line without its comment: a comment may speak of anything.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

#[test]
fn no_layer_names_one_above_or_beside_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for (layer, forbidden) in FORBIDDEN {
        for file in sources(&root.join(layer)) {
            // Tests may look anywhere: they prove a layer, they are not part of it.
            if file.file_name().is_some_and(|name| name.to_string_lossy().ends_with("_tests.rs")) {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for (number, line) in product.lines().enumerate() {
                for name in forbidden.iter().filter(|name| code(line).contains(**name)) {
                    let file = file.strip_prefix(root).unwrap().display();
                    wrong.push(format!("{file}:{}: {layer} must not name {name}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn only_the_theme_makes_colours_and_only_the_icons_hold_glyphs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in sources(&root.join("src/gui")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        if !name.starts_with("theme") {
            assert!(!text.contains("Color32::from_"), "{} makes a colour; theme.rs is the place", file.display());
        }
        if !name.starts_with("icons") {
            assert!(!text.contains("lucide_icons::"), "{} names a glyph; icons.rs is the place", file.display());
        }
    }
}

#[test]
fn only_the_calls_to_windows_are_unsafe() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in sources(&root.join("src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        if !file.strip_prefix(root).unwrap().to_string_lossy().starts_with("src/os/windows") {
            assert!(!text.contains("unsafe_code"), "{} asks for unsafe code; src/os is the place", file.display());
        }
    }
}
