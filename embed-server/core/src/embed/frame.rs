//! The part of a frame's URL that says for whom the frame is: `~{site}~{theme}~{type}~{scheme}~{host}`.
//!
//! It stands in the path, because links and forms of a module's page replace the query, and relative links keep the path.

use embed_protocol::{EmbedType, Theme};
use uuid::Uuid;

/// What a frame's URL says. Whether the page may show the module is decided elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub subject: Subject,
    pub embed_type: EmbedType,
    /// The host page's origin, as the URL spells it.
    pub origin: String,
}

/// On whose account the module is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A site, whose allowlist decides.
    Site(Uuid),
    /// The console, with the text of a permission; see [`PreviewKey`](super::PreviewKey).
    Preview(String),
}

impl Frame {
    /// Reads the part; `None` where anything in it is missing or unknown.
    pub fn parse(part: &str) -> Option<Self> {
        let parts: Vec<_> = part.strip_prefix('~')?.split('~').collect();
        let &[subject, theme, embed_type, scheme, host] = parts.as_slice() else { return None };
        Theme::parse(theme)?;
        Some(Self {
            subject: match subject.strip_prefix("preview.") {
                Some(permission) => Subject::Preview(permission.to_owned()),
                None => Subject::Site(Uuid::try_parse(subject).ok()?),
            },
            embed_type: EmbedType::parse(embed_type)?,
            origin: format!("{scheme}://{host}"),
        })
    }

    /// Whether a part of a path is meant to be a frame's: no version begins with this sign.
    pub fn is_meant_by(part: &str) -> bool {
        part.starts_with('~')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_protocol::frame;
    use proptest::prelude::*;

    const SITE: &str = "0190c3a4-7b1e-7000-8000-000000000001";

    #[test]
    fn a_part_is_read_as_it_was_written() {
        let part = frame::part(SITE, "auto", "inline", "https://www.example.com:8443");
        assert_eq!(part, format!("~{SITE}~auto~inline~https~www.example.com:8443"));
        let frame = Frame::parse(&part).unwrap();
        assert_eq!(frame.subject, Subject::Site(SITE.parse().unwrap()));
        assert_eq!((frame.embed_type, &*frame.origin), (EmbedType::Inline, "https://www.example.com:8443"));
        let preview = Frame::parse("~preview.12.ab~light~popup~https~embed.test").unwrap();
        assert_eq!(preview.subject, Subject::Preview("12.ab".to_owned()));
    }

    #[test]
    fn a_part_with_anything_missing_or_unknown_is_none() {
        for part in [
            String::new(),
            "~".to_owned(),
            format!("{SITE}~auto~inline~https~a.test"),
            format!("~{SITE}~auto~inline~https://a.test"),
            format!("~{SITE}~auto~inline~https~a.test~"),
            format!("~{SITE}~auto~inline~~https~a.test"),
            format!("~{SITE}~blue~inline~https~a.test"),
            format!("~{SITE}~auto~banner~https~a.test"),
            "~site~auto~inline~https~a.test".to_owned(),
            "~draft.secret~auto~inline~https~a.test".to_owned(),
        ] {
            assert_eq!(Frame::parse(&part), None, "{part}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(part in "~?[a-z0-9~.:/-]{0,60}") {
            let _ = Frame::parse(&part);
        }
    }
}
