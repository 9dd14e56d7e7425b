//! PAM service files, read and evaluated as libpam does it.
//!
//! [`stack::read`] makes the lines of a service from its files; [`search::ends`] tries every path
//! through them, whatever the modules say. The files come from a [`stack::Source`], and what is
//! known of the module that a search is about from a [`module::World`]: the library reads no file
//! itself.
#![forbid(unsafe_code)]

pub mod code;
pub mod control;
pub mod dispatch;
pub mod line;
pub mod module;
pub mod rule;
pub mod search;
pub mod stack;
