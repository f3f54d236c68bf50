//! What travels: the messages of `proto/`, compiled, with their JSON mapping, their errors, and the
//! conversions to and from `model`.
//!
//! JSON is the proto mapping with the field names as the `.proto` files spell them. Requests refuse unknown
//! fields; everything else ignores them, so that a reader may be older than the writer.
//!
//! It must never decide anything, and knows neither the engine nor the store.
//!
//! Start with `proto/pressrun/campaign/v1/campaign.proto`, then [`convert`], [`json`] and [`problem`].

pub mod convert;
pub mod json;
pub mod problem;
pub mod time;

/// All messages and services, as an encoded `FileDescriptorSet`: for reflection.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

macro_rules! package {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub mod $name {
            /// Version 1.
            #[expect(
                missing_docs,
                reason = "generated; the .proto file is the documentation"
            )]
            #[allow(
                clippy::large_enum_variant,
                reason = "generated; few messages have a variant of such size"
            )]
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/pressrun.", stringify!($name), ".v1.rs"));
                include!(concat!(env!("OUT_DIR"), "/pressrun.", stringify!($name), ".v1.serde.rs"));
            }
        }
    };
}

package!(/// Which agents are alive (`agent.proto`).
    agent);
package!(/// Artifact versions and the workers' door (`artifact.proto`).
    artifact);
package!(/// Who a caller is (`auth.proto`).
    auth);
package!(/// The workflow `campaign` (`campaign.proto`).
    campaign);
package!(/// Lifecycle events (`events.proto`).
    events);
package!(/// Jobs, outcomes and presence on the bus (`job.proto`).
    job);
package!(/// Brands, templates and resources that are kept (`library.proto`).
    library);
package!(/// The workflow `publications` (`publication.proto`).
    publication);
package!(/// What people decide (`review.proto`).
    review);
package!(/// Runs of any workflow (`run.proto`).
    run);
package!(/// How the installation stands (`system.proto`).
    system);
package!(/// Definitions and their runs (`workflow.proto`).
    workflow);
