//! A small service, shut in, and somebody who connects to it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crannog_keyd_os::{
    Confinement, Endpoint, GroupId, Linux, LinuxListener, Listener, LockedBytes, Peer, Platform,
    ServiceState, UserId, pool_state,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Outcome, argument, become_user, say, wait};

/// `server STATE CONFIG open|closed [FOLDER]`: serves `STATE/s.sock` as the service would. Its standard input tells it what to do, one
/// word a line; each answer is one line.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let (state, config) = (
        Path::new(argument(arguments, 0)?),
        Path::new(argument(arguments, 1)?),
    );
    let system = Linux::new();
    system.harden()?;
    let listener = system.listen(&Endpoint {
        name: "clients",
        path: &state.join("s.sock"),
        mode: 0o666,
    })?;
    if argument(arguments, 2)? == "closed" {
        let more = arguments.get(3).map(Path::new);
        let read_write: Vec<&Path> = [Some(state), more].into_iter().flatten().collect();
        let plan = Confinement {
            read_write: &read_write,
            read: &[config, Path::new("/nowhere/at/all")],
        };
        match system.confine(&plan) {
            Ok(measures) => say(format!("{:?} missing {:?}", measures.in_force, measures.missing))?,
            Err(error) => return say(format!("refused: {error}")),
        }
    } else {
        say("open")?;
    }
    system.notify(ServiceState::Ready);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(obey(&system, listener, state))
}

async fn obey(system: &Linux, mut listener: LinuxListener, state: &Path) -> Outcome {
    loop {
        let line = tokio::task::spawn_blocking(|| wait().unwrap_or_default()).await?;
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match word {
            "" => return Ok(()),
            "accept" => say(describe(&serve_one(&mut listener).await?))?,
            "store" => report(store(state))?,
            "memory" => report(memory())?,
            "time" => report(time().await)?,
            "member" => {
                report(system.is_member(UserId::from_number(rest.parse()?), GroupId::from_number(0)))?
            }
            "user" => say(format!("{:?}", system.user_named(rest)))?,
            "read" => report(fs::read(rest))?,
            "write" => report(fs::write(rest, b"x"))?,
            "move" => {
                let (from, to) = rest.split_once(' ').ok_or("two paths")?;
                report(fs::rename(from, to))?;
            }
            "notify" => {
                system.notify(ServiceState::Alive);
                say("ok")?;
            }
            "panic" => report(tokio::spawn(async { panicking() }).await)?,
            "exec" => report(std::process::Command::new("/bin/true").status())?,
            "tcp" => report(std::net::TcpListener::bind("127.0.0.1:0"))?,
            "udp" => report(std::net::UdpSocket::bind("127.0.0.1:0"))?,
            "bind" => report(std::os::unix::net::UnixListener::bind(state.join("other.sock")))?,
            "ptrace" => report(nix::sys::ptrace::attach(nix::unistd::getppid()))?,
            "kill" => report(nix::sys::signal::kill(nix::unistd::Pid::this(), None))?,
            "root" => report(nix::unistd::setuid(nix::unistd::Uid::from_raw(0)))?,
            "limit" => report(nix::sys::resource::setrlimit(
                nix::sys::resource::Resource::RLIMIT_CORE,
                0,
                0,
            ))?,
            "dumpable" => report(nix::sys::prctl::set_dumpable(true))?,
            _ => say(format!("no word {word:?}"))?,
        }
    }
}

fn report<T, E: std::fmt::Debug>(outcome: Result<T, E>) -> Outcome {
    say(if outcome.is_ok() { "ok" } else { "refused" })
}

async fn serve_one(listener: &mut LinuxListener) -> Outcome<Peer> {
    let (mut stream, peer) = listener.accept().await?;
    let mut word = [0; 4];
    stream.read_exact(&mut word).await?;
    stream.write_all(&word).await?;
    Ok(peer)
}

fn describe(peer: &Peer) -> String {
    let groups: Vec<u32> = peer.groups.iter().map(|group| group.number()).collect();
    format!(
        "user {:?} group {:?} groups {groups:?} pid {:?} program {:?}",
        peer.user.map(UserId::number),
        peer.group.map(GroupId::number),
        peer.decoration.pid(),
        peer.decoration.program()
    )
}

/// A change of the store, by the page: new file, sync, rename into another folder, sync of the folder, removal, listing.
fn store(state: &Path) -> std::io::Result<()> {
    let (temporary, keys) = (state.join("tmp"), state.join("keys"));
    for folder in [&temporary, &keys] {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create(temporary.join("new"))?;
    file.write_all(b"record")?;
    file.sync_all()?;
    fs::rename(temporary.join("new"), keys.join("key"))?;
    File::open(&keys)?.sync_all()?;
    let mut file = File::options().append(true).open(keys.join("key"))?;
    file.write_all(b"!")?;
    file.sync_data()?;
    file.try_lock()?;
    nix::sys::statvfs::fstatvfs(&file)?;
    if fs::read(keys.join("key"))? != b"record!" || fs::read_dir(&keys)?.count() != 1 {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    fs::remove_file(keys.join("key"))?;
    fs::remove_dir(&keys)
}

fn memory() -> std::io::Result<()> {
    let before = pool_state();
    let secrets: Vec<_> = [32, 5000, 200_000]
        .map(|len| LockedBytes::init_with(len, |bytes| bytes.fill(7)))
        .into();
    let grown = pool_state().locked + pool_state().unlocked > before.locked + before.unlocked;
    drop(secrets);
    if grown {
        Ok(())
    } else {
        Err(std::io::ErrorKind::Other.into())
    }
}

async fn time() -> std::io::Result<()> {
    // sleep: a timer is one of the paths that must stay open
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    // A thread's first hash map asks the kernel for randomness.
    let told = || (std::time::SystemTime::now(), std::hash::RandomState::new());
    let thread = std::thread::Builder::new().name("named".into()).spawn(told)?;
    thread
        .join()
        .map(drop)
        .map_err(|_| std::io::ErrorKind::Other.into())
}

#[expect(clippy::panic, reason = "unwinding inside the sandbox is what is tried")]
fn panicking() {
    panic!("on purpose");
}

/// `connect SOCKET USER GROUP...`: connects as this user with these groups, and exchanges a word.
pub(crate) fn connect(arguments: &[String]) -> Outcome {
    let user: u32 = argument(arguments, 1)?.parse()?;
    let groups: Vec<u32> = arguments
        .iter()
        .skip(2)
        .map(|id| id.parse())
        .collect::<Result<_, _>>()?;
    if nix::unistd::geteuid().is_root() {
        become_user(user, &groups)?;
    }
    let mut stream = UnixStream::connect(argument(arguments, 0)?)?;
    stream.write_all(b"ping")?;
    let mut word = [0; 4];
    stream.read_exact(&mut word)?;
    say(format!("{}", std::process::id()))
}
