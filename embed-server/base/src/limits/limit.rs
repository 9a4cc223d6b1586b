//! What is counted, and how often it may be.

use crate::net::network;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use uuid::Uuid;

/// What one address may at least use of a domain's limit, per hour.
pub const SMALLEST_SHARE: NonZeroU32 = NonZeroU32::new(60).expect("60 is not zero");
/// How many documents and files an address may load for each anonymous call that it may make: a page with an embed loads
/// about ten.
pub const FILES_PER_CALL: NonZeroU32 = NonZeroU32::new(25).expect("25 is not zero");
/// What requests are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A client's address; see [`Limit::address`].
    Address(IpAddr),
    /// An API token.
    Token(Uuid),
    /// An allowed domain.
    Domain(Uuid),
    /// A client's address where it calls a module's API without a credential that is valid.
    Anonymous(IpAddr),
    /// A client's address where it loads documents, files and pages.
    Files(IpAddr),
    /// A client's address within an allowed domain.
    ShareOfDomain(Uuid, IpAddr),
    /// A site whose operators have the proofs of its domains looked for.
    Verification(Uuid),
    /// A client's address where people sign in.
    SignIn(IpAddr),
    /// A mailbox and a client's address, by the hash of both.
    Mailbox(Uuid),
    /// An OAuth client.
    Client(Uuid),
    /// A grant: an OAuth client and a person.
    Grant(Uuid),
    /// The same where it gets tokens.
    GrantTokens(Uuid),
    /// A client's address at the OAuth endpoints.
    OAuth(IpAddr),
    /// A person who is asked by apps.
    OAuthPerson(Uuid),
    /// A client's address where it fails to prove that it is an OAuth client.
    OAuthFailure(IpAddr),
}

impl Subject {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Token(_) => "token",
            Self::Domain(_) => "domain",
            Self::Anonymous(_) => "anonymous",
            Self::Files(_) => "files",
            Self::ShareOfDomain(..) => "domain-share",
            Self::Verification(_) => "verification",
            Self::SignIn(_) => "sign-in",
            Self::Mailbox(_) => "mailbox",
            Self::Client(_) => "client",
            Self::Grant(_) => "grant",
            Self::GrantTokens(_) => "grant-tokens",
            Self::OAuth(_) => "oauth",
            Self::OAuthPerson(_) => "oauth-person",
            Self::OAuthFailure(_) => "oauth-failure",
        }
    }
}

/// The subject's name in Redis.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "address:{address}"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::Domain(id) => write!(f, "domain:{id}"),
            Self::Anonymous(address) => write!(f, "anonymous:{address}"),
            Self::Files(address) => write!(f, "files:{address}"),
            Self::ShareOfDomain(id, address) => write!(f, "domain-share:{id}:{address}"),
            Self::Verification(site) => write!(f, "verification:{site}"),
            Self::SignIn(address) => write!(f, "sign-in:{address}"),
            Self::Mailbox(id) => write!(f, "mailbox:{id}"),
            Self::Client(id) => write!(f, "client:{id}"),
            Self::Grant(id) => write!(f, "grant:{id}"),
            Self::GrantTokens(id) => write!(f, "grant-tokens:{id}"),
            Self::OAuth(address) => write!(f, "oauth:{address}"),
            Self::OAuthPerson(id) => write!(f, "oauth-person:{id}"),
            Self::OAuthFailure(address) => write!(f, "oauth-failure:{address}"),
        }
    }
}

/// A number of requests of a subject in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub(super) subject: Subject,
    pub(super) requests: NonZeroU32,
    pub(super) seconds: u32,
}

impl Limit {
    /// How many requests the window allows.
    pub fn requests(&self) -> NonZeroU32 {
        self.requests
    }

    /// So many requests per minute from an address. Of IPv6 the network of 64 bits counts, which is what one subscriber
    /// has.
    pub fn address(address: IpAddr, per_minute: NonZeroU32) -> Self {
        Self { subject: Subject::Address(network(address)), requests: per_minute, seconds: 60 }
    }

    /// So many requests per minute with an API token.
    pub fn token(id: Uuid, per_minute: NonZeroU32) -> Self {
        Self { subject: Subject::Token(id), requests: per_minute, seconds: 60 }
    }

    /// So many requests per hour from the pages of an allowed domain.
    pub fn domain(id: Uuid, per_hour: NonZeroU32) -> Self {
        Self { subject: Subject::Domain(id), requests: per_hour, seconds: 60 * 60 }
    }

    /// What one address may use of this limit, if it is a domain's: a tenth of it, and [`SMALLEST_SHARE`] at least.
    pub fn share_of(self, address: IpAddr) -> Option<Self> {
        let Subject::Domain(id) = self.subject else { return None };
        let requests = NonZeroU32::new(self.requests.get() / 10)?.max(SMALLEST_SHARE);
        let subject = Subject::ShareOfDomain(id, network(address));
        (requests < self.requests).then_some(Self { subject, requests, ..self })
    }

    /// So many calls of modules' APIs per minute without a valid credential from an address.
    pub fn anonymous(address: IpAddr, per_minute: NonZeroU32) -> Self {
        Self { subject: Subject::Anonymous(network(address)), requests: per_minute, seconds: 60 }
    }

    /// So many documents, files and pages per minute from an address that may make `anonymous` calls.
    pub fn files(address: IpAddr, anonymous: NonZeroU32) -> Self {
        let requests = anonymous.saturating_mul(FILES_PER_CALL);
        Self { subject: Subject::Files(network(address)), requests, seconds: 60 }
    }

    /// So many searches per minute for the proofs of a site's domains.
    pub fn verification(site: Uuid, per_minute: NonZeroU32) -> Self {
        Self { subject: Subject::Verification(site), requests: per_minute, seconds: 60 }
    }

    /// So many attempts per minute to sign in from an address.
    pub fn sign_in(address: IpAddr, per_minute: NonZeroU32) -> Self {
        Self { subject: Subject::SignIn(network(address)), requests: per_minute, seconds: 60 }
    }

    /// So many requests per minute of an OAuth client at the token endpoint, for all of its people.
    pub fn client(id: Uuid, per_minute: NonZeroU32) -> Self {
        Self { subject: Subject::Client(id), requests: per_minute, seconds: 60 }
    }

    /// So many requests per minute of an OAuth client for one person.
    pub fn grant(id: Uuid, per_minute: NonZeroU32) -> Self {
        Self { subject: Subject::Grant(id), requests: per_minute, seconds: 60 }
    }

    /// So many requests per minute of an OAuth client for one person at the token endpoint.
    pub fn grant_tokens(id: Uuid, per_minute: NonZeroU32) -> Self {
        Self { subject: Subject::GrantTokens(id), requests: per_minute, seconds: 60 }
    }

    /// So many requests per minute from an address at the OAuth endpoints.
    pub fn oauth(address: IpAddr, per_minute: NonZeroU32) -> Self {
        Self { subject: Subject::OAuth(network(address)), requests: per_minute, seconds: 60 }
    }

    /// So many authorization requests per minute of a person who has signed in.
    pub fn oauth_person(user: Uuid, per_minute: NonZeroU32) -> Self {
        Self { subject: Subject::OAuthPerson(user), requests: per_minute, seconds: 60 }
    }

    /// So many failures per minute from an address to prove that it is an OAuth client.
    pub fn oauth_failure(address: IpAddr, per_minute: NonZeroU32) -> Self {
        Self { subject: Subject::OAuthFailure(network(address)), requests: per_minute, seconds: 60 }
    }

    /// So many mails per minute to a mailbox at the request of one address, so that others cannot use up what its owner
    /// may request.
    pub fn mailbox(mailbox: &str, address: IpAddr, per_minute: NonZeroU32) -> Self {
        let both = format!("{} {mailbox}", network(address));
        let [high, low @ ..] = crate::crypto::sha256(both.as_bytes());
        let mut id = [0; 16];
        id[0] = high;
        id[1..].copy_from_slice(&low[..15]);
        Self { subject: Subject::Mailbox(Uuid::from_bytes(id)), requests: per_minute, seconds: 60 }
    }

    /// Microseconds of allowance that the window has.
    pub(super) fn window(&self) -> i64 {
        i64::from(self.seconds) * 1_000_000
    }

    /// Microseconds of allowance that one request takes; a limit beyond one for each microsecond is none.
    pub(super) fn cost(&self) -> i64 {
        (self.window() / i64::from(self.requests.get())).max(1)
    }
}
