//! The way to the sign-in page, and back to the page that somebody wanted.

use embed_base::Error;
use embed_base::http::unauthenticated;
use url::form_urlencoded::Serializer;

/// The sign-in page.
pub const START: &str = "/console/sign-in";

/// Where somebody signs in who wants to go to `next`.
pub fn path(next: &str) -> String {
    let next = own_page(Some(next));
    if next == "/console" { START.to_owned() } else { with_query(START, &[("next", &next)]) }
}

/// 401: this needs a session.
pub fn first() -> Error {
    unauthenticated("Sign in first.")
}

pub fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    format!("{path}?{}", Serializer::new(String::new()).extend_pairs(parameters).finish())
}

/// Only a page of the console may follow.
pub fn own_page(next: Option<&str>) -> String {
    let own = next.filter(|next| {
        let rest = next.strip_prefix("/console");
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
            && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    });
    own.unwrap_or("/console").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_the_console_may_follow() {
        for next in ["/console", "/console/sites/1?tab=2", "/console?done=saved"] {
            assert_eq!(own_page(Some(next)), next);
        }
        for next in [
            "",
            "/",
            "/consoles",
            "//evil.example",
            "/console\\..\\evil",
            "https://evil.example",
            "/console\n",
            "javascript:alert(1)",
        ] {
            assert_eq!(own_page(Some(next)), "/console", "{next:?}");
        }
    }
}
