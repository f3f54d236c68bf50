//! The contract as data: messages, methods and what the `.proto` files say of them. Requests are checked
//! against it, and the documents are written from it.

use std::{collections::BTreeMap, sync::LazyLock};

use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

/// The well-known type with a JSON form of its own.
const TIMESTAMP: &str = "google.protobuf.Timestamp";

/// Where the numbers of a `.proto` file's parts stand in a comment's path.
const MESSAGES: i32 = 4;
const SERVICES: i32 = 6;
const FIELDS: i32 = 2;
const METHODS: i32 = 2;

/// All messages and methods.
#[derive(Debug, Default)]
pub struct Contract {
    messages: BTreeMap<String, Message>,
    methods: BTreeMap<String, Method>,
}

/// A message.
#[derive(Debug, Default)]
pub struct Message {
    /// Its full name (`pressrun.run.v1.Run`).
    pub name: String,
    /// Its comment.
    pub about: String,
    /// Its fields, in the order of the file.
    pub fields: Vec<Field>,
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// As the `.proto` file spells it, and our JSON.
    pub name: String,
    /// The lower-camel-case name, which is understood too.
    pub camel: String,
    /// Its comment.
    pub about: String,
    /// One, many or by key.
    pub shape: Shape,
    /// Of what.
    pub kind: Kind,
    /// Whether absent is another thing than empty.
    pub optional: bool,
    /// The `oneof` that it belongs to.
    pub choice: Option<String>,
}

/// How often a field holds its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Once.
    One,
    /// In a list.
    Many,
    /// By a key of text.
    Keyed,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Bytes; base64 in JSON.
    Bytes,
    /// True or false.
    Bool,
    /// A whole number from 0 to 2³²-1.
    U32,
    /// A whole number of 32 bits with a sign.
    I32,
    /// A whole number from 0 to 2⁶⁴-1; text in JSON.
    U64,
    /// A whole number of 64 bits with a sign; text in JSON.
    I64,
    /// A number.
    Double,
    /// RFC 3339.
    Timestamp,
    /// One of these names.
    Names(Vec<String>),
    /// A message of that name.
    Message(String),
}

/// A method of a service.
#[derive(Debug)]
pub struct Method {
    /// `pressrun.run.v1.RunService.Get`.
    pub name: String,
    /// Its comment.
    pub about: String,
    /// The request's message.
    pub input: String,
    /// The answer's message.
    pub output: String,
    /// Whether many answers come.
    pub streams: bool,
}

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    // The build wrote it; a test reads it.
    let files = FileDescriptorSet::decode(wire::DESCRIPTOR).unwrap_or_default();
    Contract::new(&files)
});

impl Contract {
    /// The contract of this build.
    pub fn get() -> &'static Self {
        &CONTRACT
    }

    fn new(files: &FileDescriptorSet) -> Self {
        let ours = || {
            let of_us = |file: &&FileDescriptorProto| file.package().starts_with("pressrun.");
            files.file.iter().filter(of_us)
        };
        let mut names = BTreeMap::new();
        for file in ours() {
            let root = format!(".{}", file.package());
            enums(&root, &file.enum_type, &mut names);
            for message in &file.message_type {
                nested_enums(&root, message, &mut names);
            }
        }
        let mut contract = Self::default();
        for file in ours() {
            let comments = Comments::of(file);
            for (number, message) in (0..).zip(&file.message_type) {
                let path = vec![MESSAGES, number];
                contract.add(file.package(), message, path, &comments, &names);
            }
            for (number, service) in (0..).zip(&file.service) {
                for (place, method) in (0..).zip(&service.method) {
                    let name = format!("{}.{}.{}", file.package(), service.name(), method.name());
                    let found = Method {
                        about: comments.at(&[SERVICES, number, METHODS, place]),
                        input: bare(method.input_type()),
                        output: bare(method.output_type()),
                        streams: method.server_streaming() || method.client_streaming(),
                        name: name.clone(),
                    };
                    contract.methods.insert(name, found);
                }
            }
        }
        contract
    }

    fn add(
        &mut self,
        package: &str,
        message: &DescriptorProto,
        path: Vec<i32>,
        comments: &Comments,
        names: &BTreeMap<String, Vec<String>>,
    ) {
        let name = format!("{package}.{}", message.name());
        let fields = (0..).zip(&message.field).map(|(number, field)| {
            let about = comments.at(&[path.as_slice(), &[FIELDS, number]].concat());
            read(message, field, about, names)
        });
        let found = Message {
            about: comments.at(&path),
            fields: fields.collect(),
            name: name.clone(),
        };
        self.messages.insert(name.clone(), found);
        for (number, nested) in (0..).zip(&message.nested_type) {
            if !is_entry(nested) {
                let path = [path.as_slice(), &[3, number]].concat();
                self.add(&name, nested, path, comments, names);
            }
        }
    }

    /// A message by its full name.
    pub fn message(&self, name: &str) -> Option<&Message> {
        self.messages.get(name)
    }

    /// A method by its full name.
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.get(name)
    }

    /// All methods, by name.
    pub fn methods(&self) -> impl Iterator<Item = &Method> {
        self.methods.values()
    }
}

impl Message {
    /// A field by either of its names.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.name == name || field.camel == name)
    }
}

impl Field {
    /// Whether null means absent.
    pub fn may_be_null(&self) -> bool {
        self.shape == Shape::One
            && (self.optional
                || self.choice.is_some()
                || matches!(self.kind, Kind::Message(_) | Kind::Timestamp))
    }
}

fn bare(name: &str) -> String {
    name.trim_start_matches('.').to_owned()
}

fn is_entry(message: &DescriptorProto) -> bool {
    message
        .options
        .as_ref()
        .is_some_and(|options| options.map_entry())
}

fn enums(root: &str, all: &[EnumDescriptorProto], into: &mut BTreeMap<String, Vec<String>>) {
    for one in all {
        let values = one.value.iter().map(|value| value.name().to_owned());
        into.insert(format!("{root}.{}", one.name()), values.collect());
    }
}

fn nested_enums(root: &str, message: &DescriptorProto, into: &mut BTreeMap<String, Vec<String>>) {
    let root = format!("{root}.{}", message.name());
    enums(&root, &message.enum_type, into);
    for nested in &message.nested_type {
        nested_enums(&root, nested, into);
    }
}

fn read(
    message: &DescriptorProto,
    field: &FieldDescriptorProto,
    about: String,
    names: &BTreeMap<String, Vec<String>>,
) -> Field {
    let entry = message.nested_type.iter().find(|nested| {
        is_entry(nested)
            && field
                .type_name()
                .ends_with(&format!("{}.{}", message.name(), nested.name()))
    });
    let value = entry.and_then(|entry| entry.field.iter().find(|field| field.name() == "value"));
    let shape = match (value, field.label()) {
        (Some(_), _) => Shape::Keyed,
        (None, Label::Repeated) => Shape::Many,
        (None, _) => Shape::One,
    };
    let choice = field
        .oneof_index
        .filter(|_| !field.proto3_optional())
        .and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?))
        .map(|choice| choice.name().to_owned());
    Field {
        name: field.name().to_owned(),
        camel: field.json_name().to_owned(),
        about,
        shape,
        kind: kind(value.unwrap_or(field), names),
        optional: field.proto3_optional(),
        choice,
    }
}

fn kind(field: &FieldDescriptorProto, names: &BTreeMap<String, Vec<String>>) -> Kind {
    match field.r#type() {
        Type::String => Kind::Text,
        Type::Bytes => Kind::Bytes,
        Type::Bool => Kind::Bool,
        Type::Uint32 | Type::Fixed32 => Kind::U32,
        Type::Int32 | Type::Sint32 | Type::Sfixed32 => Kind::I32,
        Type::Uint64 | Type::Fixed64 => Kind::U64,
        Type::Int64 | Type::Sint64 | Type::Sfixed64 => Kind::I64,
        Type::Double | Type::Float => Kind::Double,
        Type::Enum => Kind::Names(names.get(field.type_name()).cloned().unwrap_or_default()),
        Type::Message | Type::Group => match bare(field.type_name()) {
            name if name == TIMESTAMP => Kind::Timestamp,
            name => Kind::Message(name),
        },
    }
}

/// The comments of a file, by the path of what they stand at.
struct Comments(BTreeMap<Vec<i32>, String>);

impl Comments {
    fn of(file: &FileDescriptorProto) -> Self {
        let places = file.source_code_info.iter().flat_map(|info| &info.location);
        let comments = places.filter_map(|place| {
            let text = place.leading_comments.as_deref()?;
            let lines: Vec<_> = text.lines().map(str::trim).collect();
            Some((place.path.clone(), lines.join(" ").trim().to_owned()))
        });
        Self(comments.collect())
    }

    fn at(&self, path: &[i32]) -> String {
        self.0.get(path).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_methods_are_read_with_their_comments() {
        let contract = Contract::get();
        let method = contract
            .method("pressrun.run.v1.RunService.Explain")
            .expect("a method");
        assert_eq!(
            (
                method.input.as_str(),
                method.output.as_str(),
                method.streams
            ),
            (
                "pressrun.run.v1.ExplainRequest",
                "pressrun.run.v1.ExplainResponse",
                false
            )
        );
        assert!(method.about.contains("the one thing that it waits for"));
        let artifacts = contract
            .message("pressrun.campaign.v1.Artifacts")
            .expect("a message");
        let of = |name: &str| {
            let field = artifacts.field(name).expect(name);
            (field.shape, field.kind.clone())
        };
        assert_eq!(of("generatedAt"), (Shape::One, Kind::Timestamp));
        assert_eq!(
            of("versions"),
            (
                Shape::Keyed,
                Kind::Message("pressrun.campaign.v1.Version".into())
            )
        );
        let response = contract
            .message("pressrun.events.v1.SubscribeResponse")
            .expect("a message");
        let event = response.field("event").expect("a field");
        assert_eq!(event.choice.as_deref(), Some("what"));
        let resource = contract
            .message("pressrun.campaign.v1.Resource")
            .expect("a message");
        assert!(resource.field("blob").expect("a field").optional);
        assert!(
            resource
                .field("blob")
                .expect("a field")
                .about
                .contains("SHA-256")
        );
    }

    #[test]
    fn every_field_has_a_known_message() {
        let contract = Contract::get();
        for message in contract.messages.values() {
            for field in &message.fields {
                if let Kind::Message(name) = &field.kind {
                    assert!(
                        contract.message(name).is_some(),
                        "{}.{}",
                        message.name,
                        field.name
                    );
                }
            }
        }
    }
}
