//! What a browser does with the console: it keeps a cookie, sends back the forms that it was shown, and follows nothing by
//! itself, so that a story sees every step.

use crate::app::TestApp;
use embed_base::events::activity::Actor;
use embed_base::secrets::Bearer;
use embed_core::accounts::{Accounts, Email, Role};
use embed_core::sign_in::SignIn;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use std::collections::BTreeMap;
use std::sync::Mutex;
use uuid::Uuid;

/// A page as it was answered.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub html: String,
}

impl Seen {
    /// Where it leads.
    pub fn location(&self) -> &str {
        self.headers.get("location").map_or("", |location| location.to_str().unwrap())
    }

    /// The value of the first field of this name, or of the whole page's form token.
    pub fn field(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.html.split_once(&mark).unwrap_or_else(|| panic!("no {name} in {}", self.html));
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// The secret that it shows, which begins so.
    pub fn secret(&self, prefix: &str) -> String {
        let mut shown = self.html.match_indices(prefix).map(|(start, _)| &self.html[start..]);
        let secret = shown.find_map(|rest| Bearer::parse(rest.get(..prefix.len() + 38)?));
        secret.unwrap_or_else(|| panic!("no {prefix} in {}", self.html)).reveal().to_owned()
    }
}

pub struct Browser<'a> {
    app: &'a TestApp,
    client: Client,
    /// That of its session.
    cookie: Mutex<Option<String>>,
    /// Others, as name and value.
    others: Mutex<BTreeMap<String, String>>,
    origin: Option<String>,
}

impl TestApp {
    /// A browser that nobody has signed in with.
    pub fn browser(&self) -> Browser<'_> {
        self.browser_at("127.0.0.1")
    }

    /// The same, whose requests come from this address of the loopback network.
    pub fn browser_at(&self, address: &str) -> Browser<'_> {
        let client = Client::builder().redirect(Policy::none()).pool_max_idle_per_host(0);
        let client = client.local_address(Some(address.parse().unwrap())).build().unwrap();
        let origin = Some(self.context.settings.server.public_url.clone());
        Browser { app: self, client, cookie: Mutex::new(None), others: Mutex::default(), origin }
    }

    /// The browser of somebody who has signed in and has this role in an organization.
    pub async fn signed_in(&self, organization: Uuid, role: Role) -> Browser<'_> {
        let email = Email::parse(&format!("{}@example.com", Uuid::now_v7())).unwrap();
        Accounts::new(&self.context)
            .invite(&Actor::CommandLine, organization, email.clone(), None, role)
            .await
            .unwrap();
        self.signed_in_as(&email).await
    }

    /// Codes, links and GitHub.
    pub fn sign_in(&self) -> SignIn {
        SignIn::new(&self.context, Accounts::new(&self.context)).unwrap()
    }

    pub async fn signed_in_as(&self, email: &Email) -> Browser<'_> {
        let link = self.sign_in().reusable_link(email).await.unwrap();
        let browser = self.browser();
        let entered = browser.get(&link).await;
        assert_eq!((entered.status, entered.location()), (303, "/console"), "{}", entered.html);
        browser
    }
}

impl Browser<'_> {
    /// The same browser on a page of another website.
    pub fn on_a_page_of(mut self, origin: Option<&str>) -> Self {
        self.origin = origin.map(str::to_owned);
        self
    }

    pub fn cookie(&self) -> Option<String> {
        self.cookie.lock().unwrap().clone()
    }

    pub fn keep(&self, cookie: Option<String>) {
        *self.cookie.lock().unwrap() = cookie;
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.app.server.address());
        let public_url = &self.app.context.settings.server.public_url;
        let host = public_url.split_once("://").unwrap().1;
        let mut request = self.client.request(method, url).header("Host", host);
        let others = self.others.lock().unwrap();
        let others = others.iter().map(|(name, value)| format!("{name}={value}"));
        let cookies: Vec<String> = self.cookie().into_iter().chain(others).collect();
        if !cookies.is_empty() {
            request = request.header("Cookie", cookies.join("; "));
        }
        if let Some(origin) = &self.origin {
            request = request.header("Origin", origin);
        }
        request
    }

    pub async fn send(&self, request: RequestBuilder) -> Seen {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let seen = Seen { status, headers, html: response.text().await.unwrap() };
        let cookies = seen.headers.get_all("set-cookie").iter();
        let cookies = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
        for cookie in cookies {
            let (name, value) = cookie.split_once('=').unwrap();
            if name.ends_with("_session") {
                self.keep((!value.is_empty()).then_some(cookie));
            } else if value.is_empty() {
                self.others.lock().unwrap().remove(name);
            } else {
                self.others.lock().unwrap().insert(name.to_owned(), value.to_owned());
            }
        }
        seen
    }

    pub async fn get(&self, path: &str) -> Seen {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a form of a session, with the token that its pages carry.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let token = self.form_token().await;
        let fields: Vec<_> = [("form", token.as_str())].iter().chain(fields).copied().collect();
        self.post_bare(path, &fields).await
    }

    /// Sends these fields and nothing else.
    pub async fn post_bare(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.request(Method::POST, path);
        self.send(request.header("Content-Type", "application/x-www-form-urlencoded").body(body)).await
    }

    /// Uploads a file as the form of a page does.
    pub async fn upload(&self, path: &str, file: &[u8]) -> Seen {
        let token = self.form_token().await;
        let boundary = "story-boundary";
        let part = |name: &str, more: &str| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n")
        };
        let body = [
            part("form", "").as_bytes(),
            token.as_bytes(),
            b"\r\n",
            part("bundle", "; filename=\"bundle.zip\"\r\nContent-Type: application/zip").as_bytes(),
            file,
            format!("\r\n--{boundary}--\r\n").as_bytes(),
        ]
        .concat();
        let request = self.request(Method::POST, path);
        self.send(
            request.header("Content-Type", format!("multipart/form-data; boundary={boundary}")).body(body),
        )
        .await
    }

    /// What this session's forms carry.
    pub async fn form_token(&self) -> String {
        self.get("/console/account").await.field("form")
    }
}
