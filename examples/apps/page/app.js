// A page that acts for the person who signs in, on a module's records. It is a public client: it has no secret, and proves
// with PKCE (RFC 7636) that whoever brings the code is the one who asked for it. Tokens stay in this script's memory, where
// nothing but this page can read them; a reload asks again.

const { server, module, client } = document.currentScript.dataset;
const resource = `${server}/api/v1/modules/${module}`;
// Registered with the client, to the letter.
const redirectUri = `${location.origin}/`;
const element = (id) => document.querySelector(`#${id}`);

// The answer of the token endpoint, with the time at which its access token expires.
let tokens = null;
let refreshing = null;

// What the server says of itself (RFC 8414).
const metadata = fetch(`${server}/.well-known/oauth-authorization-server`).then((response) => response.json());

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

// Leaves for the server. What this tab has to know when it comes back waits in its session storage.
async function signIn() {
  const { authorization_endpoint } = await metadata;
  const begun = { state: random(), verifier: random() };
  sessionStorage.setItem('begun', JSON.stringify(begun));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(begun.verifier));
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client,
    redirect_uri: redirectUri,
    scope: 'read:entries profile',
    state: begun.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
  });
  location.assign(`${authorization_endpoint}?${query}`);
}

// Back from the server: with a code, or with an error.
async function comeBack(answer) {
  // Neither a reload nor a bookmark should send the answer again.
  history.replaceState(null, '', redirectUri);
  const begun = JSON.parse(sessionStorage.getItem('begun'));
  sessionStorage.removeItem('begun');
  if (!begun || answer.get('state') !== begun.state) throw new Error('This answer belongs to another request.');
  // RFC 9207: an app that knows several servers would otherwise send the code of one to another.
  if (answer.get('iss') !== (await metadata).issuer) throw new Error('This answer is another server’s.');
  if (answer.has('error')) throw new Error(answer.get('error_description') ?? answer.get('error'));
  await fetchTokens({
    grant_type: 'authorization_code',
    code: answer.get('code'),
    redirect_uri: redirectUri,
    code_verifier: begun.verifier,
  });
}

async function fetchTokens(form) {
  const { token_endpoint } = await metadata;
  const response = await fetch(token_endpoint, { method: 'POST', body: new URLSearchParams({ ...form, client_id: client }) });
  const body = await response.json();
  if (!response.ok) {
    tokens = null;
    throw new Error(body.error_description ?? body.error);
  }
  tokens = { ...body, expires: Date.now() + body.expires_in * 1000 };
}

// Each refresh token is used once, so calls that need a new one share it.
function refresh() {
  refreshing ??= fetchTokens({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
    .finally(() => { refreshing = null; });
  return refreshing;
}

// Calls an API with the access token; a new one is fetched a minute before it expires.
async function call(url) {
  if (tokens.expires - Date.now() < 60_000) await refresh();
  const response = await fetch(url, { headers: { Authorization: `Bearer ${tokens.access_token}` } });
  const body = await response.json();
  // 401: the access was ended, by the person or by an admin.
  if (response.status === 401) tokens = null;
  if (!response.ok) throw new Error(body.detail ?? body.error_description);
  return body;
}

async function signOut() {
  const { revocation_endpoint } = await metadata;
  const form = { token: tokens.refresh_token, client_id: client };
  tokens = null;
  await fetch(revocation_endpoint, { method: 'POST', body: new URLSearchParams(form) });
}

function item({ data, createdAt }) {
  const entry = document.createElement('li');
  const stars = document.createElement('strong');
  stars.textContent = `${data.rating} of 5`;
  const when = document.createElement('time');
  when.dateTime = createdAt;
  when.textContent = new Date(createdAt).toLocaleString();
  const comment = document.createElement('p');
  comment.textContent = data.comment;
  entry.append(stars, ' ', when, comment);
  return entry;
}

async function read() {
  const { userinfo_endpoint } = await metadata;
  const [person, records] = [await call(userinfo_endpoint), await call(`${resource}/records/entries?sort=-createdAt&limit=20`)];
  element('who').textContent = `You are signed in as ${person.email}, and this page has the scopes ${person.scope.replaceAll(' ', ' and ')}.`;
  element('entries').replaceChildren(...records.data.map(item));
}

// Does something, and shows what has become of it.
async function run(step) {
  element('problem').textContent = '';
  try {
    await step();
  } catch (error) {
    element('problem').textContent = error.message;
  }
  const signedIn = Boolean(tokens);
  for (const id of ['read', 'sign-out', 'entries']) element(id).hidden = !signedIn;
  element('sign-in').hidden = signedIn;
  if (!signedIn) element('who').textContent = '';
}

element('sign-in').addEventListener('click', () => run(signIn));
element('read').addEventListener('click', () => run(read));
element('sign-out').addEventListener('click', () => run(signOut));

const answer = new URLSearchParams(location.search);
if (answer.has('state')) run(() => comeBack(answer).then(read));
