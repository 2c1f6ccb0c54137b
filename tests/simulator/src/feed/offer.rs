//! One desktop or RemoteApp of a feed, and what the feed says of it. What the
//! estate does not know (folders, file associations) follows from its name and
//! from the dice.

use std::sync::Arc;

use crate::{auth::account::View, estate::model::Resource};

/// One desktop or RemoteApp.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) id: String,
    /// The desktop or application; a Cloud PC's is in no subscription of the
    /// tenant's.
    pub(super) source: Arc<Resource>,
    pub(super) is_desktop: bool,
    pub(super) title: String,
    pub(super) alias: String,
    pub(super) last_updated: String,
    pub(super) pool: Arc<Resource>,
    pub(super) is_cloud_pc: bool,
    /// Not shown to who is in groups of both kinds of its pool.
    pub(super) not_preferred: bool,
    /// Said in few words, because there are many.
    pub(super) is_terse: bool,
    /// Bits that decide how it is printed.
    pub(super) dice: u64,
}

/// How an offer's icon comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icons {
    None,
    /// An ICO only.
    Ico,
    /// A PNG only.
    Png,
    /// An ICO and the PNG that is its largest image.
    IcoAndPng,
}

impl Offer {
    pub(super) fn is_seen(&self, view: View) -> bool {
        match view {
            View::All | View::FirstWorkspace => !self.not_preferred,
            View::Nothing => false,
            View::Apps => !self.is_desktop && !self.is_cloud_pc,
            View::Desktops => self.is_desktop && !self.is_cloud_pc,
            View::CloudPcs => self.is_cloud_pc,
        }
    }

    /// Whether its connection file is in UTF-16.
    pub(super) fn is_utf16(&self) -> bool {
        self.dice.is_multiple_of(4)
    }

    pub(super) fn icons(&self) -> Icons {
        match self.source.property("iconContent").as_str() {
            Some(_) if self.is_terse => [Icons::Ico, Icons::Png][usize::from(self.dice & 1 == 1)],
            Some(_) => Icons::IcoAndPng,
            None if self.dice.is_multiple_of(5) => Icons::None,
            None => Icons::Ico,
        }
    }

    pub(super) fn folders(&self) -> &'static [&'static str] {
        match self.dice % 7 {
            0 => &["/Office"],
            1 => &["/", "/Favourites"],
            2 if self.is_desktop => &["/Desktops & more"],
            _ if self.is_terse => &[],
            _ => &["/"],
        }
    }

    /// Extensions, and whether it is the one that opens them.
    pub(super) fn file_extensions(&self) -> &'static [(&'static str, bool)] {
        let name = self.source.name.split('-').next().unwrap_or("");
        match name {
            _ if self.is_desktop => &[],
            "winword" => &[(".docx", true), (".doc", true), (".rtf", false)],
            "excel" => &[(".xlsx", true), (".csv", false)],
            "outlook" => &[(".msg", true)],
            "acrobat" => &[(".pdf", true)],
            "notepadpp" => &[(".txt", false), (".log", false)],
            "paint" => &[(".png", false), (".bmp", false)],
            _ => &[],
        }
    }

    /// `ShowByDefault` as printed; absent is true.
    pub(super) fn show_by_default(&self) -> Option<bool> {
        match self.dice % 13 {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// The command line that is handed over, when the application demands one.
    pub(super) fn command_line(&self) -> &str {
        match self.source.property("commandLineSetting").as_str() {
            Some("Require") => self.source.property("commandLineArguments").as_str().unwrap_or(""),
            _ => "",
        }
    }
}
