//! Serves one service without the lab: `cargo run --example serve -- cache-fallback/offers 5000`.
//! Its configuration comes from the environment, as it does under the lab.

use std::net::Ipv4Addr;

use standfast_systems::{ServeOptions, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("the first argument names a service")?;
    let port = arguments.next().ok_or("the second argument is its port")?.parse()?;
    let options = ServeOptions {
        bind: Ipv4Addr::LOCALHOST,
        port,
        instance: "example".to_owned(),
        clock_scale: None,
    };
    let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    Ok(serve(&name, options, interrupted).await?)
}
