//! put, get, cat.

use std::ffi::OsString;
use std::path::Path;

use clap::Args;
use crannog_agent_api::limits::MOST_AT_ONCE;
use crannog_agent_api::request::Filter;
use crannog_agent_api::{Answer, Bandwidth, Code, Failure, Limits, RemotePath, Request};

use crate::args::DryRun;
use crate::session::Session;
use crate::shown::Shown;
use crate::stream::{self, Output};
use crate::talk::With;
use crate::{local_path, places};

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

/// How much of the line and the machine this command may take.
#[derive(Debug, Args)]
pub(crate) struct Bounds {
    /// Take at most so many bytes a second of the line: 8M, or UP:DOWN as 1M:off. What agent.toml sets for all
    /// commands together holds too
    #[arg(long, value_name = "RATE")]
    bwlimit: Option<Bandwidth>,
    /// Send or fetch so many blobs at once [default: 6]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_AT_ONCE)))]
    transfers: Option<u32>,
}

impl From<Bounds> for Limits {
    fn from(bounds: Bounds) -> Self {
        Self {
            bandwidth: bounds.bwlimit.unwrap_or_default(),
            transfers: bounds.transfers,
        }
    }
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
  crannog put -r ~/Pictures/ photos:/ --exclude '*.tmp' --bwlimit 8M
  pg_dump mydb | crannog put - /backups/mydb.sql")]
#[command(override_usage = "crannog put [OPTIONS] <SRC>... <DEST>")]
pub(crate) struct Put {
    /// Folders with everything in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    names: Names,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    try_out: DryRun,
    /// Files and folders (`-` is standard input), and last where to: a folder in a drive, or a new name
    #[arg(required = true, value_name = "SRC")]
    pub(crate) places: Vec<OsString>,
}

impl Put {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let (sources, target) = places::split(self.places)?;
        let target = places::remote(&target)?;
        let stdin = sources.iter().any(|source| source == "-");
        if stdin && sources.len() > 1 {
            return Err(Failure::new(Code::Usage, "standard input comes alone")
                .hint("put the files by another command"));
        }
        let sources = match stdin {
            true => Vec::new(),
            false => sources
                .iter()
                .map(|path| local_path::source(Path::new(path)))
                .collect::<Result<_, _>>()?,
        };
        let request = Request::Put {
            sources,
            target,
            recursive: self.recursive,
            filter: self.names.into(),
            dry_run: self.try_out.dry_run,
            stdin,
            limits: self.bounds.into(),
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
#[command(override_usage = "crannog get [OPTIONS] <SRC>... <DEST>")]
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
    bounds: Bounds,
    #[command(flatten)]
    try_out: DryRun,
    /// Files and folders in a drive, and last where to: a folder that exists, or a new name; `-` is standard output
    #[arg(required = true, value_name = "SRC")]
    places: Vec<OsString>,
}

impl Get {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let (sources, target) = places::split(self.places)?;
        let sources = sources
            .iter()
            .map(places::remote)
            .collect::<Result<Vec<RemotePath>, _>>()?;
        if target == "-" {
            let mut sources = sources.into_iter();
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
            sources,
            target: local_path::absolute(Path::new(&target))?,
            recursive: self.recursive,
            filter: self.names.into(),
            dry_run: self.try_out.dry_run,
            overwrite: self.overwrite,
            limits: self.bounds.into(),
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
