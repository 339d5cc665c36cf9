//! One proxy on a fixed port, to measure the data plane alone.
//!
//! `cargo run --release -p standfast-faultproxy --example through -- LISTEN UPSTREAM [THREADS]
//! [LATENCY_MS]`; it ends with its standard input.

use std::error::Error;
use std::io::Read;

use standfast_faultproxy::toxic::{Direction, Latency, Toxic, ToxicKind};
use standfast_faultproxy::{FaultProxy, Options, ProxyDeclaration};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(upstream)) = (arguments.next(), arguments.next()) else {
        return Err("LISTEN and UPSTREAM are missing".into());
    };
    let threads = arguments.next().map(|threads| threads.parse()).transpose()?;
    let latency = arguments.next().map(|latency| latency.parse()).transpose()?;
    let toxics = latency.map(|latency| {
        Toxic::new(ToxicKind::Latency(Latency { latency, jitter: 0 }), Direction::Downstream)
    });
    let proxy = FaultProxy::start(Options { threads, ..Options::default() })?;
    let declaration = ProxyDeclaration {
        listen,
        toxics: toxics.into_iter().collect(),
        ..ProxyDeclaration::local("through", upstream)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(proxy.create(declaration))?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
