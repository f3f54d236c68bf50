//! Bad input at every door: refused by name, before any work, and nothing breaks.

mod answers;
mod briefs;
mod chatter;
mod jobs;
mod outcomes;
mod streams;

use system_tests::stack::{Role, Stack};

/// Every process still runs, and none has panicked.
fn assert_unharmed(stack: &Stack) {
    assert!(stack.model_runs());
    for service in &stack.services {
        let name = service.role.binary();
        assert!(service.process.is_running(), "{name} has ended");
        let log = service.process.log();
        assert!(!log.contains("panicked"), "{name}: {log}");
    }
}

/// The most memory that the first process of a role ever had, KiB.
fn peak_memory(stack: &Stack, role: Role) -> anyhow::Result<u64> {
    let process = stack.all(role).next().and_then(|found| found.process.pid());
    let pid = process.expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(number.expect("a peak").trim().parse()?)
}
