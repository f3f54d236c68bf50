//! The directory of a deployment: its secrets, and for each service the files that it alone may read.
//!
//! `keys` holds the secrets themselves. They are made once and never written over; whoever keeps this folder
//! keeps the deployment. Every other folder is made out of it and written anew at each start, so that a new
//! version brings new rights and a lost folder comes back.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow, bail};
use bus::{
    nats::{
        Role,
        users::{User, UserKey, configuration},
    },
    signature::{Seed, Signer},
};
use event_gateway::console::Secrets;
use model::TenantId;
use worker::Agent;

/// What an API key begins with, so that secret scanners know one.
pub(crate) const API_KEY_PREFIX: &str = "prk_";
/// Users of outside followers that one deployment may have.
const MAX_SUBSCRIBERS: usize = 1_000;
/// The database and its owner.
const DATABASE: &str = "pressrun";
/// Who services log in as.
const LOGIN: &str = "pressrun_service";
/// Where NATS listens in its container: for the network of the deployment, and for its own health check.
const NATS_LISTEN: &str = "0.0.0.0:4222";
const NATS_MONITOR: &str = "127.0.0.1:8222";

const KEYS: &str = "keys";
const SIGNING: &str = "signing.key";
const RETIRED: &str = "signing.retired.pub";
const API: &str = "api.key";
const SESSION: &str = "session.secrets";
const OWNER: &str = "owner.password";
const SERVICE: &str = "service.password";
const SUBSCRIBER: &str = "subscriber-";
const SEED: &str = ".seed";

/// The services' and people's folders, by name.
const ADMIN: &str = "admin";
const NATS: &str = "nats";
const POSTGRES: &str = "postgres";

/// A secret that can be made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Secret {
    /// The key that signs jobs; workers take the old one's public half along until the next time.
    Signing,
    /// The nkeys of all NATS users.
    Nats,
    /// The password that services log in with.
    Database,
    /// The first tenant's API key; the old one works until its row is deleted.
    Api,
    /// What console sessions are sealed with; the old one opens sessions until the next time.
    Session,
}

/// A deployment's directory, held by this process.
pub(crate) struct Setup {
    dir: PathBuf,
    made: Vec<String>,
    _lock: File,
}

/// What `pressrun migrate` needs of the directory.
pub(crate) struct Admin {
    /// Postgres, as its owner.
    pub(crate) owner_url: String,
    /// Postgres, as services log in.
    pub(crate) service_url: String,
    /// The first tenant's API key.
    pub(crate) api_key: String,
}

impl Setup {
    /// Takes a directory, made if it is missing.
    ///
    /// # Errors
    /// When another process has it, or it cannot be written.
    pub(crate) fn open(dir: &Path) -> anyhow::Result<Self> {
        make_dir(&dir.join(KEYS))?;
        let path = dir.join(KEYS).join("lock");
        let lock =
            File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another `pressrun init` has {}", dir.display()),
            Err(TryLockError::Error(error)) => return Err(error).context("locking"),
        }
        Ok(Self {
            dir: dir.to_owned(),
            made: Vec::new(),
            _lock: lock,
        })
    }

    /// Makes what is missing and writes every service's folder; the names of the secrets that were made.
    /// `postgres` is where services reach it, `host:port`.
    ///
    /// # Errors
    /// When a file cannot be read or written, or holds what it should not.
    pub(crate) fn fill(
        mut self,
        postgres: &str,
        subscribers: &[TenantId],
        rotate: &[Secret],
    ) -> anyhow::Result<Vec<String>> {
        for secret in rotate {
            self.remove(*secret)?;
        }
        let signing = self.secret(SIGNING, new_seed)?;
        let api = self.secret(API, || Ok(format!("{API_KEY_PREFIX}{}", new_seed()?)))?;
        let owner = self.secret(OWNER, new_seed)?;
        let service = self.secret(SERVICE, new_seed)?;
        let session = self.secret(SESSION, || Ok(Secrets::generate()?))?;
        let users = self.users(subscribers)?;

        let url = |name: &str, password: &str| {
            format!("postgres://{name}:{password}@{postgres}/{DATABASE}")
        };
        let signer = Signer::new(&Seed::parse(&signing).context(SIGNING)?)?;
        let mut verify = signer.public_key().to_string();
        if let Ok(retired) = fs::read_to_string(self.key(RETIRED)) {
            verify = format!("{verify},{}", retired.trim());
        }
        self.give("orchestrator", "signing.key", &signing)?;
        self.give("orchestrator", "verify.keys", &verify)?;
        self.give("orchestrator", "database.url", &url(LOGIN, &service))?;
        for worker in [Role::AgentWorker, Role::AuditWorker] {
            self.give(worker.as_str(), "verify.keys", &verify)?;
        }
        self.give("event-gateway", SESSION, &session)?;
        self.give(ADMIN, "api.key", &api)?;
        self.give(ADMIN, "owner.url", &url(DATABASE, &owner))?;
        self.give(ADMIN, "service.url", &url(LOGIN, &service))?;
        // Postgres runs as a user of its image's own, who reads this as a member of our group.
        self.give_as(POSTGRES, "password", &owner, 0o640)?;
        let users: Vec<_> = users
            .into_iter()
            .map(|(key, user)| (key.public(), user))
            .collect();
        let configuration = configuration(NATS_LISTEN, NATS_MONITOR, &users);
        self.give(NATS, "nats.conf", &configuration)?;
        Ok(self.made)
    }

    /// What [`Setup::fill`] left for whoever looks after the database.
    ///
    /// # Errors
    /// When it has not been filled, or cannot be read.
    pub(crate) fn admin(dir: &Path) -> anyhow::Result<Admin> {
        let read = |name: &str| {
            let path = dir.join(ADMIN).join(name);
            fs::read_to_string(&path)
                .map(|text| text.trim().to_owned())
                .with_context(|| {
                    format!(
                        "{} cannot be read; `pressrun init` writes it",
                        path.display()
                    )
                })
        };
        Ok(Admin {
            owner_url: read("owner.url")?,
            service_url: read("service.url")?,
            api_key: read("api.key")?,
        })
    }

    /// The users of NATS, each with its seed given to its service.
    fn users(&mut self, subscribers: &[TenantId]) -> anyhow::Result<Vec<(UserKey, User)>> {
        let kinds = |agents: &[Arc<dyn Agent>]| {
            let kinds = agents.iter().map(|agent| agent.card().kind.clone());
            kinds.collect()
        };
        let writers = agents::catalogue(Arc::new(llm::Offline))
            .map_err(|failure| anyhow!("the agents cannot be named: {}", failure.message))?;
        let auditors: [Arc<dyn Agent>; 1] = [Arc::new(audit::auditor())];
        let mut users = Vec::new();
        for role in Role::ALL {
            let user = match role {
                Role::Orchestrator => User::Orchestrator,
                Role::AgentWorker => User::AgentWorker(kinds(&writers)),
                Role::AuditWorker => User::AuditWorker(kinds(&auditors)),
                Role::EventGateway => User::EventGateway,
            };
            users.push((self.nkey(role.as_str(), role.as_str(), "nats.seed")?, user));
        }
        users.push((self.nkey("operator", ADMIN, "nats.seed")?, User::Operator));
        let mut followers = self.subscribers()?;
        followers.extend(subscribers.iter().cloned());
        followers.sort();
        followers.dedup();
        if followers.len() > MAX_SUBSCRIBERS {
            bail!("more than {MAX_SUBSCRIBERS} tenants are followed from outside");
        }
        for tenant in followers {
            let name = format!("{SUBSCRIBER}{tenant}");
            let key = self.nkey(&name, ADMIN, &format!("{name}{SEED}"))?;
            users.push((key, User::Subscriber(tenant)));
        }
        Ok(users)
    }

    /// The tenants whose events someone outside follows: those with a seed.
    fn subscribers(&self) -> anyhow::Result<Vec<TenantId>> {
        let mut tenants = Vec::new();
        for entry in fs::read_dir(self.dir.join(KEYS))? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            let tenant = name
                .strip_prefix(SUBSCRIBER)
                .and_then(|rest| rest.strip_suffix(SEED));
            if let Some(tenant) = tenant {
                let tenant = TenantId::new(tenant);
                tenants.push(tenant.with_context(|| format!("{KEYS}/{name}"))?);
            }
        }
        Ok(tenants)
    }

    fn nkey(&mut self, name: &str, folder: &str, file: &str) -> anyhow::Result<UserKey> {
        let secret = format!("{name}{SEED}");
        let seed = self.secret(&secret, || Ok(UserKey::generate().reveal()?))?;
        let key = UserKey::from_seed(&seed).with_context(|| format!("{KEYS}/{secret}"))?;
        self.give(folder, file, &seed)?;
        Ok(key)
    }

    /// A secret, made if it is missing.
    fn secret(
        &mut self,
        name: &str,
        make: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<String> {
        let path = self.key(name);
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => {
                bail!("{} is empty: restore it, or remove it", path.display())
            }
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let secret = make()?;
                write(&path, &secret, 0o600)?;
                self.made.push(name.to_owned());
                Ok(secret)
            }
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    /// Forgets a secret, so that it is made anew.
    fn remove(&mut self, secret: Secret) -> anyhow::Result<()> {
        let gone: Vec<String> = match secret {
            Secret::Signing => {
                let old = Signer::new(&Seed::load(&self.key(SIGNING)).context(SIGNING)?)?;
                write(&self.key(RETIRED), &old.public_key().to_string(), 0o600)?;
                vec![SIGNING.to_owned()]
            }
            Secret::Session => {
                let path = self.key(SESSION);
                let old = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                let old = old.split(',').next().unwrap_or_default().trim().to_owned();
                write(&path, &format!("{},{old}", Secrets::generate()?), 0o600)?;
                self.made.push(SESSION.to_owned());
                Vec::new()
            }
            Secret::Database => vec![SERVICE.to_owned()],
            Secret::Api => vec![API.to_owned()],
            Secret::Nats => {
                let services = Role::ALL.map(|role| role.as_str().to_owned());
                let followers = self.subscribers()?;
                let followers = followers.iter().map(|it| format!("{SUBSCRIBER}{it}"));
                let all = services.into_iter().chain(["operator".to_owned()]);
                // Removing a follower's seed would remove the follower: it is written over instead.
                for name in all.chain(followers) {
                    let seed = UserKey::generate().reveal()?;
                    let name = format!("{name}{SEED}");
                    write(&self.key(&name), &seed, 0o600)?;
                    self.made.push(name);
                }
                Vec::new()
            }
        };
        for name in gone {
            let path = self.key(&name);
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    fn key(&self, name: &str) -> PathBuf {
        self.dir.join(KEYS).join(name)
    }

    fn give(&self, folder: &str, file: &str, text: &str) -> anyhow::Result<()> {
        self.give_as(folder, file, text, 0o600)
    }

    /// Writes a service's file, unless it is so already.
    fn give_as(&self, folder: &str, file: &str, text: &str, mode: u32) -> anyhow::Result<()> {
        let folder = self.dir.join(folder);
        make_dir(&folder)?;
        let path = folder.join(file);
        let same = fs::read_to_string(&path).is_ok_and(|found| found.trim() == text.trim());
        if same {
            Ok(())
        } else {
            write(&path, text, mode)
        }
    }
}

fn new_seed() -> anyhow::Result<String> {
    Ok(Seed::generate()?.reveal())
}

fn make_dir(dir: &Path) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o750);
    builder
        .create(dir)
        .with_context(|| format!("the folder {} cannot be made", dir.display()))
}

/// Writes a whole file or none: a start that is cut off leaves no half secret behind.
fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let fresh = path.with_extension("new");
    let written = || -> std::io::Result<()> {
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&fresh)?;
        writeln!(file, "{}", text.trim())?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        path.parent()
            .map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    };
    written().with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests;
