//! The commands, a file for each group: its words, its request, what it shows.

pub(crate) mod account;
pub(crate) mod agent;
pub(crate) mod audit;
pub(crate) mod browse;
pub(crate) mod change;
pub(crate) mod close;
pub(crate) mod completions;
pub(crate) mod contacts;
pub(crate) mod drive;
pub(crate) mod export;
pub(crate) mod heal;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod people;
pub(crate) mod share;
pub(crate) mod transfer;
pub(crate) mod transfers;
pub(crate) mod trash;
pub(crate) mod watch;

use std::process::ExitCode;

use crannog_agent_api::Failure;

use crate::args::{Arguments, Command};
use crate::output::Printer;
use crate::session::Session;
use crate::shown::{Remarks, Shown};

/// Runs a command to its last word.
pub(crate) async fn run(arguments: Arguments, mut printer: Printer) -> ExitCode {
    match Session::new(arguments.global.clone(), printer) {
        Ok(mut session) => {
            let outcome = dispatch(arguments.command, &mut session).await;
            session.printer.finish(outcome, &session.remarks)
        }
        Err(failure) => {
            printer = Printer::new(&arguments.global);
            printer.finish(Err(failure), &Remarks::default())
        }
    }
}

async fn dispatch(command: Command, session: &mut Session) -> Result<Shown, Failure> {
    match command {
        Command::Join(join) => join.run(session).await,
        Command::Recover(recover) => recover.run(session).await,
        Command::Passwd(passwd) => passwd.run(session).await,
        Command::Account(account) => account.run(session).await,
        Command::Whoami(whoami) => whoami.run(session).await,
        Command::Devices(devices) => devices.run(session).await,
        Command::Status(status) => status.run(session).await,
        Command::Doctor(doctor) => doctor.run(session).await,
        Command::Sync(sync) => sync.run(session).await,
        Command::Heal(heal) => heal.run(session).await,
        Command::VerifyStore(verify) => verify.run(session).await,
        Command::Lock(lock) => lock.run(session).await,
        Command::Unlock(unlock) => unlock.run(session).await,
        Command::Agent(agent) => agent.run(session).await,
        Command::Drive(drive) => drive.run(session).await,
        Command::Ls(ls) => ls.run(session).await,
        Command::Tree(tree) => tree.run(session).await,
        Command::Stat(stat) => stat.run(session).await,
        Command::Find(find) => find.run(session).await,
        Command::Du(du) => du.run(session).await,
        Command::Put(put) => put.run(session).await,
        Command::Get(get) => get.run(session).await,
        Command::Cat(cat) => cat.run(session).await,
        Command::Export(export) => export.run(session).await,
        Command::Transfers(transfers) => transfers.run(session).await,
        Command::Mkdir(mkdir) => mkdir.run(session).await,
        Command::Cp(cp) => cp.run(session).await,
        Command::Mv(mv) => mv.run(session).await,
        Command::Rm(rm) => rm.run(session).await,
        Command::Trash(trash) => trash.run(session).await,
        Command::Versions(versions) => versions.run(session).await,
        Command::Restore(restore) => restore.run(session).await,
        Command::Forget(forget) => forget.run(session).await,
        Command::Share(share) => share.run(session).await,
        Command::Invites(invites) => invites.run(session).await,
        Command::Accept(accept) => accept.run(session).await,
        Command::Decline(decline) => decline.run(session).await,
        Command::Members(members) => members.run(session).await,
        Command::Role(role) => role.run(session).await,
        Command::Unshare(unshare) => unshare.run(session).await,
        Command::Leave(leave) => leave.run(session).await,
        Command::Contacts(contacts) => contacts.run(session).await,
        Command::Log(log) => log.run(session).await,
        Command::Watch(watch) => watch.run(session).await,
        Command::Audit(audit) => audit.run(session).await,
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    }
}
