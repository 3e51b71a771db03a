//! Finds forms in a page, well enough to fill in a login or a consent.
//!
//! Not an HTML parser: a scan over tags that understands comments, raw-text
//! elements, attributes and the few character references forms use.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    pub tag: String,
    pub kind: String,
    pub name: String,
    pub value: String,
    pub checked: bool,
    pub id: String,
    /// A button's text, to tell "allow" from "cancel".
    pub label: String,
}

const REFUSALS: [&str; 13] = [
    "cancel", "deny", "reject", "abort", "decline", "disallow", "refuse", "logout", "log out",
    "back", "no", "not", "dont",
];

const APPROVALS: [&str; 9] =
    ["allow", "accept", "approve", "authorize", "agree", "continue", "yes", "confirm", "grant"];

impl Field {
    /// Whether name, value, id or text has one of `words`; short ones count only as a whole word.
    fn says(&self, words: &[&str]) -> bool {
        let said = format!("{} {} {} {}", self.name, self.value, self.id, self.label);
        let said = said.to_ascii_lowercase();
        let parts = said.split(|c: char| !c.is_ascii_alphanumeric());
        let whole = |word: &str| parts.clone().any(|part| part == word);
        words.iter().any(|word| if word.len() <= 4 { whole(word) } else { said.contains(word) })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    pub action: String,
    pub post: bool,
    pub fields: Vec<Field>,
}

impl Form {
    pub fn password(&self) -> Option<&Field> {
        self.fields.iter().find(|f| f.kind == "password")
    }

    /// The field a person would type a login name into: by type, by
    /// autocomplete-like names, else the first plain text field.
    pub fn username(&self) -> Option<&Field> {
        let texts = || self.fields.iter().filter(|f| matches!(&*f.kind, "text" | "email" | "tel"));
        texts()
            .find(|f| {
                let name = f.name.to_ascii_lowercase();
                ["user", "login", "email", "identifier", "account", "name"]
                    .iter()
                    .any(|hint| name.contains(hint))
            })
            .or_else(|| texts().next())
    }

    /// The button that goes on: the first that says yes, else the first that does not say no.
    pub fn accept_button(&self) -> Option<&Field> {
        let submits = || self.fields.iter().filter(|f| f.kind == "submit" || f.kind == "image");
        let willing = || submits().filter(|f| !f.says(&REFUSALS));
        willing().find(|f| f.says(&APPROVALS)).or_else(|| willing().next())
    }

    /// Whether the form asks for a yes, as a consent does and a language switch does not.
    pub fn asks_for_approval(&self) -> bool {
        self.post && self.accept_button().is_some_and(|button| button.says(&APPROVALS))
    }

    /// Everything a browser would send besides what was typed: hidden inputs,
    /// defaults, boxes (all ticked: the user agrees) and the button pressed.
    pub fn submission<'a>(&'a self, typed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for field in &self.fields {
            if field.name.is_empty() {
                continue;
            }
            if let Some(&(name, value)) = typed.iter().find(|(name, _)| *name == field.name) {
                pairs.push((name, value));
                continue;
            }
            match &*field.kind {
                "submit" | "image" | "button" | "reset" | "file" => {}
                "radio" if !field.checked => {}
                "checkbox" if field.value.is_empty() => pairs.push((&field.name, "on")),
                _ => pairs.push((&field.name, &field.value)),
            }
        }
        if let Some(button) = self.accept_button().filter(|button| !button.name.is_empty()) {
            pairs.push((&button.name, &button.value));
        }
        pairs
    }
}

/// All forms of a page, in order.
pub fn forms(page: &str) -> Vec<Form> {
    let mut found = Vec::new();
    let mut open: Option<Form> = None;
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let Some(tag) = Tag::read(rest) else {
            rest = &rest[1..];
            continue;
        };
        rest = &rest[tag.length..];
        match &*tag.name {
            "script" | "style" => {
                let close = format!("</{}", tag.name);
                rest = find_ignoring_case(rest, &close).map_or("", |end| &rest[end..]);
            }
            "form" => {
                found.extend(open.take());
                open = Some(Form {
                    action: tag.attribute("action").unwrap_or_default(),
                    post: tag.attribute("method").is_some_and(|m| m.eq_ignore_ascii_case("post")),
                    fields: Vec::new(),
                });
            }
            "/form" => found.extend(open.take()),
            "input" | "button" | "textarea" | "select" => {
                if let Some(form) = open.as_mut() {
                    form.fields.push(field(tag, rest));
                }
            }
            _ => {}
        }
    }
    found.extend(open);
    found
}

/// A control, from its tag and what follows it.
fn field(tag: Tag, rest: &str) -> Field {
    let default = match &*tag.name {
        "button" => "submit",
        "input" => "text",
        other => other,
    };
    let label = match &*tag.name {
        "button" => text_of(&rest[..find_ignoring_case(rest, "</button").unwrap_or(0)]),
        _ => String::new(),
    };
    Field {
        kind: tag.attribute("type").unwrap_or_else(|| default.to_owned()).to_ascii_lowercase(),
        name: tag.attribute("name").unwrap_or_default(),
        value: tag.attribute("value").unwrap_or_default(),
        checked: tag.attribute("checked").is_some(),
        id: tag.attribute("id").unwrap_or_default(),
        tag: tag.name,
        label,
    }
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    length: usize,
}

impl Tag {
    /// Reads the tag that begins at `text[0] == '<'`.
    fn read(text: &str) -> Option<Tag> {
        let raw = text.as_bytes();
        let mut at = 1;
        if raw.get(at) == Some(&b'/') {
            at += 1;
        }
        let start = at;
        while at < raw.len() && raw[at].is_ascii_alphanumeric() {
            at += 1;
        }
        if at == start {
            return None;
        }
        let name = text[1..at].to_ascii_lowercase();
        let mut attributes = Vec::new();
        loop {
            while at < raw.len() && (raw[at].is_ascii_whitespace() || raw[at] == b'/') {
                at += 1;
            }
            match raw.get(at) {
                None => return None,
                Some(b'>') => {
                    return Some(Tag { name, attributes, length: at + 1 });
                }
                Some(_) => {}
            }
            let key = at;
            while at < raw.len()
                && !matches!(raw[at], b'=' | b'>' | b'/')
                && !raw[at].is_ascii_whitespace()
            {
                at += 1;
            }
            let key = text[key..at.max(key + 1).min(text.len())].to_ascii_lowercase();
            let mut value = "";
            if raw.get(at) == Some(&b'=') {
                at += 1;
                let quote = raw.get(at).copied().filter(|q| matches!(q, b'"' | b'\''));
                let from = at + usize::from(quote.is_some());
                at = from;
                while at < raw.len()
                    && match quote {
                        Some(quote) => raw[at] != quote,
                        None => raw[at] != b'>' && !raw[at].is_ascii_whitespace(),
                    }
                {
                    at += 1;
                }
                value = &text[from..at];
                at += usize::from(quote.is_some());
            }
            attributes.push((key, unescape(value)));
        }
    }

    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }
}

/// Where the link with this id leads.
pub fn link(page: &str, id: &str) -> Option<String> {
    let tags = page.match_indices("<a").filter_map(|(at, _)| Tag::read(&page[at..]));
    tags.filter(|tag| tag.name == "a" && tag.attribute("id").as_deref() == Some(id))
        .find_map(|tag| tag.attribute("href"))
}

fn text_of(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.trim().to_owned()
}

fn find_ignoring_case(text: &str, needle: &str) -> Option<usize> {
    let needle = needle.as_bytes();
    text.as_bytes().windows(needle.len()).position(|w| w.eq_ignore_ascii_case(needle))
}

fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference = rest.find(';').filter(|end| *end <= 10).map(|end| &rest[1..end]);
        let decoded = reference.and_then(|name| match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => {
                let digits = name.strip_prefix('#')?;
                let code = match digits.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => digits.parse().ok()?,
                };
                char::from_u32(code)
            }
        });
        match (decoded, reference) {
            (Some(c), Some(name)) => {
                out.push(c);
                rest = &rest[name.len() + 2..];
            }
            _ => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<!doctype html><!-- <form><input type=password></form> -->
      <script>var x = "<form action='/bad'>";</script>
      <form action="/search"><input name=q></form>
      <form method="POST" action="/login?a=1&amp;b=2">
        <input type="hidden" name="csrf" value="x&#x3D;&quot;y">
        <input name='login' placeholder="you > me"/> <input type=password name=pw>
        <input type="checkbox" name="remember" value="1">
        <button type="submit" name="op" value="cancel">Cancel</button>
        <button name="op" value="go"><b>Sign in</b></button>
      </form>"#;

    #[test]
    fn finds_the_login_form() {
        let forms = forms(PAGE);
        assert_eq!(forms.len(), 2);
        let login = forms.iter().find(|f| f.password().is_some()).unwrap();
        assert!(login.post);
        assert_eq!(login.action, "/login?a=1&b=2");
        assert_eq!(login.username().unwrap().name, "login");
        let sent = login.submission(&[("login", "me"), ("pw", "secret")]);
        assert_eq!(
            sent,
            [("csrf", "x=\"y"), ("login", "me"), ("pw", "secret"), ("remember", "1"), ("op", "go")]
        );
    }

    #[test]
    fn presses_neither_cancel_nor_not_you() {
        let page = r#"<form method=post action=/switch><button id=switch>Not you?</button></form>
          <form method=post action=/language><button name=l value=de>Deutsch</button></form>
          <form method=post action=/consent>
            <button id="consent-deny" name="decision" value="deny">Cancel</button>
            <button id="consent-allow" name="decision" value="allow">Allow</button></form>"#;
        let forms = forms(page);
        let asking: Vec<&Form> = forms.iter().filter(|form| form.asks_for_approval()).collect();
        assert_eq!(asking.len(), 1);
        assert_eq!(asking[0].submission(&[]), [("decision", "allow")]);
    }

    #[test]
    fn a_button_that_only_its_id_tells_apart_is_told_apart() {
        let page = r#"<form method=post><input name=u><input type=password name=p>
          <button id="login-cancel" name="do" value="1">Zur&uuml;ck</button>
          <button id="login-submit">Sign in</button></form>"#;
        let button = forms(page)[0].accept_button().map(|button| button.id.clone());
        assert_eq!(button.as_deref(), Some("login-submit"));
    }

    #[test]
    fn finds_where_a_link_leads() {
        let page = r#"<abbr id="continue">x</abbr><a href="/x">X</a> <a id="continue" href="http://h/cb?a=1&amp;b=2">Go</a>"#;
        assert_eq!(link(page, "continue").as_deref(), Some("http://h/cb?a=1&b=2"));
        assert_eq!(link(page, "other"), None);
    }
}
