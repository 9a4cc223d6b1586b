//! How an app asks for access, ready to paste for the libraries that most apps use.

use crate::ConsoleState;
use crate::shell::elements::copyable;
use embed_core::oauth::Client;
use maud::{Markup, html};

/// The addresses of this server, and what it knows the app by.
struct Settings<'a> {
    issuer: &'a str,
    client: &'a Client,
    scopes: String,
    redirect_uri: &'a str,
}

/// Renders the snippets that suit the client, the first one open.
pub fn all(console: &ConsoleState, client: &Client) -> Markup {
    let settings = Settings {
        issuer: &console.0.services.context.settings.server.public_url,
        client,
        scopes: client.scopes.to_string(),
        redirect_uri: client.redirect_uris.first().map_or("", String::as_str),
    };
    let mut ways = Vec::new();
    if !client.redirect_uris.is_empty() {
        ways.extend([
            ("snippet-authlib", "Python", "With Authlib.", settings.authlib()),
            ("snippet-rust", "Rust", "With the crate oauth2, version 5.", settings.rust()),
            (
                "snippet-authjs",
                "JavaScript",
                "With Auth.js; it needs the scope profile, and the redirect URI …/api/auth/callback/dramac.",
                settings.auth_js(),
            ),
            (
                "snippet-postman",
                "Postman",
                "The fields of its Authorization tab; it needs the redirect URI https://oauth.pstmn.io/v1/callback.",
                settings.postman(),
            ),
        ]);
    }
    if client.client_credentials {
        ways.push(("snippet-curl", "curl", "For tokens of its own, without a person.", settings.curl()));
    }
    html! {
        div.ways {
            @for (index, (id, name, when, text)) in ways.iter().enumerate() {
                details open[index == 0] {
                    summary { (name) " " span.hint { (when) } }
                    (copyable(id, &format!("Snippet: {name}"), text))
                }
            }
        }
    }
}

impl Settings<'_> {
    fn authorize(&self) -> String {
        format!("{}/oauth/authorize", self.issuer)
    }

    fn token(&self) -> String {
        format!("{}/oauth/token", self.issuer)
    }

    /// The text where the client has a secret.
    fn secret(&self, text: &'static str) -> &'static str {
        if self.client.is_confidential() { text } else { "" }
    }

    fn authlib(&self) -> String {
        let Self { client, scopes, redirect_uri, .. } = self;
        let secret = self.secret("\n    client_secret=os.environ[\"CLIENT_SECRET\"],");
        let import = self.secret("import os\n");
        let (id, authorize, token) = (&client.client_id, self.authorize(), self.token());
        format!(
            "{import}from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session

session = OAuth2Session(
    client_id=\"{id}\",{secret}
    scope=\"{scopes}\",
    redirect_uri=\"{redirect_uri}\",
    code_challenge_method=\"S256\",
)
verifier = generate_token(48)
address, state = session.create_authorization_url(\"{authorize}\", code_verifier=verifier)
# Send the person to `address`. They come back to `answer`, the redirect URI with a code.
token = session.fetch_token(\"{token}\", authorization_response=answer, state=state, code_verifier=verifier)"
        )
    }

    fn rust(&self) -> String {
        let Self { client, redirect_uri, .. } = self;
        let secret =
            self.secret("\n    .set_client_secret(ClientSecret::new(std::env::var(\"CLIENT_SECRET\")?))");
        let import = self.secret("ClientSecret, ");
        let scopes: Vec<_> = client
            .scopes
            .iter()
            .map(|scope| format!("\n    .add_scope(Scope::new(\"{scope}\".into()))"))
            .collect();
        let (id, scopes, authorize, token) =
            (&client.client_id, scopes.concat(), self.authorize(), self.token());
        format!(
            "use oauth2::basic::BasicClient;
use oauth2::{{
    AuthUrl, AuthorizationCode, ClientId, {import}CsrfToken, PkceCodeChallenge, RedirectUrl, Scope, TokenUrl, reqwest,
}};

let client = BasicClient::new(ClientId::new(\"{id}\".into())){secret}
    .set_auth_uri(AuthUrl::new(\"{authorize}\".into())?)
    .set_token_uri(TokenUrl::new(\"{token}\".into())?)
    .set_redirect_uri(RedirectUrl::new(\"{redirect_uri}\".into())?);
let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
let (address, state) = client
    .authorize_url(CsrfToken::new_random){scopes}
    .set_pkce_challenge(challenge)
    .url();
// Send the person to `address`. They come back to the redirect URI with the same `state` and a `code`.
let http = reqwest::ClientBuilder::new().redirect(reqwest::redirect::Policy::none()).build()?;
let token = client
    .exchange_code(AuthorizationCode::new(code))
    .set_pkce_verifier(verifier)
    .request_async(&http)
    .await?;"
        )
    }

    fn auth_js(&self) -> String {
        let Self { issuer, client, scopes, .. } = self;
        let secret = match client.is_confidential() {
            true => "clientSecret: process.env.AUTH_DRAMAC_SECRET,",
            false => "client: { token_endpoint_auth_method: 'none' },",
        };
        let (id, authorize, token) = (&client.client_id, self.authorize(), self.token());
        format!(
            "import NextAuth from 'next-auth'

export const {{ handlers, auth }} = NextAuth({{
  providers: [{{
    id: 'dramac',
    name: 'Dramac',
    type: 'oauth',
    issuer: '{issuer}',
    clientId: '{id}',
    {secret}
    authorization: {{ url: '{authorize}', params: {{ scope: '{scopes}' }} }},
    token: '{token}',
    userinfo: '{issuer}/oauth/userinfo',
    checks: ['pkce', 'state'],
    profile: person => ({{ id: person.sub, name: person.name, email: person.email }}),
  }}],
}})"
        )
    }

    fn postman(&self) -> String {
        let Self { client, scopes, .. } = self;
        let (secret, sent) = match client.is_confidential() {
            true => ("the secret", "Send as Basic Auth header"),
            false => ("(empty)", "Send client credentials in body"),
        };
        let (id, authorize, token) = (&client.client_id, self.authorize(), self.token());
        format!(
            "Grant type             Authorization Code (With PKCE)
Callback URL           https://oauth.pstmn.io/v1/callback
Auth URL               {authorize}
Access Token URL       {token}
Client ID              {id}
Client Secret          {secret}
Code Challenge Method  SHA-256
Scope                  {scopes}
Client Authentication  {sent}"
        )
    }

    fn curl(&self) -> String {
        let (id, scopes, token) = (&self.client.client_id, &self.scopes, self.token());
        format!(
            "curl {token} -u \"{id}:$CLIENT_SECRET\" \\
  -d grant_type=client_credentials -d 'scope={scopes}'"
        )
    }
}
