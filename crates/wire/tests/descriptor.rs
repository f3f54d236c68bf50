//! The messages may only grow: a field, message or method that was once published keeps its name, number
//! and type. The list of all of them is committed; `UPDATE_GOLDEN=1` adds what is new to it.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use prost::Message;
use prost_types::{
    DescriptorProto, FileDescriptorSet, MethodDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

fn golden() -> PathBuf {
    [
        env!("CARGO_MANIFEST_DIR"),
        "../../proto/descriptor.golden.txt",
    ]
    .iter()
    .collect()
}

/// One line for each field and method of our packages, sorted.
fn listing() -> BTreeSet<String> {
    let all = FileDescriptorSet::decode(wire::DESCRIPTOR).expect("the compiled descriptor");
    let mut lines = BTreeSet::new();
    for file in all
        .file
        .iter()
        .filter(|file| file.package().starts_with("pressrun."))
    {
        for message in &file.message_type {
            fields(file.package(), message, &mut lines);
        }
        for service in &file.service {
            for method in &service.method {
                lines.insert(format!(
                    "{}.{}.{}",
                    file.package(),
                    service.name(),
                    signature(method)
                ));
            }
        }
    }
    lines
}

fn fields(parent: &str, message: &DescriptorProto, lines: &mut BTreeSet<String>) {
    let name = format!("{parent}.{}", message.name());
    lines.insert(format!("{name} message"));
    for field in &message.field {
        let kind = match field.r#type() {
            Type::Message | Type::Enum => field.type_name().trim_start_matches('.').to_owned(),
            scalar => scalar
                .as_str_name()
                .trim_start_matches("TYPE_")
                .to_lowercase(),
        };
        let rule = match field.label() {
            Label::Repeated => "repeated ",
            _ if field.proto3_optional() => "optional ",
            _ => "",
        };
        let oneof = match field.oneof_index {
            Some(index) if !field.proto3_optional() => {
                format!(
                    " in {}",
                    message.oneof_decl[usize::try_from(index).expect("not negative")].name()
                )
            }
            _ => String::new(),
        };
        lines.insert(format!(
            "{name}.{} = {} {rule}{kind}{oneof}",
            field.name(),
            field.number()
        ));
    }
    for nested in &message.nested_type {
        fields(&name, nested, lines);
    }
}

fn signature(method: &MethodDescriptorProto) -> String {
    let stream = if method.server_streaming() {
        "stream "
    } else {
        ""
    };
    format!(
        "{}({}) returns ({stream}{})",
        method.name(),
        method.input_type().trim_start_matches('.'),
        method.output_type().trim_start_matches('.')
    )
}

#[test]
fn what_was_published_is_still_there() {
    let update = env::var_os("UPDATE_GOLDEN").is_some();
    let text = fs::read_to_string(golden()).unwrap_or_default();
    let now = listing();
    let published: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let gone: Vec<_> = published.difference(&now).collect();
    assert!(
        gone.is_empty(),
        "published and now gone or changed: {gone:#?}"
    );
    let new: Vec<_> = now.difference(&published).collect();
    if update && !new.is_empty() {
        let text: String = now.iter().map(|line| format!("{line}\n")).collect();
        fs::write(golden(), text).expect("the golden file is writable");
    } else {
        assert!(
            new.is_empty(),
            "not yet in the list; UPDATE_GOLDEN=1 adds it: {new:#?}"
        );
    }
}
