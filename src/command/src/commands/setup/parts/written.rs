//! What every part of a setup can do.
#![forbid(unsafe_code)]

use super::super::change::Change;
use super::super::undone::{Naming, Undone};
use crate::machine::root::Root;
use crate::ui::output::Done;

/// A part of a setup. Each step is made for all parts before the next one.
pub trait Written {
    /// The files that change, in the order in which they are shown.
    fn changes(&self) -> Vec<&Change>;

    /// First step: writes the files.
    fn write(&self, root: &Root) -> Done {
        self.changes().into_iter().try_for_each(|change| change.write(root))
    }

    /// Second step: has another program make stacks of what was written.
    fn generate(&self, _root: &Root) -> Done {
        Ok(())
    }

    /// Third step, once the stacks are known to hold: has a running program read what was written.
    fn reload(&self, _root: &Root) -> Done {
        Ok(())
    }

    /// Whether this system can take it back at all.
    fn can_be_undone(&self, _root: &Root) -> Done {
        Ok(())
    }

    /// Whether another program makes this stack of its files.
    fn generates(&self, _path: &str) -> bool {
        false
    }

    /// Whether a login needs it as long as its stack names the module: it is taken back behind all
    /// stacks.
    fn outlives_stacks(&self) -> bool {
        false
    }

    /// Takes it back, as far as that can be done now.
    fn undo(&self, root: &Root, naming: &Naming<'_>, undone: &mut Undone);
}
