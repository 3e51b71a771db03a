// A single-page app with oidc-client-ts, as its documentation shows it.

/* global oidc */
const settings = await (await fetch('/settings.json')).json();
const origin = window.location.origin;
const store = new oidc.IndexedDbDPoPStore();

const manager = new oidc.UserManager({
  authority: settings.issuer,
  client_id: settings.client_id,
  scope: settings.scope,
  prompt: settings.scope.includes('offline_access') ? 'consent' : undefined,
  redirect_uri: `${origin}/callback`,
  silent_redirect_uri: `${origin}/callback`,
  post_logout_redirect_uri: `${origin}/`,
  automaticSilentRenew: false,
  loadUserInfo: !settings.dpop,
  dpop: settings.dpop ? { store, bind_authorization_code: true } : undefined,
});

const words = document.getElementById('said');

/** Shows what came of it; a failure of the library in its own words. */
async function say(work) {
  words.textContent = 'working';
  try {
    words.textContent = await work();
  } catch (error) {
    words.textContent = `failed: ${error.name}: ${error.message}`;
  }
}

function told(user) {
  return user ? `signed in as ${user.profile.sub}, ${user.token_type}` : 'signed out';
}

const actions = {
  'sign-in': async () => {
    await manager.signinRedirect();
    return 'going';
  },
  renew: async () => {
    const before = await manager.getUser();
    const after = await manager.signinSilent();
    if (after.access_token === before.access_token) throw new Error('the token is the same');
    return `renewed, ${told(after)}`;
  },
  profile: async () => {
    const { userinfo_endpoint: url } = await manager.metadataService.getMetadata();
    const user = await manager.getUser();
    const ask = async (nonce) => {
      const headers = { authorization: `${user.token_type} ${user.access_token}` };
      if (settings.dpop) headers.dpop = await manager.dpopProof(url, user, 'GET', nonce);
      return fetch(url, { headers });
    };
    let response = await ask();
    const nonce = response.status === 401 && response.headers.get('dpop-nonce');
    if (nonce) response = await ask(nonce);
    if (!response.ok) return `refused: ${response.headers.get('www-authenticate')}`;
    return `the profile of ${(await response.json()).email}`;
  },
  revoke: async () => {
    await manager.revokeTokens(['access_token']);
    return 'revoked';
  },
  'sign-out': async () => {
    await manager.signoutRedirect();
    return 'going';
  },
};

for (const [id, action] of Object.entries(actions)) {
  document.getElementById(id).addEventListener('click', () => say(action));
}

if (window.location.pathname === '/callback' && window.parent !== window) {
  await manager.signinSilentCallback();
} else if (window.location.pathname === '/callback') {
  await say(async () => {
    const user = await manager.signinRedirectCallback();
    window.history.replaceState({}, '', '/');
    const name = settings.dpop ? '' : `, ${user.profile.email}`;
    return `welcome, ${told(user)}${name}`;
  });
} else {
  await say(async () => told(await manager.getUser()));
}
