//! The collection of proxies: their names, addresses, toxics and counters, and all that can be done
//! to them while connections run.

mod address;
mod declaration;
mod error;
mod fault_proxy;
mod listening;
mod settings;
mod toxics;
mod view;

pub use declaration::{ProxyChange, ProxyDeclaration, ToxicChange};
pub use error::{PopulateError, ProxyError, StartError};
pub use fault_proxy::{FaultProxy, Options};
pub use view::{Adoption, Counters, Flow, ProxyView, ToxicView};
