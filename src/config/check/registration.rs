//! The rules for the settings of clients that register themselves.

use crate::config::RegistrationConfig;
use crate::config::load::Problem;

const MIN_UNUSED_SECONDS: u32 = 60;
const MAX_UNUSED_SECONDS: u32 = 366 * 86_400;

/// Everything that is wrong with them.
pub fn problems(config: &RegistrationConfig) -> Vec<Problem> {
    let unused = MIN_UNUSED_SECONDS..=MAX_UNUSED_SECONDS;
    let rules = [
        (config.scope.is_empty(), "scope", "must name a scope"),
        (config.grant_types.is_empty(), "grant_types", "must name a grant"),
        (config.per_hour == 0, "per_hour", "must be at least 1"),
        (config.max_unused == 0, "max_unused", "must be at least 1"),
        (
            !unused.contains(&config.unused_lifetime.as_seconds()),
            "unused_lifetime",
            "must be from 60 to 31622400 seconds",
        ),
    ];
    let entries = config.software_publishers.iter();
    let mut problems: Vec<_> = entries
        .filter(|entry| !is_publisher(entry))
        .map(|_| {
            let says = "write ISSUER=KEYS, where KEYS is an https address or a file";
            Problem::new("registration.software_publishers", says)
        })
        .collect();
    let hosts = config.document_hosts.iter();
    problems.extend(hosts.filter(|entry| !is_host(entry)).map(|_| {
        let says = "write a host in lower case, *. and a host, or *";
        Problem::new("registration.document_hosts", says)
    }));
    let broken = rules.into_iter().filter(|(is_broken, ..)| *is_broken);
    problems.extend(broken.map(|(_, key, says)| Problem::new(format!("registration.{key}"), says)));
    problems
}

fn is_host(entry: &str) -> bool {
    let host = entry.strip_prefix("*.").unwrap_or(entry);
    let may_stand =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    entry == "*" || (!host.is_empty() && host.bytes().all(may_stand))
}

fn is_publisher(entry: &str) -> bool {
    entry.split_once('=').is_some_and(|(issuer, keys)| !issuer.is_empty() && !keys.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_names_its_key() {
        let mut config = RegistrationConfig::default();
        assert_eq!(problems(&config), []);
        config.per_hour = 0;
        config.grant_types.clear();
        config.software_publishers = vec!["https://publisher.example".into()];
        let found = problems(&config);
        let about: Vec<_> = found.iter().map(|problem| problem.about.as_str()).collect();
        assert_eq!(about[0], "registration.software_publishers");
        assert_eq!(about[1..], ["registration.grant_types", "registration.per_hour"]);
    }
}
