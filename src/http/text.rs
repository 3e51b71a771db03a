//! The words of the pages: Fluent messages in every language, and the choice between languages.
//!
//! Pages hold no words of their own. A template asks `page.t(…)`; a view that needs words
//! before it is rendered asks its [`Text`]. A test holds the files of all languages to the same
//! keys, and every key to a use.

mod when;

use askama::filters::{Escaper, Html, HtmlSafe};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

/// How many wishes of a browser are looked at: nobody reads more languages than that.
const MAX_WISHES: usize = 20;

/// A language the pages speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// Also what everyone gets whose languages we do not speak.
    #[default]
    English,
    German,
}

impl Language {
    /// Every language, in the order the pages offer them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The language of a page: `ui_locales` (OpenID Connect Core §3.1.2.1) first, then the
    /// person's own choice (a cookie), then `Accept-Language` (RFC 9110 §12.5.4).
    pub fn choose(
        ui_locales: Option<&str>,
        cookie: Option<&str>,
        accept_language: Option<&str>,
    ) -> Self {
        let wished = ui_locales.unwrap_or_default().split(' ').take(MAX_WISHES);
        wished
            .chain(cookie)
            .find_map(Self::from_tag)
            .or_else(|| accepted(accept_language.unwrap_or_default()))
            .unwrap_or_default()
    }

    /// The language of a tag such as `de-AT` (RFC 5646); its first part decides.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The value of `lang` in HTML.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The value of `dir` in HTML.
    pub const fn dir(self) -> &'static str {
        match self {
            Self::English | Self::German => "ltr",
        }
    }

    /// The language's name for itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::English => include_str!("../../templates/text/en.ftl"),
            Self::German => include_str!("../../templates/text/de.ftl"),
        }
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }
}

/// The best language of an `Accept-Language` header; at equal weight the first one named.
fn accepted(header: &str) -> Option<Language> {
    let mut best: Option<(Language, f32)> = None;
    for part in header.split(',').take(MAX_WISHES) {
        let (tag, parameter) = part.split_once(';').unwrap_or((part, ""));
        let weight = parameter.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok());
        let (Some(language), Some(weight)) = (Language::from_tag(tag), weight) else {
            continue;
        };
        if weight > best.map_or(0.0, |(_, heaviest)| heaviest) {
            best = Some((language, weight));
        }
    }
    best.map(|(language, _)| language)
}

static ENGLISH: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| load(Language::English));
static GERMAN: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| load(Language::German));

fn load(language: Language) -> FluentBundle<FluentResource> {
    let locale = language.tag().parse().expect("our own tags are well formed");
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    // Isolation marks would end up in attributes and in what people copy.
    bundle.set_use_isolating(false);
    let resource =
        FluentResource::try_new(language.source().to_owned()).unwrap_or_else(|(good, errors)| {
            tracing::error!(language = language.tag(), ?errors, "a message does not parse");
            good
        });
    // Without overriding, the first of two messages of one name stays; a test refuses both.
    let _: Result<(), _> = bundle.add_resource(resource);
    bundle
}

/// The words of one language. Copy it freely: it is a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Text {
    language: Language,
}

impl Text {
    /// The words of `language`.
    pub const fn new(language: Language) -> Self {
        Self { language }
    }

    /// Whose words these are.
    pub const fn language(self) -> Language {
        self.language
    }

    /// A message without variables. A key that does not exist shows as itself.
    pub fn t(&self, key: &str) -> Cow<'static, str> {
        self.format(key, None)
    }

    /// A message with its variables filled in; plain text, to be escaped by the template.
    pub fn with(&self, key: &str, values: &[(&str, &str)]) -> String {
        let args: FluentArgs<'_> = values.iter().copied().collect();
        self.format(key, Some(&args)).into_owned()
    }

    /// A message about `$count` things, in the right plural.
    pub fn count(&self, key: &str, count: i64) -> String {
        let mut args = FluentArgs::new();
        args.set("count", count);
        self.format(key, Some(&args)).into_owned()
    }

    /// A message that carries markup of ours (`<b>`, `<a>`); the values in it are escaped.
    pub fn html(&self, key: &str, values: &[(&str, &str)]) -> Markup {
        let args: FluentArgs<'_> =
            values.iter().map(|(name, value)| (*name, escape(value))).collect();
        Markup(self.format(key, Some(&args)).into_owned())
    }

    fn format(&self, key: &str, args: Option<&FluentArgs<'_>>) -> Cow<'static, str> {
        let bundle = self.language.bundle();
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            tracing::error!(key, language = self.language.tag(), "a message is missing");
            return Cow::Owned(key.to_owned());
        };
        let mut errors = Vec::new();
        let words = bundle.format_pattern(pattern, args, &mut errors);
        if !errors.is_empty() {
            tracing::error!(key, ?errors, "a message lacks a variable");
        }
        words
    }
}

/// HTML of our own making, which a template shows as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markup(String);

impl Markup {
    /// This, a space, and plain words, which are escaped.
    pub fn and(self, words: &str) -> Self {
        Self(format!("{} {}", self.0, escape(words)))
    }

    /// The HTML.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Markup {}

fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    Html.write_escaped_str(&mut escaped, value).expect("a String takes what is written to it");
    escaped
}

#[cfg(test)]
mod keys_test;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_decides_then_the_cookie_then_the_browser() {
        let choose = Language::choose;
        assert_eq!(choose(Some("fr de-AT en"), Some("en"), Some("en")), Language::German);
        assert_eq!(choose(Some("se"), Some("de"), Some("en")), Language::German);
        assert_eq!(choose(None, None, Some("fr, en;q=0.5, de;q=0.7")), Language::German);
        assert_eq!(choose(None, None, Some("de;q=0")), Language::English);
        assert_eq!(choose(None, None, None), Language::English);
    }

    #[test]
    fn az_18_a_hostile_locale_means_the_default() {
        let long = "x".repeat(65_536);
        for hostile in ["../../etc/passwd", "<script>", "de\u{0}", long.as_str()] {
            assert_eq!(Language::choose(Some(hostile), None, None), Language::English);
        }
    }

    #[test]
    fn values_in_markup_are_escaped_and_markup_is_not() {
        let words = Text::default().html("error-redirect-text", &[("app", "<script>")]);
        assert!(words.as_str().contains("<b>&#60;script&#62;</b>"), "{words}");
    }

    #[test]
    fn a_count_takes_its_plural() {
        let german = Text::new(Language::German);
        assert_eq!(german.count("ago-days", 1), "gestern");
        assert_eq!(german.count("ago-days", 3), "vor 3 Tagen");
    }

    #[test]
    fn no_marks_are_put_around_values() {
        let words = Text::default().with("login-title-app", &[("app", "Notes")]);
        assert_eq!(words, "Sign in to Notes");
    }
}
