//! Compiles `proto/` to messages, clients, servers, their JSON mapping and a descriptor set.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorSet};

const ROOT: &str = "../../proto";
const FILES: [&str; 12] = [
    "pressrun/agent/v1/agent.proto",
    "pressrun/artifact/v1/artifact.proto",
    "pressrun/auth/v1/auth.proto",
    "pressrun/campaign/v1/campaign.proto",
    "pressrun/events/v1/events.proto",
    "pressrun/job/v1/job.proto",
    "pressrun/library/v1/library.proto",
    "pressrun/publication/v1/publication.proto",
    "pressrun/review/v1/review.proto",
    "pressrun/run/v1/run.proto",
    "pressrun/system/v1/system.proto",
    "pressrun/workflow/v1/workflow.proto",
];
const TIMESTAMP: (&str, &str) = (".google.protobuf.Timestamp", "crate::time::Timestamp");

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let descriptors = protox::compile(FILES, [ROOT])?;
    let encoded = descriptors.encode_to_vec();
    fs::write(out.join("descriptor.bin"), &encoded)?;
    json(&out, &encoded, &requests(&descriptors))?;
    tonic_prost_build::configure()
        .compile_well_known_types(true)
        .extern_path(TIMESTAMP.0, TIMESTAMP.1)
        .btree_map(".")
        .emit_rerun_if_changed(false)
        .compile_fds(descriptors)?;
    Ok(())
}

/// Writes the JSON mapping, one file for each package. What users send refuses unknown fields, so that a
/// misspelt one is told; what programs send ignores them, so that an older reader copes with a newer
/// writer.
fn json(out: &Path, encoded: &[u8], requests: &[String]) -> io::Result<()> {
    let mut builder = pbjson_build::Builder::new();
    builder
        .register_descriptors(encoded)?
        .extern_path(TIMESTAMP.0, TIMESTAMP.1)
        .btree_map(["."])
        .preserve_proto_field_names();
    let strict = builder.generate(requests, |_| Ok(Vec::new()))?;
    let tolerant = builder
        .exclude(requests)
        .ignore_unknown_fields()
        .generate(&[".pressrun"], |_| Ok(Vec::new()))?;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (package, code) in strict.into_iter().chain(tolerant) {
        files.entry(package.to_string()).or_default().extend(code);
    }
    for (package, code) in files {
        fs::write(out.join(format!("{package}.serde.rs")), code)?;
    }
    Ok(())
}

/// Every message named `…Request`, and all that they contain.
fn requests(descriptors: &FileDescriptorSet) -> Vec<String> {
    let messages: Vec<(String, &DescriptorProto)> = descriptors
        .file
        .iter()
        .filter(|file| file.package().starts_with("pressrun."))
        .flat_map(|file| {
            file.message_type
                .iter()
                .map(|message| (format!(".{}.{}", file.package(), message.name()), message))
        })
        .collect();
    let mut open: Vec<&str> = messages
        .iter()
        .map(|(path, _)| path.as_str())
        .filter(|path| path.ends_with("Request"))
        .collect();
    let mut found = BTreeSet::new();
    while let Some(path) = open.pop() {
        let Some((path, message)) = messages.iter().find(|(known, _)| known == path) else {
            continue;
        };
        if found.insert(path.clone()) {
            open.extend(message.field.iter().map(|field| field.type_name()));
        }
    }
    found.into_iter().collect()
}
