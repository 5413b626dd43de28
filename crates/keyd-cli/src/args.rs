//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    audit, completions, datakey, decrypt, doctor, encrypt, hmac, host, keys, man, policy, random, rewrap,
    sign, status, translate, unlock, verify,
};

/// Keys that applications use and never see.
#[derive(Debug, Parser)]
#[command(
    name = "crannog-keyd",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "\
`-` is standard input or output. Secrets on the command line are visible to others: give `-` or a file.
Exit codes: 0 ok, 1 other, 2 usage, 3 partly done, 4 not found, 5 try again, 6 locked,
7 denied, 8 quota, 9 conflict, 10 not installed, 11 verification failed, 130 interrupted."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(flatten)]
    pub(crate) tls: Tls,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The service's socket [default: /run/crannog-keyd/clients/keyd.sock]
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "CRANNOG_KEYD_SOCKET",
        hide_env_values = true
    )]
    pub(crate) socket: Option<PathBuf>,
    /// Where the interface is mounted (`http.mount` of the service)
    #[arg(long, global = true, value_name = "PATH", default_value = "transit")]
    pub(crate) mount: String,
    /// Print JSON objects instead of text, errors on standard error too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but results and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// A service elsewhere.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "A service elsewhere, by mutual TLS (before the command)")]
pub(crate) struct Tls {
    /// Its address
    #[arg(long, value_name = "https://HOST:PORT")]
    pub(crate) address: Option<String>,
    /// This client's certificate, PEM
    #[arg(long, value_name = "FILE", requires = "address")]
    pub(crate) cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long = "key", value_name = "FILE", requires = "address")]
    pub(crate) tls_key: Option<PathBuf>,
    /// The certificate of the service, or of who vouches for it, PEM
    #[arg(long, value_name = "FILE", requires = "address")]
    pub(crate) ca: Option<PathBuf>,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Asking(Asking),
    #[command(flatten)]
    Local(Local),
}

/// Commands that ask the service.
#[derive(Debug, Subcommand)]
pub(crate) enum Asking {
    Encrypt(encrypt::Encrypt),
    Decrypt(decrypt::Decrypt),
    Rewrap(rewrap::Rewrap),
    Translate(translate::Translate),
    Sign(sign::Sign),
    Verify(verify::Verify),
    Hmac(hmac::Hmac),
    Datakey(datakey::Datakey),
    Random(random::Random),
    Keys(keys::Keys),
    Policy(policy::Policy),
    Audit(audit::Audit),
    Status(status::Status),
    Doctor(doctor::Doctor),
    Unlock(unlock::Unlock),
}

/// Commands that begin on this machine, with one thread and no connection.
#[derive(Debug, Subcommand)]
pub(crate) enum Local {
    Serve(host::serve::Serve),
    ServeTls(host::serve_tls::ServeTls),
    Install(host::install::Install),
    Uninstall(host::uninstall::Uninstall),
    Recover(host::recover::Recover),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Reads the command line.
pub(crate) fn parse() -> Result<Arguments, clap::Error> {
    Arguments::try_parse()
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Arguments;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn clap_is_content() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_key_of_tls_stands_before_the_command_and_the_key_to_use_behind_it() {
        let line = "crannog-keyd --address https://h:1 --cert c --key k --ca a encrypt --key shop -";
        let arguments = parse(line).unwrap();
        assert_eq!(arguments.tls.tls_key.unwrap().to_str(), Some("k"));
        assert!(parse("crannog-keyd --cert c status").is_err());
        for line in [
            "crannog-keyd --json keys list",
            "crannog-keyd keys list --json",
            "crannog-keyd keys --json list",
        ] {
            assert!(parse(line).unwrap().global.json, "{line}");
        }
    }
}
