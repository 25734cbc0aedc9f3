//! The rows of the attach dialog that secure the connections.

use std::path::{Path, PathBuf};

use egui::Ui;

use crate::core::tls::{TlsError, TlsOptions};
use crate::gui::action::{Action, TlsFile};
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::Tone;
use crate::gui::widgets::bits;

/// The fields.
#[derive(Debug, Clone, Default)]
pub struct TlsFields {
    on: bool,
    ca: String,
    cert: String,
    key: String,
    server_name: String,
    insecure: bool,
    /// What has no field, as it was.
    rest: TlsOptions,
}

impl TlsFields {
    /// The fields of connections that are secured so, or not at all.
    #[must_use]
    pub fn of(options: Option<&TlsOptions>) -> Self {
        let Some(options) = options else { return Self::default() };
        let text = |path: &Option<PathBuf>| path.as_ref().map(|p| p.display().to_string()).unwrap_or_default();
        Self {
            on: true,
            ca: text(&options.ca_file),
            cert: text(&options.cert),
            key: text(&options.key),
            server_name: options.server_name.clone().unwrap_or_default(),
            insecure: options.insecure,
            rest: options.clone(),
        }
    }

    /// What they say; `None` for connections without TLS.
    #[must_use]
    pub fn options(&self) -> Option<TlsOptions> {
        let given = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        self.on.then(|| TlsOptions {
            ca_file: given(&self.ca).map(PathBuf::from),
            cert: given(&self.cert).map(PathBuf::from),
            key: given(&self.key).map(PathBuf::from),
            server_name: given(&self.server_name),
            insecure: self.insecure,
            ..self.rest.clone()
        })
    }

    /// What is wrong with them.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        match self.options()?.suites().err()? {
            TlsError::HalfPair => Some(tr!("attach.tls_half_pair")),
            other @ TlsError::NoCipher { .. } => Some(other.to_string()),
        }
    }

    /// Takes a file that was chosen in a dialog.
    pub fn chosen(&mut self, which: TlsFile, file: &Path) {
        let field = match which {
            TlsFile::Ca => &mut self.ca,
            TlsFile::Cert => &mut self.cert,
            TlsFile::Key => &mut self.key,
        };
        *field = file.display().to_string();
    }
}

/// The rows, inside the dialog's grid.
pub(super) fn tls_ui(ui: &mut Ui, fields: &mut TlsFields) -> Option<Action> {
    ui.label(tr!("attach.tls"));
    ui.checkbox(&mut fields.on, tr!("attach.tls_on"));
    ui.end_row();
    if !fields.on {
        return None;
    }
    let mut action = None;
    let files = [
        (tr!("attach.tls_ca"), tr!("attach.tls_ca_hint"), &mut fields.ca, TlsFile::Ca),
        (tr!("attach.tls_cert"), tr!("attach.tls_cert_hint"), &mut fields.cert, TlsFile::Cert),
        (tr!("attach.tls_key"), tr!("attach.tls_cert_hint"), &mut fields.key, TlsFile::Key),
    ];
    for (name, hint, text, which) in files {
        let label = ui.label(&name);
        ui.horizontal(|ui| {
            let field = egui::TextEdit::singleline(text).desired_width(266.0).hint_text(hint);
            ui.add(field).labelled_by(label.id);
            if bits::icon_button(ui, Icon::File, tr!("attach.tls_choose", what = name)).clicked() {
                action = Some(Action::ChooseTlsFile(which));
            }
        });
        ui.end_row();
    }
    let label = ui.label(tr!("attach.tls_name"));
    let hint = tr!("attach.tls_name_hint");
    let field = egui::TextEdit::singleline(&mut fields.server_name).desired_width(300.0).hint_text(hint);
    ui.add(field).labelled_by(label.id);
    ui.end_row();
    ui.label("");
    ui.checkbox(&mut fields.insecure, tr!("attach.tls_insecure"));
    ui.end_row();
    action
}

/// What accepting any certificate means, where it was chosen.
pub(super) fn warning_ui(ui: &mut Ui, fields: &TlsFields) {
    if fields.on && fields.insecure {
        bits::state(ui, Tone::Warn, Icon::Warning, tr!("attach.tls_insecure_warning"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_was_asked_for() {
        let options = TlsOptions {
            ca_file: Some("ca.crt".into()),
            cert: Some("me.crt".into()),
            key: Some("me.key".into()),
            server_name: Some("redis.example".into()),
            insecure: true,
            ciphers: Some("HIGH".into()),
            ..TlsOptions::default()
        };
        assert_eq!(TlsFields::of(Some(&options)).options(), Some(options));
        assert_eq!(TlsFields::of(None).options(), None);
    }

    #[test]
    fn a_certificate_without_its_key_is_named() {
        let mut fields = TlsFields::of(Some(&TlsOptions::default()));
        assert_eq!(fields.problem(), None);
        fields.chosen(TlsFile::Cert, Path::new("me.crt"));
        assert!(fields.problem().is_some());
        fields.chosen(TlsFile::Key, Path::new("me.key"));
        assert_eq!(fields.problem(), None);
    }
}
