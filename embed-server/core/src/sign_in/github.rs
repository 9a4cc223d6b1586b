//! Signing in with GitHub, which says which addresses belong to a person; the first of them that is a member here
//! signs in. GitHub's accounts are not stored.
//!
//! This is OAuth 2.0 with PKCE (RFC 7636) and `state`. Both belong to one attempt of one browser, which keeps them in
//! a cookie.

use super::SignIn;
use crate::accounts::{Browser, Email, Proof, StartedSession};
use axum::http::header;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use embed_base::Context;
use embed_base::config::GitHubApp;
use embed_base::crypto::{Random, sha256};
use embed_base::outbound::client_for_settings;
use embed_base::{Code, Error, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::Url;

/// The timeout of each request to GitHub.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of a response that are read.
const LONGEST: usize = 256 * 1024;

/// One browser's attempt to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInAttempt {
    /// GitHub sends it back, so that a response cannot be replayed in another browser.
    pub state: String,
    /// Proves that the browser that redeems the code is the one that began (RFC 7636, section 4.1).
    pub verifier: String,
}

/// A client of GitHub with this installation's app. Cheap to clone.
#[derive(Clone)]
pub struct GitHub {
    app: GitHubApp,
    redirect_uri: String,
    random: Random,
    client: reqwest::Client,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TokenResponse {
    Granted { access_token: String },
    Refused { error: String, error_description: Option<String> },
}

#[derive(Deserialize)]
struct Address {
    email: String,
    verified: bool,
}

impl GitHub {
    /// Builds the client; `None` where no app is configured.
    pub fn new(context: &Context) -> Result<Option<Self>> {
        let settings = &context.settings;
        let Some(app) = settings.sign_in.github.clone() else { return Ok(None) };
        let client = client_for_settings().map_err(Error::internal)?;
        let redirect_uri = format!("{}/console/sign-in/github/callback", settings.server.public_url);
        Ok(Some(Self { app, redirect_uri, random: context.random.clone(), client }))
    }

    /// Begins an attempt: the URL to redirect the browser to, and what the browser keeps until it returns.
    pub fn begin(&self) -> Result<(Url, SignInAttempt)> {
        let attempt = SignInAttempt { state: self.random.hex_token(), verifier: self.random.hex_token() };
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(sha256(attempt.verifier.as_bytes()));
        let mut url = self.url("/login/oauth/authorize")?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.app.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", "user:email")
            .append_pair("state", &attempt.state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok((url, attempt))
    }

    /// The verified addresses of the GitHub user, the primary one first.
    async fn addresses(&self, code: &str, attempt: &SignInAttempt) -> Result<Vec<Email>> {
        let form = [
            ("client_id", self.app.client_id.as_str()),
            ("client_secret", self.app.client_secret.expose()),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &attempt.verifier),
        ];
        let body = form.iter().fold(
            url::form_urlencoded::Serializer::new(String::new()),
            |mut form, (name, value)| {
                form.append_pair(name, value);
                form
            },
        );
        let request = self
            .client
            .post(self.url("/login/oauth/access_token")?)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body({ body }.finish());
        let token = match self.ask(request).await? {
            TokenResponse::Granted { access_token } => access_token,
            TokenResponse::Refused { error, error_description } => {
                let reason = error_description.unwrap_or(error);
                let detail = format!("GitHub refused the code ({reason}). Start again.");
                return Err(Error::new(Code::GithubRefused, detail));
            }
        };
        let request = self.client.get(format!("{}/user/emails", self.app.api_url)).bearer_auth(token);
        let addresses: Vec<Address> = self.ask(request).await?;
        let verified = addresses.into_iter().filter(|address| address.verified);
        Ok(verified.filter_map(|address| Email::parse(&address.email).ok()).collect())
    }

    fn url(&self, path: &str) -> Result<Url> {
        Url::parse(&format!("{}{path}", self.app.url)).map_err(Error::internal)
    }

    async fn ask<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T> {
        let unreachable =
            |error| Error::unavailable("GitHub does not answer. Try again, or sign in with a code.", error);
        let mut response = request
            .header(header::ACCEPT, "application/json")
            .timeout(TIMEOUT)
            .send()
            .await
            .map_err(unreachable)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                break;
            }
        }
        serde_json::from_slice(&body).map_err(|error| {
            let detail = format!(
                "GitHub answered {status} with an unexpected body. Try again, or sign in with a code."
            );
            Error::new(Code::GithubFailed, detail).caused_by(error)
        })
    }
}

impl SignIn {
    /// Begins a session for the first of the GitHub user's addresses that is a member here. `returned` is the state
    /// that came back, `code` the code from GitHub.
    pub async fn with_github(
        &self,
        attempt: &SignInAttempt,
        (returned, code): (&str, &str),
        browser: &Browser,
    ) -> Result<StartedSession> {
        if returned != attempt.state {
            let detail = "This response from GitHub belongs to another attempt. Start again, in one window.";
            return Err(Error::new(Code::WrongState, detail));
        }
        for email in self.github()?.addresses(code, attempt).await? {
            if self.accounts.is_member(&email).await? {
                return self.accounts.start_session(&email, Proof::GitHub, browser).await;
            }
        }
        let detail = "None of the addresses that GitHub has verified for you is invited here. Ask an owner to invite one of them.";
        Err(Error::new(Code::NotInvited, detail))
    }
}
