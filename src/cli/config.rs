//! `config check` and `config show`.

use super::context::Context;
use super::output::{CliError, table};
use super::serve::ServerFlags;
use crate::config::load::Setting;
use clap::Subcommand;
use serde_json::{Map, Value, json};

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Say everything that is wrong with the settings; exit code 2 when something is
    Check(ServerFlags),
    /// Every setting, its value, and where it comes from; secrets are masked
    Show(ServerFlags),
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &ConfigCommand) -> Result<(), CliError> {
    match command {
        ConfigCommand::Check(flags) => check(context, flags),
        ConfigCommand::Show(flags) => show(context, flags),
    }
}

fn check(context: &Context<'_>, flags: &ServerFlags) -> Result<(), CliError> {
    let loaded = context.load(flags.pairs())?;
    let set = loaded.settings.iter().filter(|setting| setting.source.is_set()).count();
    let document = json!({ "ok": true, "issuer": loaded.config.issuer, "set": set });
    context.output.write(&document, || format!("The configuration is good ({set} values set)."));
    Ok(())
}

fn show(context: &Context<'_>, flags: &ServerFlags) -> Result<(), CliError> {
    let settings = context.load(flags.pairs())?.settings;
    let member = |setting: &Setting| {
        let value = json!({ "value": setting.value, "source": setting.source });
        (setting.key.clone(), value)
    };
    let document = Value::Object(settings.iter().map(member).collect::<Map<_, _>>());
    context.output.write(&document, || {
        let row = |setting: &Setting| {
            vec![setting.key.clone(), shown(&setting.value), setting.source.to_string()]
        };
        table(&["KEY", "VALUE", "SOURCE"], &settings.iter().map(row).collect::<Vec<_>>())
    });
    Ok(())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
