//! Choices of a form: a `select`, a set of checkboxes.

use crate::http::page::Theme;
use crate::http::text::{Language, Text};

/// One line of a choice: a `select`, a set of checkboxes.
#[derive(Debug, Clone)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

impl Choice {
    /// A choice.
    pub fn new(value: &str, label: &str, chosen: bool) -> Self {
        Self { value: value.to_owned(), label: label.to_owned(), chosen }
    }

    /// Values that are their own labels; those in `chosen` are chosen.
    pub fn list<'a>(values: impl IntoIterator<Item = &'a str>, chosen: &[&str]) -> Vec<Self> {
        values.into_iter().map(|value| Self::new(value, value, chosen.contains(&value))).collect()
    }

    /// No choice, with its words, or one of `values`, each with its label.
    pub fn optional(none: &str, values: &[(&str, &str)], chosen: Option<&str>) -> Vec<Self> {
        let rest =
            values.iter().map(|(value, label)| Self::new(value, label, Some(*value) == chosen));
        std::iter::once(Self::new("", none, chosen.is_none())).chain(rest).collect()
    }

    /// The states of a filter: any, or one of `values`, each with the key of its words.
    pub fn filter(text: Text, values: &[(&str, &str)], chosen: &str) -> Vec<Self> {
        let any = Self::new("", &text.t("any"), chosen.is_empty());
        let rest =
            values.iter().map(|(value, key)| Self::new(value, &text.t(key), *value == chosen));
        std::iter::once(any).chain(rest).collect()
    }

    /// The filter by state of an account: any, `active`, `blocked`.
    pub fn user_states(text: Text, chosen: &str) -> Vec<Self> {
        Self::filter(text, &[("active", "state-active"), ("blocked", "state-blocked")], chosen)
    }

    /// The filter by result of an audit entry: any, `ok`, `denied`, `failed`.
    pub fn results(text: Text, chosen: &str) -> Vec<Self> {
        let results =
            [("ok", "result-ok"), ("denied", "result-denied"), ("failed", "result-failed")];
        Self::filter(text, &results, chosen)
    }

    /// The formats of access tokens, named as on the command line.
    pub fn token_formats(text: Text, chosen: &str) -> Vec<Self> {
        let formats = [("jwt", "format-jwt"), ("jwe", "format-jwe"), ("opaque", "format-opaque")];
        let choice = |(value, key): (&str, &str)| Self::new(value, &text.t(key), value == chosen);
        formats.into_iter().map(choice).collect()
    }

    /// The languages of the pages, and that of the browser.
    pub fn languages(text: Text, chosen: Option<Language>) -> Vec<Self> {
        let browser = Self::new("", &text.t("language-browser"), chosen.is_none());
        let choice = |language: Language| {
            Self::new(language.tag(), language.name(), chosen == Some(language))
        };
        std::iter::once(browser).chain(Language::ALL.into_iter().map(choice)).collect()
    }

    /// The colours of the pages, and those of the device.
    pub fn themes(text: Text, chosen: Option<Theme>) -> Vec<Self> {
        let choice =
            |theme: Theme, key: &str| Self::new(theme.name(), &text.t(key), chosen == Some(theme));
        vec![
            Self::new("", &text.t("theme-device"), chosen.is_none()),
            choice(Theme::Light, "theme-light"),
            choice(Theme::Dark, "theme-dark"),
        ]
    }
}
