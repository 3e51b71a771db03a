//! The forms of a page, as a browser would send them.

use super::agent::unescape;

/// What the form that is posted to `action` sends when nobody changes anything, but for what is in one
/// of its sections.
pub fn fields(body: &str, action: &str, without: &str) -> Vec<(String, String)> {
    let start = format!("action=\"{action}\"");
    let (_, form) =
        body.split_once(&start).unwrap_or_else(|| panic!("no form to {action}: {body}"));
    let form = form.split("</form>").next().unwrap_or_default();
    let skipped = format!("aria-labelledby=\"{without}\"");
    let sections = form.split("<section ").filter(|section| !contains_in_tag(section, &skipped));
    sections.flat_map(|section| section.split('<').enumerate().filter_map(sent(section))).collect()
}

fn contains_in_tag(section: &str, attribute: &str) -> bool {
    section.split('>').next().is_some_and(|tag| tag.contains(attribute))
}

/// What the tag with this number in the section sends.
fn sent(section: &str) -> impl Fn((usize, &str)) -> Option<(String, String)> {
    let tags: Vec<String> = section.split('<').map(str::to_owned).collect();
    move |(index, tag)| {
        let name = attribute(tag, "name")?;
        if tag.starts_with("input") {
            let is_off = tag.contains("type=\"checkbox\"") && !tag.contains(" checked");
            return (!is_off).then(|| (name, attribute(tag, "value").unwrap_or_default()));
        }
        if tag.starts_with("textarea") {
            let text = tag.split_once('>').map_or("", |(_, text)| text);
            return Some((name, unescape(text.strip_prefix('\n').unwrap_or(text))));
        }
        let options = tags[index + 1..].iter().take_while(|tag| !tag.starts_with("/select"));
        let options: Vec<&String> = options.filter(|tag| tag.starts_with("option")).collect();
        let chosen = options.iter().find(|tag| tag.contains(" selected")).or(options.first())?;
        tag.starts_with("select").then(|| (name, attribute(chosen, "value").unwrap_or_default()))
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next().map(unescape)
}
