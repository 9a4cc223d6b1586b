//! The forms in which a content is served: chosen by `Accept-Encoding`, revalidated by `ETag`, whole or a range.

use super::range::{self, Range};
use super::storage::StoredForm;
use super::{Content, Encoding};
use crate::error::{Code, Error};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The bytes of one form, in memory or in storage.
#[derive(Clone, Debug)]
pub enum Form {
    /// In memory.
    InMemory(Bytes),
    /// In storage, and read piece by piece while it is sent.
    Stored(StoredForm),
}

impl Form {
    fn size(&self) -> u64 {
        match self {
            Self::InMemory(bytes) => bytes.len() as u64,
            Self::Stored(form) => form.size(),
        }
    }

    fn in_memory(&self) -> usize {
        match self {
            Self::InMemory(bytes) => bytes.len(),
            Self::Stored(_) => 0,
        }
    }

    /// The body of a range, which lies within the form.
    fn body(&self, part: std::ops::Range<u64>) -> Body {
        match self {
            Self::InMemory(bytes) => Body::from(bytes.slice(part.start as usize..part.end as usize)),
            Self::Stored(form) => Body::from_stream(form.clone().read(part)),
        }
    }
}

/// A content in all its forms. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Forms {
    /// Uncompressed.
    pub plain: Form,
    /// Compressed by gzip, if there is such a form.
    pub gzip: Option<Form>,
    /// Compressed by brotli, if there is such a form.
    pub brotli: Option<Form>,
}

impl From<&Content> for Forms {
    fn from(content: &Content) -> Self {
        let Content { plain, gzip, brotli } = content.clone();
        Self {
            plain: Form::InMemory(plain),
            gzip: gzip.map(Form::InMemory),
            brotli: brotli.map(Form::InMemory),
        }
    }
}

impl Forms {
    fn form(&self, encoding: Encoding) -> Option<&Form> {
        match encoding {
            Encoding::Plain => Some(&self.plain),
            Encoding::Gzip => self.gzip.as_ref(),
            Encoding::Brotli => self.brotli.as_ref(),
        }
    }

    /// The bytes of memory that all forms take.
    pub fn in_memory(&self) -> usize {
        let compressed = [&self.gzip, &self.brotli].into_iter().flatten();
        self.plain.in_memory() + compressed.map(Form::in_memory).sum::<usize>()
    }

    /// The response to a request: 200 in the smallest form that it accepts, or 304 if the client has that form already. `tag`
    /// stands for the content and for every header in `headers` whose change must invalidate cached copies; a 304 has
    /// `headers` too.
    pub fn answer(&self, request: &HeaderMap, tag: &str, headers: HeaderMap) -> Response {
        let (encoding, form) = self.best(request);
        let (headers, tag) = self.described(encoding, tag, headers);
        match knows(request, &tag) {
            true => not_modified(headers),
            false => whole(form, encoding, headers),
        }
    }

    /// As [`Forms::answer`], and 206 with the range that the request asks for, or 416 where the form has none of it. A
    /// range is one of the form that the request accepts, compressed or not.
    pub fn answer_range(
        &self,
        method: &Method,
        request: &HeaderMap,
        tag: &str,
        headers: HeaderMap,
    ) -> Response {
        let (encoding, form) = self.best(request);
        let (mut headers, tag) = self.described(encoding, tag, headers);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if knows(request, &tag) {
            return not_modified(headers);
        }
        let size = form.size();
        let (part, bounds) = match range::asked_for(method, request, &tag, size) {
            Range::Whole => return whole(form, encoding, headers),
            Range::Part(part) => {
                let bounds = format!("bytes {}-{}/{size}", part.start, part.end - 1);
                (part, bounds)
            }
            Range::Outside => return outside(size, headers),
        };
        let mut response = whole(form, encoding, headers);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
        if let Ok(bounds) = HeaderValue::try_from(bounds) {
            response.headers_mut().insert(header::CONTENT_RANGE, bounds);
        }
        *response.body_mut() = form.body(part);
        response
    }

    /// The headers with what they say of the form, and its tag.
    fn described(&self, encoding: Encoding, tag: &str, mut headers: HeaderMap) -> (HeaderMap, String) {
        let tag = match encoding {
            Encoding::Plain => format!("\"{tag}\""),
            encoding => format!("\"{tag}-{}\"", encoding.token()),
        };
        if let Ok(tag) = HeaderValue::try_from(&tag) {
            headers.insert(header::ETAG, tag);
        }
        if self.gzip.is_some() || self.brotli.is_some() {
            headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        (headers, tag)
    }

    /// The smallest form that the request accepts, which is brotli where there are both.
    fn best(&self, request: &HeaderMap) -> (Encoding, &Form) {
        [Encoding::Brotli, Encoding::Gzip]
            .into_iter()
            .filter(|&encoding| accepts(request, encoding))
            .find_map(|encoding| Some((encoding, self.form(encoding)?)))
            .unwrap_or((Encoding::Plain, &self.plain))
    }
}

fn not_modified(mut headers: HeaderMap) -> Response {
    headers.remove(header::CONTENT_TYPE);
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

fn whole(form: &Form, encoding: Encoding, mut headers: HeaderMap) -> Response {
    if encoding != Encoding::Plain {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.token()));
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(form.size()));
    let mut response = Response::new(form.body(0..form.size()));
    *response.headers_mut() = headers;
    response
}

/// 416 `range_not_satisfiable`.
fn outside(size: u64, mut headers: HeaderMap) -> Response {
    headers.remove(header::CONTENT_TYPE);
    if let Ok(bounds) = HeaderValue::try_from(format!("bytes */{size}")) {
        headers.insert(header::CONTENT_RANGE, bounds);
    }
    let detail =
        format!("The file has {size} bytes, and none of them is in the range that `Range` asks for.");
    let mut response = Error::new(Code::RangeNotSatisfiable, detail).into_response();
    response.headers_mut().extend(headers);
    response
}

/// Whether `Accept-Encoding` names the encoding with a weight above zero (RFC 9110, section 12.5.3).
fn accepts(request: &HeaderMap, encoding: Encoding) -> bool {
    let listed = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|list| list.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()).unwrap_or(0.0);
        name.trim().eq_ignore_ascii_case(encoding.token()) && weight > 0.0
    })
}

/// Whether `If-None-Match` lists the tag (RFC 9110, section 13.1.2: compared weakly).
fn knows(request: &HeaderMap, tag: &str) -> bool {
    let listed = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    listed
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    fn content() -> Content {
        Content::compressed(Bytes::from("words ".repeat(100)))
    }

    fn answer(content: &Content, name: header::HeaderName, value: &'static str) -> Response {
        let request = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
        content.answer(&request, "tag", headers)
    }

    #[test]
    fn the_smallest_accepted_form_is_chosen() {
        for (accepted, encoding, tag) in [
            ("gzip, deflate, br, zstd", Some("br"), "\"tag-br\""),
            ("br;q=0.5, gzip;q=1", Some("br"), "\"tag-br\""),
            ("br;q=0, GZIP", Some("gzip"), "\"tag-gzip\""),
            ("gzip;q=0", None, "\"tag\""),
            ("br;q=nonsense", None, "\"tag\""),
            ("identity", None, "\"tag\""),
        ] {
            let response = answer(&content(), header::ACCEPT_ENCODING, accepted);
            let name = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
            assert_eq!(
                (name(header::CONTENT_ENCODING), name(header::ETAG)),
                (encoding, Some(tag)),
                "{accepted}"
            );
            assert_eq!(name(header::VARY), Some("Accept-Encoding"));
        }
    }

    #[test]
    fn a_form_that_is_not_smaller_is_not_kept() {
        let content = Content::compressed(Bytes::from_static(b"x"));
        assert!(content.gzip.is_none() && content.brotli.is_none());
        assert_eq!(answer(&content, header::ACCEPT_ENCODING, "br").headers().get(header::VARY), None);
    }

    #[test]
    fn a_known_tag_of_the_same_form_is_answered_without_a_body() {
        for (known, status) in
            [("\"tag\"", 304), ("\"a\", W/\"tag\"", 304), ("*", 304), ("\"tag-br\"", 200), ("tag", 200)]
        {
            let response = answer(&content(), header::IF_NONE_MATCH, known);
            assert_eq!(response.status(), status, "{known}");
            assert_eq!(response.headers().contains_key(header::CONTENT_TYPE), status == 200);
        }
    }

    async fn ranged(
        content: &Content,
        asked: &[(header::HeaderName, &'static str)],
    ) -> (u16, HeaderMap, Bytes) {
        let asked = asked.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let request = HeaderMap::from_iter(asked);
        let response = Forms::from(content).answer_range(&Method::GET, &request, "tag", HeaderMap::new());
        let (parts, body) = response.into_parts();
        (parts.status.as_u16(), parts.headers, to_bytes(body, 10_000).await.unwrap())
    }

    #[tokio::test]
    async fn a_range_is_cut_from_the_form_that_the_request_accepts() {
        let content = content();
        let compressed = content.brotli.clone().unwrap();
        let (status, headers, body) = ranged(&content, &[(header::RANGE, "bytes=2-5")]).await;
        assert_eq!((status, &*body), (206, &b"rds "[..]));
        assert_eq!(headers[header::CONTENT_RANGE], "bytes 2-5/600");
        assert_eq!(
            (&headers[header::CONTENT_LENGTH], &headers[header::ACCEPT_RANGES]),
            (&"4".parse().unwrap(), &"bytes".parse().unwrap())
        );
        let asked = [(header::RANGE, "bytes=2-"), (header::ACCEPT_ENCODING, "br")];
        let (status, headers, body) = ranged(&content, &asked).await;
        assert_eq!((status, body), (206, compressed.slice(2..)));
        assert_eq!(
            (&headers[header::CONTENT_ENCODING], &headers[header::ETAG]),
            (&"br".parse().unwrap(), &"\"tag-br\"".parse().unwrap())
        );
        let (status, headers, _) = ranged(&content, &[(header::RANGE, "bytes=600-")]).await;
        assert_eq!((status, &headers[header::CONTENT_RANGE]), (416, &"bytes */600".parse().unwrap()));
        let known = [(header::RANGE, "bytes=0-1"), (header::IF_NONE_MATCH, "\"tag\"")];
        assert_eq!(ranged(&content, &known).await.0, 304);
    }
}
