//! An external app as the tests drive it: it sends people to the server, and redeems what they come back with.

use crate::app::TestApp;
use crate::browser::{Browser, Seen};
use embed_core::oauth::CreatedClient;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::HashMap;
use url::Url;
use uuid::Uuid;

/// The verifier and challenge of RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Where people come back to.
pub const CALLBACK: &str = "https://app.example/callback";
/// The issuer of a test's server.
pub const ISSUER: &str = "https://embed.test";

/// An app and the module whose data it wants.
pub struct ExternalApp<'a> {
    pub app: &'a TestApp,
    pub site: Uuid,
    pub module: Uuid,
    pub client_id: String,
    pub secret: Option<String>,
    pub redirect_uri: String,
}

impl<'a> ExternalApp<'a> {
    /// A confidential app of a module with the collections `entries` and `notes`.
    pub async fn registered(app: &'a TestApp) -> Self {
        let site = app.site().await;
        let manifest =
            json!({ "name": "feedback", "version": "1.0.0", "collections": { "entries": {}, "notes": {} } });
        let module = app.publish(site, &manifest).await;
        let new = json!({ "redirectUris": [CALLBACK], "scopes": ["read", "write", "delete", "profile"] });
        Self::of(app, site, module, new).await
    }

    /// An app with these settings.
    pub async fn of(app: &'a TestApp, site: Uuid, module: Uuid, new: Value) -> Self {
        let redirect_uri = new["redirectUris"][0].as_str().unwrap_or_default().to_owned();
        let CreatedClient { secret, details } = app.oauth_client(site, module, new).await;
        Self { app, site, module, client_id: details.client_id, secret, redirect_uri }
    }

    /// The parameters of its authorization request.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.client_id.clone()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("scope", "read".to_owned()),
            ("state", "the state & more".to_owned()),
            ("code_challenge", CHALLENGE.to_owned()),
            ("code_challenge_method", "S256".to_owned()),
        ]
    }

    /// The address of its authorization request, with these parameters in place of its own; an empty one is left out.
    pub fn link(&self, other: &[(&'static str, &str)]) -> String {
        let mut parameters = self.parameters();
        for &(name, value) in other {
            parameters.retain(|(known, _)| *known != name);
            parameters.push((name, value.to_owned()));
        }
        parameters.retain(|(_, value)| !value.is_empty());
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("/oauth/authorize?{query}")
    }

    /// Follows its link to the page where the person decides.
    pub async fn ask(&self, browser: &Browser<'_>, other: &[(&'static str, &str)]) -> Seen {
        let begun = browser.get(&self.link(other)).await;
        assert_eq!(begun.status, 303, "{}", begun.html);
        if begun.location().starts_with("/oauth/consent?") {
            browser.get(begun.location()).await
        } else {
            begun
        }
    }

    /// Presses a button of the consent page.
    pub async fn decide(&self, browser: &Browser<'_>, page: &Seen, decision: &str) -> Seen {
        assert_eq!(page.status, 200, "{}", page.html);
        let fields = ["form", "handle", "app", "scopes"].map(|name| (name, page.field(name)));
        let mut fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.push(("decision", decision));
        browser.post_bare("/oauth/consent", &fields).await
    }

    /// A code that the person has just allowed.
    pub async fn code(&self, browser: &Browser<'_>, scope: &str) -> String {
        let page = self.ask(browser, &[("scope", scope)]).await;
        let decided = if page.status == 200 { self.decide(browser, &page, "allow").await } else { page };
        let answer = answer(&decided);
        answer.get("code").unwrap_or_else(|| panic!("{answer:?}")).clone()
    }

    /// The form of the token endpoint for a code.
    pub fn redemption<'b>(&'b self, code: &'b str) -> Vec<(&'static str, &'b str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", VERIFIER),
        ]
    }

    /// A request to an endpoint, with the app's credentials.
    pub fn request(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.request_as(path, form, Some(&self.client_id), self.secret.as_deref())
    }

    /// The same with other credentials.
    pub fn request_as(
        &self,
        path: &str,
        form: &[(&str, &str)],
        client_id: Option<&str>,
        secret: Option<&str>,
    ) -> RequestBuilder {
        let own = [("client_id", client_id), ("client_secret", secret)];
        let own = own.iter().filter_map(|(name, value)| value.map(|value| (*name, value)));
        let fields: Vec<_> = form.iter().copied().chain(own).collect();
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.app.request(Method::POST, path);
        request.header("Content-Type", "application/x-www-form-urlencoded").body(body)
    }

    /// The status and JSON of the token endpoint.
    pub async fn token(&self, form: &[(&str, &str)]) -> (u16, Value) {
        sent(self.request("/oauth/token", form)).await
    }

    /// The tokens of a person who allows these scopes.
    pub async fn tokens(&self, browser: &Browser<'_>, scope: &str) -> Value {
        let code = self.code(browser, scope).await;
        let (status, tokens) = self.token(&self.redemption(&code)).await;
        assert_eq!(status, 200, "{tokens}");
        self.app.settle().await;
        tokens
    }

    /// The answer to a refresh token.
    pub async fn refresh(&self, token: &str) -> (u16, Value) {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// The status of reading a collection with an access token.
    pub async fn reads(&self, collection: &str, token: &str) -> u16 {
        let path = format!("/api/v1/modules/{}/records/{collection}", self.module);
        self.app.get(&path).bearer_auth(token).send().await.unwrap().status().as_u16()
    }

    /// The status of creating a record with an access token.
    pub async fn creates(&self, collection: &str, token: &str) -> u16 {
        let path = format!("/api/v1/modules/{}/records/{collection}", self.module);
        let request =
            self.app.request(Method::POST, &path).bearer_auth(token).json(&json!({ "text": "hello" }));
        request.send().await.unwrap().status().as_u16()
    }
}

/// A member of an answer, as text.
pub fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}"))
}

/// Status and JSON.
pub async fn sent(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    let json = if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap_or(body.into()) };
    (status, json)
}

/// The parameters that a redirect brings to the app.
pub fn answer(seen: &Seen) -> HashMap<String, String> {
    assert_eq!(seen.status, 303, "{}", seen.html);
    let url = Url::parse(seen.location()).unwrap_or_else(|_| panic!("no answer in {}", seen.location()));
    url.query_pairs().into_owned().collect()
}
