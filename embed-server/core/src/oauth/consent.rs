//! What a person is asked, may allow, and has allowed before.

use super::answer::{Answered, new_code};
use super::events::{self, GrantCreated};
use super::redirect_uri::Target;
use super::request::{AuthorizationRequest, Refusal};
use super::store::{self, StoredGrant, StoredRequest};
use super::token::scopes_of;
use super::{Client, GRANTS, OAuth, RedirectUri};
use crate::accounts::{Operator, Role};
use crate::modules::{Module, WhoMayConsent};
use crate::sites::Site;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::crypto::sha256_hex;
use embed_base::http::ScopeSet;
use embed_base::{Code, Error, Result};
use sqlx::types::Json;
use std::sync::Arc;
use uuid::Uuid;

/// How long consent is remembered.
const REMEMBERED: TimeDelta = TimeDelta::days(30);
/// A person's session, as far as a request depends on it.
#[derive(Clone, Copy, Debug)]
pub struct SignedIn {
    pub session: Uuid,
    pub since: DateTime<Utc>,
}

/// What becomes of a request once its person has signed in.
#[derive(Debug)]
pub enum Step {
    /// The person is asked.
    Ask(Box<Question>),
    /// The app wants its person to sign in again.
    SignIn { login_hint: Option<String> },
    /// The person may allow nothing here; `address` tells the app so.
    Impossible { why: String, app: String, address: String },
    /// It is answered.
    Answered(Answered),
}

/// What the consent page shows.
#[derive(Debug)]
pub struct Question {
    pub client: Arc<Client>,
    /// Where the person is sent back to.
    pub redirect_uri: String,
    /// The host of the app, or its scheme.
    pub place: String,
    pub site: Site,
    pub module: Module,
    /// What the app gets if the person allows it, beyond what it has.
    pub new: ScopeSet,
    /// What it has already.
    pub already: ScopeSet,
    /// What it asks for and the person may not give.
    pub not_theirs: ScopeSet,
}

/// What a person has decided.
#[derive(Clone, Debug)]
pub enum Decision {
    /// They allow it, as the page has shown it.
    Allow {
        /// The app's name.
        app: String,
        /// What it gets.
        scopes: ScopeSet,
    },
    /// They do not.
    Deny,
}

/// What of a request a person may allow.
pub(super) struct Possible {
    site: Site,
    module: Module,
    pub given: ScopeSet,
    /// The grant that there is.
    pub grant: Option<StoredGrant>,
}

impl OAuth {
    /// What to do with the request of this handle, for a person who has signed in.
    pub async fn step(&self, handle: &str, operator: &Operator, signed_in: SignedIn) -> Result<Step> {
        let (stored, client) = self.request(handle, signed_in).await?;
        if stored.decided_at.is_some() {
            return self.answered(handle, &stored, &client, signed_in).await.map(Step::Answered);
        }
        let request = &stored.parameters.0;
        if request.prompt.login && signed_in.since < stored.created_at {
            return Ok(Step::SignIn { login_hint: request.login_hint.clone() });
        }
        let possible = match self.possible(request, &client, operator).await? {
            Ok(possible) => possible,
            Err(refusal) => {
                return Ok(Step::Impossible {
                    why: refusal.detail().to_owned(),
                    app: client.name.clone(),
                    address: request.refused(self.issuer(), &refusal),
                });
            }
        };
        if possible.is_remembered(request, &client, self.context.clock.now()) {
            return self
                .answer_again(handle, &stored, &client, &possible, signed_in)
                .await
                .map(Step::Answered);
        }
        let had = possible.grant.as_ref().map(|grant| grant.scopes.0.clone()).unwrap_or_default();
        let place = RedirectUri::parse(&request.redirect_uri).map(|uri| uri.place()).unwrap_or_default();
        Ok(Step::Ask(Box::new(Question {
            redirect_uri: request.redirect_uri.clone(),
            place,
            new: possible.given.beyond(&had),
            already: possible.given.shared_with(&had),
            not_theirs: request.scopes.beyond(&possible.given),
            site: possible.site,
            module: possible.module,
            client,
        })))
    }

    /// What a person has decided. A request is decided once; the session that did it gets the same answer again.
    pub async fn decide(
        &self,
        handle: &str,
        operator: &Operator,
        signed_in: SignedIn,
        decision: &Decision,
    ) -> Result<Answered> {
        let (stored, client) = self.request(handle, signed_in).await?;
        if stored.decided_at.is_some() {
            return self.answered(handle, &stored, &client, signed_in).await;
        }
        let request = &stored.parameters.0;
        if request.prompt.login && signed_in.since < stored.created_at {
            return Err(ended("The app wants you to sign in again first; reload the page before."));
        }
        let possible = match (self.possible(request, &client, operator).await?, decision) {
            // No more is given than the page has said, nor to another app.
            (Ok(possible), Decision::Allow { app, scopes }) if *app == client.name => {
                Possible { given: possible.given.shared_with(scopes), ..possible }
            }
            (Ok(_), Decision::Allow { .. }) => {
                return Err(ended("The app has another name now. Go back to it and begin again."));
            }
            (refused, _) => {
                let no = Refusal::new("access_denied", "The person did not allow it.");
                let address = request.refused(self.issuer(), &refused.err().unwrap_or(no));
                return self.refuse(handle, &stored, &client, address, signed_in).await;
            }
        };
        let tenant = possible.site.tenant(Some(client.module_id));
        let mut change = self.context.change_across(&tenant, &operator.actor()).await?;
        let now = change.now();
        if !store::decide_request(&mut change, &stored.handle_hash, signed_in.session, now).await? {
            drop(change);
            return self.decided_meanwhile(handle, &client, signed_in).await;
        }
        store::lock_grants(&mut change, &client.client_id).await?;
        let user = operator.user();
        let had = store::grant_of(&mut change, &client.client_id, user).await?;
        let scopes = had.as_ref().map_or_else(ScopeSet::default, |grant| grant.scopes.0.clone());
        let grant = StoredGrant {
            id: had.as_ref().map_or_else(|| change.id(), |grant| grant.id),
            site_id: client.site_id,
            module_id: client.module_id,
            client: client.client_id.clone(),
            client_name: client.name.clone(),
            redirect_uri: request.redirect_uri.clone(),
            user_id: Some(user),
            scopes: Json(scopes.united_with(&possible.given)),
            consented_at: Some(now),
            created_at: had.as_ref().map_or(now, |grant| grant.created_at),
            last_used_at: had.as_ref().and_then(|grant| grant.last_used_at),
            last_address: had.as_ref().and_then(|grant| grant.last_address.clone()),
        };
        match had {
            Some(_) => store::widen_grant(&mut change, &grant).await?,
            None => store::insert_grant(&mut change, &grant).await?,
        }
        let code =
            self.insert_code(&mut change, &new_code(request, &client, &grant, &possible.given)).await?;
        let address = request.allowed(self.issuer(), &code);
        self.keep_answer(&mut change, handle, &stored, &address, Some(&code)).await?;
        change.forget(GRANTS, grant.id);
        change.event(&GrantCreated(&grant))?;
        let change = change.detail(format!("{} for {}", possible.given, operator.email()));
        change.commit(events::GRANT_CREATED, &client.name).await?;
        Ok(Answered { address, app: client.name.clone(), target: request.target() })
    }

    /// The answer to a request that wants its person to be asked nothing.
    pub(super) async fn decide_silently(
        &self,
        request: &AuthorizationRequest,
        client: &Arc<Client>,
        operator: Option<&Operator>,
    ) -> Result<String, Refusal> {
        let not_signed_in = || Refusal::new("login_required", "The person has not signed in.");
        let operator = operator.ok_or_else(not_signed_in)?;
        if request
            .login_hint
            .as_ref()
            .is_some_and(|hint| !hint.eq_ignore_ascii_case(operator.email().as_str()))
        {
            return Err(not_signed_in());
        }
        let possible = self.possible(request, client, operator).await??;
        if !possible.is_remembered(request, client, self.context.clock.now()) {
            return Err(Refusal::new(
                "consent_required",
                "The person has to be asked; leave out `prompt=none`.",
            ));
        }
        let Some(grant) = &possible.grant else { return Err(Refusal::new("consent_required", "")) };
        let mut change = self
            .context
            .change_unlisted(client.site_id, Some(client.module_id))
            .await
            .map_err(Refusal::from)?;
        let code = self.insert_code(&mut change, &new_code(request, client, grant, &possible.given)).await?;
        change.commit_unlisted().await?;
        Ok(request.allowed(self.issuer(), &code))
    }

    /// The request of a handle and its client, bound to the session that looks at it.
    pub(super) async fn request(
        &self,
        handle: &str,
        signed_in: SignedIn,
    ) -> Result<(StoredRequest, Arc<Client>)> {
        let hash = sha256_hex(handle.as_bytes());
        let mut tx = self.context.db.begin_global().await?;
        let found = store::request(&mut tx, &hash).await?;
        let found = found.ok_or_else(|| {
            ended("This request for access is not known any more. Go back to the app and begin again.")
        })?;
        if found.session != Some(signed_in.session) && found.decided_at.is_none() {
            store::bind_request(&mut tx, &hash, signed_in.session).await?;
            store::drop_older_requests(&mut tx, &found.address, Some(signed_in.session)).await?;
        }
        tx.commit().await?;
        let client_id = &found.parameters.client_id;
        let client = self.client(client_id).await?;
        let client = client.ok_or_else(|| ended("The app that asks for access was removed here."))?;
        if found.expires_at <= self.context.clock.now() {
            let detail = format!(
                "This request for access has expired after a quarter of an hour. Go back to {} and begin again.",
                client.name
            );
            return Err(ended(&detail));
        }
        Ok((found, client))
    }

    /// What of a request a person may allow, or why nothing.
    async fn possible(
        &self,
        request: &AuthorizationRequest,
        client: &Client,
        operator: &Operator,
    ) -> Result<Result<Possible, Refusal>> {
        // What was right when the request arrived may have changed since.
        if !client.redirect_uris().any(|known| known.matches(&request.redirect_uri)) {
            return Err(ended(
                "The app is no longer sent back to the address that it asked for. Begin again there.",
            ));
        }
        let site = self.sites.find(client.site_id).await?;
        let module = self.modules.find(client.site_id, client.module_id).await?;
        let denied = |why: String| Ok(Err(Refusal::new("access_denied", why)));
        let Some(role) = operator.role_in(site.organization_id) else {
            let organization = self.accounts.organization_name(site.organization_id).await?;
            return denied(format!(
                "{} is not in {organization}, to which {} belongs; only its people can allow apps there.",
                operator.email(),
                module.name
            ));
        };
        match module.oauth_who {
            WhoMayConsent::Members => {}
            WhoMayConsent::Admins if role >= Role::Admin => {}
            WhoMayConsent::Admins => {
                return denied(format!("Only admins may allow apps on {}.", module.name));
            }
            WhoMayConsent::Nobody => {
                return denied(format!(
                    "Nobody may allow apps on {}; an admin can change that.",
                    module.name
                ));
            }
        }
        if module.version.is_none() {
            return denied(format!("{} is not published at the moment.", module.name));
        }
        let given = request.scopes.shared_with(&client.scopes).shared_with(&scopes_of(role));
        if given.is_empty() {
            return denied(format!("As {role} you may not allow {}; an admin can.", request.scopes));
        }
        let mut tx = self.context.db.read_global().await?;
        let grant = store::grant_of(&mut tx, &client.client_id, operator.user()).await?;
        Ok(Ok(Possible { site, module, given, grant }))
    }
}

impl Possible {
    /// Whether the person has allowed all of this before, and an app of this kind may profit from it: on loopback and with
    /// a scheme of its own any local program could ask (RFC 8252, section 8.6).
    fn is_remembered(&self, request: &AuthorizationRequest, client: &Client, now: DateTime<Utc>) -> bool {
        client.is_confidential()
            && request.target() == Target::Web
            && !request.prompt.consent
            && self.grant.as_ref().is_some_and(|grant| {
                grant.consented_at.is_some_and(|consented| now - consented < REMEMBERED)
                    && grant.redirect_uri == request.redirect_uri
                    && grant.client_name == client.name
                    && grant.scopes.covers_all(&self.given)
            })
    }
}

/// 403 `request_ended`.
pub(super) fn ended(detail: &str) -> Error {
    Error::new(Code::RequestEnded, detail)
}
