//! One connection: hello, then one request after the other.

use std::io;
use std::sync::Arc;

use crannog_agent_api::connection::{FrameReader, FrameWriter, split, word};
use crannog_agent_api::frame::Frame;
use crannog_agent_api::{Answer, Code, Failure, Hello, Next, Reply, Request};
use crannog_client::Engine;
use nix::unistd::geteuid;
use tokio::net::UnixStream;

use crate::agent::{Agent, Phase};
use crate::clock::since_boot;
use crate::exchange::{Work, carry, for_engine, for_question};
use crate::gauge::Entered;

/// Serves it to its end.
pub(crate) async fn serve(agent: Arc<Agent>, stream: UnixStream) {
    // The folder of the socket lets nobody else in; this holds if someone changed that.
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == geteuid().as_raw() => {}
        _ => return tracing::warn!("another user tried to connect"),
    }
    if let Err(error) = converse(&agent, stream).await {
        tracing::debug!(%error, "a command went away");
    }
}

async fn converse(agent: &Arc<Agent>, stream: UnixStream) -> io::Result<()> {
    let (mut reader, mut writer) = split(stream);
    let Some(Frame::Json(text)) = reader.next().await? else {
        return Ok(());
    };
    let hello: Hello = word(&text)?;
    let welcome = agent.welcome(&hello);
    // From now on the program does not change before this session has ended.
    let entered = (welcome.next == Next::Ready).then(|| agent.sessions.enter());
    writer.send(&welcome).await?;
    match welcome.next {
        Next::Ready => {}
        // The connection ends with this program, or when it stays after all.
        Next::Moving => return moved(agent).await,
        Next::Refused(_) => return Ok(()),
    }
    let mut session = Session {
        agent: Arc::clone(agent),
        reader,
        writer,
        umask: hello.umask,
        entered,
    };
    session.requests().await
}

async fn moved(agent: &Agent) -> io::Result<()> {
    let _ = agent
        .phase
        .subscribe()
        .wait_for(|phase| *phase == Phase::Serving)
        .await;
    Ok(())
}

struct Session {
    agent: Arc<Agent>,
    reader: FrameReader,
    writer: FrameWriter,
    umask: u32,
    /// Counts among those that are served.
    entered: Option<Entered>,
}

/// A word of a program of another version, which waits for its turn while this one is busy.
fn unknown() -> Failure {
    Failure::new(
        Code::TryAgain,
        "the running agent does not know this request: it is of another version",
    )
    .hint("it makes way when nothing runs any more, or at once: crannog agent stop")
}

impl Session {
    async fn requests(&mut self) -> io::Result<()> {
        let mut phase = self.agent.phase.subscribe();
        loop {
            let frame = tokio::select! {
                biased;
                frame = self.reader.next() => frame?,
                _ = phase.wait_for(|phase| *phase != Phase::Serving) => return Ok(()),
            };
            match frame {
                Some(Frame::Json(text)) => {
                    let Ok(request) = word(&text) else {
                        self.reply(Err(unknown())).await?;
                        continue;
                    };
                    drop(text);
                    if let Request::Watch { .. } = request {
                        return self.watch(request).await;
                    }
                    self.request(request).await?;
                }
                // Came too late for a request that has ended.
                Some(Frame::Data(_) | Frame::End | Frame::Interrupt | Frame::Part(_)) => {}
                None => return Ok(()),
            }
        }
    }

    async fn request(&mut self, request: Request) -> io::Result<()> {
        let now = since_boot();
        let result = match request {
            Request::Confirm { .. } => Err(Failure::new(Code::Usage, "there is no question to confirm")),
            Request::Stop => self.stop().await,
            Request::Lock { now } => {
                self.agent.lock(now).await;
                Ok(Answer::Ok)
            }
            Request::Unlock { password } => {
                self.agent.vault.unlock(&password, now).await.map(|()| Answer::Ok)
            }
            Request::Status if self.agent.vault.look(now).is_err() => {
                self.agent.locked_status().map(Answer::Status)
            }
            // Needs no account, and nobody who is unlocked.
            Request::Audit { file } => Engine::audit(file).await,
            Request::Join { .. } | Request::Recover { .. } => return self.begin(request).await,
            Request::DeleteAccount { .. } => return self.delete(request).await,
            request => return self.perform(request).await,
        };
        self.reply(result).await
    }

    async fn reply(&mut self, result: Result<Answer, Failure>) -> io::Result<()> {
        self.writer
            .send(&result.map_or_else(Reply::Failure, Reply::Answer))
            .await
    }

    async fn stop(&self) -> Result<Answer, Failure> {
        self.agent.stop.notify_one();
        let _ = self
            .agent
            .phase
            .subscribe()
            .wait_for(|phase| *phase == Phase::Stopped)
            .await;
        Ok(Answer::Ok)
    }

    /// A request to the engine. Looking at the state does not count as use: prompts and bars do that all the time.
    async fn perform(&mut self, request: Request) -> io::Result<()> {
        let (lines, caller) = for_engine(self.umask);
        // Entered first: a lock that comes now waits for us.
        let entered = self.agent.requests.enter(Arc::clone(&lines.cancel));
        let engine = match request {
            Request::Status => self.agent.vault.look(since_boot()),
            _ => self.agent.vault.ask(since_boot()),
        };
        let engine = match engine {
            Ok(engine) => engine,
            Err(failure) => return self.reply(Err(failure)).await,
        };
        let work: Work = tokio::spawn(async move {
            let _entered = entered;
            engine.perform(request, &caller).await
        });
        carry(&mut self.reader, &mut self.writer, lines, work).await
    }

    /// The last request of a session: who watches keeps nobody waiting, and does not count as use.
    async fn watch(&mut self, request: Request) -> io::Result<()> {
        let _session = self.agent.watches.session();
        self.entered = None;
        let (lines, caller) = for_engine(self.umask);
        let watching = self.agent.watches.enter();
        let engine = match self.agent.vault.look(since_boot()) {
            Ok(engine) => engine,
            Err(failure) => return self.reply(Err(failure)).await,
        };
        let given_up = watching.given_up();
        let cancel = Arc::clone(&lines.cancel);
        let work: Work = tokio::spawn(async move {
            let looking = async move { engine.perform(request, &caller).await };
            watching.unless_ended(&cancel, looking).await
        });
        tokio::select! {
            carried = carry(&mut self.reader, &mut self.writer, lines, work) => carried,
            () = given_up => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// The end of an account: when the server has it, the profile goes too.
    async fn delete(&mut self, request: Request) -> io::Result<()> {
        let stays = matches!(
            request,
            Request::DeleteAccount { keep_local: true, .. } | Request::DeleteAccount { dry_run: true, .. }
        );
        let engine = match self.agent.vault.ask(since_boot()) {
            Ok(engine) => engine,
            Err(failure) => return self.reply(Err(failure)).await,
        };
        let (lines, caller) = for_engine(self.umask);
        let agent = Arc::clone(&self.agent);
        // Counted by no one: it ends everything else, and must not wait for itself.
        let work: Work = tokio::spawn(async move {
            let answer = engine.perform(request, &caller).await?;
            drop(engine);
            if !stays {
                agent.wipe().await?;
            }
            Ok(answer)
        });
        carry(&mut self.reader, &mut self.writer, lines, work).await
    }

    /// Join and recover make the engine.
    async fn begin(&mut self, request: Request) -> io::Result<()> {
        let (lines, question) = for_question();
        let entered = self.agent.requests.enter(Arc::clone(&lines.cancel));
        let agent = Arc::clone(&self.agent);
        let work: Work = tokio::spawn(async move {
            let _entered = entered;
            let _changing = agent.vault.changing().await;
            if Engine::exists(&agent.home) {
                let failure = Failure::new(Code::Conflict, "this profile has an account already");
                return Err(failure
                    .object(agent.home.display().to_string())
                    .hint("set CRANNOG_HOME to another folder for another profile"));
            }
            let engine = match &request {
                Request::Join { .. } => Engine::join(&agent.home, request, &question).await?,
                _ => Engine::recover(&agent.home, request, &question).await?,
            };
            agent.vault.open(engine.clone(), since_boot());
            let (_lines, caller) = for_engine(0o077);
            engine.perform(Request::Whoami, &caller).await
        });
        carry(&mut self.reader, &mut self.writer, lines, work).await
    }
}
