"""idpyoidc: an OpenID relying party that knows nothing of the provider but its issuer."""

import json
import sys
from urllib.parse import parse_qsl, urlsplit

from cryptojwt.key_jar import init_key_jar
from idpyoidc.client.defaults import DEFAULT_KEY_DEFS
from idpyoidc.client.rp_handler import RPHandler

from person import Person

STAGE = json.load(sys.stdin)
ISSUER = STAGE["issuer"]
REDIRECT_URI = STAGE["redirect_uri"]


def relying_party(**more):
    """As its documentation shows it: discovery, registration and the code flow, all by itself."""
    described = {
        "client_type": "oidc",
        "issuer": ISSUER,
        "redirect_uris": [REDIRECT_URI],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid"],
        "client_name": "Shop",
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "add_ons": {
            "pkce": {
                "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
                "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
            }
        },
    }
    return RPHandler(
        base_url="https://app.example",
        # Keys of its own would be written to files.
        keyjar=init_key_jar(key_defs=DEFAULT_KEY_DEFS, issuer_id=""),
        client_configs={"countersign": described | more},
        httpc_params={"verify": False, "timeout": 20, "proxies": {"http": None}},
    )


def signed_in(rp):
    away = rp.begin("countersign")
    back = Person(STAGE).answer(away)
    return rp.finalize(ISSUER, dict(parse_qsl(urlsplit(back).query)))


def register():
    rp = relying_party()
    done = signed_in(rp)
    assert "error" not in done, done
    context = rp.issuer2rp[ISSUER].get_context()
    registered = context.registration_response
    assert registered["client_secret"] and registered["registration_access_token"], registered
    assert registered["redirect_uris"] == [REDIRECT_URI], registered
    claims = done["id_token"]
    assert claims["iss"] == ISSUER and claims["aud"] == [registered["client_id"]], claims
    assert done["userinfo"]["sub"] == claims["sub"], done
    assert done["token"], done


FLOWS = {"register": register}

FLOWS[STAGE["flow"]]()
print(STAGE["flow"], "done")
