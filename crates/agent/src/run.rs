//! From the first line of the process to its last.

use std::fs::File;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crannog_agent_api::lock_file::{self, Lock};
use crannog_agent_api::start::LISTENING;
use crannog_agent_api::{Code, Failure, Start, home};
use crannog_client::Engine;

use crate::agent::Agent;
use crate::clock::since_boot;
use crate::config::Config;
use crate::handover::{self, Legacy};
use crate::listen::Post;
use crate::serve::{End, Signals, serve, stop};
use crate::{log, process};

/// So long work on threads may still take when everything else has ended.
const LAST: Duration = Duration::from_secs(10);

/// Is the agent of the profile that the environment names, until it stops. Call it first thing in the process.
pub fn run(how: Start) -> Result<(), Failure> {
    if how != Start::Detached {
        return be(how, |_| {});
    }
    // Descriptors that are not ours go before we open any.
    let pipe = process::detach()
        .and_then(|()| process::take_standard())
        .map_err(system)?
        .output;
    process::forget_standard().map_err(system)?;
    let mut pipe = Some(File::from(pipe));
    let mut say = |text: &str| {
        if let Some(mut pipe) = pipe.take() {
            let _ = pipe.write_all(text.as_bytes());
        }
    };
    let result = be(how, &mut say);
    if let Err(failure) = &result {
        say(&serde_json::to_string(failure).unwrap_or_default());
    }
    result
}

fn be(how: Start, mut say: impl FnMut(&str)) -> Result<(), Failure> {
    process::harden();
    let program = std::env::current_exe().map_err(system)?;
    let home = home::locate()?;
    home::make(&home)?;
    let config = Config::load(&home)?;
    let (post, legacy) = take_post(how, &home)?;
    log::init(&home).map_err(system)?;
    std::env::set_current_dir("/").map_err(system)?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        ?how,
        "agent"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(system)?;
    let result = runtime.block_on(async {
        let agent = Arc::new(Agent::new(&home, program, &config));
        let mut signals = Signals::watch()?;
        if let Some(legacy) = legacy {
            unlock(&agent, &legacy).await;
        }
        post.listener.set_nonblocking(true).map_err(system)?;
        say(LISTENING);
        let result = live(&agent, &post, &mut signals).await;
        post.leave();
        tracing::info!("ended");
        result
    });
    // A thread that waits for a disk that does not answer keeps no profile locked.
    runtime.shutdown_timeout(LAST);
    result
}

/// The lock and the socket: taken, or left by an older agent.
fn take_post(how: Start, home: &Path) -> Result<(Post, Option<Legacy>), Failure> {
    match how {
        Start::HandedOver => {
            let inherited = handover::inherit().map_err(system)?;
            let lock = Lock::inherit(inherited.lock, home, lock_file::AGENT);
            // What stands in it is still true: same process, same socket.
            let socket = lock_file::place(home)
                .map(|place| place.socket)
                .unwrap_or_default();
            Ok((
                Post {
                    lock,
                    listener: inherited.listener,
                    socket,
                },
                inherited.legacy,
            ))
        }
        Start::Detached => Ok((Post::take(home, how)?, None)),
        Start::Foreground => {
            // Commands that want to start an agent wait until we listen.
            let _starting = Lock::wait(home, lock_file::START)?;
            Ok((Post::take(home, how)?, None))
        }
    }
}

async fn live(agent: &Arc<Agent>, post: &Post, signals: &mut Signals) -> Result<(), Failure> {
    let copy: UnixListener = post.listener.try_clone().map_err(system)?;
    let listener = tokio::net::UnixListener::from_std(copy).map_err(system)?;
    while serve(agent, &listener, signals).await == End::Upgrade {
        let error = upgrade(agent, post).await;
        tracing::error!(%error, "the newer program does not start; going on");
        agent.stay();
    }
    stop(agent).await;
    Ok(())
}

/// Runs the newer program. Returns only when that fails; then everything is as before.
async fn upgrade(agent: &Arc<Agent>, post: &Post) -> std::io::Error {
    tracing::info!("a newer program takes over");
    // A failed exec leaves this process without some of its signal handling: better to know before.
    let program = agent.program.clone();
    match tokio::task::spawn_blocking(move || handover::try_out(&program)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return error,
        Err(error) => return error.into(),
    }
    let legacy = Legacy {
        key: agent.vault.key(),
        asked: agent.vault.asked(),
    };
    // Nobody is served; requests whose command went away may still be on their way to a safe point.
    agent.put_aside().await;
    let copies = post
        .listener
        .try_clone()
        .and_then(|listener| Ok((listener, post.lock.file()?)));
    let error = match copies {
        Ok((listener, lock)) => handover::become_program(&agent.program, listener, lock, &legacy),
        Err(error) => error,
    };
    unlock(agent, &legacy).await;
    error
}

/// Goes on unlocked, as the older program was.
async fn unlock(agent: &Arc<Agent>, legacy: &Legacy) {
    let Some(key) = &legacy.key else { return };
    match Engine::unlock_with_key(&agent.home, key.clone()).await {
        Ok(engine) => {
            agent.vault.open(engine, since_boot());
            agent.vault.used(legacy.asked);
        }
        Err(failure) => tracing::error!(%failure, "the profile stays locked"),
    }
}

fn system(error: std::io::Error) -> Failure {
    Failure::new(Code::LocalIo, error.to_string())
}
