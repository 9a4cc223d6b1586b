//! Forms and queries of pages. A form of a session is accepted only with the session's token, which no other website knows.

use super::gate::SessionId;
use super::page::Page;
use super::sign_in_link;
use crate::ConsoleState;
use aide::OperationInput;
use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, FromRequestParts, Multipart, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use embed_base::http::{media_type, read_body, wrong_media_type};
use embed_base::{Code, Error, Result};
use embed_core::modules::Archive;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// The bytes that are kept of a field beside the file.
const LONGEST_FIELD: usize = 1024;

const FORM: &str = "application/x-www-form-urlencoded";

/// A form sent within a session.
#[derive(Clone, Debug)]
pub struct SessionForm<T>(pub T);

/// A form with nothing but a button.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct EmptyForm {}

/// A form that needs no session, such as those for signing in.
#[derive(Clone, Debug)]
pub struct PublicForm<T>(pub T);

/// A form with a file, or what is wrong with the file.
#[derive(Debug)]
pub struct UploadForm(pub Result<Archive>);

/// The query of a page's URL. An invalid query counts as empty, so that a mangled link still shows its page.
#[derive(Clone, Debug)]
pub struct PageQuery<T>(pub T);

/// A checkbox: browsers send its name when it is ticked, and nothing otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkbox(pub bool);

impl<'de> Deserialize<'de> for Checkbox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|_| Self(true))
    }
}

/// Reads an empty text as `None`.
pub fn non_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

#[derive(Deserialize)]
struct FormToken {
    #[serde(default)]
    form: String,
}

impl<T: DeserializeOwned> FromRequest<ConsoleState> for SessionForm<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &ConsoleState) -> Result<Self> {
        let session = request.extensions().get().copied();
        let body = body(request, state).await?;
        let FormToken { form } = parse(&body)?;
        check_token(state, session, &form)?;
        parse(&body).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<ConsoleState> for PublicForm<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &ConsoleState) -> Result<Self> {
        parse(&body(request, state).await?).map(Self)
    }
}

impl FromRequest<ConsoleState> for UploadForm {
    type Rejection = Error;

    async fn from_request(request: Request, state: &ConsoleState) -> Result<Self> {
        let session = request.extensions().get().copied();
        let (archive, request) = Archive::begin(&state.0.services.modules, request).await?;
        let mut place = Some(archive);
        let unreadable = |error: &dyn std::error::Error| {
            let detail = format!("The upload could not be read: {error}. Choose the file again.");
            Error::invalid(detail)
        };
        let mut parts = Multipart::from_request(request, state)
            .await
            .map_err(|_| wrong_media_type("multipart/form-data"))?;
        let (mut token, mut file) =
            (String::new(), Err(Error::invalid("No file was chosen. Choose the zip file of a bundle.")));
        while let Some(part) = parts.next_field().await.map_err(|error| unreadable(&error))? {
            let name = part.name().map(str::to_owned);
            match name.as_deref() {
                Some("form") => token = beginning(part).await.map_err(|error| unreadable(&error))?,
                Some("bundle") => {
                    let is_named = part.file_name().is_some_and(|name| !name.is_empty());
                    let archive = match place.take() {
                        Some(archive) => receive(archive, part, unreadable).await,
                        None => Err(Error::invalid("There are two files. Choose one zip file.")),
                    };
                    match archive {
                        Ok(archive) if archive.is_empty() && is_named => {
                            file = Err(Error::invalid("The file is empty. Choose the zip file of a bundle."));
                        }
                        Ok(archive) if archive.is_empty() => {}
                        received => {
                            let ends = received.is_err();
                            file = received;
                            // The rest of the body is cut off too.
                            if ends {
                                break;
                            }
                        }
                    }
                }
                _ => drop(beginning(part).await.map_err(|error| unreadable(&error))?),
            }
        }
        check_token(state, session, &token)?;
        Ok(Self(file))
    }
}

impl<T: DeserializeOwned + Default> FromRequestParts<ConsoleState> for PageQuery<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &ConsoleState) -> Result<Self> {
        Ok(Self(Query::try_from_uri(&parts.uri).map_or_else(|_| T::default(), |Query(query)| query)))
    }
}

/// Shows a form's page again, with the error and what was entered. Errors of the server itself get a page of their own.
pub async fn redisplay(error: Error, page: impl AsyncFnOnce(&Error) -> Result<Page>) -> Result<Response> {
    if error.status().is_server_error() {
        return Err(error);
    }
    let page = page(&error).await?;
    Ok((error.status(), page).into_response())
}

async fn body(request: Request, state: &ConsoleState) -> Result<Bytes> {
    if media_type(request.headers()).is_none_or(|known| known != FORM) {
        return Err(wrong_media_type(FORM));
    }
    read_body(request, state).await
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let fields = url::form_urlencoded::parse(body);
    let pairs = serde_json::Map::from_iter(
        fields.map(|(name, value)| (name.into_owned(), value.into_owned().into())),
    );
    serde_json::from_value(pairs.into()).map_err(|error| {
        Error::invalid(format!("The form could not be read: {error}. Go back and send it again."))
    })
}

fn check_token(console: &ConsoleState, session: Option<SessionId>, token: &str) -> Result<()> {
    let Some(SessionId(session)) = session else { return Err(sign_in_link::required()) };
    if console.is_form_token(session, token) {
        return Ok(());
    }
    let detail = "This form belongs to another session. Go back, reload the page and send it again.";
    Err(Error::new(Code::StaleForm, detail))
}

/// The beginning of a field, longer than any token; the rest is read over.
async fn beginning(mut part: Field<'_>) -> Result<String, MultipartError> {
    let mut text = Vec::new();
    while let Some(bytes) = part.chunk().await? {
        text.extend(bytes.iter().take(LONGEST_FIELD - text.len()));
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Reads a file; 413 where it is too large.
async fn receive(
    mut archive: Archive,
    mut part: Field<'_>,
    unreadable: impl Fn(&dyn std::error::Error) -> Error,
) -> Result<Archive> {
    loop {
        let chunk = part.chunk().await.map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            _ => unreadable(&error),
        });
        match chunk? {
            Some(bytes) => archive.write(bytes).await.map_err(|error| match error.code() {
                Code::BodyTooLarge => too_large(),
                _ => error,
            })?,
            None => return Ok(archive),
        }
    }
}

fn too_large() -> Error {
    let detail = "The file is larger than 50 MiB, the limit for a bundle. Leave out files that the module does not load.";
    Error::new(Code::BodyTooLarge, detail)
}

impl<T> OperationInput for SessionForm<T> {}
impl<T> OperationInput for PublicForm<T> {}
impl<T> OperationInput for PageQuery<T> {}
impl OperationInput for UploadForm {}
