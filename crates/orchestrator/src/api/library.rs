//! `LibraryService`.

use ::service::auth::Principal;
use model::{
    EntryName,
    library::{Content, Kind},
    validate::Problem,
};
use store::library::{Change, ChangeError, EntryRow, NewEntry, Place};
use tonic::{Code, Request, Response, Status};
use wire::{
    library::v1::{self as proto, library_service_server::LibraryService},
    problem,
};

use super::{Api, Right, invalid, permit};
use crate::core::commit::WorkError;

/// Entries of a page when none are named, and most of them.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

#[tonic::async_trait]
impl LibraryService for Api {
    async fn put(
        &self,
        request: Request<proto::PutRequest>,
    ) -> Result<Response<proto::Entry>, Status> {
        let principal = permit(&request, Right::Keep)?;
        let proto::PutRequest {
            kind,
            name,
            content,
            if_version,
        } = request.into_inner();
        let (place, content) = checked(&principal, &kind, &name, content)?;
        if let Content::Workflow(definition) = &content {
            self.keepable(place.name.as_str(), &definition.source)?;
        }
        let (hash, bytes) = content
            .encode()
            .map_err(|error| invalid(place.kind.as_str(), error))?;
        let entry = NewEntry {
            hash,
            content: bytes,
            title: content.title(),
            author: principal.by.clone(),
        };
        let put = self.library.put_entry(&place, if_version, entry).await;
        let (Change::Made(version) | Change::Same(version)) =
            put.map_err(|error| refused(&place, error))?;
        let found = self.library.entry(&place, Some(version)).await;
        let (row, _) = found
            .map_err(WorkError::from)?
            .ok_or_else(|| Status::data_loss("the version that was kept is not there"))?;
        Ok(Response::new(proto::Entry {
            content: Some(content.into()),
            ..view(place.kind, row)
        }))
    }

    async fn get(
        &self,
        request: Request<proto::GetRequest>,
    ) -> Result<Response<proto::Entry>, Status> {
        let principal = permit(&request, Right::Read)?;
        let proto::GetRequest {
            kind,
            name,
            version,
        } = request.into_inner();
        let place = place(&principal, &kind, &name)?;
        let version = Some(version).filter(|version| *version > 0);
        let found = self.library.entry(&place, version).await;
        let found = found.map_err(WorkError::from)?;
        // A name out of use has no newest version, but all that it had.
        let found = found.filter(|(row, _)| !row.deleted || version.is_some());
        let (row, content) = found.ok_or_else(|| missing(&place, version))?;
        let content = Content::decode(place.kind, &content).map_err(|error| {
            WorkError::Corrupt(format!(
                "{} {} version {}: {error}",
                place.kind, row.name, row.version
            ))
        })?;
        Ok(Response::new(proto::Entry {
            content: Some(content.into()),
            ..view(place.kind, row)
        }))
    }

    async fn list(
        &self,
        request: Request<proto::ListRequest>,
    ) -> Result<Response<proto::ListResponse>, Status> {
        let principal = permit(&request, Right::Read)?;
        let request = request.into_inner();
        let kind = kind_of(&request.kind)?;
        let after = match request.cursor.as_str() {
            "" => None,
            name => Some(EntryName::new(name).map_err(|_| no_cursor())?),
        };
        let size = page(request.page_size);
        let rows = self
            .library
            .entries(&principal.tenant, kind, after.as_ref(), size + 1)
            .await
            .map_err(WorkError::from)?;
        let next = next(&rows, size, |row| row.name.to_string());
        Ok(Response::new(proto::ListResponse {
            entries: views(kind, rows, size),
            next_cursor: next,
        }))
    }

    async fn list_versions(
        &self,
        request: Request<proto::ListVersionsRequest>,
    ) -> Result<Response<proto::ListVersionsResponse>, Status> {
        let principal = permit(&request, Right::Read)?;
        let request = request.into_inner();
        let place = place(&principal, &request.kind, &request.name)?;
        let below = match request.cursor.as_str() {
            "" => None,
            number => Some(number.parse::<u32>().map_err(|_| no_cursor())?),
        };
        let size = page(request.page_size);
        let rows = self
            .library
            .entry_versions(&place, below, size + 1)
            .await
            .map_err(WorkError::from)?;
        if rows.is_empty() && below.is_none() {
            return Err(missing(&place, None));
        }
        let next = next(&rows, size, |row| row.version.to_string());
        Ok(Response::new(proto::ListVersionsResponse {
            entries: views(place.kind, rows, size),
            next_cursor: next,
        }))
    }

    async fn delete(
        &self,
        request: Request<proto::DeleteRequest>,
    ) -> Result<Response<proto::DeleteResponse>, Status> {
        let principal = permit(&request, Right::Keep)?;
        let request = request.into_inner();
        let place = place(&principal, &request.kind, &request.name)?;
        let change = self.library.delete_entry(&place, request.if_version).await;
        let change = change.map_err(|error| refused(&place, error))?;
        Ok(Response::new(proto::DeleteResponse {
            deleted: matches!(change, Change::Made(_)),
        }))
    }
}

/// Where something is to be kept, and what: with every fault at once.
fn checked(
    principal: &Principal,
    kind: &str,
    name: &str,
    content: Option<proto::put_request::Content>,
) -> Result<(Place, Content), Status> {
    let mut problems = Vec::new();
    let mut push = |path: &str, message: String| {
        problems.push(Problem {
            path: path.to_owned(),
            message,
        });
    };
    let known = Kind::parse(kind);
    if known.is_none() {
        push("kind", no_kind());
    }
    let name = EntryName::new(name).map_err(|error| push("name", error.to_string()));
    let content = content.map(Content::from);
    match (&content, known) {
        (None, Some(kind)) => push(kind.as_str(), "is missing".to_owned()),
        (None, None) => push(
            "content",
            "is missing: a brand, a template, a resource or a workflow".to_owned(),
        ),
        (Some(content), Some(kind)) if content.kind() != kind => push(
            content.kind().as_str(),
            format!("must be left out, as `kind` is {kind}"),
        ),
        (Some(_), _) => {}
    }
    problems.extend(content.iter().flat_map(Content::problems));
    match (known, name, content) {
        (Some(kind), Ok(name), Some(content)) if problems.is_empty() => {
            let tenant = principal.tenant.clone();
            Ok((Place { tenant, kind, name }, content))
        }
        _ => Err(problem::invalid(problems)),
    }
}

fn place(principal: &Principal, kind: &str, name: &str) -> Result<Place, Status> {
    match (Kind::parse(kind), EntryName::new(name)) {
        (Some(kind), Ok(name)) => Ok(Place {
            tenant: principal.tenant.clone(),
            kind,
            name,
        }),
        (kind, name) => {
            let kind = kind.is_none().then(|| ("kind", no_kind()));
            let name = name.err().map(|error| ("name", error.to_string()));
            let faults = kind.into_iter().chain(name).map(|(path, message)| Problem {
                path: path.to_owned(),
                message,
            });
            Err(problem::invalid(faults.collect()))
        }
    }
}

fn kind_of(kind: &str) -> Result<Kind, Status> {
    Kind::parse(kind).ok_or_else(|| invalid("kind", no_kind()))
}

fn no_kind() -> String {
    format!("must be one of {}", Kind::ALL.map(Kind::as_str).join(", "))
}

fn no_cursor() -> Status {
    invalid("cursor", "must be the `next_cursor` of an answer")
}

fn missing(place: &Place, version: Option<u32>) -> Status {
    let Place { kind, name, .. } = place;
    Status::not_found(match version {
        Some(version) => format!("{kind} `{name}` has no version {version}"),
        None => format!("there is no {kind} `{name}`"),
    })
}

fn refused(place: &Place, error: ChangeError) -> Status {
    let Place { kind, name, .. } = place;
    match error {
        ChangeError::Stale(newest) => {
            let stands = match newest {
                0 => format!("{kind} `{name}` is not in use"),
                newest => format!("version {newest} of {kind} `{name}` is the newest"),
            };
            let fault = Problem {
                path: "if_version".to_owned(),
                message: stands.clone(),
            };
            let message = format!("{stands}: look at it, then make the change again");
            problem::refused(Code::Aborted, message, vec![fault])
        }
        ChangeError::Names => Status::resource_exhausted(format!(
            "there are as many {kind}s as there may be, deleted ones included"
        )),
        ChangeError::Versions => Status::resource_exhausted(format!(
            "{kind} `{name}` has as many versions as it may: use another name"
        )),
        ChangeError::Store(error) => WorkError::from(error).into(),
    }
}

fn page(size: u32) -> usize {
    (if size == 0 { PAGE } else { size.min(MAX_PAGE) }) as usize
}

/// The cursor behind a page, when `rows` has more than it.
fn next(rows: &[EntryRow], size: usize, cursor: fn(&EntryRow) -> String) -> String {
    let last = size.checked_sub(1).and_then(|last| rows.get(last));
    last.filter(|_| rows.len() > size)
        .map(cursor)
        .unwrap_or_default()
}

fn views(kind: Kind, rows: Vec<EntryRow>, size: usize) -> Vec<proto::Entry> {
    let page = rows.into_iter().take(size);
    page.map(|row| view(kind, row)).collect()
}

fn view(kind: Kind, row: EntryRow) -> proto::Entry {
    proto::Entry {
        kind: kind.as_str().to_owned(),
        name: row.name.to_string(),
        version: row.version,
        hash: row.hash.to_string(),
        title: row.title,
        bytes: row.bytes,
        created: Some(row.created.into()),
        author: row.author,
        deleted: row.deleted,
        content: None,
    }
}
