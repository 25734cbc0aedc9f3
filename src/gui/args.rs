//! The arguments of slotdeck.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::workspace::settings::Renderer;

/// Make, see and run Redis Clusters in a window.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "slotdeck", version, max_term_width = 100, after_help = "In the terminal: slotctl --help")]
pub struct Args {
    /// What paints the window: OpenGL (glow), DirectX 12 (wgpu, on Windows), or whichever works.
    #[arg(long, value_enum, default_value_t = Choice::Auto, value_name = "WHICH")]
    pub renderer: Choice,
    /// Open the wizard with this cluster definition (a .slotdeck file).
    #[arg(long, value_name = "FILE")]
    cluster_file: Option<PathBuf>,
    /// The same, as file managers pass a file that was dropped on the program.
    #[arg(hide = true, conflicts_with = "cluster_file", value_name = "FILE")]
    dropped: Option<PathBuf>,
    /// Slotdeck started itself again after this renderer had failed: `glow=why`.
    #[arg(long, hide = true, value_parser = failed, allow_hyphen_values = true)]
    pub failed: Vec<(Renderer, String)>,
}

/// `--renderer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// Whichever works, what worked last first.
    Auto,
    /// OpenGL.
    Glow,
    /// On Windows `DirectX` 12; nothing elsewhere.
    #[value(help = "DirectX 12, on Windows")]
    Wgpu,
}

impl Args {
    /// The definition to open, as a full path: it may be handed to a process that works in another folder.
    #[must_use]
    pub fn definition(&self) -> Option<PathBuf> {
        let file = self.cluster_file.as_ref().or(self.dropped.as_ref())?;
        Some(std::path::absolute(file).unwrap_or_else(|_| file.clone()))
    }

    /// The renderer that the person insists on.
    #[must_use]
    pub fn forced(&self) -> Option<Renderer> {
        match self.renderer {
            Choice::Auto => None,
            Choice::Glow => Some(Renderer::Glow),
            Choice::Wgpu => Some(Renderer::Wgpu),
        }
    }

    /// The arguments, without the program's name, that start it again as it was started, with what has failed.
    #[must_use]
    pub fn again(&self, failed: &[(Renderer, String)]) -> Vec<OsString> {
        let mut args = Vec::new();
        let mut push = |name: &str, value: OsString| {
            let mut arg = OsString::from(name);
            arg.push("=");
            arg.push(value);
            args.push(arg);
        };
        let choice = self.renderer.to_possible_value();
        push("--renderer", choice.map_or_else(|| "auto".into(), |choice| choice.get_name().into()));
        if let Some(file) = self.definition() {
            push("--cluster-file", file.into());
        }
        for (renderer, why) in failed {
            push("--failed", format!("{}={why}", word(*renderer)).into());
        }
        args
    }
}

fn word(renderer: Renderer) -> &'static str {
    match renderer {
        Renderer::Glow => "glow",
        Renderer::Wgpu => "wgpu",
    }
}

fn failed(text: &str) -> Result<(Renderer, String), String> {
    let (name, why) = text.split_once('=').ok_or("expected RENDERER=WHY")?;
    let renderer = [Renderer::Glow, Renderer::Wgpu].into_iter().find(|renderer| word(*renderer) == name);
    Ok((renderer.ok_or("no such renderer")?, why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("slotdeck").chain(args.iter().copied()))
    }

    #[test]
    fn a_double_click_has_no_arguments() {
        let args = read(&[]).unwrap();
        assert_eq!((args.forced(), args.definition()), (None, None));
    }

    #[test]
    fn a_file_is_given_by_name_or_dropped_and_becomes_a_full_path() {
        for args in [&["--cluster-file", "a b.slotdeck"][..], &["a b.slotdeck"]] {
            let file = read(args).unwrap().definition().unwrap();
            assert!(file.is_absolute() && file.ends_with("a b.slotdeck"), "{file:?}");
        }
        assert!(read(&["a", "--cluster-file", "b"]).is_err());
    }

    #[test]
    fn a_start_again_says_everything_that_the_first_one_was_told_and_what_failed() {
        let args = read(&["--renderer", "auto", "--cluster-file", "/x/集群.slotdeck"]).unwrap();
        let why = (Renderer::Glow, "no \"OpenGL\" = 2.0\n-- at all".to_owned());
        let again = args.again(std::slice::from_ref(&why));
        let second = Args::try_parse_from(std::iter::once("slotdeck".into()).chain(again)).unwrap();
        assert_eq!(second.failed, [why]);
        assert_eq!((second.renderer, second.definition()), (args.renderer, args.definition()));
    }

    #[test]
    fn unknown_renderers_are_refused() {
        assert!(read(&["--renderer", "vulkan"]).is_err());
        assert!(read(&["--failed", "vulkan=x"]).is_err());
        assert!(read(&["--failed", "glow"]).is_err());
    }

    #[test]
    fn the_help_says_what_a_person_may_pass_and_nothing_else() {
        let help = read(&["--help"]).unwrap_err().to_string();
        assert!(help.contains("--renderer") && help.contains("--cluster-file"), "{help}");
        assert!(!help.contains("--failed"), "{help}");
    }
}
