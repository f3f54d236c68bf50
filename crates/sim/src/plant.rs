//! Bugs planted on purpose: a simulation that does not find them finds nothing.
//!
//! A new one is an entry in the list of whoever has it: the orchestrator's core, the worker, the gateway, or
//! here the store that is simulated.

use std::str::FromStr;

/// A planted bug, and who has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// The orchestrators.
    Core(orchestrator::core::Planted),
    /// The workers.
    Worker(worker::Planted),
    /// The gateway.
    Gateway(event_gateway::Planted),
    /// The store.
    Store(StoreBug),
}

/// A planted bug of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoreBug {
    /// None: the store as it should be.
    #[default]
    None,
    /// It takes a transition whatever version the run has.
    NoVersionCheck,
    /// It does not look whether another run was born under the same idempotency key.
    NoKeyCheck,
    /// It finds a run by its id, whoever asks.
    TenantNotAsked,
    /// A claim takes jobs whose pace does not let them go yet.
    PacesNotAsked,
}

impl StoreBug {
    const ALL: &[(&str, Self)] = &[
        ("no-version-check", Self::NoVersionCheck),
        ("no-key-check", Self::NoKeyCheck),
        ("tenant-not-asked", Self::TenantNotAsked),
        ("paces-not-asked", Self::PacesNotAsked),
    ];
}

fn each<T: Copy>(
    bugs: &'static [(&'static str, T)],
    of: impl Fn(T) -> Plant,
) -> impl Iterator<Item = (&'static str, Plant)> {
    bugs.iter().map(move |(name, bug)| (*name, of(*bug)))
}

impl Plant {
    /// All of them, each with its name on the command line.
    pub fn all() -> impl Iterator<Item = (&'static str, Self)> {
        each(orchestrator::core::Planted::ALL, Self::Core)
            .chain(each(worker::Planted::ALL, Self::Worker))
            .chain(each(event_gateway::Planted::ALL, Self::Gateway))
            .chain(each(StoreBug::ALL, Self::Store))
    }

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        let found = Self::all().find(|(_, plant)| *plant == self);
        found.map_or("none", |(name, _)| name)
    }

    /// What the orchestrators are told.
    pub(crate) fn in_core(plant: Option<Self>) -> orchestrator::core::Planted {
        match plant {
            Some(Self::Core(bug)) => bug,
            _ => Default::default(),
        }
    }

    /// What the workers are told.
    pub(crate) fn in_worker(plant: Option<Self>) -> worker::Planted {
        match plant {
            Some(Self::Worker(bug)) => bug,
            _ => Default::default(),
        }
    }

    /// What the gateway's streams are told.
    pub(crate) fn in_gateway(plant: Option<Self>) -> event_gateway::Planted {
        match plant {
            Some(Self::Gateway(bug)) => bug,
            _ => Default::default(),
        }
    }

    /// What the store is told.
    pub(crate) fn in_store(plant: Option<Self>) -> StoreBug {
        match plant {
            Some(Self::Store(bug)) => bug,
            _ => Default::default(),
        }
    }
}

impl FromStr for Plant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::all()
            .find_map(|(known, plant)| (known == name).then_some(plant))
            .ok_or_else(|| {
                let known: Vec<_> = Self::all().map(|(name, _)| name).collect();
                format!(
                    "no planted bug is called `{name}`; there are {}",
                    known.join(", ")
                )
            })
    }
}
