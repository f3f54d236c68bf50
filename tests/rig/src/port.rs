//! Ports that stay free while a server is down.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::bail;

/// Below the range from which systems draw the ports of outgoing connections (Linux: from 32768). A
/// port inside it can be taken by any client while its server is being restarted; a client that
/// reconnects to it can even end up connected to itself.
const RANGE: std::ops::Range<u16> = 15_000..32_000;

/// A TCP port of 127.0.0.1 that nobody listens on, to start and restart a server on.
///
/// Not the same one twice in a row within a process; two processes draw from different places.
///
/// # Errors
/// When every port of the range is in use.
pub fn free_port() -> anyhow::Result<u16> {
    static DRAWN: AtomicU32 = AtomicU32::new(0);
    static OFFSET: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let offset = *OFFSET.get_or_init(|| RandomState::new().hash_one(std::process::id()));
    let size = u64::from(RANGE.end - RANGE.start);
    for _ in RANGE {
        let drawn = u64::from(DRAWN.fetch_add(1, Ordering::Relaxed));
        let step = (offset.wrapping_add(drawn) % size) as u16;
        let port = RANGE.start + step;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!(
        "no free port of 127.0.0.1 in {}..{}",
        RANGE.start,
        RANGE.end
    )
}
