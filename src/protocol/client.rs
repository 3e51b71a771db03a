//! What is known of a client: its registered metadata (RFC 7591 §2, OpenID Connect Registration §2)
//! and our own policies for it.

pub mod exchange;
pub mod introspection;
pub mod logout;
pub mod requests;
pub mod sender;

use super::private_claims::PrivateClaims;
use super::response_type::ResponseType;
use super::scope::Scope;
use super::time::Lifetime;
pub use super::words::UnknownValue;
use super::words::words;
use backchannel::BackchannelMetadata;
use exchange::ExchangePolicy;
use introspection::IntrospectionMetadata;
use logout::LogoutMetadata;
use requests::RequestMetadata;
use sender::SenderMetadata;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub mod backchannel;

words! {
    /// How a client proves who it is (RFC 7591 §2, OpenID Connect Core §9).
    AuthMethod {
        /// No proof: a public client.
        None = "none",
        ClientSecretBasic = "client_secret_basic",
        ClientSecretPost = "client_secret_post",
        /// An assertion signed with the secret.
        ClientSecretJwt = "client_secret_jwt",
        PrivateKeyJwt = "private_key_jwt",
        /// A certificate that an authority vouches for (RFC 8705 §2.1).
        TlsClientAuth = "tls_client_auth",
        /// A certificate of its own (RFC 8705 §2.2).
        SelfSignedTlsClientAuth = "self_signed_tls_client_auth",
    }
}

words! {
    /// The grants of this server (RFC 6749 §4).
    GrantType {
        AuthorizationCode = "authorization_code",
        RefreshToken = "refresh_token",
        ClientCredentials = "client_credentials",
        /// RFC 7523 §2.1.
        JwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer",
        /// RFC 8693.
        TokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange",
        /// RFC 8628.
        DeviceCode = "urn:ietf:params:oauth:grant-type:device_code",
        /// OpenID Connect CIBA.
        Ciba = "urn:openid:params:grant-type:ciba",
        /// Tokens from the authorization endpoint (§4.2): for the older response types, and never
        /// at the token endpoint.
        Implicit = "implicit",
    }
}

words! {
    /// OpenID Connect Registration §2: decides which redirect URIs a client may have.
    ApplicationType {
        Web = "web",
        Native = "native",
    }
}

words! {
    /// What a client calls people (OpenID Connect Core §8).
    SubjectType {
        /// As every other client does.
        Public = "public",
        /// As no client of another sector does.
        Pairwise = "pairwise",
    }
}

impl SubjectType {
    /// Whether people have one name for all clients.
    pub const fn is_public(&self) -> bool {
        matches!(self, Self::Public)
    }
}

words! {
    /// What kind of program a client is, as the administrator chose it.
    ClientKind {
        /// Runs on a server and keeps a secret.
        Web = "web",
        /// Runs in a browser.
        SinglePage = "single-page",
        /// Runs on a phone or a computer.
        Native = "native",
        /// Has no user.
        Machine = "machine",
    }
}

words! {
    /// How a client came to be known here.
    #[derive(Default)]
    ClientOrigin {
        /// An administrator made it.
        #[default]
        Administrator = "administrator",
        /// It registered itself (RFC 7591).
        Registration = "registration",
        /// Its `client_id` is the address of a document that describes it.
        Document = "document",
    }
}

words! {
    /// How access tokens for a client look.
    #[derive(Default)]
    AccessTokenFormat {
        /// Signed (RFC 9068): anyone with the public keys can read and check it.
        #[default]
        Jwt = "jwt",
        /// Signed, then encrypted (RFC 7519 §5.2): only the resource can read it.
        Jwe = "jwe",
        /// A random value: the resource asks us (RFC 7662).
        Opaque = "opaque",
    }
}

words! {
    /// A set of rules that a client is held to as a whole.
    Profile {
        /// Only the rules that its other settings name.
        Standard = "none",
        /// FAPI 2.0 Security Profile.
        Fapi2 = "fapi2",
        /// FAPI 2.0 Message Signing: the security profile, and requests are signed.
        Fapi2MessageSigning = "fapi2-message-signing",
    }
}

impl Profile {
    /// Whether the FAPI 2.0 Security Profile applies.
    pub const fn is_fapi(self) -> bool {
        !matches!(self, Self::Standard)
    }

    /// Whether requests must be signed (FAPI 2.0 Message Signing §5.3).
    pub const fn signs_messages(self) -> bool {
        matches!(self, Self::Fapi2MessageSigning)
    }
}

impl GrantType {
    /// Whether a refresh token can come with it.
    pub const fn gives_refresh_token(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::DeviceCode | Self::Ciba)
    }
}

impl ClientOrigin {
    /// Whether somebody of the house answers for the client.
    pub const fn is_administrator(&self) -> bool {
        matches!(self, Self::Administrator)
    }
}

impl AuthMethod {
    /// Whether a client with this method has a secret.
    pub const fn uses_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost | Self::ClientSecretJwt)
    }

    /// Whether we must be able to read the secret: to check what is signed with it.
    pub const fn reads_secret(self) -> bool {
        matches!(self, Self::ClientSecretJwt)
    }

    /// Whether a client with this method signs assertions (RFC 7523 §2.2).
    pub const fn signs(self) -> bool {
        matches!(self, Self::ClientSecretJwt | Self::PrivateKeyJwt)
    }

    /// Whether a client with this method shows a certificate.
    pub const fn shows_certificate(self) -> bool {
        matches!(self, Self::TlsClientAuth | Self::SelfSignedTlsClientAuth)
    }

    /// Whether a client with this method registers keys.
    pub const fn has_keys(self) -> bool {
        matches!(self, Self::PrivateKeyJwt | Self::SelfSignedTlsClientAuth)
    }
}

/// The registered metadata of a client, by the names of RFC 7591 and OpenID Connect Registration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientMetadata {
    pub redirect_uris: Vec<String>,
    pub token_endpoint_auth_method: AuthMethod,
    pub grant_types: Vec<GrantType>,
    pub response_types: Vec<String>,
    /// The most that the client may be given.
    pub scope: Scope,
    pub application_type: ApplicationType,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// Names the software, not the client: many clients are of one software (RFC 7591 §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    #[serde(skip_serializing_if = "SubjectType::is_public")]
    pub subject_type: SubjectType,
    /// Names the redirect URIs of all clients that call people alike (Registration §5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_enc: Option<String>,
    /// JSON without a signature when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_enc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_auth_time: bool,
    /// What the client wants where a request does not say it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// Where a third party may start a sign-in (OpenID Connect Core §4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// What it may ask for in detail (RFC 9396 §10).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types: Vec<String>,
    /// How it gets the answers of introspection.
    #[serde(flatten)]
    pub introspection: IntrospectionMetadata,
    /// How it hears that a session has ended.
    #[serde(flatten)]
    pub logout: LogoutMetadata,
    /// How it asks people who are elsewhere.
    #[serde(flatten)]
    pub backchannel: BackchannelMetadata,
    /// How its authorization requests are protected.
    #[serde(flatten)]
    pub requests: RequestMetadata,
    /// What the sender of its tokens must show to hold.
    #[serde(flatten)]
    pub sender: SenderMetadata,
}

impl ClientMetadata {
    /// What kind of program this is, as far as the members tell.
    pub fn kind(&self) -> ClientKind {
        if self.application_type == ApplicationType::Native {
            return ClientKind::Native;
        }
        if self.token_endpoint_auth_method == AuthMethod::None {
            return ClientKind::SinglePage;
        }
        let has_no_user = |grant: &GrantType| {
            use GrantType::{ClientCredentials, JwtBearer, TokenExchange};
            matches!(grant, ClientCredentials | JwtBearer | TokenExchange)
        };
        match self.grant_types.iter().all(has_no_user) {
            true => ClientKind::Machine,
            false => ClientKind::Web,
        }
    }
}

impl Default for ClientMetadata {
    /// The defaults of RFC 7591 §2.
    fn default() -> Self {
        Self {
            redirect_uris: Vec::new(),
            token_endpoint_auth_method: AuthMethod::ClientSecretBasic,
            grant_types: vec![GrantType::AuthorizationCode],
            response_types: vec!["code".into()],
            scope: Scope::default(),
            application_type: ApplicationType::Web,
            contacts: Vec::new(),
            software_id: None,
            software_version: None,
            client_uri: None,
            logo_uri: None,
            policy_uri: None,
            tos_uri: None,
            jwks_uri: None,
            jwks: None,
            subject_type: SubjectType::Public,
            sector_identifier_uri: None,
            id_token_signed_response_alg: None,
            id_token_encrypted_response_alg: None,
            id_token_encrypted_response_enc: None,
            userinfo_signed_response_alg: None,
            userinfo_encrypted_response_alg: None,
            userinfo_encrypted_response_enc: None,
            token_endpoint_auth_signing_alg: None,
            default_max_age: None,
            require_auth_time: false,
            default_acr_values: Vec::new(),
            initiate_login_uri: None,
            post_logout_redirect_uris: Vec::new(),
            authorization_details_types: Vec::new(),
            introspection: IntrospectionMetadata::default(),
            logout: LogoutMetadata::default(),
            backchannel: BackchannelMetadata::default(),
            requests: RequestMetadata::default(),
            sender: SenderMetadata::default(),
        }
    }
}

/// What we decide about a client, which it cannot register for itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientPolicy {
    pub kind: ClientKind,
    #[serde(skip_serializing_if = "ClientOrigin::is_administrator")]
    pub origin: ClientOrigin,
    pub profile: Profile,
    /// Public clients need PKCE whatever this says.
    pub require_pkce: bool,
    /// A client of our own house: people are not asked.
    pub skip_consent: bool,
    /// A refresh token with every code, without `offline_access`; it ends with the session.
    pub always_refresh_token: bool,
    pub access_token_format: AccessTokenFormat,
    /// ES256 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_signed_alg: Option<String>,
    /// The resource's public key for [`AccessTokenFormat::Jwe`]; our own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_encryption_jwk: Option<Value>,
    /// Seconds; the server's setting when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_lifetime: Option<u32>,
    /// The only resources it may ask tokens for, by identifier. Empty: those that define a scope
    /// which it may have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_resources: Vec<String>,
    /// The resources that it serves, by identifier: it may introspect tokens for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_server_of: Vec<String>,
    /// What its access tokens say of people beyond what is registered, where they are for no
    /// resource with rules of its own.
    #[serde(skip_serializing_if = "PrivateClaims::is_empty")]
    pub access_token_claims: PrivateClaims,
    /// The same for its ID tokens and UserInfo.
    #[serde(skip_serializing_if = "PrivateClaims::is_empty")]
    pub id_token_claims: PrivateClaims,
    /// What it may exchange tokens for.
    #[serde(flatten)]
    pub exchange: ExchangePolicy,
}

impl Default for ClientPolicy {
    fn default() -> Self {
        Self {
            kind: ClientKind::Web,
            origin: ClientOrigin::Administrator,
            profile: Profile::Standard,
            require_pkce: true,
            skip_consent: false,
            always_refresh_token: false,
            access_token_format: AccessTokenFormat::Jwt,
            access_token_signed_alg: None,
            access_token_encryption_jwk: None,
            access_token_lifetime: None,
            allowed_resources: Vec::new(),
            resource_server_of: Vec::new(),
            access_token_claims: PrivateClaims::new(),
            id_token_claims: PrivateClaims::new(),
            exchange: ExchangePolicy::default(),
        }
    }
}

/// A registered client.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    pub id: String,
    pub name: String,
    pub metadata: ClientMetadata,
    pub policy: ClientPolicy,
    pub disabled: bool,
    pub created_at: super::time::Timestamp,
    pub updated_at: super::time::Timestamp,
}

impl Client {
    /// Whether the client cannot keep a secret (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        self.metadata.token_endpoint_auth_method == AuthMethod::None
    }

    /// Whether the client may use a grant.
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.metadata.grant_types.contains(&grant)
    }

    /// Whether refresh tokens stay as they are when they are used: they are of no use to whoever
    /// cannot prove to be the client as well (FAPI 2.0 Security Profile §5.3.2.1).
    pub fn keeps_refresh_tokens(&self) -> bool {
        !self.is_public() && (self.policy.profile.is_fapi() || self.metadata.sender.binds_tokens())
    }

    /// How long its codes are good when the server says `configured`: FAPI 2.0 allows a minute.
    pub fn code_lifetime(&self, configured: Lifetime) -> Lifetime {
        match self.policy.profile.is_fapi() {
            true => configured.min(Lifetime::seconds(60)),
            false => configured,
        }
    }

    /// Whether the client registered a response type.
    pub fn registers(&self, response_type: ResponseType) -> bool {
        let own = self.metadata.response_types.iter();
        own.filter_map(|own| ResponseType::parse(own)).any(|own| own == response_type)
    }

    /// The sector whose clients call people alike; none for public subjects (OpenID Connect Core
    /// §8.1).
    pub fn sector(&self) -> Option<String> {
        let metadata = &self.metadata;
        if metadata.subject_type.is_public() {
            return None;
        }
        let uri = metadata.sector_identifier_uri.as_ref().or(metadata.redirect_uris.first());
        let host = uri.and_then(|uri| Some(url::Url::parse(uri).ok()?.host_str()?.to_owned()));
        // Registration sees to a host; a client without one is a sector of its own.
        Some(host.unwrap_or_else(|| self.id.clone()))
    }

    /// The host that people know the client by: of its home page, else of its first redirect URI. A
    /// document that describes a client proves its own host and no other.
    pub fn domain(&self) -> Option<String> {
        let claimed = self.metadata.client_uri.as_ref().or(self.metadata.redirect_uris.first());
        let proven = (self.policy.origin == ClientOrigin::Document).then_some(&self.id);
        let uri = proven.or(claimed)?;
        let url = url::Url::parse(uri).ok()?;
        let host = url.host_str()?;
        Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    }
}
