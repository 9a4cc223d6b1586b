use super::setting::{Flag, section};
use crate::crypto::Secret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

section! {
    /// What this installation signs with.
    pub struct SecretSettings() titled "Secrets";

    secret_key: Option<Secret> = {
        variable: "EMBED_SECRET_KEY",
        flag: Flag::Secret,
        meaning: "what everything is signed with; keep it safe, and set it for every server of an installation",
        unset: "none, required unless EMBED_DEV is set",
        expected: "32 bytes in base64, as `openssl rand -base64 32` prints them",
        parse: secret,
    }
}

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(BASE64_STANDARD.decode(text).ok()?.try_into().ok()?))
}
