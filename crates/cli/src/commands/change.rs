//! mkdir, cp, mv, rm.

use clap::Args;
use crannog_agent_api::{Failure, RemotePath, Request};

use crate::args::DryRun;
use crate::places;
use crate::session::Session;
use crate::shown::Shown;

/// Make folders
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog mkdir /letters\n  crannog mkdir -p /letters/2024/may")]
pub(crate) struct Mkdir {
    /// Make the folders above too; no error if it exists
    #[arg(short, long)]
    parents: bool,
    #[command(flatten)]
    try_out: DryRun,
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<RemotePath>,
}

impl Mkdir {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let request = Request::Mkdir {
            paths: self.paths,
            parents: self.parents,
            dry_run: self.try_out.dry_run,
        };
        Shown::changed(&session.ask(request).await?)
    }
}

/// Copy within the drives; nothing is downloaded
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog cp /a.txt /b.txt\n  crannog cp -r /letters /archive/")]
#[command(override_usage = "crannog cp [OPTIONS] <SRC>... <DEST>")]
pub(crate) struct Cp {
    /// Folders with everything in them
    #[arg(short, long)]
    recursive: bool,
    #[command(flatten)]
    try_out: DryRun,
    /// Files and folders, and last where to: a folder, or a new name
    #[arg(required = true, value_name = "SRC")]
    places: Vec<RemotePath>,
}

impl Cp {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let (recursive, dry_run) = (self.recursive, self.try_out.dry_run);
        let (from, to) = places::split(self.places)?;
        Shown::changed(
            &session
                .ask(Request::Copy {
                    from,
                    to,
                    recursive,
                    dry_run,
                })
                .await?,
        )
    }
}

/// Move or rename
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog mv /a.txt /b.txt\n  crannog mv /a.txt /b.txt /letters/")]
#[command(override_usage = "crannog mv [OPTIONS] <SRC>... <DEST>")]
pub(crate) struct Mv {
    #[command(flatten)]
    try_out: DryRun,
    /// Files and folders, and last where to: a folder, or a new name
    #[arg(required = true, value_name = "SRC")]
    places: Vec<RemotePath>,
}

impl Mv {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let dry_run = self.try_out.dry_run;
        let (from, to) = places::split(self.places)?;
        Shown::items(&session.ask(Request::Move { from, to, dry_run }).await?)
    }
}

/// Put files and folders into the trash
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  crannog rm /a.txt\n  crannog rm -r /letters\n  crannog trash restore /a.txt"
)]
pub(crate) struct Rm {
    /// Folders with everything in them
    #[arg(short, long)]
    recursive: bool,
    #[command(flatten)]
    try_out: DryRun,
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<RemotePath>,
}

impl Rm {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let (recursive, dry_run) = (self.recursive, self.try_out.dry_run);
        Shown::changed(
            &session
                .ask(Request::Remove {
                    paths: self.paths,
                    recursive,
                    dry_run,
                })
                .await?,
        )
    }
}
