//! The arguments of the module's line in pam.d.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use crate::audit::escape;
use crate::refusal::{Reason, Refusal};

/// Where the configuration is unless `config=` says otherwise.
pub const CONFIG: &str = "/etc/countersign/countersign.toml";

/// `config=PATH` and `debug`.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Where the configuration is.
    pub config: PathBuf,
    /// Each request is logged.
    pub debug: bool,
}

impl Arguments {
    /// Reads the words behind the module's name in a stack.
    ///
    /// # Errors
    ///
    /// An argument that is not known is refused: it may have been meant to make the module
    /// stricter.
    pub fn parse(arguments: &[String]) -> Result<Self, Refusal> {
        let mut parsed = Self { config: PathBuf::from(CONFIG), debug: false };
        for argument in arguments {
            match argument.split_once('=') {
                Some(("config", path)) if path.starts_with('/') => parsed.config = path.into(),
                Some(("config", _)) => {
                    let detail = "argument config: expected an absolute path";
                    return Err(Refusal::new(Reason::BadArgument, detail));
                }
                None if argument == "debug" => parsed.debug = true,
                Some(_) | None => {
                    let known = "known are config=PATH and debug";
                    let detail = format!("unknown argument {}: {known}", escape(argument));
                    return Err(Refusal::new(Reason::BadArgument, detail));
                }
            }
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, Refusal> {
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        Arguments::parse(&arguments)
    }

    #[test]
    fn without_arguments_the_usual_configuration_is_read() {
        let usual = Arguments { config: CONFIG.into(), debug: false };
        assert_eq!(parse(&[]), Ok(usual));
        let other = Arguments { config: "/x/y.toml".into(), debug: true };
        assert_eq!(parse(&["debug", "config=/x/y.toml"]), Ok(other));
    }

    #[test]
    fn an_argument_that_is_not_known_is_refused() {
        for (argument, detail) in [
            ("nullok", "unknown argument nullok: known are config=PATH and debug"),
            ("debug=1", "unknown argument debug=1: known are config=PATH and debug"),
            ("config=x.toml", "argument config: expected an absolute path"),
        ] {
            assert_eq!(parse(&[argument]), Err(Refusal::new(Reason::BadArgument, detail)));
        }
    }
}
