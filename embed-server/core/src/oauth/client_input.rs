//! The input of admins for clients, and its checks.

use super::{Client, RedirectUri, Target};
use crate::domains::Origin;
use chrono::{DateTime, Utc};
use embed_base::events::activity::Actor;
use embed_base::http::{MAX_SCOPES, ScopeSet};
use embed_base::{Error, Result, names};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use sqlx::types::Json;
use url::Url;
use uuid::Uuid;

/// The most redirect URIs of a client.
pub const MOST_REDIRECT_URIS: usize = 20;
/// The most origins of a client.
pub const MOST_ORIGINS: usize = 20;
/// The longest address of a client's pages in bytes.
const LONGEST_PAGE: usize = 2048;

/// A client to register.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewClient {
    /// The module whose data it may ask for.
    pub module_id: Uuid,
    /// Its name, which people are shown, 1 to 200 characters.
    pub name: String,
    /// The addresses that a person may be sent back to, at most 20: https, http on 127.0.0.1, `[::1]` or localhost, or for a
    /// public client a scheme of its own. Only a client with `clientCredentials` needs none.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// The most that it may ask for; at least one scope. A collection has to be one of the module's.
    pub scopes: ScopeSet,
    /// The origins of web pages that may use its tokens, besides those of its https redirect URIs; at most 20.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// The app's website, an https address.
    #[serde(default)]
    pub homepage: Option<String>,
    /// Where it says what it does with data, an https address.
    #[serde(default)]
    pub privacy_url: Option<String>,
    /// Its terms, an https address.
    #[serde(default)]
    pub terms_url: Option<String>,
    /// Whether it can keep a secret, and gets one. A program on people's own devices or in their browsers cannot.
    #[serde(default = "yes")]
    pub confidential: bool,
    /// Whether it may get tokens of its own, without a person. Whoever says so answers for it, as long as they are an admin.
    #[serde(default)]
    pub client_credentials: bool,
}

fn yes() -> bool {
    true
}

/// Changes of a client; members that are left out stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClientChanges {
    /// Its name. People are asked for their consent again when it changes.
    pub name: Option<String>,
    /// The addresses that a person may be sent back to. People are asked for their consent again when they change.
    pub redirect_uris: Option<Vec<String>>,
    /// The most that it may ask for.
    pub scopes: Option<ScopeSet>,
    /// The origins of web pages that may use its tokens.
    pub allowed_origins: Option<Vec<String>>,
    /// The app's website; null for none.
    #[serde(deserialize_with = "given")]
    pub homepage: Option<Option<String>>,
    /// Where it says what it does with data; null for nowhere.
    #[serde(deserialize_with = "given")]
    pub privacy_url: Option<Option<String>>,
    /// Its terms; null for none.
    #[serde(deserialize_with = "given")]
    pub terms_url: Option<Option<String>>,
    /// Whether it may get tokens of its own. `true` makes whoever says so answer for it, in place of whoever did before;
    /// `false` ends those tokens.
    pub client_credentials: Option<bool>,
    /// Whether it is switched off: it gets no tokens, and its tokens are refused, until it is switched on again.
    pub disabled: Option<bool>,
}

/// Tells null from a member that is left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// How to rotate a client's secret.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientToRotate {
    /// The number of seconds that the old secret stays valid; a day by default.
    #[serde(default)]
    pub overlap_seconds: Option<u32>,
}

impl NewClient {
    /// The client, checked; with the SHA-256 of its secret where it is confidential.
    pub(super) fn check(
        self,
        site: Uuid,
        (id, client_id, secret_hash): (Uuid, String, Option<String>),
        (by, now, dev): (&Actor, DateTime<Utc>, bool),
    ) -> Result<Client> {
        let client = Client {
            id,
            site_id: site,
            module_id: self.module_id,
            name: checked_name(&self.name)?,
            client_id,
            client_secret_hash: secret_hash,
            previous_secret_hash: None,
            previous_secret_until: None,
            redirect_uris: Json(redirect_uris(self.redirect_uris)?),
            allowed_origins: Json(origins(self.allowed_origins, dev)?),
            scopes: Json(scopes(self.scopes)?),
            homepage: page("homepage", self.homepage)?,
            privacy_url: page("privacyUrl", self.privacy_url)?,
            terms_url: page("termsUrl", self.terms_url)?,
            client_credentials: self.client_credentials,
            answers_by: by.person().filter(|_| self.client_credentials),
            disabled_at: None,
            created_by: by.person(),
            created_at: now,
            updated_at: now,
        };
        client.check_consistency().map(|()| client)
    }
}

impl ClientChanges {
    /// The client with these changes, checked.
    pub(super) fn apply(self, old: &Client, (by, now, dev): (&Actor, DateTime<Utc>, bool)) -> Result<Client> {
        let mut client = old.clone();
        if let Some(name) = self.name {
            client.name = checked_name(&name)?;
        }
        if let Some(uris) = self.redirect_uris {
            client.redirect_uris = Json(redirect_uris(uris)?);
        }
        if let Some(set) = self.scopes {
            client.scopes = Json(scopes(set)?);
        }
        if let Some(list) = self.allowed_origins {
            client.allowed_origins = Json(origins(list, dev)?);
        }
        if let Some(url) = self.homepage {
            client.homepage = page("homepage", url)?;
        }
        if let Some(url) = self.privacy_url {
            client.privacy_url = page("privacyUrl", url)?;
        }
        if let Some(url) = self.terms_url {
            client.terms_url = page("termsUrl", url)?;
        }
        if let Some(on) = self.client_credentials {
            client.client_credentials = on;
            client.answers_by = by.person().filter(|_| on);
        }
        if let Some(disabled) = self.disabled {
            client.disabled_at = disabled.then_some(old.disabled_at.unwrap_or(now));
        }
        client.check_consistency().map(|()| client)
    }
}

impl Client {
    /// 400 where its settings do not go together.
    fn check_consistency(&self) -> Result<()> {
        let wrong = |sentence: &str| Err(Error::invalid(sentence));
        if self.client_credentials && !self.is_confidential() {
            return wrong(
                "`clientCredentials` is for confidential clients only: a public one cannot prove who it is.",
            );
        }
        if self.redirect_uris.is_empty() && !self.client_credentials {
            return wrong(
                "`redirectUris` is empty, so nobody could be sent back to the app; only a client with `clientCredentials` needs none.",
            );
        }
        if self.is_confidential()
            && let Some(uri) = self.redirect_uris().find(|uri| uri.target() == Target::PrivateUse)
        {
            return Err(Error::invalid(format!(
                "The redirect URI `{uri}` has a scheme of the app's own, which is for public clients only: a program on people's devices can keep no secret. Register the client with `confidential` false, or use https."
            )));
        }
        Ok(())
    }
}

fn checked_name(name: &str) -> Result<String> {
    names::checked("A client's `name`", name)
}

/// The redirect URIs in their order, each once.
fn redirect_uris(given: Vec<String>) -> Result<Vec<String>> {
    at_most("redirectUris", given, MOST_REDIRECT_URIS, |text| {
        RedirectUri::parse(text).map(|uri| uri.as_str().to_owned())
    })
}

fn origins(given: Vec<String>, dev: bool) -> Result<Vec<String>> {
    at_most("allowedOrigins", given, MOST_ORIGINS, |text| {
        let shown: String = text.chars().take(200).collect();
        Origin::parse(text, dev).map(|origin| origin.to_string()).map_err(|_| {
            Error::invalid(format!(
                "`allowedOrigins` lists `{}`; expected the https origin of a website without a path, such as https://app.example.com.",
                shown.escape_debug()
            ))
        })
    })
}

/// The entries of a list, each checked, and once.
fn at_most(
    name: &str,
    given: Vec<String>,
    most: usize,
    check: impl Fn(&str) -> Result<String>,
) -> Result<Vec<String>> {
    if given.len() > most {
        let detail = format!("`{name}` has {} entries; expected at most {most}.", given.len());
        return Err(Error::invalid(detail));
    }
    let mut checked = Vec::with_capacity(given.len());
    for text in given {
        let entry = check(&text)?;
        if !checked.contains(&entry) {
            checked.push(entry);
        }
    }
    Ok(checked)
}

fn scopes(given: ScopeSet) -> Result<ScopeSet> {
    if given.is_empty() {
        return Err(Error::invalid(
            "`scopes` is empty, so the app could do nothing; expected some of read, write, delete and profile.",
        ));
    }
    if given.len() > MAX_SCOPES {
        return Err(Error::invalid(format!("`scopes` has more than {MAX_SCOPES} scopes.")));
    }
    Ok(given)
}

/// The address of one of the app's pages.
fn page(name: &str, given: Option<String>) -> Result<Option<String>> {
    let Some(text) = given else { return Ok(None) };
    let is_page = Url::parse(&text)
        .is_ok_and(|url| url.scheme() == "https" && url.username().is_empty() && url.password().is_none());
    // The text itself is shown and followed, so it holds nothing that the parser would drop.
    if text.len() > LONGEST_PAGE || !is_page || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid(format!(
            "`{name}` is not the address of a page; expected https://… of at most {LONGEST_PAGE} bytes."
        )));
    }
    Ok(Some(text))
}
