// oauth4webapi 3, the low-level library: every answer is processed by its strict checks.

import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import { Person } from './person.mjs';
import { ownKey, play, stage } from './stage.mjs';

const insecure = { [oauth.allowInsecureRequests]: true };
const person = new Person(stage);
const client = { client_id: stage.client_id };
const issuer = new URL(stage.issuer);
const scope = 'openid profile email';

/** Both addresses of the discovery document say the same (RFC 8414 section 3, OIDC Discovery). */
async function discover(algorithm = 'oidc') {
  const response = await oauth.discoveryRequest(issuer, { ...insecure, algorithm });
  return oauth.processDiscoveryResponse(issuer, response);
}

const as = await discover();

async function prepare(extra = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const parameters = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: stage.redirect_uri,
    response_type: 'code',
    scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...extra,
  });
  return { parameters, verifier, state, nonce };
}

function address(parameters) {
  return new URL(`${as.authorization_endpoint}?${new URLSearchParams(parameters)}`);
}

/** Redeems the code of an answer; with DPoP a second time when a nonce was asked for. */
async function redeem(how, answer, prepared, options = {}) {
  const { verifier, nonce } = prepared;
  const all = { ...insecure, ...options };
  const ask = () =>
    oauth.authorizationCodeGrantRequest(
      as, client, how, answer, stage.redirect_uri, verifier, all,
    );
  const checks = { expectedNonce: nonce, requireIdToken: true };
  const process = async () =>
    oauth.processAuthorizationCodeResponse(as, client, await ask(), checks);
  const tokens = await process().catch((error) => {
    if (oauth.isDPoPNonceError(error)) return process();
    throw error;
  });
  return tokens;
}

async function expectAda(tokens, options = {}) {
  const claims = oauth.getValidatedIdTokenClaims(tokens);
  const response = await oauth.userInfoRequest(as, client, tokens.access_token, {
    ...insecure,
    ...options,
  });
  const info = await oauth.processUserInfoResponse(as, client, claims.sub, response);
  assert.equal(info.email, stage.user.email);
}

/** A resource server's view of the token (RFC 9068), by the published keys. */
async function expectJwt(tokens, options = {}) {
  const headers = { authorization: `${options.scheme ?? 'Bearer'} ${tokens.access_token}` };
  const request = new Request(new URL('/orders', stage.issuer), { headers });
  const claims = await oauth.validateJwtAccessToken(as, request, stage.issuer, insecure);
  assert.equal(claims.client_id, client.client_id);
}

async function signIn(how, extra) {
  const prepared = await prepare(extra);
  const url = await person.callback(address(prepared.parameters));
  const answer = oauth.validateAuthResponse(as, client, url, prepared.state);
  const tokens = await redeem(how, answer, prepared);
  await expectAda(tokens);
  return tokens;
}

async function push(how, parameters, options = {}) {
  const all = { ...insecure, ...options };
  const response = await oauth.pushedAuthorizationRequest(as, client, how, parameters, all);
  return oauth.processPushedAuthorizationResponse(as, client, response);
}

const basic = () => oauth.ClientSecretBasic(stage.client_secret);

await play({
  async code() {
    assert.deepEqual(await discover('oauth2'), as);
    await expectJwt(await signIn(basic()));
  },

  async refresh() {
    const extra = { scope: 'openid email offline_access', prompt: 'consent' };
    const tokens = await signIn(basic(), extra);
    const old = tokens.refresh_token;
    const ask = await oauth.refreshTokenGrantRequest(as, client, basic(), old, insecure);
    const next = await oauth.processRefreshTokenResponse(as, client, ask);
    await expectJwt(next);
  },

  async private_key_jwt() {
    const tokens = await signIn(oauth.PrivateKeyJwt(await ownKey()));
    const how = oauth.PrivateKeyJwt(await ownKey());
    const asked = await oauth.introspectionRequest(
      as, client, how, tokens.access_token, insecure,
    );
    const said = await oauth.processIntrospectionResponse(as, client, asked);
    assert.equal(said.active, true);
    const revoked = await oauth.revocationRequest(as, client, how, tokens.access_token, insecure);
    await oauth.processRevocationResponse(revoked);
    const again = await oauth.introspectionRequest(
      as, client, how, tokens.access_token, insecure,
    );
    assert.deepEqual(await oauth.processIntrospectionResponse(as, client, again), {
      active: false,
    });
  },

  async 'introspection by a token'() {
    const tokens = await signIn(oauth.ClientSecretBasic(stage.client_secret));
    const how = oauth.ClientSecretBasic(stage.client_secret);
    const options = { ...insecure, requestJwtResponse: true };
    const asked = await oauth.introspectionRequest(as, client, how, tokens.access_token, options);
    assert.match(asked.headers.get('content-type'), /^application\/token-introspection\+jwt/);
    const said = await oauth.processIntrospectionResponse(as, client, asked);
    assert.deepEqual([said.active, said.client_id], [true, stage.client_id]);
    await oauth.validateApplicationLevelSignature(as, asked, insecure);
  },

  async 'pushed, signed request and signed answer'() {
    const how = oauth.PrivateKeyJwt(await ownKey());
    const prepared = await prepare({ response_mode: 'jwt' });
    const key = await ownKey();
    const request = await oauth.issueRequestObject(as, client, prepared.parameters, key);
    const { request_uri } = await push(how, { client_id: client.client_id, request });
    const url = await person.callback(address({ client_id: client.client_id, request_uri }));
    assert.deepEqual([...url.searchParams.keys()], ['response']);
    const answer = await oauth.validateJwtAuthResponse(
      as, client, url, prepared.state, insecure,
    );
    await expectAda(await redeem(how, answer, prepared));
  },

  async 'dpop from the push to userinfo'() {
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
    const prepared = await prepare();
    const pushed = () => push(basic(), prepared.parameters, { DPoP });
    const { request_uri } = await pushed().catch((error) => {
      if (oauth.isDPoPNonceError(error)) return pushed();
      throw error;
    });
    const url = await person.callback(address({ client_id: client.client_id, request_uri }));
    const answer = oauth.validateAuthResponse(as, client, url, prepared.state);
    const tokens = await redeem(basic(), answer, prepared, { DPoP });
    assert.equal(tokens.token_type, 'dpop');
    await expectAda(tokens, { DPoP });
    await assert.rejects(expectAda(tokens));
  },

  async client_credentials() {
    const grant = await oauth.clientCredentialsGrantRequest(
      as, client, basic(), { scope: 'orders:write' }, insecure,
    );
    const tokens = await oauth.processClientCredentialsResponse(as, client, grant);
    assert.equal(tokens.scope, 'orders:write');
    await expectJwt(tokens);
  },

  async errors() {
    // The library reads error bodies and challenges by the letter of the RFCs.
    const prepared = await prepare();
    const url = await person.callback(address(prepared.parameters), 'deny');
    assert.throws(() => oauth.validateAuthResponse(as, client, url, prepared.state), {
      name: 'AuthorizationResponseError',
      error: 'access_denied',
    });
    const wrong = oauth.ClientSecretBasic('wrong');
    const grant = await oauth.clientCredentialsGrantRequest(as, client, wrong, {}, insecure);
    await assert.rejects(oauth.processClientCredentialsResponse(as, client, grant), (error) => {
      assert.equal(error.name, 'WWWAuthenticateChallengeError');
      assert.equal(error.cause[0].scheme, 'basic');
      return true;
    });
    const refused = await oauth.userInfoRequest(as, client, 'nonsense', insecure);
    await assert.rejects(
      oauth.processUserInfoResponse(as, client, oauth.skipSubjectCheck, refused),
      (error) => {
        assert.equal(error.cause[0].scheme, 'bearer');
        assert.equal(error.cause[0].parameters.error, 'invalid_token');
        return true;
      },
    );
  },

  async device() {
    const auth = oauth.ClientSecretBasic(stage.client_secret);
    const asked = await oauth.deviceAuthorizationRequest(as, client, auth, { scope }, insecure);
    const codes = await oauth.processDeviceAuthorizationResponse(as, client, asked);
    const poll = async () => {
      const code = codes.device_code;
      const answer = await oauth.deviceCodeGrantRequest(as, client, auth, code, insecure);
      return oauth.processDeviceCodeResponse(as, client, answer);
    };
    await assert.rejects(poll(), { error: 'authorization_pending' });
    await assert.rejects(poll(), { error: 'slow_down' });
    const page = await person.connect(codes.verification_uri_complete);
    assert.match(page, /Your device is connected/);
    const tokens = await poll();
    assert.equal(oauth.getValidatedIdTokenClaims(tokens).aud, stage.client_id);
    await assert.rejects(poll(), { error: 'invalid_grant' });
  },
});
