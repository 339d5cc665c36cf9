//! The lab: brings a system up, breaks it on purpose, and judges what its clients saw.
//!
//! [`spec`] reads the two public file formats; [`instance`] brings a system up and supervises it;
//! [`fault`] breaks parts of it and heals them; [`control`] lets other processes ask for that.

pub mod actuator;
pub mod claim;
pub mod control;
pub mod evidence;
pub mod fault;
pub mod instance;
pub mod report;
pub mod run;
pub mod spec;
pub mod verdict;
