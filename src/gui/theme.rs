//! Colours, spacing and text sizes of both themes. The only file that makes colours: everything else asks [`Palette`].

#![expect(clippy::disallowed_methods, reason = "this is the one place where colours are made")]

use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, Style, TextStyle, Theme, Vec2, Visuals};

use super::action::ThemeChoice;

/// Inner margin of panels and cards, points.
pub const PAD: i8 = 12;
/// Gap between blocks, points.
pub const GAP: f32 = 12.0;
/// Height of a table row, points.
pub const ROW_HEIGHT: f32 = 24.0;
/// Corner radius of cards and buttons, points.
pub const RADIUS: u8 = 6;
/// Widest a form may become, points: longer lines are hard to read.
pub const FORM_WIDTH: f32 = 640.0;

/// How something stands, for its colour. Each has an icon and a word besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Well.
    Good,
    /// Under way.
    Busy,
    /// Odd.
    Warn,
    /// Failed.
    Bad,
    /// Neither: stopped, unknown.
    Quiet,
}

/// The colours of one theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Background of the window.
    pub window: Color32,
    /// Background of the navigation and the strips.
    pub side: Color32,
    /// Background of cards.
    pub card: Color32,
    /// Lines and borders.
    pub line: Color32,
    /// Text.
    pub text: Color32,
    /// Text that matters less; still readable (contrast at least 4.5).
    pub weak: Color32,
    /// Headings.
    pub strong: Color32,
    /// The one colour of things to press.
    pub accent: Color32,
    /// Text on [`Palette::accent`].
    pub on_accent: Color32,
    /// Background of what is selected.
    pub selected: Color32,
    /// Slots that nobody owns.
    pub uncovered: Color32,
    /// The hatching over them.
    pub hatch: Color32,
    /// Outline of the pinned slot.
    pub pin: Color32,
    good: Color32,
    busy: Color32,
    warn: Color32,
    bad: Color32,
    shards: &'static [Color32; 12],
    heat: &'static [Color32; HEAT_STEPS],
    /// A slot of which nothing is there to show: no keys, no traffic.
    pub zero: Color32,
    /// A settled slot, where others are not.
    pub calm: Color32,
    /// A slot on its way out.
    pub leaving: Color32,
    /// A slot that only its new owner has open.
    pub arriving: Color32,
    /// A slot that nodes give to different owners.
    pub disputed: Color32,
}

/// How many steps from little to much there are.
pub const HEAT_STEPS: usize = 7;

/// Little to much on dark ground: viridis, which was made for colour-blind people; much is bright.
const HEAT_DARK: [Color32; HEAT_STEPS] =
    [rgb(0x4c_2f86), rgb(0x3f_5793), rgb(0x2d_7690), rgb(0x23_9a8c), rgb(0x3f_bc73), rgb(0x92_d742), rgb(0xfd_e725)];

/// Little to much on light ground: from yellow over green to blue; much is dark.
const HEAT_LIGHT: [Color32; HEAT_STEPS] =
    [rgb(0xd3_eaa0), rgb(0x9f_d6a8), rgb(0x63_bdb5), rgb(0x33_99bd), rgb(0x2a_6fb0), rgb(0x27_479a), rgb(0x13_1f5e)];

const fn rgb(hex: u32) -> Color32 {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}

/// Twelve colours for shards on dark ground. Chosen by search in OKLCH so that every pair stays apart for normal sight,
/// protanopia, deuteranopia and tritanopia (least distance 0.07 in `OKLab`; 0.14 among the first three), each with a
/// contrast of at least 3 to the ground. Red comes last: it looks like a failure.
const SHARDS_DARK: [Color32; 12] = [
    rgb(0x8e_c5ec),
    rgb(0xde_7c00),
    rgb(0x89_4ed6),
    rgb(0xf3_dca1),
    rgb(0xfd_9cba),
    rgb(0x72_90fa),
    rgb(0xb2_468a),
    rgb(0x6c_f7f7),
    rgb(0xb1_cc46),
    rgb(0xab_8abb),
    rgb(0x83_a471),
    rgb(0xd0_2e1e),
];

/// The same hues for light ground.
const SHARDS_LIGHT: [Color32; 12] = [
    rgb(0x4d_82a7),
    rgb(0x97_5300),
    rgb(0x5e_3d8d),
    rgb(0xa1_8d54),
    rgb(0xb4_5b79),
    rgb(0x4a_60b0),
    rgb(0x81_2d62),
    rgb(0x04_a3a3),
    rgb(0x73_8719),
    rgb(0x78_5886),
    rgb(0x52_7141),
    rgb(0x8b_2d22),
];

const DARK: Palette = Palette {
    window: rgb(0x1b_1f24),
    side: rgb(0x15_191d),
    card: rgb(0x22_272e),
    line: rgb(0x37_3e47),
    text: rgb(0xcd_d5de),
    weak: rgb(0x9a_a5b1),
    strong: rgb(0xf0_f4f8),
    accent: rgb(0x2f_81f7),
    on_accent: rgb(0xff_ffff),
    selected: rgb(0x26_3a55),
    uncovered: rgb(0x2b_2f36),
    hatch: rgb(0xf8_5149),
    pin: rgb(0xff_ffff),
    good: rgb(0x4c_c38a),
    busy: rgb(0x6c_b6ff),
    warn: rgb(0xe3_b341),
    bad: rgb(0xff_7b72),
    shards: &SHARDS_DARK,
    heat: &HEAT_DARK,
    zero: rgb(0x26_2b32),
    calm: rgb(0x3d_4651),
    leaving: rgb(0xf0_a30a),
    arriving: rgb(0x56_b4e9),
    disputed: rgb(0xe3_7fc0),
};

const LIGHT: Palette = Palette {
    window: rgb(0xff_ffff),
    side: rgb(0xf3_f5f7),
    card: rgb(0xf7_f8fa),
    line: rgb(0xd0_d7de),
    text: rgb(0x2b_323a),
    weak: rgb(0x5b_6570),
    strong: rgb(0x11_1418),
    accent: rgb(0x0b_5fd0),
    on_accent: rgb(0xff_ffff),
    selected: rgb(0xda_e8fb),
    uncovered: rgb(0xe9_ecef),
    hatch: rgb(0xcf_222e),
    pin: rgb(0x00_0000),
    good: rgb(0x13_6c39),
    busy: rgb(0x0a_55ba),
    warn: rgb(0x7a_4f00),
    bad: rgb(0xb0_1822),
    shards: &SHARDS_LIGHT,
    heat: &HEAT_LIGHT,
    zero: rgb(0xef_f1f3),
    calm: rgb(0xcf_d5dc),
    leaving: rgb(0xc4_5a00),
    arriving: rgb(0x00_6aa8),
    disputed: rgb(0x9b_2d78),
};

impl Palette {
    /// The colours of the theme in use.
    #[must_use]
    pub fn of(ui: &egui::Ui) -> &'static Palette {
        Self::of_theme(ui.theme())
    }

    /// The colours of a theme.
    #[must_use]
    pub fn of_theme(theme: Theme) -> &'static Palette {
        match theme {
            Theme::Dark => &DARK,
            Theme::Light => &LIGHT,
        }
    }

    /// The colour of a shard by its number. After twelve they come again: the address tells such shards apart.
    #[must_use]
    pub fn shard(&self, number: usize) -> Color32 {
        self.shards[number % self.shards.len()]
    }

    /// The colour of a step from little (0) to much.
    #[must_use]
    pub fn heat(&self, step: usize) -> Color32 {
        self.heat[step.min(HEAT_STEPS - 1)]
    }

    /// A slot of which nobody told the figure.
    #[must_use]
    pub fn unknown(&self) -> Color32 {
        self.window.lerp_to_gamma(self.line, 0.12)
    }

    /// Text that can be read on this ground: black or white.
    #[must_use]
    pub fn ink_on(ground: Color32) -> Color32 {
        let [red, green, blue, _] = egui::Rgba::from(ground).to_array();
        // Where the contrast to black and to white is the same (WCAG 2.2, "relative luminance").
        if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 { Color32::BLACK } else { Color32::WHITE }
    }

    /// The colour of a state.
    #[must_use]
    pub fn tone(&self, tone: Tone) -> Color32 {
        match tone {
            Tone::Good => self.good,
            Tone::Busy => self.busy,
            Tone::Warn => self.warn,
            Tone::Bad => self.bad,
            Tone::Quiet => self.weak,
        }
    }

    /// A faint ground in the colour of a state, for banners.
    #[must_use]
    pub fn tint(&self, tone: Tone) -> Color32 {
        self.window.lerp_to_gamma(self.tone(tone), 0.14)
    }

    /// A colour as it looks when its value is old.
    #[must_use]
    pub fn dimmed(&self, color: Color32) -> Color32 {
        color.lerp_to_gamma(self.window, 0.55)
    }

    /// The frame of a card.
    pub fn card_frame(&self) -> egui::Frame {
        egui::Frame::new()
            .fill(self.card)
            .stroke(Stroke::new(1.0, self.line))
            .corner_radius(RADIUS)
            .inner_margin(Margin::same(PAD))
    }
}

/// Fonts, both styles, and the choice between them. Called once a context.
pub fn install(ctx: &egui::Context) {
    let mut fonts = egui::FontDefinitions::default();
    super::icons::register(&mut fonts);
    // The text font has no arrow; the one for code has, and comes with the program as well.
    fonts.families.entry(FontFamily::Proportional).or_default().push("Hack".to_owned());
    ctx.set_fonts(fonts);
    for theme in [Theme::Dark, Theme::Light] {
        ctx.style_mut_of(theme, |style| paint(style, theme));
    }
}

/// Makes the choice hold.
pub fn choose(ctx: &egui::Context, choice: ThemeChoice) {
    ctx.set_theme(match choice {
        ThemeChoice::System => egui::ThemePreference::System,
        ThemeChoice::Dark => egui::ThemePreference::Dark,
        ThemeChoice::Light => egui::ThemePreference::Light,
    });
}

fn paint(style: &mut Style, theme: Theme) {
    style.text_styles = [
        (TextStyle::Small, FontId::new(12.0, FontFamily::Proportional)),
        (TextStyle::Body, FontId::new(14.0, FontFamily::Proportional)),
        (TextStyle::Button, FontId::new(14.0, FontFamily::Proportional)),
        (TextStyle::Heading, FontId::new(20.0, FontFamily::Proportional)),
        (TextStyle::Monospace, FontId::new(13.0, FontFamily::Monospace)),
    ]
    .into();
    style.spacing.item_spacing = Vec2::new(8.0, 6.0);
    style.spacing.button_padding = Vec2::new(10.0, 5.0);
    style.spacing.interact_size.y = 26.0;
    style.spacing.window_margin = Margin::same(16);
    style.spacing.menu_margin = Margin::same(6);
    style.visuals = visuals(theme);
}

fn visuals(theme: Theme) -> Visuals {
    let colors = Palette::of_theme(theme);
    let mut visuals = theme.default_visuals();
    visuals.panel_fill = colors.window;
    visuals.window_fill = colors.card;
    visuals.window_stroke = Stroke::new(1.0, colors.line);
    visuals.window_corner_radius = CornerRadius::same(10);
    visuals.extreme_bg_color = match theme {
        Theme::Dark => colors.side,
        Theme::Light => colors.window,
    };
    visuals.faint_bg_color = colors.card;
    visuals.weak_text_color = Some(colors.weak);
    visuals.warn_fg_color = colors.warn;
    visuals.error_fg_color = colors.bad;
    visuals.hyperlink_color = colors.accent;
    visuals.selection.bg_fill = colors.selected;
    visuals.selection.stroke = Stroke::new(1.0, colors.strong);
    let corner = CornerRadius::same(RADIUS);
    let widgets = &mut visuals.widgets;
    // The ground of toasts.
    widgets.noninteractive.bg_fill = colors.card.lerp_to_gamma(colors.line, 0.4);
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, colors.line);
    widgets.noninteractive.fg_stroke = Stroke::new(1.0, colors.text);
    let raised = colors.card.lerp_to_gamma(colors.line, 0.55);
    for (widget, fill, line, text) in [
        (&mut widgets.inactive, raised, colors.line, colors.text),
        (&mut widgets.hovered, colors.line, colors.weak, colors.strong),
        (&mut widgets.active, colors.selected, colors.accent, colors.strong),
        (&mut widgets.open, raised, colors.accent, colors.strong),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, line);
        widget.fg_stroke = Stroke::new(1.2, text);
        widget.corner_radius = corner;
        widget.expansion = 0.0;
    }
    widgets.noninteractive.corner_radius = corner;
    visuals
}

/// The primary button of a screen: filled with the accent colour.
pub fn primary<'a>(colors: &Palette, label: impl Into<String>) -> egui::Button<'a> {
    egui::Button::new(egui::RichText::new(label).color(colors.on_accent)).fill(colors.accent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signs_of_our_texts_need_no_font_of_the_system() {
        let ctx = egui::Context::default();
        install(&ctx);
        ctx.run_ui(egui::RawInput::default(), |_| {}).textures_delta.clear();
        let body = FontId::new(14.0, FontFamily::Proportional);
        for sign in "→…×—–≥".chars() {
            assert!(ctx.fonts_mut(|fonts| fonts.has_glyph(&body, sign)), "{sign}");
        }
    }

    fn luminance(color: Color32) -> f32 {
        let [r, g, b, _] = egui::Rgba::from(color).to_array();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(a: Color32, b: Color32) -> f32 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        if a > b { a / b } else { b / a }
    }

    #[test]
    fn text_is_readable_on_every_ground_of_both_themes() {
        for colors in [&DARK, &LIGHT] {
            for ground in [colors.window, colors.side, colors.card, colors.selected] {
                for text in [colors.text, colors.weak, colors.strong] {
                    assert!(contrast(text, ground) >= 4.5, "{text:?} on {ground:?}: {}", contrast(text, ground));
                }
            }
            assert!(contrast(colors.on_accent, colors.accent) >= 3.5);
        }
    }

    #[test]
    fn states_are_readable_on_their_tint_and_on_cards() {
        for colors in [&DARK, &LIGHT] {
            for tone in [Tone::Good, Tone::Busy, Tone::Warn, Tone::Bad, Tone::Quiet] {
                for ground in [colors.card, colors.window, colors.side, colors.tint(tone)] {
                    let got = contrast(colors.tone(tone), ground);
                    assert!(got >= 4.5, "{tone:?} on {ground:?}: {got}");
                }
            }
        }
    }

    #[test]
    fn much_differs_from_little_by_lightness_alone_step_by_step() {
        for (colors, brighter) in [(&DARK, true), (&LIGHT, false)] {
            let shades = std::iter::once(&colors.zero).chain(colors.heat).map(|color| luminance(*color));
            let shades: Vec<f32> = shades.collect();
            for pair in shades.windows(2) {
                let (less, more) = if brighter { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
                assert!((more + 0.05) / (less + 0.05) >= 1.15, "{shades:?}");
            }
        }
    }

    #[test]
    fn states_of_slots_can_be_told_apart_from_settled_ones() {
        for colors in [&DARK, &LIGHT] {
            for state in [colors.leaving, colors.arriving, colors.disputed] {
                assert!(contrast(state, colors.calm) >= 2.5, "{state:?}: {}", contrast(state, colors.calm));
                assert!(contrast(state, Palette::ink_on(state)) >= 4.5);
            }
        }
    }

    #[test]
    fn shard_colours_stand_out_from_the_ground_and_from_each_other() {
        for colors in [&DARK, &LIGHT] {
            for (i, color) in colors.shards.iter().enumerate() {
                assert!(contrast(*color, colors.window) >= 3.0, "shard {i}: {}", contrast(*color, colors.window));
                assert!(colors.shards[..i].iter().all(|other| other != color));
            }
            assert_eq!(colors.shard(12), colors.shard(0));
        }
    }
}
