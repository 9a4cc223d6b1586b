//! Permission to preview a module in the console: for an hour the console may frame the module's pages, whatever
//! domains are allowed.

use chrono::{DateTime, TimeDelta, Utc};
use embed_base::crypto::{Secret, SigningKey, hex};
use uuid::Uuid;

/// How long a permission is valid.
const LIFETIME: TimeDelta = TimeDelta::hours(1);

/// Signs and checks permissions: `END.SIGNATURE`, with the end in seconds since 1970.
#[derive(Clone)]
pub struct PreviewKey(SigningKey);

impl PreviewKey {
    /// The key of this installation.
    pub fn new(secret: &Secret) -> Self {
        Self(secret.key("module preview"))
    }

    /// Creates a permission for one module.
    pub fn seal(&self, module: Uuid, now: DateTime<Utc>) -> String {
        let end = (now + LIFETIME).timestamp();
        format!("{end}.{}", hex(&self.0.sign(&message(module, end))))
    }

    /// Whether this is a valid permission for the module.
    pub fn opens(&self, permission: &str, module: Uuid, now: DateTime<Utc>) -> bool {
        let Some((end, signature)) = permission.split_once('.') else { return false };
        let Ok(end) = end.parse::<i64>() else { return false };
        let pairs = signature.as_bytes().chunks(2);
        let bytes: Option<Vec<u8>> =
            pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect();
        now.timestamp() < end && bytes.is_some_and(|bytes| self.0.verify(&message(module, end), &bytes))
    }
}

fn message(module: Uuid, end: i64) -> Vec<u8> {
    [module.as_bytes().as_slice(), &end.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> PreviewKey {
        PreviewKey::new(&Secret::new([7; 32]))
    }

    #[test]
    fn a_permission_is_for_one_module_and_an_hour() {
        let (now, module) = (DateTime::from_timestamp(1_800_000_000, 0).unwrap(), Uuid::from_u128(1));
        let permission = key().seal(module, now);
        assert!(key().opens(&permission, module, now + TimeDelta::seconds(3599)));
        assert!(!key().opens(&permission, module, now + TimeDelta::seconds(3600)));
        assert!(!key().opens(&permission, Uuid::from_u128(2), now));
        let later = permission.replacen("1800003600", "1900003600", 1);
        assert_ne!(later, permission);
        assert!(!key().opens(&later, module, now));
    }

    proptest! {
        #[test]
        fn any_other_text_is_refused_without_panic(text in "[0-9]{0,20}\\.?.{0,70}") {
            prop_assert!(!key().opens(&text, Uuid::nil(), DateTime::from_timestamp(0, 0).unwrap()));
        }
    }
}
