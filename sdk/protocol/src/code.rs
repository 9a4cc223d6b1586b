//! The stable codes of everything that can go wrong between a host page and the server.

/// Why an embed did not come about. The spelling is what programs match on; it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The body of a request, or an option of a configuration, is not what was expected.
    InvalidRequest,
    /// The site is not known to this server.
    SiteNotFound,
    /// The module is not known to this site, or no version of it is published.
    ModuleNotFound,
    /// No allowed domain of the module covers the origin.
    OriginNotAllowed,
    /// The origin's allowed domain has not been verified yet.
    DomainNotVerified,
    /// The browser's `Origin` and the body's `origin` disagree, or there is no usable `Origin`.
    OriginMismatch,
    /// The origin may embed the module, but not as this type.
    TypeNotAllowed,
    /// Too many requests from one address.
    RateLimited,
    /// The server could not answer; trying again may help.
    Unavailable,
}

impl Code {
    /// The code as it stands in JSON and on JavaScript errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::InvalidRequest => "invalid_request",
            Code::SiteNotFound => "site_not_found",
            Code::ModuleNotFound => "module_not_found",
            Code::OriginNotAllowed => "origin_not_allowed",
            Code::DomainNotVerified => "domain_not_verified",
            Code::OriginMismatch => "origin_mismatch",
            Code::TypeNotAllowed => "type_not_allowed",
            Code::RateLimited => "rate_limited",
            Code::Unavailable => "unavailable",
        }
    }
}
