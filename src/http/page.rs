//! What every page has in common: its frame, and the headers of its response.
//!
//! A view struct embeds a [`Page`] as `page` and goes out through [`respond`], which sets the
//! content security policy and everything else a page must carry. Nothing else sends HTML.

pub mod assets;
mod headers;
mod nav;
mod notice;

pub use headers::{
    BadAddress, respond, respond_form_post, respond_framed, respond_framing, respond_returning,
};
pub use nav::{Nav, NavItem};
pub use notice::{COOKIE as NOTICE_COOKIE, Notice};

use super::text::{Language, Markup, Text};
use std::borrow::Cow;

/// The cookie that keeps a person's choice of language: a tag such as `de`.
pub const LANGUAGE_COOKIE: &str = "language";
/// The cookie that keeps a person's choice of colours: `light` or `dark`.
pub const THEME_COOKIE: &str = "theme";

/// The colours a person chose. Without a choice the page follows the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

impl Theme {
    /// From the cookie or the form field `theme`; anything else is no choice.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }

    /// The value of the cookie, and of `data-theme`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The frame of a page, the same for all of them. Fill in what applies:
/// `Page { csrf, email, ..Page::new(language) }`.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub text: Text,
    pub theme: Option<Theme>,
    /// Who is signed in; shown at the top of account and admin pages.
    pub email: Option<String>,
    /// Whether the signed-in person sees the way to the admin pages.
    pub is_admin: bool,
    /// The token every form carries as `csrf`.
    pub csrf: String,
    /// Where the page stands in the navigation.
    pub nav: Nav,
    /// The result of what was just done, shown once as `role="status"`.
    pub status: Option<String>,
    /// The code that leads from this page to its lines in the log.
    pub request_code: String,
    /// Path and query that show this page again by GET; the language links lead there. Without it
    /// (the answer to a POST, say) there are none.
    pub here: Option<String>,
}

/// One link of the language choice.
#[derive(Debug)]
pub struct LanguageLink {
    pub tag: &'static str,
    pub name: &'static str,
    pub href: String,
}

impl Page {
    /// An empty frame in `language`.
    pub fn new(language: Language) -> Self {
        Self { text: Text::new(language), ..Self::default() }
    }

    /// A message; see [`Text::t`].
    pub fn t(&self, key: &str) -> Cow<'static, str> {
        self.text.t(key)
    }

    /// A message with variables; see [`Text::with`].
    pub fn with(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.text.with(key, values)
    }

    /// A message with markup; see [`Text::html`].
    pub fn html(&self, key: &str, values: &[(&str, &str)]) -> Markup {
        self.text.html(key, values)
    }

    /// The value of `lang`.
    pub const fn lang(&self) -> &'static str {
        self.text.language().tag()
    }

    /// The value of `dir`.
    pub const fn dir(&self) -> &'static str {
        self.text.language().dir()
    }

    /// The address of a static file, with the hash that lets browsers keep it for good.
    pub fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    /// This page in every language.
    pub fn languages(&self) -> Vec<LanguageLink> {
        let Some(here) = &self.here else {
            return Vec::new();
        };
        let link = |language: Language| LanguageLink {
            tag: language.tag(),
            name: language.name(),
            href: in_language(here, language.tag()),
        };
        Language::ALL.into_iter().map(link).collect()
    }
}

/// `here` with `ui_locales` set, whatever it was before.
fn in_language(here: &str, tag: &str) -> String {
    let (path, query) = here.split_once('?').unwrap_or((here, ""));
    let others = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && name != "ui_locales"
    });
    let chosen = format!("ui_locales={tag}");
    let pairs: Vec<&str> = others.chain([chosen.as_str()]).collect();
    format!("{path}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_link_keeps_the_rest_of_the_address() {
        assert_eq!(in_language("/login", "de"), "/login?ui_locales=de");
        assert_eq!(
            in_language("/login?txn=a%26b&ui_locales=fr", "en"),
            "/login?txn=a%26b&ui_locales=en"
        );
    }

    #[test]
    fn a_page_that_cannot_be_shown_again_offers_no_languages() {
        assert!(Page::new(Language::German).languages().is_empty());
    }

    #[test]
    fn only_two_themes_are_choices() {
        assert_eq!(Theme::from_name("dark").map(Theme::name), Some("dark"));
        assert_eq!(Theme::from_name("dark\" onload=\""), None);
    }
}
