"""Authlib: its Flask integration as a web app has it, and its plain session."""

import json
import os
import sys

# The provider under test speaks plain HTTP on this machine.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from flask import Flask, jsonify, request, session

from person import Person

STAGE = json.load(sys.stdin)
ISSUER = STAGE["issuer"]
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"


def web_app(**client_kwargs):
    """A Flask app with a login and a callback, as Authlib's documentation shows it."""
    app = Flask("shop")
    app.secret_key = "of this test"
    oauth = OAuth(app)
    oauth.register(
        "countersign",
        client_id=STAGE["client_id"],
        client_secret=STAGE["client_secret"],
        server_metadata_url=DISCOVERY,
        client_kwargs={"scope": "openid profile email"} | client_kwargs,
    )

    @app.get("/login")
    def login():
        more = request.args.to_dict()
        return oauth.countersign.authorize_redirect(STAGE["redirect_uri"], **more)

    @app.get("/cb")
    def callback():
        try:
            token = oauth.countersign.authorize_access_token()
        except OAuthError as error:
            return jsonify(error=error.error), 401
        session["sub"] = token["userinfo"]["sub"]
        return jsonify(token=token, profile=oauth.countersign.userinfo(token=token))

    return app


def sign_in(person=None, decision="allow", more=None, **client_kwargs):
    """One way round: the app's login, the provider's pages, the app's callback."""
    browser = web_app(**client_kwargs).test_client()
    away = browser.get("/login", query_string=more).headers["location"]
    back = (person or Person(STAGE)).answer(away, decision)
    return browser.get(back.removeprefix("https://app.example"))


def signed_in(**kwargs):
    answer = sign_in(**kwargs)
    assert answer.status_code == 200, answer.text
    profile, token = answer.json["profile"], answer.json["token"]
    claims = token["userinfo"]
    assert profile["email"] == STAGE["user"]["email"], profile
    assert claims["iss"] == ISSUER and claims["sub"] == profile["sub"], claims
    return token


def plain_session(method=None, **kwargs):
    own = OAuth2Session(
        STAGE["client_id"],
        kwargs.pop("secret", STAGE["client_secret"]),
        token_endpoint_auth_method=method or "client_secret_basic",
        **kwargs,
    )
    own.trust_env = False
    return own


def metadata():
    with plain_session() as http:
        return http.get(DISCOVERY, withhold_token=True).json()


def code():
    token = signed_in(code_challenge_method="S256")
    assert token["token_type"] == "Bearer" and token["expires_in"] > 0, token


def secret_post():
    signed_in(code_challenge_method="S256", token_endpoint_auth_method="client_secret_post")


def public():
    signed_in(code_challenge_method="S256", token_endpoint_auth_method="none")


def cancel():
    answer = sign_in(decision="deny", code_challenge_method="S256")
    assert (answer.status_code, answer.json["error"]) == (401, "access_denied"), answer.text


OFFLINE = {"scope": "openid email offline_access", "prompt": "consent"}


def offline_tokens():
    return signed_in(more=OFFLINE, code_challenge_method="S256")


def refresh():
    token = offline_tokens()
    token.pop("userinfo")
    server = metadata()
    with plain_session(token=token) as http:
        renewed = http.refresh_token(server["token_endpoint"])
        assert renewed["access_token"] != token["access_token"]
        profile = http.get(server["userinfo_endpoint"]).json()
        assert profile["email"] == STAGE["user"]["email"], profile


def introspect_and_revoke():
    token = offline_tokens()
    server = metadata()
    with plain_session() as http:
        def is_active(kind):
            hint = {"token_type_hint": kind}
            said = http.introspect_token(server["introspection_endpoint"], token[kind], **hint)
            return said.json()["active"]

        assert is_active("access_token") and is_active("refresh_token")
        revoked = http.revoke_token(
            server["revocation_endpoint"], token["refresh_token"], token_type_hint="refresh_token"
        )
        assert revoked.status_code == 200, revoked.text
        assert not is_active("access_token") and not is_active("refresh_token")


def client_credentials():
    server = metadata()
    with plain_session(scope="orders:read") as http:
        token = http.fetch_token(server["token_endpoint"], grant_type="client_credentials")
        assert token["scope"] == "orders:read", token
    with plain_session(secret="wrong") as http:
        try:
            http.fetch_token(server["token_endpoint"], grant_type="client_credentials")
        except OAuthError as error:
            assert error.error == "invalid_client", error
        else:
            raise AssertionError("a wrong secret was taken")


def token_exchange():
    endpoint = metadata()["token_endpoint"]
    user = signed_in(code_challenge_method="S256", scope="openid profile email orders:read")
    kind = "urn:ietf:params:oauth:token-type:access_token"
    with plain_session() as http:
        own = http.fetch_token(endpoint, grant_type="client_credentials")
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": user["access_token"],
            "subject_token_type": kind,
            "actor_token": own["access_token"],
            "actor_token_type": kind,
            "audience": "https://orders.example",
        }
        token = http.fetch_token(endpoint, **form)
        assert token["issued_token_type"] == kind, token
        assert token["scope"] == "orders:read", token
        assert token["expires_in"] > 0 and "refresh_token" not in token, token
        try:
            http.fetch_token(endpoint, **(form | {"audience": "https://other.example"}))
        except OAuthError as error:
            assert error.error == "invalid_target", error
        else:
            raise AssertionError("another audience was allowed")


def client_secret_jwt():
    server = metadata()
    with plain_session(method="client_secret_jwt") as http:
        http.register_client_auth_method(ClientSecretJWT(server["token_endpoint"]))
        token = http.fetch_token(server["token_endpoint"], grant_type="client_credentials")
        assert token["access_token"], token


def private_key_jwt():
    server = metadata()
    key = STAGE["key"]
    how = PrivateKeyJWT(server["token_endpoint"], headers={"kid": key["kid"]}, alg=key["alg"])
    with plain_session(method="private_key_jwt", secret=signing_key(key)) as http:
        http.register_client_auth_method(how)
        token = http.fetch_token(server["token_endpoint"], grant_type="client_credentials")
        assert token["access_token"], token


def signing_key(key):
    from joserfc.jwk import import_key

    kinds = {"E": "EC", "R": "RSA", "P": "RSA"}
    kind = "OKP" if key["alg"] == "EdDSA" else kinds[key["alg"][0]]
    return import_key(key["pem"], kind)


def device():
    server = metadata()
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    with plain_session() as http:
        who = (STAGE["client_id"], STAGE["client_secret"])
        endpoint = server["device_authorization_endpoint"]
        asked = http.post(endpoint, data={"scope": "openid"}, auth=who, withhold_token=True)
        codes = asked.json()
        code = {"grant_type": grant, "device_code": codes["device_code"]}
        try:
            http.fetch_token(server["token_endpoint"], **code)
            raise AssertionError("nobody has decided")
        except OAuthError as error:
            assert error.error == "authorization_pending", error
        page = Person(STAGE).connect(codes["verification_uri_complete"])
        assert "Your device is connected" in page, page
        token = http.fetch_token(server["token_endpoint"], **code)
        assert token["access_token"] and token["id_token"], token


def jwt_bearer():
    """A partner vouches for a person whom it calls ada-there (RFC 7523 section 2.1)."""
    server = metadata()
    key = STAGE["key"]

    def vouched(subject):
        http = AssertionSession(
            server["token_endpoint"],
            issuer="https://partner.example",
            subject=subject,
            audience=ISSUER,
            scope="orders:read",
            header={"alg": key["alg"], "kid": key["kid"]},
            key=signing_key(key),
        )
        http.trust_env = False
        http.auth = (STAGE["client_id"], STAGE["client_secret"])
        return http

    with vouched("ada-there") as http:
        # It fetches a token by itself, and once more when that has expired.
        answer = http.get(f"{ISSUER}/jwks")
        assert answer.status_code == 200, answer.text
        first = http.token
        assert first["token_type"] == "Bearer" and first["scope"] == "orders:read", first
        assert "refresh_token" not in first and "id_token" not in first, first
        assert http.refresh_token()["access_token"] != first["access_token"]
    with vouched("eve-there") as http:
        try:
            http.refresh_token()
        except OAuth2Error as error:
            assert error.error == "invalid_grant", error
        else:
            raise AssertionError("a stranger got a token")


FLOWS = {
    "code": code,
    "client_secret_post": secret_post,
    "public": public,
    "cancel": cancel,
    "refresh": refresh,
    "introspect and revoke": introspect_and_revoke,
    "client_credentials": client_credentials,
    "device": device,
    "token exchange": token_exchange,
    "jwt bearer": jwt_bearer,
    "client_secret_jwt": client_secret_jwt,
    "private_key_jwt": private_key_jwt,
}

FLOWS[STAGE["flow"]]()
print(STAGE["flow"], "done")
