//! Permission to do something with the records of one collection.
//!
//! Only a check of the caller makes a [`Collection<P>`], and every function on records takes one, so code without the
//! check does not compile.

use super::described::in_path;
use crate::modules::{Action, Modules, Published, RecordSchema, module_not_found};
use crate::services::Services;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use aide::operation::add_parameters;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use embed_base::http::openapi;
use embed_base::http::{Call, Grant, Verb, forbidden, path_id, path_text, unauthenticated};
use embed_base::{Code, Error, Result};
use schemars::json_schema;
use std::marker::PhantomData;
use std::sync::Arc;
use uuid::Uuid;

/// An operation that callers may be permitted to do.
pub trait Permission: Send + Sync + 'static {
    /// What a collection must allow visitors.
    const ACTION: Action;
    /// What a token's scopes must allow.
    const VERB: Verb;
    /// The word for it in error texts.
    const WORD: &'static str;
}

/// Permission to read and list records.
#[derive(Clone, Copy, Debug)]
pub struct Read;

/// Permission to create records.
#[derive(Clone, Copy, Debug)]
pub struct Create;

/// Permission to change records.
#[derive(Clone, Copy, Debug)]
pub struct Update;

/// Permission to delete records.
#[derive(Clone, Copy, Debug)]
pub struct Delete;

impl Permission for Read {
    const ACTION: Action = Action::Read;
    const VERB: Verb = Verb::Read;
    const WORD: &'static str = "read";
}

impl Permission for Create {
    const ACTION: Action = Action::Create;
    const VERB: Verb = Verb::Write;
    const WORD: &'static str = "create";
}

impl Permission for Update {
    const ACTION: Action = Action::Update;
    const VERB: Verb = Verb::Write;
    const WORD: &'static str = "update";
}

impl Permission for Delete {
    const ACTION: Action = Action::Delete;
    const VERB: Verb = Verb::Delete;
    const WORD: &'static str = "delete";
}

/// A collection of a module, with the permission to do `P` in it. Extracted from the path and from the caller that
/// the gateway has authenticated.
#[derive(Debug)]
pub struct Collection<P> {
    scope: CollectionScope,
    caller: String,
    published: Arc<Published>,
    permission: PhantomData<P>,
}

/// The collection that a query is limited to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CollectionScope {
    pub site: Uuid,
    pub module: Uuid,
    pub name: String,
}

impl<P: Permission> Collection<P> {
    /// Opens a collection of the called module: 404 where the module's current version has none of this name, 401
    /// where the caller has no credentials, 403 where they are not enough.
    pub async fn open(modules: &Modules, call: &Call, name: &str) -> Result<Self> {
        let published = modules.published(call.site, call.module).await?.ok_or_else(module_not_found)?;
        let Some(declared) = published.manifest.collections.get(name) else {
            return Err(collection_not_found(&published, name));
        };
        match &call.caller.grant {
            Grant::Nothing => {
                return Err(unauthenticated(format!(
                    "To {} records, send `Authorization: Bearer …` with an API token, or with an embed token from `verify`.",
                    P::WORD
                )));
            }
            Grant::Visitors if declared.visitors.contains(&P::ACTION) => {}
            Grant::Visitors => {
                return Err(forbidden(format!(
                    "Visitors may not {} records of {name}: `collections.{name}.visitors` in module.json does not list it.",
                    P::WORD
                )));
            }
            Grant::Scopes(scopes) if scopes.allows(P::VERB, name) => {}
            Grant::Scopes(scopes) => {
                let has: Vec<_> = scopes.iter().map(ToString::to_string).collect();
                let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
                let (word, verb) = (P::WORD, P::VERB.as_str());
                let refused = forbidden(format!(
                    "To {word} records of {name}, a token needs the scope `{verb}` or `{verb}:{name}`; this one has {has}."
                ));
                return Err(refused.with("scope", format!("{verb}:{name}")));
            }
        }
        Ok(Self {
            scope: CollectionScope { site: call.site, module: call.module, name: name.to_owned() },
            caller: call.caller.key(),
            published,
            permission: PhantomData,
        })
    }

    pub fn module(&self) -> Uuid {
        self.scope.module
    }

    pub fn name(&self) -> &str {
        &self.scope.name
    }

    pub fn schema(&self) -> Result<&RecordSchema> {
        self.published.schema(self.name()).ok_or_else(|| Error::internal("a collection without schema"))
    }

    pub(super) fn scope(&self) -> &CollectionScope {
        &self.scope
    }

    /// The caller, as idempotency keys name it.
    pub(super) fn caller(&self) -> &str {
        &self.caller
    }
}

fn collection_not_found(published: &Published, name: &str) -> Error {
    Error::new(Code::CollectionNotFound, published.manifest.no_collection(name))
}

impl<P, S> FromRequestParts<S> for Collection<P>
where
    P: Permission,
    S: Send + Sync,
    Services: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let name = path_text(parts, "collection").await?;
        let call = parts.extensions.get::<Call>();
        let call = call.ok_or_else(|| Error::internal("a request for records did not pass the gateway"))?;
        Self::open(&Services::from_ref(state).modules, call, &name).await
    }
}

/// The id in a path. Text that is not an id is not found, like the id of no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordId(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for RecordId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        path_id(parts, "id", record_not_found).await.map(Self)
    }
}

/// 404 `record_not_found`.
pub(super) fn record_not_found(id: &str) -> Error {
    let shown: String = id.chars().take(64).collect();
    let detail = format!("The collection has no record `{}`.", shown.escape_debug());
    Error::new(Code::RecordNotFound, detail)
}

impl<P: Permission> OperationInput for Collection<P> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        openapi::secured(operation, &openapi::CALLERS);
        openapi::path_id(ctx, operation, "module", "The module's id.");
        let name = json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$" });
        let name = in_path("collection", "A collection that the module's manifest declares.", name);
        add_parameters(ctx, operation, [name]);
        let when = "The credentials are missing or invalid.";
        openapi::refuses(ctx, operation, Code::Unauthenticated, when);
        let (word, verb) = (P::WORD, P::VERB.as_str());
        let when = format!(
            "A token needs the scope `{verb}`, or that of the collection, such as `{verb}:entries`; visitors need the collection's permission to {word}."
        );
        openapi::refuses(ctx, operation, Code::Forbidden, &when);
        let when = "There is no such module, or it is not published.";
        openapi::refuses(ctx, operation, Code::ModuleNotFound, when);
        let when = "The module's current version declares no such collection.";
        openapi::refuses(ctx, operation, Code::CollectionNotFound, when);
    }
}

impl OperationInput for RecordId {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        openapi::path_id(ctx, operation, "id", "The record's id.");
        let when = "The collection has no such record.";
        openapi::refuses(ctx, operation, Code::RecordNotFound, when);
    }
}
