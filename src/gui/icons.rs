//! The icons: one bundled font (lucide), and the only place that names glyphs. Views ask for [`Icon`]s.

use egui::{FontData, FontFamily, RichText};
use lucide_icons::Icon as Lucide;

/// The name under which the font is registered.
pub(super) const FONT: &str = "lucide";

/// An icon by what it means here, not by how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name says what the icon means")]
pub enum Icon {
    Create,
    Attach,
    Settings,
    Overview,
    Slots,
    Nodes,
    Topology,
    Log,
    Events,
    Metrics,
    Pause,
    Ok,
    Warning,
    Error,
    Info,
    Unknown,
    Stopped,
    Busy,
    Start,
    Stop,
    Delete,
    Copy,
    Search,
    Close,
    Folder,
    Export,
    File,
    Expand,
    Collapse,
    Next,
    Back,
    Edit,
    Reset,
    Lock,
    SortUp,
    SortDown,
    Linked,
    Unlinked,
    Master,
    Replica,
    Failover,
    Move,
    Refresh,
    ZoomIn,
    ZoomOut,
    Fit,
    Fix,
    More,
    History,
    Remove,
    Backup,
    Restore,
}

impl Icon {
    /// The glyph, as text of the icon font.
    #[must_use]
    pub fn text(self) -> String {
        self.glyph().to_string()
    }

    /// The icon as rich text: give it a colour or a size.
    #[must_use]
    pub fn rich(self) -> RichText {
        RichText::new(self.glyph())
    }

    /// The icon, a gap, and a label: what a button shows.
    #[must_use]
    pub fn with(self, label: impl AsRef<str>) -> String {
        format!("{}  {}", self.glyph(), label.as_ref())
    }

    fn glyph(self) -> char {
        let icon = match self {
            Icon::Create => Lucide::Plus,
            Icon::Metrics => Lucide::ChartLine,
            Icon::Pause => Lucide::Pause,
            Icon::Attach => Lucide::Plug,
            Icon::Settings => Lucide::Settings,
            Icon::Overview => Lucide::LayoutDashboard,
            Icon::Slots => Lucide::Grid3x3,
            Icon::Nodes => Lucide::Server,
            Icon::Topology => Lucide::Network,
            Icon::Log => Lucide::ScrollText,
            Icon::Events => Lucide::Bell,
            Icon::Ok => Lucide::CircleCheck,
            Icon::Warning => Lucide::TriangleAlert,
            Icon::Error => Lucide::CircleX,
            Icon::Info => Lucide::Info,
            Icon::Unknown => Lucide::CircleDashed,
            Icon::Stopped => Lucide::CircleStop,
            Icon::Busy => Lucide::Hourglass,
            Icon::Start => Lucide::Play,
            Icon::Stop => Lucide::Square,
            Icon::Delete => Lucide::Trash2,
            Icon::Copy => Lucide::Copy,
            Icon::Search => Lucide::Search,
            Icon::Close => Lucide::X,
            Icon::Folder => Lucide::FolderOpen,
            Icon::Export => Lucide::Share,
            Icon::File => Lucide::FileText,
            Icon::Expand => Lucide::ChevronRight,
            Icon::Collapse => Lucide::ChevronDown,
            Icon::Next => Lucide::ArrowRight,
            Icon::Back => Lucide::ArrowLeft,
            Icon::Edit => Lucide::Pencil,
            Icon::Reset => Lucide::RotateCcw,
            Icon::Lock => Lucide::Lock,
            Icon::SortUp => Lucide::ArrowUp,
            Icon::SortDown => Lucide::ArrowDown,
            Icon::Linked => Lucide::Link,
            Icon::Unlinked => Lucide::Unlink,
            Icon::Master => Lucide::Crown,
            Icon::Replica => Lucide::CopyCheck,
            Icon::Failover => Lucide::ArrowLeftRight,
            Icon::Move => Lucide::MoveRight,
            Icon::Refresh => Lucide::RefreshCw,
            Icon::ZoomIn => Lucide::ZoomIn,
            Icon::ZoomOut => Lucide::ZoomOut,
            Icon::Fit => Lucide::Maximize,
            Icon::Fix => Lucide::Wrench,
            Icon::More => Lucide::Ellipsis,
            Icon::History => Lucide::History,
            Icon::Remove => Lucide::Minus,
            Icon::Backup => Lucide::Archive,
            Icon::Restore => Lucide::ArchiveRestore,
        };
        char::from(icon)
    }
}

/// Adds the icon font behind the text fonts, so that labels may mix both.
pub(super) fn register(fonts: &mut egui::FontDefinitions) {
    fonts.font_data.insert(FONT.to_owned(), FontData::from_static(lucide_icons::LUCIDE_FONT_BYTES).into());
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        let list = fonts.families.entry(family).or_default();
        // Second place: before egui's own symbol fonts, whose glyphs in the private area would win otherwise.
        list.insert(list.len().min(1), FONT.to_owned());
    }
}
