//! The tables, as both databases have them. Mirrors `migrations/*/…/up.sql`.

diesel::table! {
    settings (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        email -> Text,
        email_verified -> Bool,
        username -> Nullable<Text>,
        name -> Nullable<Text>,
        claims -> Text,
        password_hash -> Nullable<Text>,
        password_changed_at -> Nullable<BigInt>,
        blocked_at -> Nullable<BigInt>,
        blocked_reason -> Nullable<Text>,
        language -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        last_sign_in_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    login_names (canonical) {
        canonical -> Text,
        user_id -> Text,
    }
}

diesel::table! {
    user_roles (user_id, role) {
        user_id -> Text,
        role -> Text,
    }
}

diesel::table! {
    user_groups (user_id, group_name) {
        user_id -> Text,
        group_name -> Text,
    }
}

diesel::table! {
    outbox (id) {
        id -> Text,
        kind -> Text,
        client_id -> Text,
        payload -> Text,
        created_at -> BigInt,
        due_at -> Nullable<BigInt>,
        attempts -> Integer,
        delivered -> Bool,
        problem -> Nullable<Text>,
        tried_at -> Nullable<BigInt>,
        expires_at -> BigInt,
    }
}

diesel::table! {
    session_clients (sid, client_id) {
        sid -> Text,
        client_id -> Text,
    }
}

diesel::table! {
    sessions (id_hash) {
        id_hash -> Text,
        sid -> Text,
        user_id -> Text,
        auth_time -> BigInt,
        amr -> Text,
        acr -> Text,
        remember -> Bool,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
    }
}

diesel::table! {
    clients (id) {
        id -> Text,
        name -> Text,
        metadata -> Text,
        policy -> Text,
        disabled_at -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    client_secrets (id) {
        id -> Text,
        client_id -> Text,
        secret_hash -> Text,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        sealed -> Nullable<Text>,
    }
}

diesel::table! {
    registrations (client_id) {
        client_id -> Text,
        token_hash -> Text,
        initial_token_id -> Nullable<Text>,
        software_statement -> Nullable<Text>,
        created_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    initial_access_tokens (id) {
        id -> Text,
        token_hash -> Text,
        label -> Text,
        uses -> BigInt,
        uses_left -> BigInt,
        created_by -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    consents (user_id, client_id) {
        user_id -> Text,
        client_id -> Text,
        scope -> Text,
        granted_at -> BigInt,
        updated_at -> BigInt,
        details -> Nullable<Text>,
    }
}

diesel::table! {
    authorizations (id) {
        id -> Text,
        client_id -> Text,
        user_id -> Text,
        sid -> Nullable<Text>,
        scope -> Text,
        claims -> Nullable<Text>,
        nonce -> Nullable<Text>,
        auth_time -> BigInt,
        acr -> Text,
        amr -> Text,
        offline -> Bool,
        created_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        revoked_by -> Nullable<Text>,
        resources -> Nullable<Text>,
        details -> Nullable<Text>,
        code_hash -> Nullable<Text>,
        code_expires_at -> Nullable<BigInt>,
        redirect_uri -> Nullable<Text>,
        code_challenge -> Nullable<Text>,
        dpop_jkt -> Nullable<Text>,
        redeemed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    refresh_tokens (token_hash) {
        token_hash -> Text,
        authorization_id -> Text,
        client_id -> Text,
        scope -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        spent_at -> Nullable<BigInt>,
        successor_hash -> Nullable<Text>,
        retried_at -> Nullable<BigInt>,
        confirmation -> Nullable<Text>,
    }
}

diesel::table! {
    issued_tokens (expires_at, jti) {
        jti -> Text,
        client_id -> Text,
        user_id -> Nullable<Text>,
        authorization_id -> Nullable<Text>,
        sid -> Nullable<Text>,
        issued_at -> BigInt,
        expires_at -> BigInt,
        token_hash -> Nullable<Text>,
        claims -> Nullable<Text>,
        parent_jti -> Nullable<Text>,
        granted_scope -> Nullable<Text>,
        status_list -> Nullable<BigInt>,
        status_index -> Nullable<BigInt>,
        kid -> Nullable<Text>,
    }
}

diesel::table! {
    revocations (seq) {
        seq -> BigInt,
        kind -> Text,
        key -> Text,
        not_before -> Nullable<BigInt>,
        expires_at -> BigInt,
        reason -> Text,
        actor -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    resources (id) {
        id -> Text,
        identifier -> Text,
        name -> Text,
        settings -> Text,
        sealed_secret -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    trusted_issuers (id) {
        id -> Text,
        issuer -> Text,
        name -> Text,
        settings -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    trusted_subjects (issuer_id, subject) {
        issuer_id -> Text,
        subject -> Text,
        user_id -> Text,
    }
}

diesel::table! {
    signing_keys (kid) {
        kid -> Text,
        algorithm -> Text,
        purpose -> Text,
        public_jwk -> Text,
        sealed_private -> Text,
        state -> Text,
        created_at -> BigInt,
        activate_at -> BigInt,
        activated_at -> Nullable<BigInt>,
        retiring_at -> Nullable<BigInt>,
        retire_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    seen_jtis (hash) {
        hash -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    pushed_requests (uri_hash) {
        uri_hash -> Text,
        client_id -> Text,
        parameters -> Text,
        signed -> Bool,
        usable_until -> BigInt,
        expires_at -> BigInt,
        spent_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    deferred_requests (code_hash) {
        code_hash -> Text,
        kind -> Text,
        client_id -> Text,
        user_id -> Nullable<Text>,
        user_code -> Nullable<Text>,
        request -> Text,
        poll_interval -> BigInt,
        poll_after -> BigInt,
        created_at -> BigInt,
        usable_until -> BigInt,
        expires_at -> BigInt,
        decided_at -> Nullable<BigInt>,
        authorization_id -> Nullable<Text>,
        spent_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    audit (seq) {
        seq -> BigInt,
        at -> BigInt,
        actor -> Text,
        action -> Text,
        target -> Nullable<Text>,
        client_id -> Nullable<Text>,
        user_id -> Nullable<Text>,
        result -> Text,
        ip -> Nullable<Text>,
        request_code -> Nullable<Text>,
        details -> Nullable<Text>,
    }
}

diesel::table! {
    audit_seals (number) {
        number -> BigInt,
        last_seq -> BigInt,
        entries -> BigInt,
        tag -> Text,
        sealed_at -> BigInt,
    }
}

diesel::table! {
    pairwise_subjects (subject) {
        subject -> Text,
        user_id -> Text,
        sector -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    upstreams (slug) {
        slug -> Text,
        name -> Text,
        settings -> Text,
        sealed_secret -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    linked_accounts (id) {
        id -> Text,
        issuer -> Text,
        subject -> Text,
        user_id -> Text,
        slug -> Text,
        label -> Text,
        created_at -> BigInt,
        last_used_at -> BigInt,
    }
}

diesel::table! {
    upstream_sessions (sid) {
        sid -> Text,
        user_id -> Text,
        issuer -> Text,
        subject -> Text,
        upstream_sid -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    audit,
    audit_seals,
    authorizations,
    client_secrets,
    clients,
    consents,
    initial_access_tokens,
    issued_tokens,
    linked_accounts,
    login_names,
    outbox,
    pushed_requests,
    pairwise_subjects,
    refresh_tokens,
    registrations,
    resources,
    revocations,
    seen_jtis,
    session_clients,
    sessions,
    settings,
    signing_keys,
    trusted_issuers,
    trusted_subjects,
    upstream_sessions,
    upstreams,
    user_groups,
    user_roles,
    users,
);
