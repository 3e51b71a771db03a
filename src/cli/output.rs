//! What a command says: text for people or one JSON document for programs, and its errors.

use super::arguments::Arguments;
use crate::config::load::ConfigError;
use crate::config::master_key::MasterKeyError;
use crate::domain::StartError;
use crate::domain::clients::management::ClientError;
use crate::domain::federation::management::UpstreamError;
use crate::domain::form::{FieldProblem, sentences};
use crate::domain::identity::users::AccountError;
use crate::domain::issuers::management::IssuerError;
use crate::domain::resources::management::ResourceError;
use crate::protocol::error::OAuthError;
use crate::server::RunError;
use crate::storage::StorageError;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::io::Write;
use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum CliError {
    /// The command line is wrong.
    Usage(String),
    /// Values that cannot be.
    Invalid(Vec<FieldProblem>),
    /// The settings are wrong.
    Config(ConfigError),
    /// A setting is wrong, as was found when it was used. The code is for programs.
    Setting { code: &'static str, says: String },
    /// It was refused, or something failed. The code is for programs.
    Failed { code: &'static str, says: String },
    /// It can be done when something else has ended (`EX_TEMPFAIL` of sysexits.h).
    Later { code: &'static str, says: String },
    /// It cannot be done with what there is on disk (`EX_CONFIG` of sysexits.h).
    Damaged { code: &'static str, says: String },
    /// It did what was asked, and the answer is no; it has been written.
    AnswerIsNo,
}

impl CliError {
    /// Refused or failed.
    pub fn failed(code: &'static str, says: impl ToString) -> Self {
        Self::Failed { code, says: says.to_string() }
    }

    /// As [`CliError::failed`], with the causes, which name the host or the file.
    pub fn caused(code: &'static str, error: &dyn std::error::Error) -> Self {
        let mut says = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !says.contains(&text) {
                says = format!("{says}: {text}");
            }
            cause = error.source();
        }
        // libpq writes lines; an error is one.
        Self::failed(code, says.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// A setting that turned out to be wrong.
    fn setting(code: &'static str, says: impl ToString) -> Self {
        Self::Setting { code, says: says.to_string() }
    }

    /// What went wrong, in words.
    pub fn says(&self) -> String {
        match self {
            Self::Invalid(problems) => sentences(problems),
            Self::Config(error) => problems(error),
            Self::Usage(says)
            | Self::Setting { says, .. }
            | Self::Failed { says, .. }
            | Self::Later { says, .. }
            | Self::Damaged { says, .. } => says.clone(),
            Self::AnswerIsNo => String::new(),
        }
    }

    /// The same for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "wrong_usage",
            Self::Invalid(_) => "invalid_value",
            Self::Config(_) => "wrong_configuration",
            Self::Setting { code, .. }
            | Self::Failed { code, .. }
            | Self::Later { code, .. }
            | Self::Damaged { code, .. } => code,
            Self::AnswerIsNo => "no",
        }
    }

    /// What whoever called it can do about it:
    ///
    /// - 1: it was refused or failed, or the answer is no.
    /// - 2: an argument, a value or a setting cannot be as it is, and nothing was done.
    /// - 75 (`EX_TEMPFAIL`): another server has the database.
    /// - 78 (`EX_CONFIG`): the database is damaged.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::Invalid(_) | Self::Config(_) | Self::Setting { .. } => {
                ExitCode::from(2)
            }
            Self::Later { .. } => ExitCode::from(75),
            Self::Damaged { .. } => ExitCode::from(78),
            Self::Failed { .. } | Self::AnswerIsNo => ExitCode::from(1),
        }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::InUse(_) => Self::Later { code: "in_use", says: error.to_string() },
            RunError::Damaged { .. } => Self::Damaged { code: "damaged", says: error.to_string() },
            RunError::MasterKey(error) => error.into(),
            RunError::Storage(error @ StorageError::Url(_)) => error.into(),
            RunError::Start(StartError::WrongMasterKey) => Self::setting("master_key", error),
            RunError::File(..)
            | RunError::Tls(_)
            | RunError::Redis(_)
            | RunError::Verifier(_)
            | RunError::LogFilter(_) => Self::setting("wrong_configuration", error),
            other => Self::caused("failed", &other),
        }
    }
}

impl From<MasterKeyError> for CliError {
    fn from(error: MasterKeyError) -> Self {
        match error {
            // The disk may be full, or not there yet.
            MasterKeyError::File { .. } => Self::failed("master_key", error),
            wrong => Self::setting("master_key", wrong),
        }
    }
}

impl From<StorageError> for CliError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Url(_) => Self::setting("wrong_configuration", error),
            other => Self::caused("database", &other),
        }
    }
}

impl From<AccountError> for CliError {
    fn from(error: AccountError) -> Self {
        let code = match error {
            AccountError::Storage(error) => return error.into(),
            AccountError::Invalid(problems) => return Self::Invalid(problems),
            AccountError::Taken(_) => "taken",
            AccountError::NotFound => "not_found",
            AccountError::LastAdmin => "last_admin",
            AccountError::Yourself | AccountError::SetupClosed | AccountError::Overtaken => {
                "refused"
            }
            AccountError::Hash(_) => "failed",
        };
        Self::failed(code, error)
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let code = match error {
            ClientError::Storage(error) => return error.into(),
            ClientError::Invalid(problems) => return Self::Invalid(problems),
            ClientError::Taken => "taken",
            ClientError::NotFound | ClientError::SecretNotFound => "not_found",
            ClientError::Changed | ClientError::NoSecret | ClientError::LastSecret => "refused",
            ClientError::NoMasterKey => return Self::setting("master_key", error),
        };
        Self::failed(code, error)
    }
}

impl From<IssuerError> for CliError {
    fn from(error: IssuerError) -> Self {
        let code = match error {
            IssuerError::Storage(error) => return error.into(),
            IssuerError::Invalid(problems) => return Self::Invalid(problems),
            IssuerError::Taken => "taken",
            IssuerError::NotFound | IssuerError::NoUser | IssuerError::NoSubject => "not_found",
        };
        Self::failed(code, error)
    }
}

impl From<ResourceError> for CliError {
    fn from(error: ResourceError) -> Self {
        let code = match error {
            ResourceError::Storage(error) => return error.into(),
            ResourceError::Invalid(problems) => return Self::Invalid(problems),
            ResourceError::Taken | ResourceError::TypeTaken => "taken",
            ResourceError::NotFound => "not_found",
            ResourceError::NoSecret => "refused",
            ResourceError::NoMasterKey => return Self::setting("master_key", error),
        };
        Self::failed(code, error)
    }
}

impl From<UpstreamError> for CliError {
    fn from(error: UpstreamError) -> Self {
        let code = match error {
            UpstreamError::Storage(error) => return error.into(),
            UpstreamError::Invalid(problems) => return Self::Invalid(problems),
            UpstreamError::Taken => "taken",
            UpstreamError::NotFound => "not_found",
            UpstreamError::NoMasterKey => return Self::setting("master_key", error),
        };
        Self::failed(code, error)
    }
}

impl From<OAuthError> for CliError {
    fn from(error: OAuthError) -> Self {
        match error.source {
            Some(source) => Self::failed("failed", source),
            None => Self::failed("refused", error.description),
        }
    }
}

/// Where and how to write.
pub struct Output {
    pub json: bool,
}

impl Output {
    /// Writes the document, or the text when people read it.
    pub fn write(&self, document: &Value, text: impl FnOnce() -> String) {
        match self.json {
            true => line(&mut std::io::stdout(), &format!("{document:#}")),
            false => line(&mut std::io::stdout(), text().trim_end()),
        }
    }

    /// Writes, beside what was done, what may not be meant so.
    pub fn warn(&self, says: &str) {
        match self.json {
            true => line(&mut std::io::stderr(), &json!({ "warning": says }).to_string()),
            false => line(&mut std::io::stderr(), &format!("countersign: warning: {says}")),
        }
    }

    /// Writes an error, which names the arguments of the command.
    pub fn error(&self, error: &CliError, arguments: &Arguments) {
        let says = match error {
            CliError::AnswerIsNo => return,
            CliError::Invalid(problems) => {
                let sentences = problems.iter().map(|problem| arguments.sentence(problem));
                sentences.collect::<Vec<_>>().join("; ")
            }
            other => other.says(),
        };
        let mut document = json!({ "error": error.code(), "error_description": says });
        if let CliError::Config(ConfigError(problems)) = error {
            document["problems"] = json!(problems);
        }
        if let CliError::Invalid(problems) = error {
            let problems = problems.iter().map(|problem| arguments.document(problem));
            document["problems"] = problems.collect();
        }
        match self.json {
            true => line(&mut std::io::stderr(), &document.to_string()),
            false => line(&mut std::io::stderr(), &format!("countersign: {says}")),
        }
    }

    /// Writes that a command line cannot be read, and which argument is why.
    pub fn wrong_usage(&self, says: &str, argument: Option<&str>) {
        let document =
            json!({ "error": "wrong_usage", "error_description": says, "argument": argument });
        line(&mut std::io::stderr(), &document.to_string());
    }
}

fn problems(error: &ConfigError) -> String {
    let lines = error.0.iter().map(|problem| format!("\n  {problem}"));
    format!("the configuration cannot be used:{}", lines.collect::<String>())
}

/// A reader that went away is no fault of ours.
fn line(to: &mut impl Write, text: &str) {
    drop(writeln!(to, "{}", harmless(text)));
}

/// A text that does nothing to a terminal: what came from elsewhere may hold control characters, which are
/// written as JSON escapes them, so that a document stays one. Lines stay lines.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let acts = |letter: char| letter.is_control() && letter != '\n';
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let shown = |letter: char| match acts(letter) {
        true => format!("\\u{:04x}", u32::from(letter)),
        false => letter.to_string(),
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// As [`harmless`], for a value among others, which cannot begin a line of its own.
fn one_line(text: &str) -> String {
    harmless(text).replace('\n', "\\u000a")
}

/// Columns as wide as they need to be.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut all: Vec<Vec<String>> = vec![head.iter().map(|cell| (*cell).to_owned()).collect()];
    all.extend(rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()));
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for row in &all {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Where the next page begins, when this one is full.
pub fn next_page<T>(rows: &[T], limit: i64, id: impl Fn(&T) -> &String) -> String {
    let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= limit);
    let last = rows.last().filter(|_| is_full);
    last.map_or_else(String::new, |last| format!("\nThe next page: --cursor {}\n", id(last)))
}

/// `name  value` lines; what is absent is left out.
pub fn fields(fields: &[(&str, Option<String>)]) -> String {
    let shown: Vec<_> = fields
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| (name, value)))
        .collect();
    let width = shown.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    shown.iter().map(|(name, value)| format!("{name:width$}  {}\n", one_line(value))).collect()
}

/// A number and what it counts, by its word for one and that for many: `1 user`, `2 users`.
pub fn counted(number: i64, (one, many): (&str, &str)) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Unix seconds as a date that people read.
pub fn date(unix: i64) -> String {
    let (days, seconds) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    // Counted from 1 March of the year 0, leap days come last (H. Hinnant, chrono-compatible
    // low-level date algorithms).
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (unix, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_709_251_199, "2024-02-29 23:59:59 UTC"),
            (4_102_444_800, "2100-01-01 00:00:00 UTC"),
        ] {
            assert_eq!(date(unix), text);
        }
    }

    #[test]
    fn a_terminal_is_told_nothing_by_what_came_from_elsewhere() {
        let name = "\u{1b}[2J\u{7}\r\t\u{7f}\u{9b}31m\u{0}x";
        let mut written = Vec::new();
        line(&mut written, &format!("Not blocked: {name}\nünd 日本"));
        let written = String::from_utf8(written).unwrap();
        let shown =
            "Not blocked: \\u001b[2J\\u0007\\u000d\\u0009\\u007f\\u009b31m\\u0000x\nünd 日本\n";
        assert_eq!(written, shown);
        assert_eq!(table(&["A"], &[vec![format!("{name}\nb")]]).lines().count(), 2);
        assert_eq!(
            fields(&[("name", Some("x\nroles  admin".into()))]),
            "name  x\\u000aroles  admin\n"
        );
    }

    #[test]
    fn a_document_with_control_characters_says_the_same() {
        let document = json!({ "user": "\u{1b}[2J\u{7f}\u{9b}31m\n", "n": [1] });
        let mut written = Vec::new();
        line(&mut written, &format!("{document:#}"));
        let written = String::from_utf8(written).unwrap();
        assert!(!written.contains(|letter: char| letter.is_control() && letter != '\n'));
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), document);
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["long".to_owned(), "c".to_owned()]];
        assert_eq!(table(&["ID", "X"], &rows), "ID    X\na     b\nlong  c\n");
        assert_eq!(fields(&[("a", Some("1".into())), ("bc", None)]), "a  1\n");
    }
}
