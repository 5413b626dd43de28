//! The person who installs, at a terminal or behind options.

use std::io::{self, BufRead, IsTerminal};

use crannog_keyd_install::{Operator, Step};
use crannog_keyd_keys::StoreId;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::output::{self, Printer};

/// Sees steps and answers questions.
pub(super) struct Person<'a> {
    printer: &'a Printer,
    /// The store's id, said beforehand.
    store: Option<String>,
}

impl<'a> Person<'a> {
    pub(super) fn new(printer: &'a Printer, store: Option<String>) -> Self {
        Self { printer, store }
    }
}

impl Operator for Person<'_> {
    fn step(&mut self, step: &Step) {
        self.printer.say(&step.to_string());
    }

    fn show_recovery_key(&mut self, text: &str) -> io::Result<()> {
        if !io::stderr().is_terminal() {
            let message = "the recovery key is shown at a terminal only; give --recovery-file";
            return Err(io::Error::new(io::ErrorKind::NotConnected, message));
        }
        output::aside(&format!(
            "\nThe recovery key opens every key of this service, on any machine. Write it down now; it is shown once:\n\n  {text}\n\n"
        ));
        Ok(())
    }

    fn recovery_key(&mut self, wrong: u32) -> io::Result<Option<Zeroizing<String>>> {
        let question = match wrong {
            0 => "Type it back",
            _ => "KEY-014: that does not open the store; type it again (an empty line ends here)",
        };
        let typed = Zeroizing::new(rpassword::prompt_password(format!("{question}: "))?);
        Ok((!typed.trim().is_empty()).then(|| Zeroizing::new(typed.trim().to_owned())))
    }

    fn store_id(&mut self, store: &StoreId) -> io::Result<Option<String>> {
        if self.store.is_some() {
            return Ok(self.store.take());
        }
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Ok(None);
        }
        let id = HEXLOWER.encode(&store.0);
        output::aside(&format!(
            "All keys of store {id} and its audit log are destroyed, for ever.\nType its id to go on: "
        ));
        let mut typed = String::new();
        io::stdin().lock().read_line(&mut typed)?;
        let typed = typed.trim().to_owned();
        Ok((!typed.is_empty()).then_some(typed))
    }
}
