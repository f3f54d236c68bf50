//! `pressrun brand`, `template`, `resource`: what is kept to be used again.

use std::path::Path;

use anyhow::Context;
use model::{
    EntryName,
    brief::{Brand, MAX_RESOURCE_BYTES, Resource},
    library::{Content, Definition, Kind, MAX_DEFINITION_BYTES, Reference},
    limits::MAX_REQUEST_BYTES,
};
use tonic::Code;
use wire::library::v1::{
    DeleteRequest, Entry, GetRequest, ListRequest, ListVersionsRequest, PutRequest,
};

use crate::{
    Failure,
    args::{Keep, Output},
    brief,
    client::Client,
    output,
};

pub(super) async fn keep(
    client: &Client,
    kind: Kind,
    what: Keep,
    format: Output,
) -> Result<(), Failure> {
    match what {
        Keep::Put {
            file,
            name,
            if_version,
            title,
        } => {
            let name = name_of(&file, name)?;
            let request = PutRequest {
                kind: kind.to_string(),
                content: Some(read(kind, &file, &name, title)?.into()),
                name,
                if_version,
            };
            let entry = client.library().put(request).await?.into_inner();
            match format {
                Output::Json => output::json(&entry),
                Output::Text => output::line(&format!("{}@{}", entry.name, entry.version)),
            }
        }
        Keep::Show { reference } => {
            let entry = get(client, kind, reference).await?;
            match format {
                Output::Json => output::json(&entry),
                Output::Text => output::line(text(entry)?.trim_end()),
            }
        }
        Keep::List { limit, cursor } => list(client, kind, limit, cursor, format).await,
        Keep::Versions {
            name,
            limit,
            cursor,
        } => versions(client, kind, &name, limit, cursor, format).await,
        Keep::Rm { name, if_version } => {
            let request = DeleteRequest {
                kind: kind.to_string(),
                name: name.clone(),
                if_version,
            };
            let answer = client.library().delete(request).await?.into_inner();
            if format == Output::Json {
                output::json(&answer)?;
            }
            if !answer.deleted {
                let message = format!("there is no {kind} `{name}`");
                return Err(Failure::Refused(message, Vec::new()));
            }
            match format {
                Output::Json => Ok(()),
                Output::Text => output::line(&format!(
                    "{kind} {name} is out of use; its versions stay readable by their numbers"
                )),
            }
        }
    }
}

/// A stored brand.
pub(super) async fn brand(client: &Client, reference: Reference) -> Result<Brand, Failure> {
    let entry = get(client, Kind::Brand, reference).await?;
    match entry.content.map(Content::from) {
        Some(Content::Brand(brand)) => Ok(brand),
        _ => Err(anyhow::anyhow!("the service gave no brand").into()),
    }
}

/// Keeps a sample, unless there is or was something under its name.
pub(super) async fn keep_sample(
    client: &Client,
    name: &str,
    content: Content,
) -> Result<(), Failure> {
    let kind = content.kind().to_string();
    let versions = ListVersionsRequest {
        kind: kind.clone(),
        name: name.to_owned(),
        page_size: 1,
        cursor: String::new(),
    };
    match client.library().list_versions(versions).await {
        Ok(_) => return Ok(()),
        Err(status) if status.code() == Code::NotFound => {}
        Err(status) => return Err(status.into()),
    }
    let put = PutRequest {
        kind,
        name: name.to_owned(),
        content: Some(content.into()),
        if_version: Some(0),
    };
    client.library().put(put).await?;
    Ok(())
}

async fn get(client: &Client, kind: Kind, reference: Reference) -> Result<Entry, Failure> {
    let request = GetRequest {
        kind: kind.to_string(),
        name: reference.name.to_string(),
        version: reference.version.unwrap_or(0),
    };
    Ok(client.library().get(request).await?.into_inner())
}

/// The name that is given, or else the file's.
fn name_of(file: &Path, given: Option<String>) -> Result<String, Failure> {
    let from_file = || {
        let stem = file.file_stem()?.to_str()?;
        let stem = stem.strip_suffix(".template").unwrap_or(stem);
        Some(stem.to_lowercase().replace(' ', "-"))
    };
    let name = given.or_else(from_file).unwrap_or_default();
    match EntryName::new(name.as_str()) {
        Ok(_) if name != "-" => Ok(name),
        _ => {
            let message = format!(
                "`{}` can be no name: give one with --name, of a-z, 0-9, `_` and `-`",
                name.escape_debug()
            );
            Err(brief::invalid(&file.display().to_string(), "name", message))
        }
    }
}

fn read(kind: Kind, file: &Path, name: &str, title: Option<String>) -> Result<Content, Failure> {
    let what = file.display().to_string();
    if title.is_some() && kind != Kind::Resource {
        let message = format!("only a resource has one, a {kind} has its own in the file");
        return Err(brief::invalid("the command line", "--title", message));
    }
    Ok(match kind {
        Kind::Brand => Content::Brand(brief::read_brand(file)?),
        Kind::Template => {
            let text = brief::read_text(file, MAX_REQUEST_BYTES)?;
            Content::Template(brief::parse_template(&what, &text)?)
        }
        Kind::Workflow => {
            let source = brief::read_text(file, MAX_DEFINITION_BYTES)?;
            Content::Workflow(Definition { source })
        }
        Kind::Resource => {
            let text = brief::read_text(file, MAX_RESOURCE_BYTES)?;
            let markdown = file.extension().is_some_and(|ext| ext == "md");
            let content = resource(title.unwrap_or_else(|| name.to_owned()), markdown, text);
            let problems = content.problems();
            if !problems.is_empty() {
                return Err(Failure::Invalid { what, problems });
            }
            content
        }
    })
}

/// A resource of a text.
pub(super) fn resource(title: String, markdown: bool, text: String) -> Content {
    Content::Resource(Resource {
        name: title,
        kind: if markdown { "markdown" } else { "text" }.to_owned(),
        text: Some(text),
        blob: None,
    })
}

/// What `put` takes.
fn text(entry: Entry) -> Result<String, Failure> {
    let written = match entry.content.map(Content::from) {
        Some(Content::Brand(brand)) => serde_saphyr::to_string(&brand),
        Some(Content::Template(template)) => serde_saphyr::to_string(&template),
        Some(Content::Resource(resource)) => return Ok(resource.text.unwrap_or_default()),
        Some(Content::Workflow(definition)) => return Ok(definition.source),
        None => return Ok(String::new()),
    };
    Ok(written.context("what is kept cannot be written as YAML")?)
}

async fn list(
    client: &Client,
    kind: Kind,
    limit: u32,
    mut cursor: String,
    format: Output,
) -> Result<(), Failure> {
    let mut left = limit;
    head(format)?;
    loop {
        let request = ListRequest {
            kind: kind.to_string(),
            page_size: left,
            cursor,
        };
        let page = client.library().list(request).await?.into_inner();
        left = left.saturating_sub(u32::try_from(page.entries.len()).unwrap_or(u32::MAX));
        match format {
            Output::Json => output::json(&page)?,
            Output::Text => rows(&page.entries)?,
        }
        cursor = page.next_cursor;
        if ended(&cursor, left)? {
            return Ok(());
        }
    }
}

async fn versions(
    client: &Client,
    kind: Kind,
    name: &str,
    limit: u32,
    mut cursor: String,
    format: Output,
) -> Result<(), Failure> {
    let mut left = limit;
    head(format)?;
    loop {
        let request = ListVersionsRequest {
            kind: kind.to_string(),
            name: name.to_owned(),
            page_size: left,
            cursor,
        };
        let page = client.library().list_versions(request).await?.into_inner();
        left = left.saturating_sub(u32::try_from(page.entries.len()).unwrap_or(u32::MAX));
        match format {
            Output::Json => output::json(&page)?,
            Output::Text => rows(&page.entries)?,
        }
        cursor = page.next_cursor;
        if ended(&cursor, left)? {
            return Ok(());
        }
    }
}

fn ended(cursor: &str, left: u32) -> Result<bool, Failure> {
    if !cursor.is_empty() && left == 0 {
        output::talk(&format!("there are more: --cursor {cursor}"))?;
    }
    Ok(cursor.is_empty() || left == 0)
}

fn head(format: Output) -> Result<(), Failure> {
    match format {
        Output::Json => Ok(()),
        Output::Text => output::line(&columns("NAME", "VERSION", "CREATED", "BY", "TITLE")),
    }
}

fn rows(entries: &[Entry]) -> Result<(), Failure> {
    entries
        .iter()
        .try_for_each(|entry| output::line(&row(entry)))
}

fn row(entry: &Entry) -> String {
    let created = entry
        .created
        .and_then(|time| serde_json::to_value(time).ok())
        .and_then(|time| Some(time.as_str()?.get(..19)?.replace('T', " ")));
    // Titles and labels are users' texts: on one line, whatever they hold.
    let plain = |text: &str| text.replace(char::is_control, " ");
    columns(
        &entry.name,
        &format!(
            "{}{}",
            entry.version,
            if entry.deleted { " (deleted)" } else { "" }
        ),
        created.as_deref().unwrap_or("-"),
        &plain(&entry.author),
        &plain(&entry.title),
    )
}

fn columns(name: &str, version: &str, created: &str, by: &str, title: &str) -> String {
    let line = format!("{name:<24}  {version:>7}  {created:<19}  {by:<12}  {title}");
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_its_name_unless_another_is_given() {
        let name = |file: &str, given: Option<&str>| {
            name_of(Path::new(file), given.map(str::to_owned)).ok()
        };
        assert_eq!(name("a/Tern.yaml", None).as_deref(), Some("tern"));
        assert_eq!(
            name("launch.template.yaml", None).as_deref(),
            Some("launch")
        );
        assert_eq!(name("-", Some("x")).as_deref(), Some("x"));
        for (file, given) in [("-", None), ("Böden.yaml", None), ("a.yaml", Some("A B"))] {
            assert_eq!(name(file, given), None, "{file}");
        }
    }

    /// What is shown can be changed and put again.
    #[test]
    fn what_is_shown_is_what_put_takes() {
        let brand = brief::parse_brand("b", brief::SAMPLE_BRAND.1).unwrap();
        let template = brief::parse_template("t", brief::SAMPLE_TEMPLATE.1).unwrap();
        let entry = |content: Content| Entry {
            content: Some(content.into()),
            ..Entry::default()
        };
        let shown = text(entry(Content::Brand(brand.clone()))).unwrap();
        assert_eq!(brief::parse_brand("b", &shown).unwrap(), brand);
        let shown = text(entry(Content::Template(template.clone()))).unwrap();
        assert_eq!(brief::parse_template("t", &shown).unwrap(), template);
        let shown = text(entry(resource("r".into(), true, "# A: {x}\n".into()))).unwrap();
        assert_eq!(shown, "# A: {x}\n");
    }

    #[test]
    fn an_entry_is_one_line_whatever_it_holds() {
        let entry = Entry {
            name: "tern".into(),
            version: 3,
            created: Some(model::Timestamp(1_795_239_000_250).into()),
            author: "mia\n".into(),
            title: "one\u{1b}[2Jtwo".into(),
            deleted: true,
            ..Entry::default()
        };
        assert_eq!(
            row(&entry),
            "tern                      3 (deleted)  2026-11-21 05:30:00  mia           one [2Jtwo"
        );
    }
}
