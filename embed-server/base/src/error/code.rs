//! Every error code that a program can see, with its status and what it means.

use axum::http::StatusCode;
use embed_protocol as sdk;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// The number is nginx's; only the request log shows it.
const CLIENT_CLOSED_REQUEST: StatusCode = match StatusCode::from_u16(499) {
    Ok(status) => status,
    Err(_) => panic!("499 is a status"),
};

/// The comment above a code is what the OpenAPI document says about it.
macro_rules! codes {
    ($($status:expr => { $(#[doc = $meaning:literal] $name:ident = $text:expr,)+ })+) => {
        /// What programs match on. A spelling never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[doc = $meaning] $name,)+)+
        }

        impl Code {
            /// In the order of their statuses.
            pub const ALL: &[Self] = &[$($(Self::$name,)+)+];

            /// The code as it stands in JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$name => $text,)+)+
                }
            }

            /// The HTTP status of an error with this code.
            pub const fn status(self) -> StatusCode {
                match self {
                    $($(Self::$name)|+ => $status,)+
                }
            }

            /// What an error with this code says, whatever was asked.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $($(Self::$name => $meaning.trim_ascii(),)+)+
                }
            }
        }
    };
}

codes! {
    StatusCode::BAD_REQUEST => {
        /// The request, its body or its parameters are not what was expected.
        InvalidRequest = sdk::Code::InvalidRequest.as_str(),
        /// The body is not JSON, or is JSON that different programs would read differently.
        InvalidJson = "invalid_json",
        /// A header is not written as it should be.
        InvalidHeader = "invalid_header",
        /// A condition of the filter is not understood.
        InvalidFilter = "invalid_filter",
        /// The field in `sort` is not understood.
        InvalidSort = "invalid_sort",
        /// The cursor is not one of this list.
        InvalidCursor = "invalid_cursor",
        /// A parameter is unknown, out of range, or given twice.
        InvalidParameter = "invalid_parameter",
        /// The domain cannot be allowed.
        InvalidDomain = "invalid_domain",
        /// The code or refresh token is not valid for this client.
        InvalidGrant = "invalid_grant",
        /// A scope is unknown, or beyond what may be asked for.
        InvalidScope = "invalid_scope",
        /// `resource` is not one that the client may ask for.
        InvalidTarget = "invalid_target",
        /// The client may not get tokens in this way.
        UnauthorizedClient = "unauthorized_client",
        /// The token endpoint does not know this `grant_type`.
        UnsupportedGrantType = "unsupported_grant_type",
    }
    StatusCode::UNAUTHORIZED => {
        /// Credentials are missing, wrong, or no longer valid.
        Unauthenticated = "unauthenticated",
        /// There is no such client, or it did not prove that it is the one.
        InvalidClient = "invalid_client",
    }
    StatusCode::FORBIDDEN => {
        /// The credentials are valid, but do not permit this.
        Forbidden = "forbidden",
        /// The page's origin may not embed the module, or may not call its API.
        OriginNotAllowed = sdk::Code::OriginNotAllowed.as_str(),
        /// There is no usable `Origin` header, or the body names another origin.
        OriginMismatch = sdk::Code::OriginMismatch.as_str(),
        /// The page's domain is allowed, but not verified yet.
        DomainNotVerified = sdk::Code::DomainNotVerified.as_str(),
        /// The page may embed the module, but not as this type.
        TypeNotAllowed = sdk::Code::TypeNotAllowed.as_str(),
        /// The token may not be used from this address.
        IpNotAllowed = "ip_not_allowed",
        /// The code to sign in with is wrong.
        WrongCode = "wrong_code",
        /// The code to sign in with was used, has expired, or was guessed at too often.
        CodeEnded = "code_ended",
        /// The link was used or has expired.
        LinkEnded = "link_ended",
        /// Nobody has invited this email address.
        NotInvited = "not_invited",
        /// The sign-in through GitHub was not started in this browser, or took too long.
        WrongState = "wrong_state",
        /// GitHub or the person declined the sign-in.
        GithubRefused = "github_refused",
        /// The form was sent by another website.
        ForeignForm = "foreign_form",
        /// The form belongs to another session.
        StaleForm = "stale_form",
        /// The request of an app was answered, has expired, or is not known.
        RequestEnded = "request_ended",
    }
    StatusCode::NOT_FOUND => {
        /// There is nothing at this address.
        NotFound = "not_found",
        /// There is no such site, or it belongs to another organization.
        SiteNotFound = sdk::Code::SiteNotFound.as_str(),
        /// There is no such module here, or it is not published.
        ModuleNotFound = sdk::Code::ModuleNotFound.as_str(),
        /// The module has no such version.
        VersionNotFound = "version_not_found",
        /// There is no such file.
        FileNotFound = "file_not_found",
        /// The module's manifest has no such collection.
        CollectionNotFound = "collection_not_found",
        /// The collection has no such record.
        RecordNotFound = "record_not_found",
        /// The domain is not on the module's list.
        DomainNotFound = "domain_not_found",
        /// There is no such token.
        TokenNotFound = "token_not_found",
        /// There is no such app.
        ClientNotFound = "client_not_found",
        /// There is no such access of an app.
        GrantNotFound = "grant_not_found",
        /// The session has ended already.
        SessionNotFound = "session_not_found",
        /// There is no such person in the organization.
        UserNotFound = "user_not_found",
        /// There is no such organization, or the operator is not a member of it.
        OrganizationNotFound = "organization_not_found",
        /// This server does not offer to sign in through GitHub.
        NoGithub = "no_github",
    }
    StatusCode::METHOD_NOT_ALLOWED => {
        /// The address does not answer this method; `Allow` lists those that it answers.
        MethodNotAllowed = "method_not_allowed",
    }
    StatusCode::CONFLICT => {
        /// The version is published with other content.
        VersionExists = "version_exists",
        /// Another module of the site has this name.
        ModuleExists = "module_exists",
        /// The domain is on the module's list already.
        DomainExists = "domain_exists",
        /// The person is a member of the organization already.
        MemberExists = "member_exists",
        /// The organization would be left without an owner.
        LastOwner = "last_owner",
        /// The token was revoked or has expired.
        TokenEnded = "token_ended",
        /// The token has a successor already.
        TokenReplaced = "token_replaced",
        /// No proof of the domain was found.
        VerificationFailed = "verification_failed",
    }
    StatusCode::PRECONDITION_FAILED => {
        /// The record has changed since the version that the request names.
        PreconditionFailed = "precondition_failed",
    }
    StatusCode::PAYLOAD_TOO_LARGE => {
        /// The body is larger than this address accepts.
        BodyTooLarge = "body_too_large",
    }
    StatusCode::UNSUPPORTED_MEDIA_TYPE => {
        /// The body's `Content-Type` is not one that this address reads.
        UnsupportedMediaType = "unsupported_media_type",
    }
    StatusCode::RANGE_NOT_SATISFIABLE => {
        /// The file has none of the bytes that `Range` asks for; `Content-Range` says how many it has.
        RangeNotSatisfiable = "range_not_satisfiable",
    }
    StatusCode::MISDIRECTED_REQUEST => {
        /// The request's `Host` is not one of this server's.
        UnknownHost = "unknown_host",
    }
    StatusCode::UNPROCESSABLE_ENTITY => {
        /// The file is not a zip file, or breaks a rule of bundles.
        InvalidBundle = "invalid_bundle",
        /// The bundle's `module.json` is not what was expected.
        InvalidManifest = "invalid_manifest",
        /// The record does not fit the collection's schema; `errors` lists where.
        InvalidRecord = "invalid_record",
        /// The `Idempotency-Key` was used for another request.
        IdempotencyKeyReused = "idempotency_key_reused",
    }
    StatusCode::TOO_MANY_REQUESTS => {
        /// Too many requests; `Retry-After` says when to go on.
        RateLimited = sdk::Code::RateLimited.as_str(),
    }
    CLIENT_CLOSED_REQUEST => {
        /// The client went away before it was answered; only the request log shows this.
        ClientGone = "client_gone",
    }
    StatusCode::INTERNAL_SERVER_ERROR => {
        /// A fault of the server; its log says what, under the request's id.
        Internal = "internal",
    }
    StatusCode::BAD_GATEWAY => {
        /// GitHub did not answer as expected.
        GithubFailed = "github_failed",
    }
    StatusCode::SERVICE_UNAVAILABLE => {
        /// Something that the server depends on does not answer; `Retry-After` says when to try again.
        Unavailable = sdk::Code::Unavailable.as_str(),
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let meanings = Self::ALL
            .iter()
            .map(|code| format!("- `{}` ({}): {}", code.as_str(), code.status().as_u16(), code.meaning()));
        json_schema!({
            "type": "string",
            "description": format!(
                "What programs match on; it never changes.\n\n{}",
                meanings.collect::<Vec<_>>().join("\n"),
            ),
            "enum": Self::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_codes_are_spelled_alike() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{code:?} is spelled like another code");
        }
    }
}
