//! The console over a real port: sessions that replicas share, and pictures.

use event_gateway::console::Secrets;
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect::Policy};
use service::crypto::install_crypto;
use tonic::Status;
use wire::artifact::v1::{GetMediaRequest, Media};

use crate::api::Stack;

const GET_MEDIA: &str = "pressrun.artifact.v1.ArtifactService.GetMedia";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand so on";

/// A browser of one person.
pub(crate) struct Browser {
    http: Client,
    cookie: Option<String>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        install_crypto();
        let http = Client::builder().redirect(Policy::none()).build();
        Self {
            http: http.expect("a client"),
            cookie: None,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Response {
        let request = match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        };
        request.send().await.expect("answered")
    }

    pub(crate) async fn get(&self, stack: &Stack, path: &str) -> Response {
        let url = format!("http://{}{path}", stack.gateway);
        self.send(self.http.get(url).header("accept", "text/html"))
            .await
    }

    /// Logs in with the key of tenant `one`.
    /// Sends a form of a page as a browser does.
    pub(crate) async fn post(
        &self,
        stack: &Stack,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Response {
        let form = reqwest::Url::parse_with_params("http://form/", fields).expect("fields");
        let form = self
            .http
            .post(format!("http://{}{path}", stack.gateway))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.query().unwrap_or_default().to_owned());
        self.send(form).await
    }

    pub(crate) async fn log_in(&mut self, stack: &Stack) {
        let page = self
            .get(stack, "/login")
            .await
            .text()
            .await
            .expect("a page");
        let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a token");
        let (token, _) = rest.split_once('"').expect("a token");
        let form = self
            .http
            .post(format!("http://{}/login", stack.gateway))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={token}&key=key-one"));
        let answer = self.send(form).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let set = answer.headers()["set-cookie"].to_str().expect("text");
        let (cookie, _) = set.split_once(';').expect("attributes");
        self.cookie = Some(cookie.to_owned());
    }
}

fn media(kind: &str, content: &[u8]) -> Media {
    Media {
        hash: hash(),
        media_type: kind.to_owned(),
        content: content.to_vec(),
    }
}

fn hash() -> String {
    model::ContentHash::of(PNG).to_string()
}

#[tokio::test]
async fn a_session_of_one_replica_is_good_at_another_with_the_same_secret() {
    let secrets: Secrets = "7e".repeat(32).parse().expect("secrets");
    let (here, there) = (
        Stack::sealing(secrets.clone()).await,
        Stack::sealing(secrets).await,
    );
    let other = Stack::start().await;
    let mut browser = Browser::new();
    browser.log_in(&here).await;
    for stack in [&here, &there] {
        let page = browser.get(stack, "/runs/new").await;
        assert_eq!(page.status(), StatusCode::OK);
    }
    // A form of one is taken by the other.
    let page = browser
        .get(&here, "/runs/new")
        .await
        .text()
        .await
        .expect("a page");
    let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a token");
    let (token, _) = rest.split_once('"').expect("a token");
    let form = |stack: &Stack| {
        browser
            .http
            .post(format!("http://{}/runs/cancel", stack.gateway))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={token}"))
    };
    let taken = browser.send(form(&there)).await;
    assert_eq!(taken.headers()["location"], "/?done=none");

    let page = browser.get(&other, "/runs/new").await;
    assert_eq!(page.headers()["location"], "/login?next=%2Fruns%2Fnew");
    for stack in [here, there, other] {
        stack.end().await;
    }
}

#[tokio::test]
async fn a_picture_is_served_to_who_may_see_it_and_can_do_nothing() {
    let stack = Stack::start().await;
    let png = format!("/media/{}.png", hash());
    let nobody = Browser::new();
    assert_eq!(
        nobody.get(&stack, &png).await.status(),
        StatusCode::SEE_OTHER
    );
    assert_eq!(stack.fake.calls(GET_MEDIA), 0);

    let mut browser = Browser::new();
    browser.log_in(&stack).await;
    stack.fake.answers(GET_MEDIA, &media("image/png", PNG));
    let answer = browser.get(&stack, &png).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), "image/png");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(
        header("content-security-policy"),
        "default-src 'none'; sandbox"
    );
    assert_eq!(
        header("cache-control"),
        "private, max-age=31536000, immutable"
    );
    assert!(!answer.headers().contains_key("content-disposition"));
    assert_eq!(answer.bytes().await.expect("a body"), PNG);
    // The orchestrator judges by the caller's own key.
    let seen = stack.fake.last(GET_MEDIA);
    assert_eq!(seen.header("authorization"), "Bearer key-one");
    assert_eq!(seen.message::<GetMediaRequest>().hash, hash());

    stack.fake.answers(
        GET_MEDIA,
        &media("image/svg+xml", b"<svg onload=\"alert(1)\"/>"),
    );
    let answer = browser.get(&stack, &format!("/media/{}.svg", hash())).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        answer.headers()["content-disposition"],
        "attachment; filename=\"poster.svg\""
    );
    assert_eq!(
        answer.headers()["content-security-policy"],
        "default-src 'none'; sandbox"
    );
    // Never under another name than its own.
    let answer = browser.get(&stack, &png).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    stack.end().await;
}

#[tokio::test]
async fn what_is_no_picture_of_the_callers_is_not_there() {
    let stack = Stack::start().await;
    let mut browser = Browser::new();
    browser.log_in(&stack).await;
    for path in [
        "/media/x.png",
        "/media/..%2f..%2flogin",
        &format!("/media/{}", hash()),
        &format!("/media/{}.html", hash()),
    ] {
        let answer = browser.get(&stack, path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(stack.fake.calls(GET_MEDIA), 0);
    let png = format!("/media/{}.png", hash());
    stack
        .fake
        .answers(GET_MEDIA, &media("image/png", b"<html>"));
    let answer = browser.get(&stack, &png).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    let page = answer.text().await.expect("a page");
    assert!(page.contains("Something broke"), "{page}");
    stack
        .fake
        .refuses(GET_MEDIA, Status::not_found("there is no such picture"));
    assert_eq!(
        browser.get(&stack, &png).await.status(),
        StatusCode::NOT_FOUND
    );
    stack.end().await;
}
