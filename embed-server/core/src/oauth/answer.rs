//! The answer to an authorization request: it is given once, and again to the session that has decided, for as long as its
//! code is unused.

use super::code::NewCode;
use super::consent::{Possible, SignedIn, ended};
use super::redirect_uri::Target;
use super::request::AuthorizationRequest;
use super::store::{self, StoredGrant, StoredRequest};
use super::{Client, OAuth};
use embed_base::crypto::{close_envelope, open_envelope, sha256_hex};
use embed_base::db::Tx;
use embed_base::http::ScopeSet;
use embed_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// What the envelope of a request's answer is for.
const PURPOSE: &str = "oauth request";

/// An answered request.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Where the browser goes.
    pub address: String,
    /// The app's name.
    pub app: String,
    /// What the address leads to.
    pub target: Target,
}

/// What is kept of an answer.
#[derive(Serialize, Deserialize)]
struct KeptAnswer {
    address: String,
    code_hash: Option<String>,
}

impl OAuth {
    /// Answers a request with what its person has allowed before.
    pub(super) async fn answer_again(
        &self,
        handle: &str,
        stored: &StoredRequest,
        client: &Client,
        possible: &Possible,
        signed_in: SignedIn,
    ) -> Result<Answered> {
        let request = &stored.parameters.0;
        let Some(grant) = &possible.grant else { return Err(Error::internal("no grant is remembered")) };
        let mut change = self.context.change_installation().await?;
        let now = change.now();
        if !store::decide_request(&mut change, &stored.handle_hash, signed_in.session, now).await? {
            drop(change);
            return self.decided_meanwhile(handle, client, signed_in).await;
        }
        let code = self.insert_code(&mut change, &new_code(request, client, grant, &possible.given)).await?;
        let address = request.allowed(self.issuer(), &code);
        self.keep_answer(&mut change, handle, stored, &address, Some(&code)).await?;
        change.commit_unlisted().await?;
        Ok(Answered { address, app: client.name.clone(), target: request.target() })
    }

    pub(super) async fn refuse(
        &self,
        handle: &str,
        stored: &StoredRequest,
        client: &Client,
        address: String,
        signed_in: SignedIn,
    ) -> Result<Answered> {
        let mut change = self.context.change_installation().await?;
        let now = change.now();
        if !store::decide_request(&mut change, &stored.handle_hash, signed_in.session, now).await? {
            drop(change);
            return self.decided_meanwhile(handle, client, signed_in).await;
        }
        self.keep_answer(&mut change, handle, stored, &address, None).await?;
        change.commit_unlisted().await?;
        Ok(Answered { address, app: client.name.clone(), target: stored.parameters.target() })
    }

    pub(super) async fn decided_meanwhile(
        &self,
        handle: &str,
        client: &Client,
        signed_in: SignedIn,
    ) -> Result<Answered> {
        let (stored, _) = self.request(handle, signed_in).await?;
        self.answered(handle, &stored, client, signed_in).await
    }

    pub(super) async fn keep_answer(
        &self,
        tx: &mut Tx,
        handle: &str,
        stored: &StoredRequest,
        address: &str,
        code: Option<&str>,
    ) -> Result<()> {
        let code_hash = code.map(|code| sha256_hex(code.as_bytes()));
        let kept = serde_json::to_string(&KeptAnswer { address: address.to_owned(), code_hash });
        let kept = close_envelope(PURPOSE, handle, &kept.map_err(Error::internal)?, &self.context.random)?;
        store::answer_request(tx, &stored.handle_hash, &kept).await
    }

    /// The answer that a session has given before. Anybody else who has the handle must not get its code.
    pub(super) async fn answered(
        &self,
        handle: &str,
        stored: &StoredRequest,
        client: &Client,
        signed_in: SignedIn,
    ) -> Result<Answered> {
        let elsewhere = || ended("This request was answered already. Go back to the app and begin again.");
        if stored.decided_by != Some(signed_in.session) {
            return Err(elsewhere());
        }
        let kept = stored.answer.as_deref().and_then(|closed| open_envelope(PURPOSE, handle, closed));
        let kept =
            kept.and_then(|text| serde_json::from_str::<KeptAnswer>(&text).ok()).ok_or_else(elsewhere)?;
        if let Some(code_hash) = &kept.code_hash {
            let mut tx = self.context.db.read(client.site_id).await?;
            let code = store::code(&mut tx, client.site_id, code_hash).await?;
            if code.is_none_or(|code| code.used_at.is_some()) {
                return Err(elsewhere());
            }
        }
        Ok(Answered { address: kept.address, app: client.name.clone(), target: stored.parameters.target() })
    }
}

/// The code of a request, for what its person gives.
pub(super) fn new_code<'a>(
    request: &'a AuthorizationRequest,
    client: &'a Client,
    grant: &StoredGrant,
    scopes: &'a ScopeSet,
) -> NewCode<'a> {
    NewCode {
        client,
        grant: grant.id,
        scopes,
        redirect_uri: &request.redirect_uri,
        resource: &request.resource,
        challenge: &request.challenge,
    }
}
