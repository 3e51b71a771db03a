//! Checks of files that are not Rust: page templates and migrations.

use std::collections::BTreeSet;
use std::path::Path;

/// What the content security policy of every page would block: script or style inside a page.
pub fn inline_code(page: &str) -> Vec<String> {
    let page = page.to_ascii_lowercase();
    let tags = page.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or(tag));
    tags.filter(|tag| is_inline(tag)).map(|tag| format!("<{tag}>")).collect()
}

fn is_inline(tag: &str) -> bool {
    let mut words = tag.split_whitespace();
    let name = words.next().unwrap_or_default();
    let attributes: Vec<&str> = words.map(|word| word.split('=').next().unwrap_or(word)).collect();
    let handler = |name: &&str| {
        let event = name.strip_prefix("on").unwrap_or_default();
        !event.is_empty() && event.bytes().all(|b| b.is_ascii_lowercase()) && tag.contains('=')
    };
    name == "style"
        || (name == "script" && !attributes.contains(&"src"))
        || attributes.contains(&"style")
        || attributes.iter().any(handler)
        || tag.contains("javascript:")
}

/// Differences between the migrations of the two databases, files that are missing, and two with one
/// number: what is called a version is what comes before the first underscore.
pub fn uneven_migrations(migrations: &Path) -> Vec<String> {
    let [sqlite, postgres] = ["sqlite", "postgres"].map(|name| migrations.join(name));
    let (ours, theirs) = (names(&sqlite), names(&postgres));
    let mut found: Vec<String> =
        ours.symmetric_difference(&theirs).map(|name| format!("{name} is on one side")).collect();
    let mut numbers = BTreeSet::new();
    let doubled = ours.iter().filter(|name| !numbers.insert(name.split('_').next()));
    found.extend(doubled.map(|name| format!("{name} has the number of another")));
    for (directory, names) in [(&sqlite, &ours), (&postgres, &theirs)] {
        for file in names.iter().flat_map(|n| [format!("{n}/up.sql"), format!("{n}/down.sql")]) {
            if !directory.join(&file).is_file() {
                found.push(format!("{} is missing", directory.join(&file).display()));
            }
        }
    }
    found
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_and_style_inside_a_page_are_seen() {
        let bad = [
            "<script>go()</script>",
            "<SCRIPT type=\"module\">go()</SCRIPT>",
            "<style>p {}</style>",
            "<p style=\"color: red\">",
            "<button\n  onclick=\"go()\">",
            "<a href=\"javascript:go()\">",
        ];
        for page in bad {
            assert_eq!(inline_code(page).len(), 1, "{page}");
        }
    }

    #[test]
    fn a_linked_script_and_plain_words_are_fine() {
        let page = "<script src=\"/static/a.js\" defer></script><p class=\"on\">on = off</p>\
                    <link rel=\"stylesheet\" href=\"/static/a.css\"><p>a style=b</p>";
        assert!(inline_code(page).is_empty(), "{:?}", inline_code(page));
    }

    #[test]
    fn migrations_must_be_even_and_whole() {
        let root = tempfile::tempdir().expect("a directory");
        let write = |file: &str| {
            let file = root.path().join(file);
            std::fs::create_dir_all(file.parent().expect("it has one")).expect("writable");
            std::fs::write(file, "").expect("writable");
        };
        for name in ["up", "down"] {
            write(&format!("sqlite/1/{name}.sql"));
            write(&format!("postgres/1/{name}.sql"));
        }
        assert!(uneven_migrations(root.path()).is_empty());
        write("sqlite/2/up.sql");
        assert_eq!(uneven_migrations(root.path()).len(), 2);
        for file in ["sqlite/2/down", "postgres/2/up", "postgres/2/down"] {
            write(&format!("{file}.sql"));
        }
        assert!(uneven_migrations(root.path()).is_empty());
        for (kind, name) in
            [("sqlite", "up"), ("sqlite", "down"), ("postgres", "up"), ("postgres", "down")]
        {
            write(&format!("{kind}/2_again/{name}.sql"));
        }
        assert_eq!(uneven_migrations(root.path()), ["2_again has the number of another"]);
    }
}
