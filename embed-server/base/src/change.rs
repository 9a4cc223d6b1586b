//! The only way to write for a tenant: a transaction that carries its events, its entry in the list of activity, and
//! the cache entries that it invalidates. An operator's change without its entry does not compile.

use crate::context::Context;
use crate::db::{Topic, Tx, announce};
use crate::error::Result;
use crate::events::activity::{self, Action, Actor, Entry};
use crate::events::{self, Event, NewEvent};
use crate::subscriber::{Consequences, Ended};
use chrono::{DateTime, Utc};
use std::ops::{Deref, DerefMut};
use uuid::Uuid;

/// What a change belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub organization: Uuid,
    pub site: Uuid,
    /// A module of the site, for a module's change.
    pub module: Option<Uuid>,
}

/// A transaction of one tenant; dropping it without a commit rolls it back.
///
/// `B` says whose change it is: an operator's ([`Listed`]) ends with [`Change::commit`], a program's ([`Unlisted`])
/// with [`Change::commit_unlisted`].
pub struct Change<B> {
    tx: Tx,
    context: Context,
    site: Option<Uuid>,
    module: Option<Uuid>,
    by: B,
    now: DateTime<Utc>,
    /// Each with its site and module.
    events: Vec<(Uuid, Option<Uuid>, NewEvent)>,
    invalidated: Vec<(Topic, String)>,
}

/// An operator's change. It has an entry in the list of activity of each of these organizations.
#[derive(Clone, Debug)]
pub struct Listed {
    actor: Actor,
    organizations: Vec<Uuid>,
    detail: Option<String>,
}

/// A change by a program: a caller of a module's API, or the server itself. It has no entry in the list of activity.
#[derive(Clone, Copy, Debug)]
pub struct Unlisted;

impl Listed {
    fn new(actor: &Actor, organizations: Vec<Uuid>) -> Self {
        Self { actor: actor.clone(), organizations, detail: None }
    }
}

impl Context {
    /// Begins an operator's change of a site or of one of its modules.
    pub async fn change(&self, tenant: &Tenant, by: &Actor) -> Result<Change<Listed>> {
        let tx = self.db.begin(tenant.site).await?;
        let by = Listed::new(by, vec![tenant.organization]);
        Ok(Change::new(self, tx, (Some(tenant.site), tenant.module), by))
    }

    /// Begins a program's change of a site or of one of its modules.
    pub async fn change_unlisted(&self, site: Uuid, module: Option<Uuid>) -> Result<Change<Unlisted>> {
        let tx = self.db.begin(site).await?;
        Ok(Change::new(self, tx, (Some(site), module), Unlisted))
    }

    /// Begins an operator's change of a site that also changes what belongs to no tenant.
    pub async fn change_across(&self, tenant: &Tenant, by: &Actor) -> Result<Change<Listed>> {
        let tx = self.db.begin_global().await?;
        let by = Listed::new(by, vec![tenant.organization]);
        Ok(Change::new(self, tx, (Some(tenant.site), tenant.module), by))
    }

    /// Begins a program's change of what belongs to no tenant.
    pub async fn change_installation(&self) -> Result<Change<Unlisted>> {
        Ok(Change::new(self, self.db.begin_global().await?, (None, None), Unlisted))
    }

    /// Begins an operator's change of something that belongs to an organization but to no site.
    pub async fn change_organization(&self, organization: Uuid, by: &Actor) -> Result<Change<Listed>> {
        let tx = self.db.begin_organization(organization).await?;
        Ok(Change::new(self, tx, (None, None), Listed::new(by, vec![organization])))
    }

    /// Begins an operator's change of something that belongs to a person, who is a member of these organizations.
    pub async fn change_person(&self, organizations: Vec<Uuid>, by: &Actor) -> Result<Change<Listed>> {
        let tx = self.db.begin_global().await?;
        Ok(Change::new(self, tx, (None, None), Listed::new(by, organizations)))
    }
}

impl<B> Change<B> {
    fn new(context: &Context, tx: Tx, (site, module): (Option<Uuid>, Option<Uuid>), by: B) -> Self {
        Self {
            tx,
            site,
            module,
            by,
            now: context.clock.now(),
            context: context.clone(),
            events: Vec::new(),
            invalidated: Vec::new(),
        }
    }

    /// The time of the change, the same for all of its rows.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// An id for a new row.
    pub fn id(&self) -> Uuid {
        self.context.ids.next()
    }

    /// Records an event with the change.
    pub fn event(&mut self, event: &impl Event) -> Result<()> {
        if let Some(site) = self.site {
            self.events.push((site, self.module, NewEvent::new(event)?));
        }
        Ok(())
    }

    /// Tells all subscribers that something has ended, in this transaction.
    pub async fn ended(&mut self, ended: Ended) -> Result<()> {
        for subscriber in &self.context.subscribers {
            let Consequences { forget, events } = subscriber.ended(&mut self.tx, ended, self.now).await?;
            self.invalidated.extend(forget);
            let events =
                events.into_iter().map(|(site, module, kind, data)| (site, module, NewEvent::of(kind, data)));
            self.events.extend(events);
        }
        Ok(())
    }

    /// Invalidates every server's cache entries that depend on this key, once the change is committed.
    pub fn forget(&mut self, topic: Topic, key: impl ToString) {
        self.invalidated.push((topic, key.to_string()));
    }

    async fn finish(mut self) -> Result<()> {
        for (site, module, event) in &self.events {
            let id = self.context.ids.next();
            events::insert(&mut self.tx, id, (*site, *module), event, self.now).await?;
        }
        announce(&mut self.tx, self.site, &self.invalidated, self.now).await?;
        self.tx.commit().await?;
        if !self.invalidated.is_empty() {
            self.context.changes.wake();
        }
        Ok(())
    }
}

impl Change<Listed> {
    /// Adds a detail to the entry, such as the role before and after.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.by.detail = Some(detail.into());
        self
    }

    /// Commits the change with its entry in the list of activity. `subject` is the current name of what was changed.
    pub async fn commit(mut self, action: Action, subject: &str) -> Result<()> {
        for &organization in &self.by.organizations {
            let entry = Entry {
                id: self.context.ids.next(),
                organization,
                site: self.site,
                module: self.module,
                action,
                subject,
                detail: self.by.detail.as_deref(),
                at: self.now,
            };
            activity::insert(&mut self.tx, &self.by.actor, entry).await?;
        }
        self.finish().await
    }
}

impl Change<Unlisted> {
    /// Commits the change without an entry.
    pub async fn commit_unlisted(self) -> Result<()> {
        self.finish().await
    }
}

impl<B> Deref for Change<B> {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl<B> DerefMut for Change<B> {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}
