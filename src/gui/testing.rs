//! The one harness of every GUI test: fonts, theme, size, language. No renderer is needed to press buttons.
//!
//! Also compiled into `tests/pictures.rs`, hence the `slotdeck::` paths.

use egui_kittest::{Harness, HarnessBuilder};
use slotdeck::gui::format;
use slotdeck::gui::i18n::{self, Language};
use slotdeck::gui::theme;

/// What a test looks at.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Width and height in points.
    pub size: (f32, f32),
    /// Dark or light.
    pub theme: egui::Theme,
    /// The language.
    pub language: Language,
}

impl Default for Look {
    fn default() -> Self {
        Self { size: (1024.0, 700.0), theme: egui::Theme::Dark, language: Language::English }
    }
}

/// A font for Chinese, where this machine has one: the app itself asks the system, a test must bring its own.
fn chinese_font() -> Option<egui::FontData> {
    const PLACES: [&str; 3] = [
        "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
        "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
        "C:\\Windows\\Fonts\\msyh.ttc",
    ];
    PLACES.iter().find_map(|place| std::fs::read(place).ok()).map(egui::FontData::from_owned)
}

/// A builder with everything set that a view expects.
pub fn builder<S>(look: Look) -> HarnessBuilder<S> {
    i18n::set_language(look.language);
    format::show_utc(true);
    Harness::builder()
        .with_size(egui::vec2(look.size.0, look.size.1))
        .with_theme(look.theme)
        .with_os(egui::os::OperatingSystem::Windows)
        .allow_missing_glyphs()
        .with_context_setup(move |ctx| {
            theme::install(ctx);
            ctx.all_styles_mut(|style| style.animation_time = 0.0);
            if look.language == Language::Chinese
                && let Some(font) = chinese_font()
            {
                let family = |family| egui::epaint::text::InsertFontFamily {
                    family,
                    priority: egui::epaint::text::FontPriority::Lowest,
                };
                ctx.add_font(egui::epaint::text::FontInsert::new(
                    "chinese",
                    font,
                    vec![family(egui::FontFamily::Proportional), family(egui::FontFamily::Monospace)],
                ));
            }
        })
}

/// A harness around one view and its state, in English, dark, 1024 x 700.
pub fn harness<'a, S: 'a>(state: S, view: impl FnMut(&mut egui::Ui, &mut S) + 'a) -> Harness<'a, S> {
    builder(Look::default()).build_ui_state(view, state)
}
