//! `key …`: the keys that tokens are signed with, and those that others encrypt to.

use super::context::{Context, ground, master_key_of, runtime, words};
use super::output::{CliError, date, table};
use crate::domain::audit::Actor;
use crate::domain::ground::Ground;
use crate::domain::keys::{self, KeyUse};
use crate::jose::SealingKey;
use crate::storage::signing_keys::{self, StoredKey};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::future::Future;

#[derive(Subcommand)]
pub enum KeyCommand {
    /// List keys with their states: next, active, retiring, retired
    List,
    /// Publish a next key; it is used as soon as everyone has seen it, in ten minutes
    Rotate(Rotate),
    /// Withdraw a key at once: tokens signed with it are refused, a new key takes its place
    Retire(Retire),
}

#[derive(Args)]
pub struct Rotate {
    /// RS256, PS256, ES256, EdDSA, ECDH-ES or RSA-OAEP-256; may be repeated; all of them when not given
    #[arg(long, visible_alias = "alg", value_name = "ALG", num_args = 1..)]
    algorithm: Vec<String>,
}

#[derive(Args)]
pub struct Retire {
    /// The kid of the key, from `countersign key list`
    #[arg(allow_hyphen_values = true)]
    kid: String,
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &KeyCommand) -> Result<(), CliError> {
    match command {
        KeyCommand::List => list(context),
        KeyCommand::Rotate(rotate) => next(context, rotate),
        KeyCommand::Retire(retire) => withdraw(context, &retire.kid),
    }
}

fn list(context: &Context<'_>) -> Result<(), CliError> {
    let keys = context
        .with_ground(|ground, _| async move { Ok(ground.db.read(signing_keys::list).await?) })?;
    let document = Value::Array(keys.iter().map(document).collect());
    context.output.write(&document, || {
        let row = |key: &StoredKey| {
            let since = match key.state.as_str() {
                "next" => key.activate_at,
                "active" => key.activated_at.unwrap_or(key.activate_at),
                "retiring" => key.retiring_at.unwrap_or(key.created_at),
                _ => key.retire_at.unwrap_or(key.created_at),
            };
            [&key.kid, &key.algorithm, &key.purpose, &key.state]
                .into_iter()
                .cloned()
                .chain([date(since)])
                .collect::<Vec<_>>()
        };
        let rows: Vec<_> = keys.iter().map(row).collect();
        table(&["KID", "ALG", "USE", "STATE", "FROM"], &rows)
    });
    Ok(())
}

/// A key as JSON, without its private half even sealed. Times are unix seconds.
fn document(key: &StoredKey) -> Value {
    json!({
        "kid": key.kid,
        "alg": key.algorithm,
        "use": key.purpose,
        "state": key.state,
        "created_at": key.created_at,
        "activate_at": key.activate_at,
        "activated_at": key.activated_at,
        "retiring_at": key.retiring_at,
        "retire_at": key.retire_at,
    })
}

fn next(context: &Context<'_>, rotate: &Rotate) -> Result<(), CliError> {
    let named: Result<Vec<KeyUse>, CliError> =
        words(&rotate.algorithm).iter().map(|name| algorithm(name)).collect();
    let named = named?;
    let made = with_seal(context, |ground, seal| async move {
        let mut made = Vec::new();
        for use_ in &named {
            made.push(keys::publish_next(&ground, &seal, *use_, &Actor::cli()).await?);
        }
        // Without names: those whose next key is not there yet.
        for use_ in KeyUse::ALL.into_iter().filter(|_| named.is_empty()) {
            made.extend(keys::publish_if_none(&ground, &seal, use_, &Actor::cli()).await?);
        }
        Ok(made)
    })?;
    let document = Value::Array(made.iter().map(document).collect());
    context.output.write(&document, || {
        let line = |key: &StoredKey| {
            format!(
                "{}  {} is published and in use from {}\n",
                key.kid,
                key.algorithm,
                date(key.activate_at)
            )
        };
        match made.is_empty() {
            true => "A next key of every algorithm waits to sign already.".to_owned(),
            false => made.iter().map(line).collect(),
        }
    });
    Ok(())
}

fn algorithm(name: &str) -> Result<KeyUse, CliError> {
    let names = KeyUse::ALL.map(KeyUse::as_str).join(", ");
    name.parse().map_err(|_| CliError::Usage(format!("--algorithm {name}: use one of {names}")))
}

fn withdraw(context: &Context<'_>, kid: &str) -> Result<(), CliError> {
    with_seal(context, |ground, seal| async move {
        Ok(keys::retire(&ground, &seal, kid, &Actor::cli()).await?)
    })?;
    let document = json!({ "kid": kid, "done": "retired" });
    context.output.write(&document, || {
        format!("{kid} is retired: tokens signed with it are refused from now on.")
    });
    Ok(())
}

/// Opens the database and the seal of the keys in it: making a key needs the master key.
fn with_seal<T, W, F>(context: &Context<'_>, work: W) -> Result<T, CliError>
where
    W: FnOnce(Ground, SealingKey) -> F,
    F: Future<Output = Result<T, CliError>>,
{
    let config = context.database_config()?;
    runtime()?.block_on(async {
        let ground = ground(&config).await?;
        let master_key = master_key_of(&config, &ground)?;
        work(ground, keys::sealing_key(&master_key)).await
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ground::testing;
    use crate::jose::SigningAlgorithm;

    #[tokio::test]
    async fn y_03_a_key_is_never_made_under_another_master_key() {
        let test = testing::ground();
        let (right, wrong) = (keys::sealing_key(&[1; 32]), keys::sealing_key(&[2; 32]));
        let cli = Actor::cli();
        let made = keys::publish_next(&test.ground, &right, SigningAlgorithm::ES256, &cli).await;
        let made = made.unwrap();
        let other = keys::publish_next(&test.ground, &wrong, SigningAlgorithm::EdDSA, &cli).await;
        assert!(other.unwrap_err().description.contains("master key"));
        assert!(keys::retire(&test.ground, &wrong, &made.kid, &cli).await.is_err());
        keys::retire(&test.ground, &right, &made.kid, &cli).await.unwrap();
        let again = keys::retire(&test.ground, &right, &made.kid, &cli).await;
        assert!(again.is_err());
    }

    #[test]
    fn the_private_half_of_a_key_is_never_shown() {
        let key = StoredKey {
            kid: "k".into(),
            algorithm: "ES256".into(),
            purpose: "sig".into(),
            public_jwk: "{}".into(),
            sealed_private: "sealed".into(),
            state: "active".into(),
            created_at: 1,
            activate_at: 1,
            activated_at: Some(1),
            retiring_at: None,
            retire_at: None,
        };
        assert!(!document(&key).to_string().contains("sealed"));
    }
}
