//! The directory of `demo` and `dev` on this machine.

use std::{
    fs::{File, TryLockError},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use super::Finding;

const DATA: &str = "data";
/// Less free space than this is soon none.
const LITTLE_MIB: u64 = 1_024;
/// Less than this is none: SQLite needs room to write at all.
const NONE_MIB: u64 = 64;

/// Whether it can be worked with.
pub(super) fn look(dir: &Path) -> Vec<Finding> {
    let shown = dir.display();
    if !dir.is_dir() {
        return vec![Finding::warning(
            DATA,
            format!("{shown} is not there"),
            "`pressrun dev --data-dir` makes it at its first start; or name another",
        )];
    }
    let mut findings = vec![match rustix::fs::statvfs(dir) {
        Ok(disk) => room(
            &shown.to_string(),
            disk.f_bavail.saturating_mul(disk.f_frsize) >> 20,
        ),
        Err(error) => Finding::fault(
            DATA,
            format!("{shown} cannot be looked at: {error}"),
            "name another",
        ),
    }];
    if rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_err() {
        findings.push(Finding::fault(
            DATA,
            format!("{shown} cannot be written by this user"),
            "use the user that started pressrun there",
        ));
    }
    let key = dir.join("signing.key");
    if let Ok(found) = key.metadata()
        && found.permissions().mode() & 0o077 != 0
    {
        findings.push(Finding::fault(
            DATA,
            format!("others may read {}", key.display()),
            format!("chmod 600 {}", key.display()),
        ));
    }
    if let Ok(lock) = File::open(dir.join("lock")) {
        findings.push(match lock.try_lock() {
            Err(TryLockError::WouldBlock) => Finding::ok(DATA, "a pressrun works in it"),
            _ => Finding::ok(DATA, "no pressrun works in it now"),
        });
    }
    findings
}

pub(super) fn room(shown: &str, mib: u64) -> Finding {
    let found = format!("{shown} has {mib} MiB free");
    if mib < NONE_MIB {
        Finding::fault(DATA, found, "make room: nothing can be written")
    } else if mib < LITTLE_MIB {
        Finding::warning(DATA, found, "make room soon")
    } else {
        Finding::ok(DATA, found)
    }
}
