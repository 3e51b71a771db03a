//! Renders every page, plain and with hostile values, in every language.
//!
//! With `COUNTERSIGN_PAGES_OUT` set to a folder, the plain pages are also written there, to be
//! looked at in a browser.

mod account;
mod admin;
mod interaction;
mod issuer;
mod registration;
mod resource;
mod upstream;

use crate::http::page::{Nav, Page};
use crate::http::text::Language;
use std::collections::BTreeSet;

/// What a hostile person or client puts into every field that holds text.
const HOSTILE: &str = "\"'><script>alert(1)</script>{{7*7}}";

/// Makes the values of one rendering: the language, and what is added to every text.
#[derive(Clone, Copy)]
pub struct Sample {
    language: Language,
    suffix: &'static str,
}

impl Sample {
    /// `words`, with the suffix.
    pub fn text(self, words: &str) -> String {
        format!("{words}{}", self.suffix)
    }

    /// The frame of a page before sign-in.
    pub fn page(self) -> Page {
        Page {
            csrf: self.text("csrf-token"),
            request_code: self.text("01K9-7QJ4"),
            here: Some(self.text("/login?txn=sealed")),
            ..Page::new(self.language)
        }
    }

    /// The frame of an account or admin page.
    pub fn inside(self, nav: Nav) -> Page {
        Page { email: Some(self.text("ada@example.org")), is_admin: true, nav, ..self.page() }
    }
}

/// A page, by the name its file gets.
pub type Rendered = (&'static str, String);

fn all(sample: Sample) -> Vec<Rendered> {
    let mut pages = interaction::pages(sample);
    pages.extend(account::pages(sample));
    pages.extend(admin::pages(sample));
    pages.extend(registration::pages(sample));
    pages.extend(resource::pages(sample));
    pages.extend(issuer::pages(sample));
    pages.extend(upstream::pages(sample));
    pages
}

fn plain(language: Language) -> Vec<Rendered> {
    all(Sample { language, suffix: "" })
}

/// The rendered page of a name, in English.
fn page(name: &str) -> String {
    let pages = plain(Language::English);
    let found = pages.into_iter().find(|(page, _)| *page == name);
    found.unwrap_or_else(|| panic!("no page {name}")).1
}

/// The values of an attribute on a page.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    let parts = html.split(start.as_str()).skip(1);
    parts.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn lg_20_hostile_text_stays_text_on_every_page() {
    for language in Language::ALL {
        for (name, html) in all(Sample { language, suffix: HOSTILE }) {
            assert!(!html.contains("<script>"), "{name}: a script came through");
            assert!(!html.contains("\"'>"), "{name}: an attribute was left");
            assert_eq!(html.matches("<script").count(), 1, "{name}: one script, our own");
            assert!(html.contains("{{7*7}}"), "{name}: no fixture was hostile");
        }
    }
}

#[test]
fn every_page_has_one_heading_one_main_and_its_language() {
    for language in Language::ALL {
        for (name, html) in plain(language) {
            assert_eq!(html.matches("<h1").count(), 1, "{name}: one h1");
            assert_eq!(html.matches("<main").count(), 1, "{name}: one main");
            let start = format!("<html lang=\"{}\" dir=\"ltr\"", language.tag());
            assert!(html.contains(&start), "{name}: {start}");
            let title = html.split("<title>").nth(1).and_then(|rest| rest.split('<').next());
            assert!(title.is_some_and(|t| t.contains(" – Countersign")), "{name}: {title:?}");
        }
    }
}

#[test]
fn ids_are_unique_and_what_refers_to_them_exists() {
    for (name, html) in plain(Language::English) {
        let ids = values(&html, "id");
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: {ids:?}");
        for attribute in ["for", "aria-describedby", "aria-labelledby", "aria-controls"] {
            for target in values(&html, attribute).iter().flat_map(|ids| ids.split(' ')) {
                assert!(unique.contains(target), "{name}: {attribute} {target:?}");
            }
        }
    }
}

#[test]
fn every_form_of_ours_carries_the_csrf_token() {
    for (name, html) in plain(Language::English) {
        for form in html.split("<form ").skip(1).filter_map(|form| form.split("</form>").next()) {
            let ours = form.contains("method=\"post\"") && form.contains("action=\"/");
            let token = form.contains("name=\"csrf\" value=\"csrf-token\"");
            assert_eq!(ours, token, "{name}: {form}");
        }
    }
}

#[test]
fn pages_say_the_same_in_both_languages_with_different_words() {
    let english = plain(Language::English);
    for ((name, ours), (_, theirs)) in english.iter().zip(plain(Language::German)) {
        assert_eq!(values(ours, "id"), values(&theirs, "id"), "{name}");
        assert_eq!(values(ours, "name"), values(&theirs, "name"), "{name}");
        assert_ne!(*ours, theirs, "{name}");
    }
}

#[test]
fn the_login_page_keeps_its_budget() {
    let parts = [
        page("login").len(),
        include_bytes!("../../../static/countersign.css").len(),
        include_bytes!("../../../static/countersign.js").len(),
        include_bytes!("../../../static/icon.svg").len(),
    ];
    let bytes: usize = parts.iter().sum();
    assert!(bytes <= 20 * 1024, "{parts:?} is {bytes} bytes");
    let html = page("login");
    let addresses = values(&html, "src").len() + html.matches("<link ").count();
    assert_eq!(addresses, 3, "style sheet, script and icon");
}

#[test]
fn every_page_can_be_looked_at() {
    let folder = std::env::var_os("COUNTERSIGN_PAGES_OUT").map(std::path::PathBuf::from);
    for language in Language::ALL {
        for (name, html) in plain(language) {
            assert!(html.ends_with("</html>"), "{name} is whole");
            if let Some(folder) = &folder {
                let file = folder.join(format!("{name}-{}.html", language.tag()));
                std::fs::write(file, html).expect("the folder can be written to");
            }
        }
    }
}
