//! What a command works with: the profile, the connection to its agent, the printer.

use std::path::PathBuf;

use crannog_agent_api::{Answer, Client, Code, Failure, Request, home};

use crate::args::Global;
use crate::output::Printer;
use crate::shown::Remarks;
use crate::talk::{With, talk};
use crate::{local_path, password};

/// One command's session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) home: PathBuf,
    pub(crate) global: Global,
    pub(crate) printer: Printer,
    pub(crate) remarks: Remarks,
    client: Option<Client>,
}

impl Session {
    /// Not connected yet.
    pub(crate) fn new(global: Global, printer: Printer) -> Result<Self, Failure> {
        Ok(Self {
            home: home::locate()?,
            global,
            printer,
            remarks: Remarks::default(),
            client: None,
        })
    }

    /// The agent, if one runs.
    pub(crate) async fn running(&mut self) -> Result<Option<&mut Client>, Failure> {
        if self.client.is_none() {
            self.client = Client::connect(&self.home).await?;
        }
        Ok(self.client.as_mut())
    }

    /// The agent, started if need be.
    pub(crate) async fn agent(&mut self) -> Result<&mut Client, Failure> {
        let client = match self.client.take() {
            Some(client) => client,
            None => {
                let program =
                    std::env::current_exe().map_err(|error| local_path::local("crannog", &error))?;
                Client::connect_or_start(&self.home, &program).await?
            }
        };
        Ok(self.client.insert(client))
    }

    /// A request that needs nothing but its words. A locked agent is unlocked on the way, if there is a password.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<Answer, Failure> {
        match self.ask_with(&request, With::default()).await {
            // Who locks while we work wants us to end.
            Err(failure) if failure.code == Code::Locked && !self.remarks.begun => {
                self.unlock_or(failure).await?;
                self.ask_with(&request, With::default()).await
            }
            result => result,
        }
    }

    /// A request with bytes or questions, sent once.
    pub(crate) async fn ask_with(&mut self, request: &Request, with: With) -> Result<Answer, Failure> {
        self.agent().await?;
        let Some(client) = self.client.as_mut() else {
            return Err(Failure::new(Code::Internal, "there is no connection"));
        };
        talk(client, request, with, &mut self.printer, &mut self.remarks).await
    }

    /// Unlocks beforehand: for requests whose bytes cannot be sent twice.
    pub(crate) async fn make_ready(&mut self) -> Result<(), Failure> {
        match self.ask_with(&Request::Status, With::default()).await? {
            Answer::Status(status) if status.locked => self.unlock_or(locked()).await,
            _ => Ok(()),
        }
    }

    async fn unlock_or(&mut self, failure: Failure) -> Result<(), Failure> {
        let password = password::current(self.global.password_file().as_ref())
            .await?
            .ok_or(failure)?;
        self.ask_with(&Request::Unlock { password }, With::default())
            .await
            .map(drop)
    }
}

/// Without a password there is no way on.
pub(crate) fn locked() -> Failure {
    let failure = Failure::new(Code::Locked, "the agent is locked");
    failure.hint("run `crannog unlock`, or give --password-file or CRANNOG_PASSWORD_FILE")
}
