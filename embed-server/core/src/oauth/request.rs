//! The authorization request (RFC 6749, section 4.1.1): checked once, and kept under a handle while its person signs in and
//! decides.
//!
//! Until the client and its redirect URI are known to be right, an error is for the person; after that it is the app's, and
//! goes to the redirect URI.

use super::code::is_challenge;
use super::errors::description;
use super::parameters::Parameters;
use super::redirect_uri::{Target, with_parameters};
use super::store::{self, StoredRequest};
use super::{Client, OAuth, RedirectUri};
use crate::accounts::Operator;
use chrono::TimeDelta;
use embed_base::crypto::sha256_hex;
use embed_base::http::{Scope, ScopeSet};
use embed_base::net::network;
use embed_base::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

/// How long a request waits for its person.
pub(super) const REQUEST_LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// How many requests of one address or session wait at most; older ones are dropped.
pub const WAITING: i64 = 50;
/// The longest `state` in bytes.
const MAX_STATE: usize = 4 * 1024;
/// The longest `login_hint` in bytes.
const MAX_HINT: usize = 320;

/// A checked request, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    pub client_id: String,
    /// The address to answer at, as it was sent.
    pub redirect_uri: String,
    pub state: Option<String>,
    pub scopes: ScopeSet,
    pub resource: String,
    pub challenge: String,
    pub prompt: Prompt,
    /// Who is expected to sign in.
    pub login_hint: Option<String>,
}

/// What the app wants its person to be asked (OpenID Connect Core, section 3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Nothing: the app wants an answer at once.
    pub none: bool,
    /// To sign in again.
    pub login: bool,
    /// To consent again.
    pub consent: bool,
}

/// What becomes of a request that has arrived.
#[derive(Debug)]
pub enum Begun {
    /// It waits for its person under this handle.
    Waits(String),
    /// It is answered already: the address that the browser goes to.
    Answered(String),
    /// The app's request is wrong; the person may follow the address, which tells the app so.
    Refused { app: String, why: String, address: String },
}

/// Why a request is answered with an error (RFC 6749, section 4.1.2.1).
#[derive(Debug)]
pub(super) struct Refusal {
    code: &'static str,
    detail: String,
}

impl Refusal {
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl Refusal {
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let code = match error.code() {
            Code::InvalidScope => "invalid_scope",
            Code::InvalidTarget => "invalid_target",
            Code::Unavailable => "temporarily_unavailable",
            _ if error.status().is_server_error() => "server_error",
            _ => "invalid_request",
        };
        Self::new(code, error.detail())
    }
}

/// The scopes in a parameter; `invalid_scope` for what is none. `offline_access` means nothing here: a refresh token is
/// always given.
pub(super) fn scopes(text: &str) -> Result<ScopeSet> {
    let known: Vec<_> =
        text.split(' ').filter(|scope| !scope.is_empty() && *scope != "offline_access").collect();
    if known.contains(&"openid") {
        let detail = "This server is no OpenID provider; leave out `openid`, and ask for `profile` to learn who somebody is.";
        return Err(Error::new(Code::InvalidScope, detail));
    }
    ScopeSet::parse(&known.join(" ")).map_err(|error| Error::new(Code::InvalidScope, error.detail()))
}

impl OAuth {
    /// Checks and stores an authorization request. An error is for the person: the client or redirect URI is not right.
    pub async fn begin(
        &self,
        query: &str,
        address: IpAddr,
        session: Option<(&Operator, Uuid)>,
    ) -> Result<Begun> {
        let parameters = Parameters::parse(query.as_bytes())?;
        let (client, redirect_uri) = self.client_and_redirect_uri(&parameters).await?;
        let state = parameters.one("state").ok().flatten();
        let address_of =
            |refusal: &Refusal| error_address(redirect_uri.as_str(), state, self.issuer(), refusal);
        let is_silent = parameters.one("prompt").ok().flatten() == Some("none");
        let request = match self.check(&parameters, &client, &redirect_uri).await {
            Ok(request) => request,
            Err(refusal) if is_silent || session.is_some() => {
                return Ok(Begun::Answered(address_of(&refusal)));
            }
            // Nobody is led elsewhere by an error before they have signed in (RFC 9700, section 4.11.2).
            Err(refusal) => {
                let address = address_of(&refusal);
                return Ok(Begun::Refused { app: client.name.clone(), why: refusal.detail, address });
            }
        };
        if request.prompt.none {
            let operator = session.map(|(operator, _)| operator);
            let decided = self.decide_silently(&request, &client, operator).await;
            return Ok(Begun::Answered(decided.unwrap_or_else(|refusal| address_of(&refusal))));
        }
        let handle = self.context.random.hex_token();
        let mut tx = self.context.db.begin_global().await?;
        let now = self.context.clock.now();
        let stored = StoredRequest {
            handle_hash: sha256_hex(handle.as_bytes()),
            address: network(address).to_string(),
            session: session.map(|(_, session)| session),
            parameters: Json(request),
            decided_by: None,
            created_at: now,
            expires_at: now + REQUEST_LIFETIME,
            decided_at: None,
            answer: None,
        };
        store::insert_request(&mut tx, &stored).await?;
        store::drop_older_requests(&mut tx, &stored.address, stored.session).await?;
        tx.commit().await?;
        Ok(Begun::Waits(handle))
    }

    /// The client that a request names, and the registered address that it asks to be answered at.
    async fn client_and_redirect_uri(&self, parameters: &Parameters) -> Result<(Arc<Client>, RedirectUri)> {
        let client_id = parameters.required("client_id")?;
        let client = self.client(client_id).await?.ok_or_else(|| {
            let shown: String = client_id.chars().take(64).collect();
            let detail = format!(
                "There is no app `{}` here. It may have been removed, or its client_id is mistyped. Tell whoever runs the app.",
                shown.escape_debug()
            );
            Error::new(Code::ClientNotFound, detail)
        })?;
        let registered: Vec<_> = client.redirect_uris().collect();
        let redirect_uri = match (parameters.one("redirect_uri")?, registered.as_slice()) {
            (Some(asked), _) => {
                let is_registered = registered.iter().any(|known| known.matches(asked));
                let parsed = is_registered.then(|| RedirectUri::parse(asked)).transpose()?;
                parsed.ok_or_else(|| wrong_redirect_uri(&client, asked))?
            }
            (None, [only]) => only.clone(),
            (None, _) => {
                let detail = format!(
                    "{} did not say where to send you back (`redirect_uri`). Tell whoever runs the app.",
                    client.name
                );
                return Err(Error::invalid(detail));
            }
        };
        Ok((client, redirect_uri))
    }

    async fn check(
        &self,
        parameters: &Parameters,
        client: &Client,
        redirect_uri: &RedirectUri,
    ) -> Result<AuthorizationRequest, Refusal> {
        for (parameter, code) in [
            ("request", "request_not_supported"),
            ("request_uri", "request_uri_not_supported"),
            ("registration", "registration_not_supported"),
        ] {
            if parameters.all(parameter).next().is_some() {
                return Err(Refusal::new(code, format!("This server does not read `{parameter}`.")));
            }
        }
        let state = parameters.one("state")?;
        if state.is_some_and(|state| state.len() > MAX_STATE) {
            return Err(Refusal::new("invalid_request", "`state` is longer than 4 KiB."));
        }
        match parameters.required("response_type")? {
            "code" => {}
            _ => {
                let detail = "Only `response_type=code` is supported.";
                return Err(Refusal::new("unsupported_response_type", detail));
            }
        }
        if parameters.one("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err(Refusal::new("invalid_request", "Only `response_mode=query` is supported."));
        }
        let challenge = challenge(parameters)?;
        let scopes = match parameters.one("scope")?.map(scopes).transpose()? {
            Some(scopes) if !scopes.is_empty() => scopes,
            _ => client.scopes.0.clone(),
        };
        if !client.scopes.covers_all(&scopes) {
            let beyond = scopes.beyond(&client.scopes);
            let detail = format!("The app is not registered for the scope {beyond}.");
            return Err(Refusal::new("invalid_scope", detail));
        }
        self.check_collections(client, &scopes).await?;
        self.check_resource(client, parameters)?;
        let login_hint = parameters.one("login_hint")?.filter(|hint| hint.len() <= MAX_HINT);
        Ok(AuthorizationRequest {
            client_id: client.client_id.clone(),
            redirect_uri: redirect_uri.as_str().to_owned(),
            state: state.map(str::to_owned),
            scopes,
            resource: self.resource(client.module_id),
            challenge,
            prompt: prompt(parameters)?,
            login_hint: login_hint.map(str::to_owned),
        })
    }

    /// `invalid_scope` for a collection that the served version of the module lacks.
    async fn check_collections(&self, client: &Client, scopes: &ScopeSet) -> Result<()> {
        let published = self.modules.published(client.site_id, client.module_id).await?;
        let Some(manifest) = published.as_ref().map(|published| &published.manifest) else { return Ok(()) };
        let mut named = scopes.iter().filter_map(Scope::collection);
        match named.find(|name| !manifest.collections.contains_key(*name)) {
            None => Ok(()),
            Some(unknown) => Err(Error::new(Code::InvalidScope, manifest.no_collection(unknown))),
        }
    }

    /// `invalid_target` for a `resource` that is not the API of the client's module (RFC 8707).
    pub(super) fn check_resource(&self, client: &Client, parameters: &Parameters) -> Result<()> {
        let own = self.resource(client.module_id);
        let is_own = |asked: &str| asked.strip_suffix('/').unwrap_or(asked) == own;
        if parameters.all("resource").all(is_own) {
            return Ok(());
        }
        Err(Error::new(
            Code::InvalidTarget,
            format!("`resource` must be {own}, the API of the app's module."),
        ))
    }
}

impl AuthorizationRequest {
    /// The address with an error for the app.
    pub(super) fn refused(&self, issuer: &str, refusal: &Refusal) -> String {
        error_address(&self.redirect_uri, self.state.as_deref(), issuer, refusal)
    }

    /// The address with a code for the app.
    pub(super) fn allowed(&self, issuer: &str, code: &str) -> String {
        answer_address(&self.redirect_uri, self.state.as_deref(), issuer, &[("code", code)])
    }

    /// What the app is answered at.
    pub fn target(&self) -> Target {
        // It was parsed when the request arrived.
        RedirectUri::parse(&self.redirect_uri).map_or(Target::PrivateUse, |uri| uri.target())
    }
}

fn error_address(redirect_uri: &str, state: Option<&str>, issuer: &str, refusal: &Refusal) -> String {
    let detail = description(&refusal.detail);
    let page = format!("{issuer}/oauth/errors#{}", refusal.code);
    let parameters = [("error", refusal.code), ("error_description", &detail), ("error_uri", &page)];
    answer_address(redirect_uri, state, issuer, &parameters)
}

/// RFC 9207: `iss` says which server answers.
fn answer_address(redirect_uri: &str, state: Option<&str>, issuer: &str, answer: &[(&str, &str)]) -> String {
    let state = state.map(|state| ("state", state));
    let parameters: Vec<_> = answer.iter().copied().chain(state).chain([("iss", issuer)]).collect();
    with_parameters(redirect_uri, &parameters)
}

/// The S256 challenge, without which no code is given (RFC 9700, section 2.1.1).
fn challenge(parameters: &Parameters) -> Result<String, Refusal> {
    let wrong = |detail: &str| Refusal::new("invalid_request", detail);
    let Some(challenge) = parameters.one("code_challenge")? else {
        return Err(wrong(
            "`code_challenge` is missing. Switch on PKCE with S256 in the app; the setting is often called \"Use PKCE\", \"Authorization Code with PKCE\" or code_challenge_method.",
        ));
    };
    if parameters.one("code_challenge_method")? != Some("S256") {
        return Err(wrong("`code_challenge_method` must be S256; `plain` proves nothing."));
    }
    if !is_challenge(challenge) {
        return Err(wrong("`code_challenge` is not a SHA-256 in base64url without padding, 43 characters."));
    }
    Ok(challenge.to_owned())
}

fn prompt(parameters: &Parameters) -> Result<Prompt, Refusal> {
    let words: Vec<_> = parameters.one("prompt")?.unwrap_or_default().split(' ').collect();
    let mut prompt = Prompt::default();
    for word in words.into_iter().filter(|word| !word.is_empty()) {
        match word {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err(wrong_prompt()),
        }
    }
    if prompt.none && (prompt.login || prompt.consent) { Err(wrong_prompt()) } else { Ok(prompt) }
}

fn wrong_prompt() -> Refusal {
    Refusal::new("invalid_request", "`prompt` must be none alone, or some of login, consent, select_account.")
}

fn wrong_redirect_uri(client: &Client, asked: &str) -> Error {
    let shown: String = asked.chars().take(200).collect();
    let registered = client.redirect_uris.join(", ");
    Error::invalid(format!(
        "{} asked to send you back to `{}`, which is not registered for it. Registered: {registered}. Whoever runs the app has to use one of these, to the letter, or register the new one.",
        client.name,
        shown.escape_debug()
    ))
}
