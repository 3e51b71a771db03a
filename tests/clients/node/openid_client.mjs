// openid-client 6: each flow as its documentation shows it.

import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import * as jose from 'jose';
import * as client from 'openid-client';
import { Person } from './person.mjs';
import { ownKey, play, stage } from './stage.mjs';

const person = new Person(stage);

async function discover(metadata, authentication) {
  const secret = stage.client_secret;
  const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
  const usual = secret ? client.ClientSecretBasic(secret) : client.None();
  const how = authentication ?? usual;
  return client.discovery(new URL(stage.issuer), stage.client_id, metadata, how, { execute });
}

/** Parameters of a request, and what its answer is checked against. */
async function request(extra = {}) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
  const parameters = {
    redirect_uri: stage.redirect_uri,
    scope: 'openid profile email',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
    ...extra,
  };
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true };
  return { parameters, checks };
}

async function signIn(config, extra = {}, options = {}) {
  const { parameters, checks } = await request(extra);
  const url = client.buildAuthorizationUrl(config, parameters);
  const answer = await person.callback(url);
  const tokens = await client.authorizationCodeGrant(config, answer, checks, undefined, options);
  await expectAda(config, tokens, options);
  return tokens;
}

/** The tokens are Ada's, to the library and to userinfo. */
async function expectAda(config, tokens, options = {}) {
  const claims = tokens.claims();
  assert.equal(claims.iss, stage.issuer);
  assert.equal(claims.aud, stage.client_id);
  const token = tokens.access_token;
  const info = await client.fetchUserInfo(config, token, claims.sub, options);
  assert.equal(info.email, stage.user.email);
}

/** Registers, signs Ada in by what was registered, and ends the registration. */
async function registers(options, metadata, authentication) {
  const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
  const asked = { client_name: 'Registered', redirect_uris: [stage.redirect_uri], ...metadata };
  const issuer = new URL(stage.issuer);
  const all = { execute, ...options };
  const config = await client.dynamicClientRegistration(issuer, asked, authentication, all);
  const registered = config.clientMetadata();
  assert.deepEqual(registered.redirect_uris, asked.redirect_uris);
  const { parameters, checks } = await request();
  const answer = await person.callback(client.buildAuthorizationUrl(config, parameters));
  const tokens = await client.authorizationCodeGrant(config, answer, checks);
  assert.equal(tokens.claims().aud, registered.client_id);
  const headers = { authorization: `Bearer ${registered.registration_access_token}` };
  const uri = registered.registration_client_uri;
  assert.equal((await (await fetch(uri, { headers })).json()).client_name, 'Registered');
  assert.equal((await fetch(uri, { method: 'DELETE', headers })).status, 204);
  assert.equal((await fetch(uri, { headers })).status, 401);
}

async function code(alg) {
  const config = await discover({ id_token_signed_response_alg: alg });
  const tokens = await signIn(config);
  assert.equal(tokens.token_type, 'bearer');
  assert.ok(tokens.expiresIn() > 0);
  assert.equal(tokens.refresh_token, undefined);
  assert.equal(jose.decodeProtectedHeader(tokens.id_token).alg, alg ?? 'RS256');
}

async function refused(promise, error) {
  await assert.rejects(promise, (thrown) => {
    assert.equal(thrown.error ?? thrown.cause?.error, error, String(thrown.stack));
    return true;
  });
}

async function byKey(extra) {
  return discover(extra, client.PrivateKeyJwt(await ownKey()));
}

async function signedRequest(config) {
  const { parameters, checks } = await request();
  const url = await client.buildAuthorizationUrlWithJAR(config, parameters, await ownKey());
  assert.ok(url.searchParams.get('request'));
  const tokens = await client.authorizationCodeGrant(config, await person.callback(url), checks);
  await expectAda(config, tokens);
}

/** Encrypts the request object of a URL to the provider's published key (RFC 7519 section 5.2). */
async function encrypted(config, url) {
  const { keys } = await (await fetch(config.serverMetadata().jwks_uri)).json();
  const jwk = keys.find((key) => key.use === 'enc' && key.alg === 'RSA-OAEP-256');
  const header = { alg: jwk.alg, enc: 'A256GCM', cty: 'JWT', kid: jwk.kid };
  const text = new TextEncoder().encode(url.searchParams.get('request'));
  const object = new jose.CompactEncrypt(text).setProtectedHeader(header);
  url.searchParams.set('request', await object.encrypt(await jose.importJWK(jwk, jwk.alg)));
}

/** As `fetch`, with the client's certificate. Whom it talks to is not what is tried here. */
function fetchWithCertificate(url, { method, headers, body }) {
  if (!url.startsWith('https:')) return fetch(url, { method, headers, body });
  const { cert, key } = stage.certificate;
  const options = { method, headers, cert, key, rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const request = https.request(url, options, async (answer) => {
      const parts = await answer.toArray();
      const { statusCode: status, headers: said } = answer;
      resolve(new Response(Buffer.concat(parts), { status, headers: said }));
    });
    request.on('error', reject);
    request.end(body?.toString());
  });
}

async function dpop(config) {
  const keyPair = await client.randomDPoPKeyPair('ES256', { extractable: true });
  const DPoP = client.getDPoPHandle(config, keyPair);
  const extra = { scope: 'openid email offline_access', prompt: 'consent' };
  const tokens = await signIn(config, extra, { DPoP });
  assert.equal(tokens.token_type, 'dpop');
  const jkt = await jose.calculateJwkThumbprint(await jose.exportJWK(keyPair.publicKey));
  assert.equal(jose.decodeJwt(tokens.access_token).cnf.jkt, jkt);

  // As a bearer token, or with another key, it is worth nothing.
  const { access_token: token, refresh_token: refresh } = tokens;
  const { sub } = tokens.claims();
  await assert.rejects(client.fetchUserInfo(config, token, sub));
  const other = client.getDPoPHandle(config, await client.randomDPoPKeyPair());
  await assert.rejects(client.fetchUserInfo(config, token, sub, { DPoP: other }));

  const next = await client.refreshTokenGrant(config, refresh, undefined, { DPoP });
  assert.equal(next.token_type, 'dpop');
  await client.fetchUserInfo(config, next.access_token, sub, { DPoP });
}

async function fapi(config, build) {
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
  const { parameters, checks } = await request({ scope: 'openid email' });
  const url = await build(config, parameters, { DPoP });
  assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
  const answer = await person.callback(url);
  const tokens = await client.authorizationCodeGrant(config, answer, checks, undefined, { DPoP });
  assert.equal(tokens.token_type, 'dpop');
  await expectAda(config, tokens, { DPoP });
}

/** Signs the request, and pushes it (FAPI 2.0 Message Signing section 5.3). */
async function signedAndPushed(config, parameters, options) {
  const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, await ownKey());
  const { client_id, request } = Object.fromEntries(signed.searchParams);
  return client.buildAuthorizationUrlWithPAR(config, { client_id, request }, options);
}

async function backChannelLogout(alg) {
  const config = await discover({ id_token_signed_response_alg: alg });
  const tokens = await signIn(config);
  const address = new URL(stage.backchannel_logout_uri);
  const told = new Promise((resolve, reject) => {
    const server = http.createServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      response.writeHead(204).end();
      server.close();
      resolve({ path: request.url, form: new URLSearchParams(body) });
    });
    server.on('error', reject);
    server.listen(address.port, address.hostname);
  });
  const url = client.buildEndSessionUrl(config, {
    post_logout_redirect_uri: stage.post_logout_redirect_uri,
    id_token_hint: tokens.id_token,
  });
  await person.callback(url);
  const { path, form } = await told;
  assert.equal(path, address.pathname);
  assert.deepEqual([...form.keys()], ['logout_token']);
  const server = config.serverMetadata();
  assert.equal(server.backchannel_logout_supported, true);
  const keys = jose.createRemoteJWKSet(new URL(server.jwks_uri));
  const { payload } = await jose.jwtVerify(form.get('logout_token'), keys, {
    issuer: server.issuer,
    audience: stage.client_id,
    typ: 'logout+jwt',
    maxTokenAge: '2 minutes',
    requiredClaims: ['iat', 'exp', 'jti', 'sub', 'sid', 'events'],
  });
  const { sub, sid } = tokens.claims();
  assert.deepEqual([payload.sub, payload.sid], [sub, sid]);
  const event = 'http://schemas.openid.net/event/backchannel-logout';
  assert.deepEqual(payload.events, { [event]: {} });
  assert.equal('nonce' in payload, false);
}

await play({
  code: () => code(),
  'code with PS256': () => code('PS256'),
  'code with ES256': () => code('ES256'),
  'code with EdDSA': () => code('EdDSA'),

  // What the library does with a secret unless it is told otherwise.
  async client_secret_post() {
    await signIn(await discover(undefined, client.ClientSecretPost(stage.client_secret)));
  },

  async cancel() {
    const config = await discover();
    const { parameters, checks } = await request();
    const url = client.buildAuthorizationUrl(config, parameters);
    const answer = await person.callback(url, 'deny');
    await refused(client.authorizationCodeGrant(config, answer, checks), 'access_denied');
  },

  async 'prompt none'() {
    const config = await discover();
    const { parameters, checks } = await request({ prompt: 'none' });
    const url = client.buildAuthorizationUrl(config, parameters);
    const answer = await person.callback(url);
    await refused(client.authorizationCodeGrant(config, answer, checks), 'login_required');
    await signIn(config);
    const again = await person.callback(url);
    const tokens = await client.authorizationCodeGrant(config, again, checks);
    assert.deepEqual(person.asked, []);
    await expectAda(config, tokens);
  },

  async 'max age'() {
    const config = await discover();
    await signIn(config);
    const { parameters, checks } = await request({ max_age: '0' });
    const url = client.buildAuthorizationUrl(config, parameters);
    const answer = await person.callback(url);
    assert.deepEqual(person.asked, ['login']);
    const tokens = await client.authorizationCodeGrant(config, answer, { ...checks, maxAge: 0 });
    assert.equal(typeof tokens.claims().auth_time, 'number');
  },

  async refresh() {
    const config = await discover();
    const extra = { scope: 'openid email offline_access', prompt: 'consent' };
    const tokens = await signIn(config, extra);
    const next = await client.refreshTokenGrant(config, tokens.refresh_token);
    assert.notEqual(next.access_token, tokens.access_token);
    if (next.id_token) assert.equal(next.claims().sub, tokens.claims().sub);
    const info = await client.fetchUserInfo(config, next.access_token, tokens.claims().sub);
    assert.equal(info.email, stage.user.email);
    const narrow = next.refresh_token ?? tokens.refresh_token;
    const less = await client.refreshTokenGrant(config, narrow, { scope: 'openid' });
    assert.equal(less.scope, 'openid');
  },

  async rotation() {
    const config = await discover();
    const extra = { scope: 'openid offline_access email', prompt: 'consent' };
    const first = (await signIn(config, extra)).refresh_token;
    const second = (await client.refreshTokenGrant(config, first)).refresh_token;
    const third = (await client.refreshTokenGrant(config, second)).refresh_token;
    assert.equal(new Set([first, second, third]).size, 3);
    await refused(client.refreshTokenGrant(config, first), 'invalid_grant');
    await refused(client.refreshTokenGrant(config, third), 'invalid_grant');
  },

  async form_post() {
    const config = await discover();
    const { parameters, checks } = await request({ response_mode: 'form_post' });
    const answer = await person.callback(client.buildAuthorizationUrl(config, parameters));
    assert.ok(answer instanceof Request);
    await expectAda(config, await client.authorizationCodeGrant(config, answer, checks));
  },

  async private_key_jwt() {
    await signIn(await byKey());
  },

  async client_secret_jwt() {
    await signIn(await discover(undefined, client.ClientSecretJwt(stage.client_secret)));
  },

  async 'encrypted id token'() {
    const config = await discover();
    const alg = 'ECDH-ES+A256KW';
    const key = await jose.importPKCS8(stage.certificate.key, alg);
    client.enableDecryptingResponses(config, ['A256GCM'], { key, alg });
    const tokens = await signIn(config);
    assert.equal(jose.decodeProtectedHeader(tokens.id_token).alg, alg);
  },

  async 'encrypted answer and userinfo'() {
    const config = await discover();
    const alg = 'ECDH-ES+A256KW';
    const key = await jose.importPKCS8(stage.certificate.key, alg);
    client.enableDecryptingResponses(config, ['A256GCM'], { key, alg });
    client.useJwtResponseMode(config);
    // What goes over the wire is looked at on its way.
    const seen = [];
    config[client.customFetch] = async (url, options) => {
      const answer = await fetch(url, options);
      if (String(url).endsWith('/userinfo')) seen.push(await answer.clone().text());
      return answer;
    };
    const { parameters, checks } = await request();
    const answer = await person.callback(client.buildAuthorizationUrl(config, parameters));
    const { searchParams } = new URL(answer.url ?? answer);
    assert.equal(jose.decodeProtectedHeader(searchParams.get('response')).alg, alg);
    const tokens = await client.authorizationCodeGrant(config, answer, checks);
    await expectAda(config, tokens);
    assert.equal(seen.length, 1);
    assert.equal(jose.decodeProtectedHeader(seen[0]).alg, alg);
  },

  async 'encrypted access token'() {
    const config = await discover();
    const { parameters, checks } = await request();
    const answer = await person.callback(client.buildAuthorizationUrl(config, parameters));
    const tokens = await client.authorizationCodeGrant(config, answer, checks);
    const key = await jose.importPKCS8(stage.certificate.key, 'ECDH-ES');
    const opened = await jose.compactDecrypt(tokens.access_token, key);
    assert.equal(opened.protectedHeader.cty, 'JWT');
    const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
    const inner = new TextDecoder().decode(opened.plaintext);
    const checked = await jose.jwtVerify(inner, keys, { issuer: stage.issuer, typ: 'at+jwt' });
    assert.equal(checked.payload.sub, tokens.claims().sub);
  },

  async mtls() {
    const aliases = { use_mtls_endpoint_aliases: true };
    const config = await discover(aliases, client.TlsClientAuth());
    config[client.customFetch] = fetchWithCertificate;
    const extra = { scope: 'openid email offline_access', prompt: 'consent' };
    const tokens = await signIn(config, extra);
    const { cnf } = jose.decodeJwt(tokens.access_token);
    assert.deepEqual(cnf, { 'x5t#S256': stage.certificate.thumbprint });
    const next = await client.refreshTokenGrant(config, tokens.refresh_token);
    const { sub } = tokens.claims();
    await client.fetchUserInfo(config, next.access_token, sub);

    // Without the certificate neither the client nor its token is anything.
    const bare = await discover(undefined, client.TlsClientAuth());
    await assert.rejects(client.fetchUserInfo(bare, next.access_token, sub));
    await refused(client.refreshTokenGrant(bare, tokens.refresh_token), 'invalid_client');
  },

  async par() {
    const config = await discover();
    const { parameters, checks } = await request();
    const plain = client.buildAuthorizationUrl(config, parameters);
    await refused(
      client.authorizationCodeGrant(config, await person.callback(plain), checks),
      'invalid_request',
    );
    const url = await client.buildAuthorizationUrlWithPAR(config, parameters);
    const tokens = await client.authorizationCodeGrant(config, await person.callback(url), checks);
    await expectAda(config, tokens);
  },

  async jar() {
    await signedRequest(await discover());
  },

  async 'jar encrypted'() {
    const config = await discover();
    const { parameters, checks } = await request();
    const url = await client.buildAuthorizationUrlWithJAR(config, parameters, await ownKey());
    await encrypted(config, url);
    const tokens = await client.authorizationCodeGrant(config, await person.callback(url), checks);
    await expectAda(config, tokens);
  },

  async jarm() {
    const config = await discover();
    client.useJwtResponseMode(config);
    await signIn(config);
  },

  async 'jarm form_post'() {
    const config = await discover();
    client.useJwtResponseMode(config);
    const { parameters, checks } = await request();
    const url = client.buildAuthorizationUrl(config, parameters);
    url.searchParams.set('response_mode', 'form_post.jwt');
    const answer = await person.callback(url);
    assert.ok(answer instanceof Request);
    await expectAda(config, await client.authorizationCodeGrant(config, answer, checks));
  },

  async dpop() {
    await dpop(await discover());
  },

  async registration() {
    await registers(undefined, { token_endpoint_auth_method: 'client_secret_post' });
  },

  async 'registration with a token'() {
    const initialAccessToken = stage.initial_access_token;
    const metadata = { token_endpoint_auth_method: 'client_secret_post' };
    await registers({ initialAccessToken }, metadata);
    // It is used up.
    await assert.rejects(registers({ initialAccessToken }, metadata), (error) => {
      assert.equal(error.cause[0].parameters.error, 'invalid_token');
      return true;
    });
  },

  async 'registration without a secret'() {
    await registers(undefined, { token_endpoint_auth_method: 'none' }, client.None());
  },

  async 'registration refused'() {
    const metadata = { redirect_uris: ['https://app.example/cb#fragment'] };
    await refused(registers(undefined, metadata), 'invalid_redirect_uri');
    await refused(registers(undefined, { jwks_uri: 'http://10.0.0.1/' }), 'invalid_client_metadata');
  },

  async client_credentials() {
    const config = await discover();
    const tokens = await client.clientCredentialsGrant(config, { scope: 'orders:read' });
    assert.equal(tokens.scope, 'orders:read');
    assert.equal(tokens.id_token, undefined);
    await refused(client.clientCredentialsGrant(config, { scope: 'admin' }), 'invalid_scope');
    const wrong = await discover(undefined, client.ClientSecretBasic('wrong'));
    await assert.rejects(client.clientCredentialsGrant(wrong), (error) => {
      assert.equal(error.cause[0].scheme, 'basic');
      return true;
    });
  },

  async 'token exchange'() {
    const config = await discover();
    const user = await signIn(config, { scope: 'openid profile email orders:read' });
    const own = await client.clientCredentialsGrant(config);
    const type = 'urn:ietf:params:oauth:token-type:access_token';
    const form = {
      subject_token: user.access_token,
      subject_token_type: type,
      actor_token: own.access_token,
      actor_token_type: type,
      audience: 'https://orders.example',
    };
    const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
    const exchange = (changes) => client.genericGrantRequest(config, grant, { ...form, ...changes });
    const tokens = await exchange({ scope: 'orders:read' });
    assert.equal(tokens.issued_token_type, type);
    assert.equal(tokens.token_type, 'bearer');
    assert.equal(tokens.refresh_token, undefined);
    assert.ok(tokens.expiresIn() > 0);
    const claims = jose.decodeJwt(tokens.access_token);
    assert.deepEqual(claims.act, { sub: stage.client_id });
    assert.equal(claims.sub, user.claims().sub);
    assert.equal(claims.aud, 'https://orders.example');
    const said = await client.tokenIntrospection(config, tokens.access_token);
    assert.deepEqual([said.active, said.act], [true, claims.act]);
    await refused(exchange({ audience: 'https://other.example' }), 'invalid_target');
    await refused(exchange({ scope: 'orders:write' }), 'invalid_scope');
    await refused(exchange({ subject_token: user.id_token }), 'invalid_request');
    await client.tokenRevocation(config, user.access_token);
    assert.deepEqual(await client.tokenIntrospection(config, tokens.access_token), { active: false });
  },

  async 'introspect and revoke'() {
    const config = await discover();
    const extra = { scope: 'openid email offline_access', prompt: 'consent' };
    const tokens = await signIn(config, extra);
    const { sub } = tokens.claims();
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      const said = await client.tokenIntrospection(config, token);
      assert.equal(said.active, true);
      assert.equal(said.sub, sub);
      assert.equal(said.client_id, stage.client_id);
    }
    await client.tokenRevocation(config, tokens.refresh_token);
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      assert.deepEqual(await client.tokenIntrospection(config, token), { active: false });
    }
    await assert.rejects(client.fetchUserInfo(config, tokens.access_token, sub));
    await refused(client.refreshTokenGrant(config, tokens.refresh_token), 'invalid_grant');
    await client.tokenRevocation(config, 'never seen');
  },

  ...Object.fromEntries(['RS256', 'ES256', 'PS256', 'EdDSA'].map((alg) => [
    `back-channel logout by ${alg}`, () => backChannelLogout(alg),
  ])),

  async logout() {
    const config = await discover();
    const tokens = await signIn(config);
    const state = client.randomState();
    const url = client.buildEndSessionUrl(config, {
      post_logout_redirect_uri: stage.post_logout_redirect_uri,
      id_token_hint: tokens.id_token,
      state,
    });
    const back = await person.callback(url);
    assert.equal(back.href, `${stage.post_logout_redirect_uri}?state=${state}`);
    const { parameters, checks } = await request({ prompt: 'none' });
    const answer = await person.callback(client.buildAuthorizationUrl(config, parameters));
    await refused(client.authorizationCodeGrant(config, answer, checks), 'login_required');
  },

  async fapi() {
    await fapi(await byKey(), client.buildAuthorizationUrlWithPAR);
  },

  async 'fapi message signing'() {
    const config = await byKey();
    client.useJwtResponseMode(config);
    await fapi(config, signedAndPushed);
  },

  async device() {
    const config = await discover();
    const codes = await client.initiateDeviceAuthorization(config, {
      scope: 'openid email offline_access',
    });
    const waiting = client.pollDeviceAuthorizationGrant(config, codes);
    // Nobody has decided yet: the library is told to wait, and does.
    await new Promise((resolve) => setTimeout(resolve, 6000));
    const page = await person.connect(codes.verification_uri, codes.user_code.toLowerCase());
    assert.match(page, /Your device is connected/);
    const tokens = await waiting;
    await expectAda(config, tokens);
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
    assert.ok(refreshed.access_token);
  },

  async 'device refused'() {
    const config = await discover();
    const codes = await client.initiateDeviceAuthorization(config, { scope: 'openid' });
    const page = await person.connect(codes.verification_uri_complete, undefined, 'deny');
    assert.match(page, /You refused/);
    await refused(client.pollDeviceAuthorizationGrant(config, codes), 'access_denied');
  },

  async ciba() {
    const config = await discover();
    const parameters = { scope: 'openid email', login_hint: 'ada', binding_message: 'W4SCT' };
    const asked = await client.initiateBackchannelAuthentication(config, parameters);
    const waiting = client.pollBackchannelAuthenticationGrant(config, asked);
    await new Promise((resolve) => setTimeout(resolve, 6000));
    assert.match(await person.decide(), /You allowed it/);
    await expectAda(config, await waiting);
  },

  async 'ciba refused'() {
    const config = await discover();
    const parameters = { scope: 'openid', login_hint: 'ada@example.org' };
    const asked = await client.initiateBackchannelAuthentication(config, parameters);
    assert.match(await person.decide('deny'), /You refused/);
    const waiting = client.pollBackchannelAuthenticationGrant(config, asked);
    await refused(waiting, 'access_denied');
  },
});
