//! Who calls: an API key becomes a principal before a service sees the call. All is denied by default.

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{Extensions, HeaderMap, Uri, header};
use model::{TenantId, id::InvalidId};
use tonic::Status;

use crate::{
    limits::MAX_KEY_BYTES,
    metric::{self, label},
    refuse::refuse,
};

/// The tenant of those who call without a key on loopback.
pub const LOCAL_TENANT: &str = "local";

/// What a principal may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Submits, cancels, regenerates; and looks.
    Editor,
    /// Decides reviews; and all that an editor may.
    Approver,
    /// Publishes; and looks.
    Publisher,
    /// Runs the system: cancels, drains, parks; and looks.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Viewer,
        Self::Editor,
        Self::Approver,
        Self::Publisher,
        Self::Operator,
        Self::Admin,
    ];

    /// The name used in stored records and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Approver => "approver",
            Self::Publisher => "publisher",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether who has this role may do what asks for `needed`.
    pub fn may(self, needed: Self) -> bool {
        self == needed
            || self == Self::Admin
            || needed == Self::Viewer
            || (self == Self::Approver && needed == Self::Editor)
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whose data they see.
    pub tenant: TenantId,
    /// What they may do.
    pub role: Role,
    /// What they are called in records: the key's label; [`LOCAL_TENANT`] without keys, and for no key.
    pub by: String,
}

impl Principal {
    /// The caller of a request (`request.extensions()`).
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for a call that came past the guard.
    pub fn of(extensions: &Extensions) -> Result<&Self, Status> {
        extensions
            .get()
            .ok_or_else(|| Status::unauthenticated("the call has no caller"))
    }

    /// Whom a run is submitted by: nobody in particular where there are no keys, since one person is all there is, and
    /// would be kept from deciding on what they asked for.
    pub fn author(&self) -> &str {
        if self.by == LOCAL_TENANT {
            ""
        } else {
            &self.by
        }
    }

    /// The caller of a request, who must have one of these roles.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` as [`Principal::of`]; `PERMISSION_DENIED`, with the roles that would do.
    pub fn with_role<'a>(extensions: &'a Extensions, any_of: &[Role]) -> Result<&'a Self, Status> {
        let caller = Self::of(extensions)?;
        if any_of.iter().any(|needed| caller.role.may(*needed)) {
            return Ok(caller);
        }
        metrics::counter!(metric::CALLS_REFUSED, label::REASON => "role").increment(1);
        let needed: Vec<_> = any_of.iter().map(|role| role.as_str()).collect();
        Err(Status::permission_denied(format!(
            "this needs the role {}; the key has the role {}",
            needed.join(" or "),
            caller.role.as_str()
        )))
    }
}

/// The keys cannot be looked up now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("api keys cannot be looked up: {0}")]
pub struct KeysUnavailable(pub String);

/// Where API keys are known. Implementations keep hashes, never keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Whose key it is; `None` for an unknown one. Asked for each call: what is slow is kept.
    ///
    /// # Errors
    /// When it cannot be told; the call is refused then.
    async fn principal(&self, key: &str) -> Result<Option<Principal>, KeysUnavailable>;
}

/// Who is let in.
#[derive(Clone, Default)]
pub enum Guard {
    /// Nobody: for a process without services.
    #[default]
    Closed,
    /// Who has a key.
    Keys(Arc<dyn Keys>),
    /// Everyone on this machine, as this principal. Only on loopback.
    LocalOnly(Principal),
}

impl Guard {
    /// Lets everyone on this machine in, as admin of the tenant [`LOCAL_TENANT`].
    ///
    /// # Errors
    /// Never, as long as [`LOCAL_TENANT`] is an id.
    pub fn local_only() -> Result<Self, InvalidId> {
        Ok(Self::LocalOnly(Principal {
            tenant: TenantId::new(LOCAL_TENANT)?,
            role: Role::Admin,
            by: LOCAL_TENANT.to_owned(),
        }))
    }

    /// Who calls, by the request's address and headers. Every port asks this for its guarded routes; only
    /// who serves pages, where a refusal must be one too, asks it itself.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `PERMISSION_DENIED` or `UNAVAILABLE`: the call is to be refused.
    pub async fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<Principal, Status> {
        match self {
            Self::Closed => Err(Status::permission_denied("nothing is served here")),
            Self::LocalOnly(principal) => {
                if is_local(uri, headers) {
                    Ok(principal.clone())
                } else {
                    Err(Status::permission_denied(
                        "without api keys only calls to localhost are served",
                    ))
                }
            }
            Self::Keys(keys) => {
                let key = bearer(headers).ok_or_else(|| {
                    Status::unauthenticated("send an api key: `authorization: Bearer <key>`")
                })?;
                keys.principal(key)
                    .await
                    .map_err(|error| Status::unavailable(error.to_string()))?
                    .ok_or_else(|| Status::unauthenticated("the api key is unknown"))
            }
        }
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Closed => "Closed",
            Self::Keys(_) => "Keys",
            Self::LocalOnly(_) => "LocalOnly",
        })
    }
}

/// Services without keys would be open to the network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "refusing to listen on {0} without api keys: anyone who reaches it could do anything; \
     make a key, or listen on 127.0.0.1"
)]
pub struct Exposed(pub SocketAddr);

/// Refuses to open services without keys beyond this machine.
///
/// # Errors
/// [`Exposed`].
pub fn check_exposure(addr: SocketAddr, has_keys: bool) -> Result<(), Exposed> {
    if has_keys || addr.ip().to_canonical().is_loopback() {
        Ok(())
    } else {
        Err(Exposed(addr))
    }
}

/// The key of `authorization: Bearer <key>`, if it is one in form.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    let is_key =
        (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && is_key).then_some(key)
}

/// Whether the call names this machine, so that no web page reaches us under a name of its own.
fn is_local(uri: &Uri, headers: &HeaderMap) -> bool {
    let host = uri.host().map(str::to_owned).or_else(|| {
        let host = headers.get(header::HOST)?.to_str().ok()?;
        let authority: http::uri::Authority = host.parse().ok()?;
        Some(authority.host().to_owned())
    });
    host.is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || address
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.to_canonical().is_loopback())
    })
}

/// Puts the [`Principal`] into the request, or refuses it.
pub(crate) async fn authenticate(
    State((guard, proven)): State<(Guard, &'static [&'static str])>,
    mut request: Request,
    next: Next,
) -> Response {
    if proven.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    match guard.admit(request.uri(), request.headers()).await {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(status) => {
            metrics::counter!(metric::CALLS_REFUSED, label::REASON => "key").increment(1);
            refuse(request.headers(), &status)
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn roles_are_what_the_table_says() {
        // Who may do what asks for viewer, editor, approver, publisher, operator, admin.
        let table = [
            (Role::Viewer, [true, false, false, false, false, false]),
            (Role::Editor, [true, true, false, false, false, false]),
            (Role::Approver, [true, true, true, false, false, false]),
            (Role::Publisher, [true, false, false, true, false, false]),
            (Role::Operator, [true, false, false, false, true, false]),
            (Role::Admin, [true; 6]),
        ];
        for (role, may) in table {
            assert_eq!(Role::ALL.map(|needed| role.may(needed)), may, "{role:?}");
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("root"), None);
    }

    #[test]
    fn only_a_well_formed_bearer_key_is_read() {
        let read = |value: &str| {
            let headers = HeaderMap::from_iter([(
                header::AUTHORIZATION,
                value.parse().expect("a header value"),
            )]);
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(read("Bearer k-1").as_deref(), Some("k-1"));
        assert_eq!(read("bearer  k-1").as_deref(), Some("k-1"));
        let long = format!("Bearer {}", "k".repeat(MAX_KEY_BYTES + 1));
        for bad in ["", "Bearer", "Bearer ", "Basic k", "k", "Bearer a b", &long] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn nothing_is_open_beyond_loopback_without_keys() {
        for (addr, open) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("192.168.1.5:1", false),
        ] {
            let addr: SocketAddr = addr.parse().expect("an address");
            assert_eq!(check_exposure(addr, false).is_ok(), open, "{addr}");
            assert_eq!(check_exposure(addr, true), Ok(()));
        }
    }

    #[tokio::test]
    async fn without_keys_a_foreign_name_is_refused() {
        let guard = Guard::local_only().expect("an id");
        let admit = async |uri: &'static str, host: Option<&'static str>| {
            let host = host.map(|host| (header::HOST, HeaderValue::from_static(host)));
            guard
                .admit(&Uri::from_static(uri), &HeaderMap::from_iter(host))
                .await
        };
        for host in ["localhost:80", "127.0.0.1:80", "[::1]:80", "LOCALHOST"] {
            let caller = admit("/", Some(host)).await.expect(host);
            assert_eq!(
                (caller.tenant.as_str(), caller.role),
                ("local", Role::Admin)
            );
        }
        assert!(admit("http://localhost:1/x", None).await.is_ok());
        for host in [
            None,
            Some("evil.example"),
            Some("localhost.evil.example"),
            Some("10.0.0.1"),
        ] {
            assert!(admit("/", host).await.is_err(), "{host:?}");
        }
        assert!(
            admit("http://evil.example/x", Some("localhost"))
                .await
                .is_err()
        );
    }
}
