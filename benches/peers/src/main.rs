//! Other WebSocket clients, doing the works of the benchmarks: one run, one work, one line of JSON.

mod clients;
mod measure;
mod options;
mod session;
mod target;
mod transport;
mod works;

use std::process::ExitCode;

use options::{Command, Options};

/// The exit status that tells the harness: this client cannot do this work.
const SKIPPED: u8 = 77;

fn main() -> ExitCode {
    let command = match Command::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(complaint) => {
            eprintln!("rust_peers: {complaint}");
            return ExitCode::from(2);
        }
    };
    match command {
        Command::List => {
            for client in clients::all() {
                println!("{}\trust_peers\t{}", client.name, client.works.join(","));
            }
            ExitCode::SUCCESS
        }
        Command::Settings(name) => match clients::find(&name) {
            Some(client) => {
                println!("{}", (client.settings)());
                ExitCode::SUCCESS
            }
            None => unknown(&name),
        },
        Command::Run(options) => run(&options),
    }
}

fn run(options: &Options) -> ExitCode {
    let Some(client) = clients::find(&options.client) else {
        return unknown(&options.client);
    };
    if !client.works.contains(&options.work.as_str()) {
        eprintln!("rust_peers: {} does not do {}", client.name, options.work);
        return ExitCode::from(SKIPPED);
    }
    match (client.run)(options) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("rust_peers: {} {}: {error}", options.client, options.work);
            ExitCode::FAILURE
        }
    }
}

fn unknown(name: &str) -> ExitCode {
    eprintln!("rust_peers: no client is named {name}");
    ExitCode::from(2)
}
