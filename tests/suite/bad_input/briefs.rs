//! Briefs that are no briefs.

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use system_tests::{
    brief,
    stack::{Role, channel},
};
use tonic::{
    Code, Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};
use wire::{
    campaign::v1::{Options, Resource, SubmitRequest},
    problem::problems_of,
};

use super::assert_unharmed;
use crate::shared;

async fn refused(request: SubmitRequest) -> anyhow::Result<Status> {
    let clients = shared().await?.clients()?;
    match clients.campaigns.clone().submit(request).await {
        Err(status) => Ok(status),
        Ok(answer) => panic!("taken as {answer:?}"),
    }
}

fn paths(status: &Status) -> Vec<String> {
    problems_of(status)
        .into_iter()
        .map(|problem| problem.path)
        .collect()
}

#[tokio::test]
async fn every_fault_is_told_by_its_path() -> anyhow::Result<()> {
    let mut request = brief::request("", "zigzag");
    let brief = request.brief.get_or_insert_default();
    brief.objective = " ".to_owned();
    brief.audience = "x".repeat(2_001);
    brief.offer = "half\0price".to_owned();
    brief.key_messages.clear();
    brief.call_to_action.get_or_insert_default().url = "javascript:alert(1)".to_owned();
    brief.brand.get_or_insert_default().palette = vec!["red".to_owned()];
    brief.brand.get_or_insert_default().post_at = "25:00".to_owned();
    brief.platforms = vec!["linkedin".to_owned(), "myspace".to_owned()];
    brief.language = "english please".to_owned();
    brief.deliverables = vec!["opera".to_owned()];
    brief.resources = vec![Resource::default()];
    request.options = Some(Options {
        mode: "zigzag".to_owned(),
        priority: 9,
        max_cost_usd: Some(-1.0),
        ..Options::default()
    });
    let status = refused(request).await?;
    assert_eq!(status.code(), Code::InvalidArgument);
    let mut paths = paths(&status);
    paths.sort();
    paths.dedup();
    assert_eq!(
        paths,
        [
            "brief.audience",
            "brief.brand.palette[0]",
            "brief.brand.post_at",
            "brief.call_to_action.url",
            "brief.deliverables[0]",
            "brief.key_messages",
            "brief.language",
            "brief.name",
            "brief.objective",
            "brief.offer",
            "brief.platforms[1]",
            "brief.resources[0]",
            "brief.resources[0].name",
            "options.max_cost_usd",
            "options.mode",
            "options.priority",
        ]
    );
    let platform = problems_of(&status)
        .into_iter()
        .find(|problem| problem.path == "brief.platforms[1]");
    assert!(platform.is_some_and(|problem| problem.message.contains("myspace")));
    Ok(())
}

#[tokio::test]
async fn nothing_at_all_is_no_brief() -> anyhow::Result<()> {
    let status = refused(SubmitRequest::default()).await?;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(paths(&status), ["brief"]);
    Ok(())
}

#[tokio::test]
async fn ten_megabytes_are_refused_before_any_work() -> anyhow::Result<()> {
    let stack = shared().await?;
    let name = "ten megabytes";
    let mut request = brief::request(name, "parallel");
    request.brief.get_or_insert_default().offer = "x".repeat(10 * 1024 * 1024);
    let status = refused(request).await?;
    let codes = [
        Code::OutOfRange,
        Code::ResourceExhausted,
        Code::InvalidArgument,
    ];
    assert!(codes.contains(&status.code()), "{status:?}");
    assert_untouched(name).await?;
    // The same client goes on.
    let clients = stack.clients()?;
    let mut request = brief::request(name, "parallel");
    request.validate_only = true;
    clients.campaigns.clone().submit(request).await?;
    assert_unharmed(stack);
    Ok(())
}

#[tokio::test]
async fn wrong_utf_8_and_broken_messages_are_refused_before_any_work() -> anyhow::Result<()> {
    let stack = shared().await?;
    let name = "not-utf-8-ABCDEFGH";
    let good = brief::request(name, "parallel").encode_to_vec();
    let at = good
        .windows(8)
        .position(|bytes| bytes == b"ABCDEFGH")
        .expect("the name");
    let mut wrong = good.clone();
    wrong[at] = 0xff;
    let cut_off = good[..good.len() - 7].to_vec();
    let deep = nested(10_000);
    for (what, bytes) in [
        ("wrong UTF-8", wrong),
        ("cut off", cut_off),
        ("groups 10,000 deep", deep),
        ("no protobuf", vec![0xff; 64]),
    ] {
        let mut grpc = tonic::client::Grpc::new(channel(stack.url(Role::Orchestrator)?)?);
        grpc.ready().await?;
        let path = "/pressrun.campaign.v1.CampaignService/Submit".parse()?;
        let answer = grpc
            .unary(Request::new(Bytes::from(bytes)), path, Raw)
            .await;
        let status = answer.map(drop).expect_err(what);
        assert_ne!(status.code(), Code::Unavailable, "{what}: {status:?}");
    }
    assert_untouched("not-utf-8").await?;
    assert_unharmed(stack);
    Ok(())
}

/// Start-group tags of a field that no message has.
fn nested(levels: usize) -> Vec<u8> {
    let (start, end) = ([0xfb_u8, 0x01], [0xfc_u8, 0x01]);
    let mut bytes = start.repeat(levels);
    bytes.extend(end.repeat(levels));
    bytes
}

/// No run of that name, and no call for it.
async fn assert_untouched(name: &str) -> anyhow::Result<()> {
    let stack = shared().await?;
    let runs = stack
        .query(&format!(
            "select count(*) from runs where title like '{name}%'"
        ))
        .await?;
    assert_eq!(runs, "0");
    assert!(
        !stack
            .calls()?
            .iter()
            .any(|call| call.brief.starts_with(name))
    );
    Ok(())
}

/// Messages as bytes, whatever they are.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
