//! Equipment that several files of tests share.

pub mod machine;
pub mod server;
pub mod session;
pub mod terminal;
pub mod traced;
