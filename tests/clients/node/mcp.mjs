// The public SDK of the Model Context Protocol: a server that takes our tokens, and a client that
// finds the way to them by itself: metadata, registration, sign-in, tokens.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
import * as jose from 'jose';
import { Person } from './person.mjs';
import { play, stage } from './stage.mjs';

const person = new Person(stage);
const resource = new URL(stage.resource);
const metadataPath = `/.well-known/oauth-protected-resource${resource.pathname}`;
const metadataUrl = new URL(metadataPath, resource).href;

/** Checks tokens as any service would: by the public keys, for itself. */
async function verifier() {
  const found = await fetch(`${stage.issuer}/.well-known/oauth-authorization-server`);
  const keys = jose.createRemoteJWKSet(new URL((await found.json()).jwks_uri));
  return {
    async verifyAccessToken(token) {
      const wanted = { issuer: stage.issuer, audience: stage.resource, typ: 'at+jwt' };
      const { payload } = await jose.jwtVerify(token, keys, wanted).catch((error) => {
        throw new InvalidTokenError(error.message);
      });
      return {
        token,
        clientId: payload.client_id,
        scopes: payload.scope.split(' '),
        expiresAt: payload.exp,
        resource: new URL(stage.resource),
        extra: { sub: payload.sub },
      };
    },
  };
}

function tools() {
  const server = new McpServer({ name: 'orders', version: '1.0.0' });
  server.registerTool('whoami', { description: 'Who calls' }, async ({ authInfo }) => ({
    content: [{ type: 'text', text: authInfo.extra.sub }],
  }));
  return server;
}

/** A server with one tool, behind our tokens. */
async function serve() {
  const app = express();
  app.use(express.json());
  app.get(metadataPath, (_, response) => {
    response.json({
      resource: stage.resource,
      authorization_servers: [stage.issuer],
      scopes_supported: ['tools:call'],
    });
  });
  const guard = requireBearerAuth({
    verifier: await verifier(),
    requiredScopes: ['tools:call'],
    resourceMetadataUrl: metadataUrl,
  });
  app.all(resource.pathname, guard, async (request, response) => {
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    await tools().connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  const server = createServer(app);
  await new Promise((ready) => server.listen(Number(resource.port), '127.0.0.1', ready));
  return server;
}

/** What a client keeps, in memory. */
class Keeper {
  constructor(redirectUrl, more = {}) {
    Object.assign(this, { redirectUrl, kept: {} }, more);
  }

  get clientMetadata() {
    return {
      client_name: 'Assistant',
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  clientInformation() {
    return this.kept.client;
  }

  saveClientInformation(client) {
    this.kept.client = client;
  }

  tokens() {
    return this.kept.tokens;
  }

  saveTokens(tokens) {
    this.kept.tokens = tokens;
  }

  codeVerifier() {
    return this.kept.verifier;
  }

  saveCodeVerifier(verifier) {
    this.kept.verifier = verifier;
  }

  redirectToAuthorization(url) {
    this.asked = url;
  }
}

/** Connects; the first time the person has to sign in, and then it goes on. */
async function connect(keeper) {
  const client = new Client({ name: 'assistant', version: '1.0.0' });
  const first = new StreamableHTTPClientTransport(resource, { authProvider: keeper });
  await assert.rejects(client.connect(first), UnauthorizedError);
  assert.equal(keeper.asked.searchParams.get('resource'), stage.resource);
  assert.equal(keeper.asked.searchParams.get('code_challenge_method'), 'S256');
  const back = await person.callback(keeper.asked);
  assert.equal(back.searchParams.get('error'), null, back.href);
  await first.finishAuth(back.searchParams.get('code'));
  const second = new StreamableHTTPClientTransport(resource, { authProvider: keeper });
  const again = new Client({ name: 'assistant', version: '1.0.0' });
  await again.connect(second);
  return again;
}

async function callsTheTool(client) {
  const said = await client.callTool({ name: 'whoami' });
  assert.equal(said.content[0].text, stage.sub);
}

await play({
  async 'mcp by registration'() {
    const server = await serve();
    const keeper = new Keeper('http://127.0.0.1:33418/callback');
    const client = await connect(keeper);
    await callsTheTool(client);
    const { kept } = keeper;
    assert.equal(kept.client.client_secret, undefined);
    assert.equal(jose.decodeJwt(kept.tokens.access_token).aud, stage.resource);
    await client.close();
    server.close();
    server.closeAllConnections();
  },

  async 'mcp with a secret'() {
    const server = await serve();
    const keeper = new Keeper('https://assistant.example/callback');
    const metadata = { ...keeper.clientMetadata, token_endpoint_auth_method: 'client_secret_basic' };
    Object.defineProperty(keeper, 'clientMetadata', { value: metadata });
    const client = await connect(keeper);
    await callsTheTool(client);
    assert.ok(keeper.kept.client.client_secret);
    await client.close();
    server.close();
    server.closeAllConnections();
  },

  async 'mcp by a document'() {
    const server = await serve();
    // Any port of this machine: the document cannot know which one is free.
    const more = { clientMetadataUrl: stage.document };
    const keeper = new Keeper('http://localhost:41234/callback', more);
    const client = await connect(keeper);
    await callsTheTool(client);
    assert.equal(keeper.kept.client.client_id, stage.document);
    assert.equal(jose.decodeJwt(keeper.kept.tokens.access_token).client_id, stage.document);
    await client.close();
    server.close();
    server.closeAllConnections();
  },
});
