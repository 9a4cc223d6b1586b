//! The app on the crate `oauth2`.

use super::library::{Authentication, Registration};
use anyhow::{Context, Result, bail};
use oauth2::basic::BasicClient;
use oauth2::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ErrorResponse, HttpRequest, HttpResponse, IntrospectionUrl, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, RevocationUrl, Scope, TokenUrl,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointSet>;

pub struct OAuth2App {
    client: Client,
    registration: Registration,
    http: reqwest::Client,
    /// Of the request that its person was sent away with.
    begun: Option<(CsrfToken, PkceCodeVerifier)>,
}

impl OAuth2App {
    pub fn new(registration: Registration) -> Result<Self> {
        let issuer = &registration.issuer;
        let client = BasicClient::new(ClientId::new(registration.client_id.clone()))
            .set_auth_type(match registration.authentication {
                Authentication::Basic => AuthType::BasicAuth,
                Authentication::Post | Authentication::None => AuthType::RequestBody,
            })
            .set_auth_uri(AuthUrl::new(format!("{issuer}/oauth/authorize"))?)
            .set_token_uri(TokenUrl::new(format!("{issuer}/oauth/token"))?)
            .set_introspection_url(IntrospectionUrl::new(format!("{issuer}/oauth/introspect"))?)
            // The library revokes over https alone: `send` is the proxy that speaks it.
            .set_revocation_url(RevocationUrl::new(
                format!("{issuer}/oauth/revoke").replace("http://", "https://"),
            )?)
            .set_redirect_uri(RedirectUrl::new(registration.redirect_uri.clone())?);
        let client = match &registration.secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.clone())),
            None => client,
        };
        Ok(Self { client, registration, http: reqwest::Client::new(), begun: None })
    }

    pub async fn call(&mut self, call: &str, given: &Value) -> Result<Value> {
        let text = |name: &str| given[name].as_str().map(str::to_owned).with_context(|| name.to_owned());
        match call {
            // The library does not look for metadata.
            "discover" => Ok(json!({ "issuer": self.registration.issuer })),
            "begin" => Ok(self.begin(text("scope")?)),
            "redeem" => self.redeem(&text("callback")?).await,
            "read" => self.read(&text("url")?, &text("accessToken")?).await,
            "refresh" => {
                let token = RefreshToken::new(text("refreshToken")?);
                let tokens = self.client.exchange_refresh_token(&token);
                answer(tokens.request_async(&|request| send(&self.http, request)).await)
            }
            "introspect" => {
                let token = AccessToken::new(text("token")?);
                let known = self.client.introspect(&token);
                answer(known.request_async(&|request| send(&self.http, request)).await)
            }
            "revoke" => {
                let revoked = self.client.revoke_token(AccessToken::new(text("token")?).into())?;
                answer(revoked.request_async(&|request| send(&self.http, request)).await)
            }
            _ => bail!("there is no call {call}"),
        }
    }

    fn begin(&mut self, scope: String) -> Value {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let request = self.client.authorize_url(CsrfToken::new_random);
        let (url, state) = request.add_scope(Scope::new(scope)).set_pkce_challenge(challenge).url();
        self.begun = Some((state, verifier));
        json!({ "url": url })
    }

    async fn redeem(&self, callback: &str) -> Result<Value> {
        let url = url::Url::parse(callback)?;
        let answered: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let (state, verifier) = self.begun.as_ref().context("nothing was begun")?;
        // The library leaves both to its caller.
        if answered.get("iss") != Some(&self.registration.issuer) {
            return Ok(json!({ "refused": "the answer is another server's" }));
        }
        if answered.get("state") != Some(state.secret()) {
            return Ok(json!({ "refused": "the answer is that of another request" }));
        }
        let code = AuthorizationCode::new(answered.get("code").context("a code")?.clone());
        let verifier = PkceCodeVerifier::new(verifier.secret().clone());
        let tokens = self.client.exchange_code(code).set_pkce_verifier(verifier);
        answer(tokens.request_async(&|request| send(&self.http, request)).await)
    }

    async fn read(&self, url: &str, token: &str) -> Result<Value> {
        let response = self.http.get(url).bearer_auth(token).send().await?;
        let succeeded = response.status().is_success();
        let body: Value = serde_json::from_slice(&response.bytes().await?)?;
        Ok(if succeeded { body } else { json!({ "refused": body["code"] }) })
    }
}

async fn send(http: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let mut request = reqwest::Request::try_from(request)?;
    request.url_mut().set_scheme("http").expect("https and http are exchangeable");
    let response = http.execute(request).await?;
    let mut answer = HttpResponse::default();
    *answer.status_mut() = response.status();
    *answer.headers_mut() = response.headers().clone();
    *answer.body_mut() = response.bytes().await?.to_vec();
    Ok(answer)
}

/// What the library has read of an answer.
fn answer<T: Serialize, R: ErrorResponse + 'static>(
    result: Result<T, RequestTokenError<reqwest::Error, R>>,
) -> Result<Value> {
    match result {
        Ok(read) => Ok(serde_json::to_value(read)?),
        Err(RequestTokenError::ServerResponse(error)) => {
            Ok(json!({ "refused": serde_json::to_value(error)?["error"] }))
        }
        Err(error) => bail!("{error:?}"),
    }
}
