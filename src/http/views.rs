//! The pages as structs: every value ready to show, in words. Templates decide nothing but layout,
//! and nothing here asks a database or a clock.

pub mod account;
pub mod admin;
pub mod choice;
pub mod confirm;
pub mod device;
pub mod difference;
pub mod error;
pub mod home;
pub mod interaction;
pub mod problem;
pub mod snippet;

#[cfg(test)]
mod tests;

use super::text::Text;
use actix_web::http::StatusCode;
use problem::Problem;

/// The app a page is about, as people see it.
#[derive(Debug, Clone, Default)]
pub struct App {
    pub name: String,
    /// What stands in for a logo.
    pub initials: String,
    /// The host its answers go to, when it has one.
    pub domain: Option<String>,
    /// A logo on our own origin: the policy of our pages allows no other.
    pub logo: Option<String>,
}

impl App {
    /// An app without a logo.
    pub fn new(name: &str, domain: Option<String>) -> Self {
        Self { name: name.to_owned(), initials: initials(name), domain, logo: None }
    }
}

/// The account a page is about.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// What the account chooser sends back as `account`.
    pub id: String,
    pub name: String,
    pub email: String,
    pub initials: String,
}

impl Person {
    /// A person by name; without one the email address takes its place.
    pub fn new(id: &str, name: Option<&str>, email: &str) -> Self {
        let name = name.filter(|name| !name.trim().is_empty()).unwrap_or(email);
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            email: email.to_owned(),
            initials: initials(name),
        }
    }
}

/// The first letters of the first and the last word, in capitals.
pub fn initials(name: &str) -> String {
    let name = name.split('@').next().unwrap_or_default();
    let words = name.split(|c: char| !c.is_alphanumeric());
    let mut letters = words.filter_map(|word| word.chars().next());
    let first = letters.next();
    let last = letters.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// A link with its words.
#[derive(Debug, Clone)]
pub struct Link {
    pub label: String,
    pub href: String,
}

/// The colour of a badge; its words carry the meaning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Good,
    Bad,
    Warning,
    Info,
}

/// A short state in a coloured pill.
#[derive(Debug, Clone, Default)]
pub struct Badge {
    pub label: String,
    /// The class that colours it.
    pub kind: &'static str,
}

impl Badge {
    /// A badge of a tone.
    pub fn new(tone: Tone, label: impl Into<String>) -> Self {
        let kind = match tone {
            Tone::Plain => "plain",
            Tone::Good => "ok",
            Tone::Bad => "bad",
            Tone::Warning => "warn",
            Tone::Info => "info",
        };
        Self { label: label.into(), kind }
    }

    /// Active, or blocked.
    pub fn user(text: Text, blocked: bool) -> Self {
        match blocked {
            true => Self::new(Tone::Bad, text.t("state-blocked")),
            false => Self::new(Tone::Good, text.t("state-active")),
        }
    }

    /// Arrived, under way, or given up.
    pub fn message(text: Text, delivered: bool, waits: bool) -> Self {
        match (delivered, waits) {
            (true, _) => Self::new(Tone::Good, text.t("message-arrived")),
            (false, true) => Self::new(Tone::Info, text.t("message-waits")),
            (false, false) => Self::new(Tone::Bad, text.t("message-given-up")),
        }
    }

    /// Active, or disabled.
    pub fn client(text: Text, disabled: bool) -> Self {
        match disabled {
            true => Self::new(Tone::Bad, text.t("state-disabled")),
            false => Self::new(Tone::Good, text.t("state-active")),
        }
    }
}

/// What is wrong with one field of a form.
#[derive(Debug, Clone)]
pub struct FieldError {
    /// The id (and name) of the field.
    pub field: String,
    pub words: String,
}

/// What is wrong with a form, in the order of its fields. Empty when it is shown the first time.
#[derive(Debug, Clone, Default)]
pub struct Errors(Vec<FieldError>);

impl Errors {
    /// Adds an error; the first one of a field is the one shown at the field.
    pub fn add(&mut self, field: &str, text: Text, problem: Problem) {
        self.0.push(FieldError { field: field.to_owned(), words: problem.words(text) });
    }

    /// The status a form goes out with.
    pub fn status(&self) -> StatusCode {
        match self.is_empty() {
            true => StatusCode::OK,
            false => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// Whether all is well.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words for a field.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|error| error.field == field).map(|error| error.words.as_str())
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, FieldError> {
        self.0.iter()
    }
}

/// `url` when it is one a page may link to: http or https, whatever a client registered.
pub fn web_link(url: &str) -> Option<String> {
    let parsed = url::Url::parse(url).ok()?;
    matches!(parsed.scheme(), "http" | "https").then(|| url.to_owned())
}
