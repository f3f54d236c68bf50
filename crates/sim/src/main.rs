//! Runs seeds of the simulation: `sim --seeds 5000`, `sim --seed 7` replays one and shows all of it.

#![expect(clippy::print_stdout, reason = "this is a command-line tool")]

mod arguments;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser as _;

use arguments::Arguments;

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.seed {
        let report = sim::run(seed, arguments.plant, true)?;
        println!("{}\n{report} (trace {:016x})", report.weather, report.trace);
        return Ok(ExitCode::from(u8::from(report.violation.is_some())));
    }
    let (started, mut events, mut calls) = (Instant::now(), 0, 0);
    let mut lasted = Duration::ZERO;
    for done in 0..arguments.seeds {
        let report = sim::run(arguments.from + done, arguments.plant, false)?;
        events += report.events;
        calls += report.calls;
        lasted += report.lasted;
        if report.violation.is_some() {
            let plant = arguments.plant.map_or(String::new(), |plant| {
                format!(" --plant {}", plant.as_str())
            });
            println!("{}\n{report}", report.weather);
            println!(
                "found after {} seeds; replay: sim --seed {}{plant}",
                done + 1,
                report.seed
            );
            return Ok(ExitCode::FAILURE);
        }
        if (done + 1) % 100 == 0 || done + 1 == arguments.seeds {
            let rate = (done + 1) as f64 / started.elapsed().as_secs_f64();
            println!(
                "{} seeds whole, {rate:.1} a second; {events} events, {calls} calls of agents, {} hours",
                done + 1,
                lasted.as_secs() / 3_600
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
