//! put, get, cat.

use std::path::{Path, PathBuf};

use clap::Args;
use crannog_agent_api::request::Filter;
use crannog_agent_api::{Answer, Code, Failure, RemotePath, Request};

use crate::args::DryRun;
use crate::local_path;
use crate::session::Session;
use crate::shown::Shown;
use crate::stream::{self, Output};
use crate::talk::With;

/// Which names a recursive transfer takes.
#[derive(Debug, Args)]
pub(crate) struct Names {
    /// Take only names that match this (as in .gitignore); may be repeated
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Leave out names that match this; may be repeated
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
}

impl From<Names> for Filter {
    fn from(names: Names) -> Self {
        Self {
            include: names.include,
            exclude: names.exclude,
        }
    }
}

/// Upload files and folders
///
/// Unchanged files (same size and time) are skipped; an overwrite is a new version. `put -r DIR /` makes /DIR, a slash
/// after DIR means its contents. Files named in .crannogignore are left out. Links are stored as links.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog put letter.txt /
  crannog put -r ~/Documents /
  crannog put -r ~/Pictures/ photos:/ --exclude '*.tmp'
  pg_dump mydb | crannog put - /backups/mydb.sql")]
pub(crate) struct Put {
    /// Folders with everything in them
    #[arg(short, long)]
    recursive: bool,
    #[command(flatten)]
    names: Names,
    #[command(flatten)]
    try_out: DryRun,
    /// Files and folders; `-` is standard input
    #[arg(required = true, value_name = "SRC")]
    pub(crate) sources: Vec<PathBuf>,
    /// A folder in a drive, or a new name
    #[arg(value_name = "DEST")]
    pub(crate) target: RemotePath,
}

impl Put {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let stdin = self.sources.iter().any(|source| source == Path::new("-"));
        if stdin && self.sources.len() > 1 {
            return Err(Failure::new(Code::Usage, "standard input comes alone")
                .hint("put the files by another command"));
        }
        let sources = match stdin {
            true => Vec::new(),
            false => self
                .sources
                .iter()
                .map(|path| local_path::source(path))
                .collect::<Result<_, _>>()?,
        };
        let request = Request::Put {
            sources,
            target: self.target,
            recursive: self.recursive,
            filter: self.names.into(),
            dry_run: self.try_out.dry_run,
            stdin,
        };
        let answer = if stdin {
            session.make_ready().await?;
            session
                .ask_with(
                    &request,
                    With {
                        input: Some(stream::input()),
                        ..With::default()
                    },
                )
                .await?
        } else {
            session.ask(request).await?
        };
        Shown::changed(&answer)
    }
}

/// Download files and folders
///
/// Unchanged files are skipped. A local file that differs is kept unless --overwrite is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog get /letter.txt .
  crannog get -r /Documents ~/restored
  crannog get /backups/mydb.sql - | psql mydb")]
pub(crate) struct Get {
    /// Folders with everything in them
    #[arg(short, long)]
    recursive: bool,
    /// Replace local files that differ
    #[arg(short = 'f', long)]
    overwrite: bool,
    #[command(flatten)]
    names: Names,
    #[command(flatten)]
    try_out: DryRun,
    /// Files and folders in a drive
    #[arg(required = true, value_name = "SRC")]
    sources: Vec<RemotePath>,
    /// A folder that exists, or a new name; `-` is standard output
    #[arg(value_name = "DEST")]
    target: PathBuf,
}

impl Get {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        if self.target == Path::new("-") {
            let mut sources = self.sources.into_iter();
            return match (sources.next(), sources.next()) {
                (Some(path), None) if !self.recursive && !self.try_out.dry_run => {
                    cat(session, path, None).await
                }
                _ => Err(Failure::new(
                    Code::Usage,
                    "one file at a time goes to standard output",
                )),
            };
        }
        let request = Request::Get {
            sources: self.sources,
            target: local_path::absolute(&self.target)?,
            recursive: self.recursive,
            filter: self.names.into(),
            dry_run: self.try_out.dry_run,
            overwrite: self.overwrite,
        };
        Shown::changed(&session.ask(request).await?)
    }
}

/// Write a file to standard output
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog cat /letter.txt
  crannog cat --at 4f1c... /letter.txt")]
pub(crate) struct Cat {
    /// This version (see `crannog versions`) instead of the current one
    #[arg(long, value_name = "VERSION")]
    at: Option<String>,
    path: RemotePath,
}

impl Cat {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        cat(session, self.path, self.at).await
    }
}

async fn cat(session: &mut Session, path: RemotePath, version: Option<String>) -> Result<Shown, Failure> {
    session.make_ready().await?;
    let with = With {
        output: Some(Output::standard()),
        ..With::default()
    };
    session.ask_with(&Request::Cat { path, version }, with).await?;
    Ok(Shown {
        streamed: true,
        ..Shown::new("", &Answer::Ok)
    })
}
