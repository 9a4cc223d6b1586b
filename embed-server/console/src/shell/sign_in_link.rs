//! Links to the sign-in page that lead back to the requested page.

use embed_base::Error;
use embed_base::http::unauthenticated;
use url::form_urlencoded::Serializer;

/// The path of the sign-in page.
pub const SIGN_IN: &str = "/console/sign-in";
/// The consent page, up to the handle of its request.
pub const CONSENT: &str = "/oauth/consent?handle=";

/// The sign-in page that leads on to `next`.
pub fn path(next: &str) -> String {
    let next = console_path(Some(next));
    if next == "/console" { SIGN_IN.to_owned() } else { with_query(SIGN_IN, &[("next", &next)]) }
}

/// 401: the page needs a session.
pub fn required() -> Error {
    unauthenticated("Sign in first.")
}

pub fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    format!("{path}?{}", Serializer::new(String::new()).extend_pairs(parameters).finish())
}

/// `next` if it is a page for people on this server, else the console's start page: no open redirect to another website.
pub fn console_path(next: Option<&str>) -> String {
    let own = next.filter(|next| {
        let rest = next.strip_prefix("/console");
        (rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
            || next.starts_with(CONSENT))
            && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    });
    own.unwrap_or("/console").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_in_leads_only_to_pages_of_the_console() {
        for next in ["/console", "/console/sites/1?tab=2", "/console?done=saved", "/oauth/consent?handle=1"] {
            assert_eq!(console_path(Some(next)), next);
        }
        for next in [
            "",
            "/",
            "/consoles",
            "/oauth/authorize?client_id=1",
            "/oauth/consent",
            "//evil.example",
            "/console\\..\\evil",
            "https://evil.example",
            "/console\n",
            "javascript:alert(1)",
        ] {
            assert_eq!(console_path(Some(next)), "/console", "{next:?}");
        }
    }
}
