//! PAM service files, read and evaluated as libpam does it. Knows nothing of the world but what a
//! `Source` gives.
#![forbid(unsafe_code)]

pub mod code;
pub mod control;
pub mod dispatch;
pub mod line;
pub mod module;
pub mod rule;
pub mod search;
pub mod stack;
