//! The cookies of the console. Over https their names begin with `__Host-`, so browsers accept them from this host only;
//! over http, where browsers refuse that prefix, they have a plain name.

use crate::ConsoleState;
use axum::http::{HeaderMap, HeaderValue, header};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// The secret of a session.
    Session,
    /// The state of an attempt to sign in with GitHub.
    GitHub,
    /// What binds a sign-in code to the browser that requested it.
    SignIn,
    /// The id of the code that was requested last, so that whoever comes back while the mail is read can enter it.
    Code,
    /// A newly created secret, until its page has shown it once.
    NewSecret,
}

impl Cookie {
    fn name(self, console: &ConsoleState) -> String {
        let prefix = if console.is_secure() { "__Host-" } else { "" };
        let name = match self {
            Self::Session => "dramac_session",
            Self::GitHub => "dramac_github",
            Self::SignIn => "dramac_sign_in",
            Self::Code => "dramac_code",
            Self::NewSecret => "dramac_fresh",
        };
        format!("{prefix}{name}")
    }

    /// The value that the request sends.
    pub fn read<'a>(self, console: &ConsoleState, headers: &'a HeaderMap) -> Option<&'a str> {
        let name = self.name(console);
        let lists = headers.get_all(header::COOKIE).iter().filter_map(|list| list.to_str().ok());
        let mut pairs = lists.flat_map(|list| list.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Sets the cookie for this many seconds. Browsers send it when a link leads to the console, and not with forms of another
    /// website.
    pub fn set(self, console: &ConsoleState, value: &str, seconds: i64, headers: &mut HeaderMap) {
        let secure = if console.is_secure() { "; Secure" } else { "" };
        let name = self.name(console);
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }

    pub fn remove(self, console: &ConsoleState, headers: &mut HeaderMap) {
        self.set(console, "", 0, headers);
    }
}
