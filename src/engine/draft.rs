//! A draft's files as they would be written, for the wizard's preview.

use std::collections::BTreeMap;

use crate::core::conf;
use crate::core::spec::ClusterSpec;

use super::process::CONFIG_FILE;
use super::snapshot::DraftFile;

/// The file of each node, edits included, with the password hidden. A node whose file can't be generated is left out:
/// the draft's problems say why.
#[must_use]
pub fn draft_files(spec: &ClusterSpec, edited: &BTreeMap<u16, String>) -> Vec<DraftFile> {
    spec.port_list()
        .into_iter()
        .filter_map(|port| {
            let (text, edited) = match edited.get(&port) {
                Some(text) => (text.clone(), true),
                None => (conf::mask_password(&conf::node_file(spec, port).ok()?), false),
            };
            Some(DraftFile { port, path: spec.node_dir(port).join(CONFIG_FILE), text, edited })
        })
        .collect()
}
