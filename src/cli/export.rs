//! `export`: writes a cluster's definition.

use std::path::PathBuf;

use serde::Serialize;

use crate::core::definition::{Definition, EXTENSION};
use crate::workspace::definition_file;

use super::failure::Failure;
use super::form::Means;
use super::local_args::ExportArgs;

/// `export` as JSON.
#[derive(Debug, Serialize)]
struct ExportJson {
    ok: bool,
    file: PathBuf,
    /// Directives that were left out, because they may hold a secret.
    left_out: Vec<String>,
}

/// Writes the definition of a cluster that was launched here.
///
/// # Errors
/// No such cluster, one that was only attached, a no to replacing a file, or one that can't be written.
pub async fn export(means: &Means<'_>, args: &ExportArgs) -> Result<(), Failure> {
    let (workspace, terminal) = (means.workspace, means.terminal);
    let doc = workspace.load(&args.name)?;
    let Some(spec) = doc.spec else {
        return Err(Failure::message(&format!(
            "{}: its servers were not launched here; there is no definition",
            doc.name
        )));
    };
    let (definition, left_out) = Definition::of(&spec, &workspace.clusters_dir());
    let file = args.file.clone().unwrap_or_else(|| PathBuf::from(format!("{}.{EXTENSION}", doc.name)));
    if file.is_dir() {
        return Err(Failure::message(&format!("{} is a folder: name a file", file.display())));
    }
    // A link is replaced as well, wherever it leads.
    if !means.yes && file.symlink_metadata().is_ok() {
        let question = format!("{} is there already: replace it? (type 'yes' to accept): ", file.display());
        means.ask_for_yes(&question, "nothing was written").await?;
    }
    definition_file::write(&file, &definition).map_err(|error| Failure::message(&error))?;
    terminal.say(|text| {
        text.line(format_args!("Wrote {}", file.display()));
        if !left_out.is_empty() {
            text.warn(format_args!("[WARNING] Left out, because they may hold a secret: {}", left_out.join(", ")));
        }
    });
    terminal.object(&ExportJson { ok: true, file, left_out });
    Ok(())
}
