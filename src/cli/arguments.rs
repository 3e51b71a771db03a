//! The arguments of the command that was called, so that what is wrong is named as it was typed.

use super::Cli;
use crate::domain::form::FieldProblem;
use clap::error::{ContextKind, ContextValue};
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};
use serde_json::{Value, json};
use std::ffi::OsString;

/// Members whose arguments have other names.
const OTHERWISE: [(&str, &str); 2] = [("client_name", "name"), ("password", "password-stdin")];

/// The arguments of one command.
#[derive(Default)]
pub struct Arguments(Vec<Argument>);

struct Argument {
    /// Long names, or of a positional argument its own.
    names: Vec<String>,
    shown: String,
    /// How many values it was given.
    given: usize,
}

/// Reads a command line.
///
/// # Errors
///
/// Those of clap; help and version are such errors as well.
pub(super) fn parse(line: Vec<OsString>) -> Result<(Cli, Arguments), clap::Error> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(line)?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    Ok((cli, Arguments::of(&command, &matches)))
}

impl Arguments {
    fn of(command: &Command, matches: &ArgMatches) -> Self {
        let (mut command, mut matches) = (command, matches);
        while let Some((name, below)) = matches.subcommand() {
            let Some(found) = command.find_subcommand(name) else { break };
            (command, matches) = (found, below);
        }
        let argument = |arg: &clap::Arg| {
            let long = arg.get_long_and_visible_aliases().unwrap_or_default();
            let names: Vec<String> = match long.is_empty() {
                true => vec![arg.get_id().as_str().to_owned()],
                false => long.into_iter().map(str::to_owned).collect(),
            };
            let shown = match arg.get_long() {
                Some(long) => format!("--{long}"),
                None => format!("<{}>", arg.get_id().as_str().to_uppercase()),
            };
            let values = matches.try_get_raw(arg.get_id().as_str()).ok().flatten();
            Argument { names, shown, given: values.map_or(0, Iterator::count) }
        };
        Self(command.get_arguments().map(argument).collect())
    }

    /// The argument that a member comes from.
    fn find(&self, member: &str) -> Option<&Argument> {
        let own = member.replace('_', "-");
        let one = own.strip_suffix('s').unwrap_or(&own);
        let other = OTHERWISE.iter().find(|(name, _)| *name == member).map(|(_, other)| *other);
        let called = |name: &str| self.0.iter().find(|argument| argument.is_called(name));
        let from_file = || called(&format!("{own}-file"));
        called(&own).or_else(|| called(one)).or_else(from_file).or_else(|| called(other?))
    }

    /// What is wrong, in a sentence that names the argument.
    pub fn sentence(&self, problem: &FieldProblem) -> String {
        let Some(argument) = self.find(problem.field) else { return problem.to_string() };
        match problem.line.filter(|_| argument.given > 1) {
            Some(line) => format!("{}, value {line}: {}", argument.shown, problem.says),
            None => format!("{}: {}", argument.shown, problem.says),
        }
    }

    /// The same for programs.
    pub fn document(&self, problem: &FieldProblem) -> Value {
        json!({
            "argument": self.find(problem.field).map(|argument| &argument.shown),
            "value": problem.line,
            "member": problem.field,
            "says": problem.says,
        })
    }
}

impl Argument {
    fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.replace('_', "-") == name)
    }
}

/// What clap says is wrong, in one line, and the argument that it is about.
pub fn in_one_line(error: &clap::Error) -> (String, Option<String>) {
    let text = error.to_string();
    let ends = |line: &&str| !line.starts_with("Usage:") && !line.starts_with("For more");
    let words = text.lines().map(str::trim).take_while(ends).filter(|line| !line.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    let about = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(one)) => Some(one.clone()),
        Some(ContextValue::Strings(several)) => Some(several.join(" ")),
        _ => None,
    };
    (line.trim_start_matches("error: ").to_owned(), about)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Arguments {
        parse(line.split(' ').map(OsString::from).collect())
            .unwrap_or_else(|error| panic!("{error}"))
            .1
    }

    /// Every member that the rules of a noun speak of has an argument there.
    #[test]
    fn every_member_that_can_be_wrong_is_named_as_it_is_typed() {
        let client = "client_name client_id redirect_uris post_logout_redirect_uris grant_types \
                      response_types contacts jwks jwks_uri sector_identifier_uri request_uris \
                      require_pkce allowed_resources access_token_lifetime access_token_claims \
                      id_token_claims access_token_encryption_jwk token_exchange_actors \
                      token_exchange_audiences token_exchange_max_actors \
                      token_endpoint_auth_method authorization_encrypted_response_enc \
                      introspection_signed_response_alg authorization_details_types logo_uri";
        let resource = "identifier name scopes jwks_uri token_lifetime token_signed_alg \
                        token_encryption_alg token_encryption_enc token_encryption_jwk";
        let issuer = "issuer name jwks jwks_uri clients user_claim";
        let upstream = "slug name client_id issuer scope authorization_endpoint token_endpoint \
                        userinfo_endpoint emails_endpoint subject_claim allow_sign_up";
        for (line, members) in [
            ("countersign client create --name x", client),
            ("countersign resource create --identifier x --name x", resource),
            ("countersign issuer create --issuer x --name x", issuer),
            ("countersign upstream create x --name x --issuer x --client-id x", upstream),
            ("countersign user create", "email username name language claims password"),
            ("countersign user set-password x --password-stdin", "password"),
            ("countersign user block x", "reason"),
            ("countersign issuer map x --subject a --user b", "subject user"),
            ("countersign registration create-token --label x", "label uses expires_in"),
        ] {
            let arguments = arguments(line);
            let is_unnamed = |member: &&str| arguments.find(member).is_none();
            let unnamed: Vec<&str> = members.split_whitespace().filter(is_unnamed).collect();
            assert!(unnamed.is_empty(), "{line}: {unnamed:?}");
        }
    }

    #[test]
    fn of_several_values_the_wrong_one_is_counted() {
        let wrong = FieldProblem::new("redirect_uris", "key", "use https").at(1);
        let line = "countersign client create --name x --redirect-uri";
        let says = |line: &str| arguments(line).sentence(&wrong);
        assert_eq!(says(&format!("{line} a b")), "--redirect-uri, value 2: use https");
        assert_eq!(says(&format!("{line} a")), "--redirect-uri: use https");
        assert_eq!(says("countersign user create"), "redirect_uris, line 2: use https");
    }

    #[test]
    fn wrong_usage_names_its_argument_in_one_line() {
        let said = |line: &str| {
            let parsed = parse(line.split(' ').map(OsString::from).collect());
            in_one_line(&parsed.err().expect("wrong usage"))
        };
        let (says, about) = said("countersign client create --json");
        assert_eq!(says, "the following required arguments were not provided: --name <NAME>");
        assert_eq!(about.as_deref(), Some("--name <NAME>"));
        let (says, about) = said("countersign audit list --limit many");
        assert!(says.contains("'many'") && says.contains("--limit"), "{says}");
        assert_eq!(about.as_deref(), Some("--limit <LIMIT>"));
        assert!(said("countersign serve --colour red").0.contains("--colour"));
    }
}
