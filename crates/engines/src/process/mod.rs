//! Child processes that cannot outlive us.
//!
//! Three nets, each for a hole in the one above: dropping the last [`Child`] kills its tree; the
//! kernel kills every direct child when the [`Spawner`]'s thread ends (`PR_SET_PDEATHSIG`); and the
//! guardian, a process of our own binary, kills whatever is left however we die. What even a lost
//! machine leaves behind is found again by its [`ProcessRecord`].

mod captured;
mod child;
mod command;
mod error;
mod exit;
mod guardian;
mod guardian_link;
mod identity;
pub(crate) mod kernel;
mod line_tee;
mod log_file;
mod mark;
mod namespace;
mod own_children;
mod port;
pub(crate) mod probe;
pub(crate) mod proc_folder;
mod processor_use;
mod record;
mod spawner;
pub(crate) mod tree;
mod worker;

pub use captured::Finished;
pub use child::{Child, StopPlan, Stopped};
pub use command::{CommandSpec, Output};
pub use error::ProcessError;
pub use exit::Exit;
pub use guardian::guard;
pub use guardian_link::Guardian;
pub use identity::ProcessId;
pub use log_file::last_lines;
pub use namespace::Namespace;
pub use nix::sys::signal::Signal;
pub(crate) use port::is_port_free_at;
pub use port::{PortHolder, holder_of_port, is_port_free};
pub use processor_use::{ProcessorTime, ProcessorUse};
pub use record::{ProcessRecord, reap};
pub use spawner::Spawner;
