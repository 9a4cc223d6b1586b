// An app on oauth4webapi, driven by JSON lines: the first says what the app is, each of the others what it does. What the
// library or the server refuses is answered as `refused`. The path of the library is the one argument.

import { createInterface } from 'node:readline';
import { webcrypto } from 'node:crypto';

// Node.js 18 has it under another name.
globalThis.crypto ??= webcrypto;

const oauth = await import(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { issuer, resource, clientId, secret, authentication, redirectUri } = JSON.parse((await lines.next()).value);

const client = { client_id: clientId };
const proof = {
  client_secret_basic: oauth.ClientSecretBasic,
  client_secret_post: oauth.ClientSecretPost,
  none: oauth.None,
}[authentication](secret);
// The server under test speaks plain HTTP on loopback.
const insecure = { [oauth.allowInsecureRequests]: true };
let server, state, verifier;

const does = {
  async discover() {
    const identifier = new URL(resource);
    const described = await oauth.processResourceDiscoveryResponse(identifier, await oauth.resourceDiscoveryRequest(identifier, insecure));
    const known = new URL(described.authorization_servers[0]);
    server = await oauth.processDiscoveryResponse(known, await oauth.discoveryRequest(known, { algorithm: 'oauth2', ...insecure }));
    return { issuer: server.issuer };
  },

  async begin({ scope }) {
    state = oauth.generateRandomState();
    verifier = oauth.generateRandomCodeVerifier();
    const url = new URL(server.authorization_endpoint);
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      scope,
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    return { url: url.href };
  },

  async redeem({ callback }) {
    const parameters = oauth.validateAuthResponse(server, client, new URL(callback), state);
    const response = await oauth.authorizationCodeGrantRequest(server, client, proof, parameters, redirectUri, verifier, insecure);
    return oauth.processAuthorizationCodeResponse(server, client, response);
  },

  // The library checks an access token as RFC 9068 says, too.
  async read({ url, accessToken }) {
    const response = await oauth.protectedResourceRequest(accessToken, 'GET', new URL(url), new Headers(), null, insecure);
    const request = new Request(url, { headers: { Authorization: `Bearer ${accessToken}` } });
    await oauth.validateJwtAccessToken(server, request, resource, insecure);
    return response.json();
  },

  async refresh({ refreshToken }) {
    const response = await oauth.refreshTokenGrantRequest(server, client, proof, refreshToken, insecure);
    return oauth.processRefreshTokenResponse(server, client, response);
  },

  async introspect({ token }) {
    return oauth.processIntrospectionResponse(server, client, await oauth.introspectionRequest(server, client, proof, token, insecure));
  },

  async revoke({ token }) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, proof, token, insecure));
    return {};
  },
};

for await (const line of lines) {
  const { call, ...given } = JSON.parse(line);
  let answer;
  try {
    answer = await does[call](given);
  } catch (error) {
    answer = { refused: error.error ?? error.cause?.[0]?.parameters?.error ?? error.message };
  }
  console.log(JSON.stringify(answer));
}
