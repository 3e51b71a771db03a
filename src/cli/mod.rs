//! The command line. One file for each noun.
//!
//! Commands other than `serve` and `demo` open the database themselves, so they work whether or not
//! a server runs; a running server sees their changes within a second. The exit code says what to do
//! about it, see [`output::CliError::exit_code`].

mod arguments;
mod audit;
mod backup;
mod client;
mod config;
mod context;
mod issuer;
mod key;
mod output;
#[cfg(test)]
mod reference_test;
mod registration;
mod resource;
mod serve;
mod sure;
mod token;
mod upstream;
mod user;
mod verify_proxy;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use context::Context;
use output::{CliError, Output, harmless};
use std::borrow::Cow;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  countersign demo
  countersign serve --issuer https://login.example.com --listen 0.0.0.0:8080
  countersign user create --email ada@example.com --role admin --password-stdin < password.txt
  countersign client create --name Shop --redirect-uri https://shop.example.com/callback

Every setting is a key of countersign.toml, a variable (tokens.access_token is
COUNTERSIGN_TOKENS__ACCESS_TOKEN) and a flag (--set tokens.access_token=300).
`countersign config show` lists them all with where each value comes from.

Exit codes: 0 done; 1 refused or failed, or the answer is no; 2 a wrong argument, value or setting,
and nothing was done; serve and backup restore end with 75 when another server runs on the SQLite file,
and serve with 78 when that file is damaged.";

/// An OAuth 2 / OpenID Connect provider: people sign in once, every service can check it, and a
/// block reaches them all.
#[derive(Parser)]
#[command(name = "countersign", version, after_help = EXAMPLES, propagate_version = false)]
struct Cli {
    #[command(flatten)]
    global: GlobalFlags,
    #[command(subcommand)]
    command: Command,
}

/// Flags that every command takes.
#[derive(Args, Clone)]
struct GlobalFlags {
    /// The configuration file [default: countersign.toml, when it is there]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    config: Option<PathBuf>,
    /// sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    database_url: Option<String>,
    /// Any setting by its key, such as tokens.access_token=300; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE", help_heading = "Global options")]
    set: Vec<String>,
    /// Write one JSON document instead of text
    #[arg(long, global = true, help_heading = "Global options")]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run the provider until SIGTERM or Ctrl-C
    Serve(serve::ServerFlags),
    /// Bring the database up to date, without serving
    Migrate,
    /// Run the provider with a demo app and a demo service, to try everything out
    Demo(serve::ServerFlags),
    /// Look at the settings
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// People: create, list, block, and what they may do
    #[command(subcommand, visible_alias = "users")]
    User(user::UserCommand),
    /// Apps and services that use the provider
    #[command(subcommand, visible_alias = "clients")]
    Client(client::ClientCommand),
    /// What lets clients register themselves
    #[command(subcommand)]
    Registration(registration::RegistrationCommand),
    /// APIs that tokens are made for
    #[command(subcommand, visible_alias = "resources")]
    Resource(resource::ResourceCommand),
    /// Who else may vouch for people (RFC 7523)
    #[command(subcommand, visible_alias = "issuers")]
    Issuer(issuer::IssuerCommand),
    /// Providers at which people may sign in instead of here
    #[command(subcommand, visible_alias = "upstreams")]
    Upstream(upstream::UpstreamCommand),
    /// The keys that tokens are signed with
    #[command(subcommand, visible_alias = "keys")]
    Key(key::KeyCommand),
    /// The log of who did what
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Copies of the database, and the way back
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// Look into tokens
    #[command(subcommand, visible_alias = "tokens")]
    Token(token::TokenCommand),
    /// Run a sidecar that tells nginx or Traefik whether a request may go on
    VerifyProxy(verify_proxy::VerifyProxyFlags),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let wants_json = arguments.iter().any(|argument| argument == "--json");
    let (cli, named) = match arguments::parse(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return usage(&error, wants_json),
    };
    let output = Output { json: cli.global.json };
    match run(&cli, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error, &named);
            error.exit_code()
        }
    }
}

/// Help and version are answers; the rest is wrong usage.
fn usage(error: &clap::Error, wants_json: bool) -> ExitCode {
    let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if wants_json && !is_answer {
        let (says, argument) = arguments::in_one_line(error);
        Output { json: true }.wrong_usage(&says, argument.as_deref());
        return ExitCode::from(2);
    }
    // Nothing can be done when even the message cannot be written.
    match harmless(&error.to_string()) {
        Cow::Borrowed(_) => drop(error.print()),
        Cow::Owned(says) => drop(std::io::stderr().write_all(says.as_bytes())),
    }
    if is_answer { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

fn run(cli: &Cli, output: &Output) -> Result<(), CliError> {
    let context = Context { global: &cli.global, output };
    match &cli.command {
        Command::Serve(flags) => serve::serve(&context, flags),
        Command::Demo(flags) => serve::demo(&context, flags),
        Command::Migrate => serve::migrate(&context),
        Command::Config(command) => config::run(&context, command),
        Command::User(command) => user::run(&context, command),
        Command::Client(command) => client::run(&context, command),
        Command::Registration(command) => registration::run(&context, command),
        Command::Resource(command) => resource::run(&context, command),
        Command::Issuer(command) => issuer::run(&context, command),
        Command::Upstream(command) => upstream::run(&context, command),
        Command::Key(command) => key::run(&context, command),
        Command::Audit(command) => audit::run(&context, command),
        Command::Backup(command) => backup::run(&context, command),
        Command::Token(command) => token::run(&context, command),
        Command::VerifyProxy(flags) => verify_proxy::run(flags, cli.global.json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_unknown_flag_is_wrong_usage() {
        for line in [
            vec!["countersign", "client", "create", "--name", "x", "--subject-types", "both"],
            vec!["countersign", "serve", "--colour", "red"],
            vec!["countersign"],
        ] {
            assert!(Cli::try_parse_from(line).is_err());
        }
    }

    #[test]
    fn nouns_may_stand_in_the_plural() {
        assert!(Cli::try_parse_from(["countersign", "keys", "list", "--json"]).is_ok());
        assert!(Cli::try_parse_from(["countersign", "users", "list"]).is_ok());
    }

    #[test]
    fn an_id_may_begin_with_a_hyphen() {
        for line in [
            "key retire -x3S-9kQ",
            "key retire --3S9kQ --json",
            "client show -x9",
            "client retire-secret -x9 -y8",
            "user block -x9 --reason left",
            "user end-session ada -x9",
            "user set-roles -x9 admin",
            "registration revoke-token -x9",
            "token inspect -x9 --audience https://orders.example",
        ] {
            let words = ["countersign"].into_iter().chain(line.split(' '));
            let parsed = Cli::try_parse_from(words);
            assert!(parsed.is_ok(), "{line}: {}", parsed.err().expect("it is refused"));
        }
        let cli =
            Cli::try_parse_from(["countersign", "token", "inspect", "-x9", "--json"]).unwrap();
        assert!(cli.global.json, "a flag stays a flag");
        let help = Cli::try_parse_from(["countersign", "key", "retire", "--help"]);
        assert_eq!(help.err().map(|error| error.kind()), Some(ErrorKind::DisplayHelp));
    }

    #[test]
    fn lists_come_repeated_or_together() {
        let line = [
            "countersign",
            "client",
            "create",
            "--name",
            "Shop",
            "--redirect-uri",
            "https://a/1",
            "https://a/2",
            "--scope",
            "openid email",
            "--scope",
            "profile",
            "--grant-type",
            "authorization_code,refresh_token",
            "--require-pkce",
            "false",
            "--skip-consent",
            "--json",
        ];
        let cli = Cli::try_parse_from(line).unwrap();
        let Command::Client(client::ClientCommand::Create(create)) = cli.command else {
            panic!("another command")
        };
        let draft = create.draft().unwrap();
        assert_eq!(draft.metadata.redirect_uris, ["https://a/1", "https://a/2"]);
        assert_eq!(draft.metadata.scope.to_string(), "email openid profile");
        assert_eq!(draft.metadata.grant_types.len(), 2);
        assert!(draft.policy.skip_consent && !draft.policy.require_pkce);
    }
}
