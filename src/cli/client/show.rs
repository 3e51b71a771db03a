//! Clients as text and as JSON.

use super::{List, find};
use crate::cli::context::Context;
use crate::cli::output::{CliError, date, fields, next_page, table};
use crate::domain::clients::management::{self, ClientSecret};
use crate::protocol::client::Client;
use serde_json::{Map, Value, json};

/// `client list`.
pub fn list(context: &Context<'_>, asked: &List) -> Result<(), CliError> {
    let (search, limit) = (asked.search.clone(), asked.limit.clamp(1, 1000));
    let clients = context.with_ground(|ground, _| async move {
        let after = match &asked.cursor {
            Some(id) => Some(find(&ground, id).await?),
            None => None,
        };
        let after = after.map(|client| (client.created_at, client.id));
        Ok(management::list(&ground, search, after, limit).await?)
    })?;
    let next = next_page(&clients, limit, |client| &client.id);
    let document = Value::Array(clients.iter().map(|client| document(client, None)).collect());
    context.output.write(&document, || {
        let row = |client: &Client| {
            vec![
                client.id.clone(),
                client.name.clone(),
                client.policy.kind.to_string(),
                if client.disabled { "disabled".into() } else { "active".into() },
                client.metadata.redirect_uris.first().cloned().unwrap_or_default(),
            ]
        };
        let rows: Vec<_> = clients.iter().map(row).collect();
        table(&["CLIENT ID", "NAME", "KIND", "STATUS", "REDIRECT URI"], &rows) + &next
    });
    Ok(())
}

/// `client show`.
pub fn one(context: &Context<'_>, id: &str) -> Result<(), CliError> {
    let (client, secrets) = context.with_ground(|ground, _| async move {
        let client = find(&ground, id).await?;
        let secrets = management::secrets(&ground, id).await?;
        Ok((client, secrets))
    })?;
    let mut document = document(&client, None);
    let secret = |secret: &ClientSecret| {
        json!({
            "id": secret.id,
            "created_at": secret.created_at,
            "expires_at": secret.expires_at,
        })
    };
    document["secrets"] = Value::Array(secrets.iter().map(secret).collect());
    context.output.write(&document, || {
        let row = |secret: &ClientSecret| {
            let end = secret.expires_at.map_or("-".to_owned(), date);
            vec![secret.id.clone(), date(secret.created_at), end]
        };
        let rows: Vec<_> = secrets.iter().map(row).collect();
        let secrets = match rows.is_empty() {
            true => String::new(),
            false => format!("\n{}", table(&["SECRET", "CREATED", "ENDS"], &rows)),
        };
        format!("{}{secrets}", text(&client, None))
    });
    Ok(())
}

/// A client as RFC 7591 §3.2.1 answers, with our policies for it. Times are unix seconds.
pub fn document(client: &Client, secret: Option<&str>) -> Value {
    let mut members = Map::new();
    members.insert("client_id".into(), json!(client.id));
    if let Some(secret) = secret {
        members.insert("client_secret".into(), json!(secret));
        members.insert("client_secret_expires_at".into(), json!(0));
    }
    members.insert("client_name".into(), json!(client.name));
    for part in [serde_json::to_value(&client.metadata), serde_json::to_value(&client.policy)] {
        if let Ok(Value::Object(part)) = part {
            members.extend(part);
        }
    }
    members.insert("disabled".into(), json!(client.disabled));
    members.insert("client_id_issued_at".into(), json!(client.created_at.as_unix()));
    members.insert("updated_at".into(), json!(client.updated_at.as_unix()));
    Value::Object(members)
}

/// A client as text.
pub fn text(client: &Client, secret: Option<&str>) -> String {
    let Client { metadata, policy, .. } = client;
    let some = |text: String| (!text.is_empty()).then_some(text);
    let grants: Vec<_> = metadata.grant_types.iter().map(|grant| grant.as_str()).collect();
    let keys = metadata.jwks_uri.clone().or(metadata.jwks.as_ref().map(|_| "jwks".into()));
    fields(&[
        ("client_id", Some(client.id.clone())),
        ("client_secret", secret.map(str::to_owned)),
        ("name", Some(client.name.clone())),
        ("status", Some(if client.disabled { "disabled" } else { "active" }.to_owned())),
        ("kind", Some(policy.kind.to_string())),
        ("origin", Some(policy.origin.to_string())),
        ("redirect_uris", some(metadata.redirect_uris.join(" "))),
        ("post_logout_redirect_uris", some(metadata.post_logout_redirect_uris.join(" "))),
        ("grant_types", Some(grants.join(" "))),
        ("scope", some(metadata.scope.to_string())),
        ("auth_method", Some(metadata.token_endpoint_auth_method.to_string())),
        ("keys", keys),
        ("id_token_alg", metadata.id_token_signed_response_alg.clone()),
        ("access_token_format", Some(policy.access_token_format.to_string())),
        ("allowed_resources", some(policy.allowed_resources.join(" "))),
        ("resource_server_of", some(policy.resource_server_of.join(" "))),
        ("token_exchange_audiences", some(policy.exchange.audiences.join(" "))),
        ("token_exchange_actors", some(policy.exchange.actors.join(" "))),
        ("profile", Some(policy.profile.to_string())),
        ("require_pkce", Some(policy.require_pkce.to_string())),
        ("bound_to", some(bound_to(client).join(" "))),
        ("skip_consent", Some(policy.skip_consent.to_string())),
        ("created", Some(date(client.created_at.as_unix()))),
    ])
}

/// What the tokens of the client must be bound to.
fn bound_to(client: &Client) -> Vec<&'static str> {
    let sender = &client.metadata.sender;
    let kinds = [
        ("dpop", sender.dpop_bound_access_tokens),
        ("certificate", sender.tls_client_certificate_bound_access_tokens),
    ];
    kinds.into_iter().filter_map(|(kind, is_bound)| is_bound.then_some(kind)).collect()
}
