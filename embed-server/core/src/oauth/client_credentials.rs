//! Tokens of a client itself, without a person (RFC 6749, section 4.4): on its own module, for as long as an admin answers
//! for it.

use super::parameters::Parameters;
use super::store;
use super::token::Bearer;
use super::{Client, OAuth};
use crate::accounts::Role;
use embed_base::http::{Scope, ScopeSet};
use embed_base::{Code, Error, Result};
use std::net::IpAddr;

impl OAuth {
    /// The answer to `grant_type=client_credentials`, as JSON text.
    pub(super) async fn client_credentials(
        &self,
        client: &Client,
        form: &Parameters,
        address: IpAddr,
    ) -> Result<String> {
        self.check_resource(client, form)?;
        self.check_answered_for(client).await?;
        let own = own_scopes(client);
        let scopes = match form.one("scope")? {
            None => own,
            Some(asked) => {
                let asked = super::request::scopes(asked)?;
                if !own.covers_all(&asked) {
                    let detail = format!("This client may not get {} by itself.", asked.beyond(&own));
                    return Err(Error::new(Code::InvalidScope, detail));
                }
                asked
            }
        };
        let keys = self.keys.current().await?;
        let mut change = self.context.change_unlisted(client.site_id, Some(client.module_id)).await?;
        let now = change.now();
        store::lock_grants(&mut change, &client.client_id).await?;
        let grant =
            store::own_grant(&mut change, client, self.context.ids.next(), &own_scopes(client), now).await?;
        store::use_grant(&mut change, client.site_id, grant, now, address).await?;
        change.commit_unlisted().await?;
        let family = self.context.ids.next();
        let bearer = Bearer { client, grant, family, user: None, scopes: &scopes };
        self.token_answer(&bearer, &keys, None)
    }

    /// Refuses a client for which nobody answers: it may get no tokens of its own, or the admin who enabled that is admin
    /// no longer.
    pub(super) async fn check_answered_for(&self, client: &Client) -> Result<()> {
        let refused = |detail: &str| Error::new(Code::UnauthorizedClient, detail);
        if !client.client_credentials || !client.is_confidential() {
            return Err(refused(
                "This client may not get tokens of its own; an admin can allow it (client credentials) at the client.",
            ));
        }
        let Some(user) = client.answers_by else { return Ok(()) };
        let tenant = self.sites.tenant(client.site_id, Some(client.module_id)).await?;
        match self.accounts.role_in(user, tenant.organization).await? {
            Some(Role::Admin | Role::Owner) => Ok(()),
            _ => Err(refused(
                "The admin who answered for this client is admin no longer; another has to take it over at the client.",
            )),
        }
    }
}

/// What a client may do without a person: what it may ask for, but for a person's profile.
fn own_scopes(client: &Client) -> ScopeSet {
    client.scopes.iter().filter(|scope| **scope != Scope::Profile).cloned().collect()
}
