//! The endpoints for apps. The pages for people are the console's.

use super::client_auth::FAILURES;
use super::parameters::{LONGEST, Parameters};
use super::{Client, OAuth};
use crate::modules::module_not_found;
use crate::services::Services;
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use embed_base::crypto::sha256_hex;
use embed_base::http::{media_type, unauthenticated};
use embed_base::limits::{Limit, RateLimits};
use embed_base::net::ClientAddress;
use embed_base::{Code, Error, Result};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use uuid::Uuid;

/// Requests per minute and address at endpoints that need no proof.
pub const STRANGERS: NonZeroU32 = NonZeroU32::new(60).expect("60 is not zero");

const FORM: &str = "application/x-www-form-urlencoded";
/// How long a JWKS or metadata may be kept, in seconds: half of the time that a key is published before it signs.
const KNOWN_FOR: HeaderValue = HeaderValue::from_static("public, max-age=300");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Endpoints that pages of any website may call: they look at no cookie.
pub fn router() -> Router<Services> {
    Router::new()
        .route("/oauth/token", post(token))
        .route("/oauth/revoke", post(revoke))
        .route("/oauth/userinfo", get(userinfo).post(userinfo))
        .route("/oauth/jwks", get(jwks))
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route("/.well-known/oauth-protected-resource/api/v1/modules/{module}", get(resource_metadata))
}

/// Endpoints for servers alone.
pub fn private_router() -> Router<Services> {
    Router::new().route("/oauth/introspect", post(introspect))
}

/// A form that a client has sent, and who it is.
struct ClientRequest {
    client: Arc<Client>,
    form: Parameters,
    address: IpAddr,
}

impl ClientRequest {
    async fn read(oauth: &OAuth, limits: &RateLimits, request: Request) -> Result<Self> {
        let &ClientAddress(address) = request
            .extensions()
            .get()
            .ok_or_else(|| Error::internal("a request without the address of its client"))?;
        let (parts, body) = request.into_parts();
        if media_type(&parts.headers).is_none_or(|known| known != FORM) {
            let detail = format!("The body must be a form: send `Content-Type: {FORM}`.");
            return Err(Error::invalid(detail));
        }
        let body: Bytes = to_bytes(body, LONGEST)
            .await
            .map_err(|_| Error::invalid("The body is longer than 16 KiB, or was cut off."))?;
        let form = Parameters::parse(&body)?;
        let client = oauth.authenticate(limits, &parts.headers, &form, address).await?;
        Ok(Self { client, form, address })
    }
}

async fn token(State(services): State<Services>, request: Request) -> Response {
    let basic = is_basic(request.headers());
    answer(basic, issue(&services.oauth, &services.limits, request).await)
}

async fn issue(oauth: &OAuth, limits: &RateLimits, request: Request) -> Result<Response> {
    let ClientRequest { client, form, address } = ClientRequest::read(oauth, limits, request).await?;
    let given = match form.required("grant_type")? {
        "authorization_code" => oauth.redeem_code(limits, &client, &form, address).await,
        "refresh_token" => oauth.refresh(limits, &client, &form, address).await,
        "client_credentials" => oauth.client_credentials(&client, &form, address).await,
        _ => {
            let detail = "`grant_type` must be authorization_code, refresh_token or client_credentials.";
            return Err(Error::new(Code::UnsupportedGrantType, detail));
        }
    };
    match given {
        Ok(text) => Ok(private(text)),
        Err(error) if error.code() == Code::InvalidGrant => {
            limits.count(vec![Limit::oauth_failure(address, FAILURES)]).await.check()?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

async fn revoke(State(services): State<Services>, request: Request) -> Response {
    let basic = is_basic(request.headers());
    let revoked = async {
        let ClientRequest { client, form, .. } =
            ClientRequest::read(&services.oauth, &services.limits, request).await?;
        services.oauth.revoke(&client, &form).await?;
        Ok(([(header::CACHE_CONTROL, NO_STORE)], StatusCode::OK).into_response())
    };
    answer(basic, revoked.await)
}

async fn introspect(State(services): State<Services>, request: Request) -> Response {
    let basic = is_basic(request.headers());
    let inspected = async {
        let ClientRequest { client, form, .. } =
            ClientRequest::read(&services.oauth, &services.limits, request).await?;
        services.oauth.introspect(&client, &form).await.map(|found| private(found.to_string()))
    };
    answer(basic, inspected.await)
}

async fn userinfo(
    State(services): State<Services>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    headers: HeaderMap,
) -> Result<Response> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) =
        token.ok_or_else(|| unauthenticated("Send `Authorization: Bearer` and an access token."))?;
    match services.oauth.userinfo(&services.limits, token.trim()).await {
        Ok(found) => Ok(private(found.to_string())),
        Err(error) if error.code() == Code::Unauthenticated => {
            services.limits.count(vec![Limit::oauth_failure(address, FAILURES)]).await.check()?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

async fn jwks(State(services): State<Services>, headers: HeaderMap) -> Result<Response> {
    let keys = services.oauth.key_set().await?;
    Ok(known(&headers, &json!({ "keys": keys })))
}

async fn metadata(State(services): State<Services>, headers: HeaderMap) -> Response {
    known(&headers, &services.oauth.metadata())
}

async fn resource_metadata(
    State(services): State<Services>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    let id = uri.path().rsplit('/').next().unwrap_or_default();
    let module = Uuid::try_parse(id).map_err(|_| module_not_found())?;
    let published = services.modules.served(module).await?.ok_or_else(module_not_found)?;
    Ok(known(&headers, &services.oauth.resource_metadata(&published)))
}

/// A response that is the same for everybody, with a tag by which it is asked for again.
fn known(headers: &HeaderMap, body: &Value) -> Response {
    let body = body.to_string();
    let tag = format!("\"{}\"", &sha256_hex(body.as_bytes())[..32]);
    let is_same = headers.get(header::IF_NONE_MATCH).is_some_and(|seen| seen == tag.as_str());
    let head = [(header::CACHE_CONTROL, KNOWN_FOR), (header::CONTENT_TYPE, JSON)];
    let tag = [(header::ETAG, tag)];
    if is_same {
        (StatusCode::NOT_MODIFIED, tag, head).into_response()
    } else {
        (tag, head, body).into_response()
    }
}

/// A response for one client.
fn private(body: String) -> Response {
    ([(header::CACHE_CONTROL, NO_STORE), (header::CONTENT_TYPE, JSON)], body).into_response()
}

fn is_basic(headers: &HeaderMap) -> bool {
    let scheme = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    scheme.is_some_and(|value| value.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic ")))
}

/// An error to a client that used HTTP Basic challenges it to do so (RFC 6749, section 5.2).
fn answer(basic: bool, answered: Result<Response>) -> Response {
    answered.unwrap_or_else(|error| {
        let challenge = basic && error.code() == Code::InvalidClient;
        let mut response = error.into_response();
        if challenge {
            let value = HeaderValue::from_static("Basic realm=\"oauth\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    })
}

impl OAuth {
    /// The public keys, as a JWKS lists them.
    async fn key_set(&self) -> Result<Value> {
        let keys = self.keys.current().await?;
        serde_json::to_value(keys.published()).map_err(Error::internal)
    }
}
