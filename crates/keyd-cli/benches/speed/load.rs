//! The client: one thread that keeps each connection busy with one request, and measures.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::case::Case;
use crate::framing::Framing;
use crate::process::processor;
use crate::{Outcome, Times};

/// What one measurement gave.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Requests a second.
    pub(crate) rate: f64,
    /// From the first byte sent to the last one received.
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Processor time of the server's process for one request; the kernel's work for it is in it.
    pub(crate) server_us: f64,
    /// The same of this process.
    pub(crate) client_us: f64,
}

/// A server that says nothing for so long will not.
const SILENCE: Duration = Duration::from_secs(30);

struct Connection {
    stream: UnixStream,
    sent: Instant,
    /// One byte too many has room, and shows.
    buffer: Vec<u8>,
    filled: usize,
    answer: usize,
}

impl Connection {
    fn open(socket: &Path, answer: usize) -> Outcome<Self> {
        let stream = UnixStream::connect(socket).map_err(|error| format!("{}: {error}", socket.display()))?;
        stream.set_read_timeout(Some(SILENCE))?;
        Ok(Self {
            stream,
            sent: Instant::now(),
            buffer: vec![0; answer + 1],
            filled: 0,
            answer,
        })
    }

    fn send(&mut self, request: &[u8], now: Instant) -> Outcome {
        self.sent = now;
        Ok(self.stream.write_all(request)?)
    }

    /// Reads once. True: the whole answer, and nothing else, is there.
    fn receive(&mut self, framing: Framing) -> Outcome<bool> {
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let read = self.stream.read(room)?;
        self.filled += read;
        let so_far = self.buffer.get(..self.filled).unwrap_or_default();
        if read == 0 {
            return Err(format!("closed after: {}", String::from_utf8_lossy(so_far)).into());
        }
        match framing.whole(so_far)? {
            None if self.filled < self.answer => Ok(false),
            Some(len) if len == self.filled && len == self.answer => {
                self.filled = 0;
                Ok(true)
            }
            _ => Err(format!("another answer than before: {}", String::from_utf8_lossy(so_far)).into()),
        }
    }
}

/// Sends a request once and gives the answer, whatever its length.
pub(crate) fn once(socket: &Path, framing: Framing, request: &[u8]) -> Outcome<Vec<u8>> {
    let mut connection = Connection::open(socket, 0)?;
    connection.send(request, Instant::now())?;
    let (mut answer, mut piece) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        match connection.stream.read(&mut piece)? {
            0 => return Err(format!("closed after: {}", String::from_utf8_lossy(&answer)).into()),
            read => answer.extend_from_slice(piece.get(..read).unwrap_or_default()),
        }
        if let Some(len) = framing.whole(&answer)? {
            answer.truncate(len);
            return Ok(answer);
        }
    }
}

/// Measures one case.
pub(crate) fn run(case: &Case, times: Times) -> Outcome<Figures> {
    let mut connections = Vec::new();
    for _ in 0..case.connections {
        connections.push(Connection::open(&case.socket, case.answer)?);
    }
    let mut samples = Samples::new(times);
    match &mut connections[..] {
        [one] => alone(case, one, &mut samples)?,
        many => together(case, many, &mut samples)?,
    }
    samples.figures(case)
}

fn alone(case: &Case, connection: &mut Connection, samples: &mut Samples) -> Outcome {
    let mut now = Instant::now();
    while samples.goes_on(now, case.server)? {
        connection.send(&case.request, now)?;
        while !connection.receive(case.framing)? {}
        now = Instant::now();
        samples.add(connection.sent, now);
    }
    Ok(())
}

fn together(case: &Case, connections: &mut [Connection], samples: &mut Samples) -> Outcome {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let mut open = connections.len();
    for (place, connection) in connections.iter_mut().enumerate() {
        epoll.add(
            &connection.stream,
            EpollEvent::new(EpollFlags::EPOLLIN, place as u64),
        )?;
        connection.send(&case.request, Instant::now())?;
    }
    let mut events = vec![EpollEvent::empty(); connections.len()];
    while open > 0 {
        let ready = epoll.wait(&mut events, EpollTimeout::try_from(SILENCE)?)?;
        if ready == 0 {
            return Err(format!("{}: no answer", case.who).into());
        }
        for event in events.iter().take(ready) {
            let Some(connection) = connections.get_mut(usize::try_from(event.data())?) else {
                continue;
            };
            if !connection.receive(case.framing)? {
                continue;
            }
            let now = Instant::now();
            samples.add(connection.sent, now);
            if samples.goes_on(now, case.server)? {
                connection.send(&case.request, now)?;
            } else {
                epoll.delete(&connection.stream)?;
                open -= 1;
            }
        }
    }
    Ok(())
}

/// Times of requests that were answered while it was measured: as long as it should be, and until there is an answer.
struct Samples {
    from: Instant,
    measured: Duration,
    nanoseconds: Vec<u64>,
    began: Option<Moment>,
    ended: Option<Moment>,
}

/// When, and processor seconds of server and client until then.
struct Moment {
    at: Instant,
    server: f64,
    client: f64,
}

impl Moment {
    fn now(at: Instant, server: u32) -> Outcome<Self> {
        Ok(Self {
            at,
            server: processor(server)?,
            client: processor(std::process::id())?,
        })
    }
}

impl Samples {
    fn new(times: Times) -> Self {
        Self {
            from: Instant::now() + times.warm_up,
            measured: times.measured,
            nanoseconds: Vec::with_capacity(1 << 20),
            began: None,
            ended: None,
        }
    }

    /// Whether another request is to be sent.
    fn goes_on(&mut self, now: Instant, server: u32) -> Outcome<bool> {
        match &self.began {
            None if now >= self.from => self.began = Some(Moment::now(now, server)?),
            Some(began) if now >= began.at + self.measured && !self.nanoseconds.is_empty() => {
                self.ended = Some(Moment::now(now, server)?);
                return Ok(false);
            }
            _ => (),
        }
        Ok(self.ended.is_none())
    }

    fn add(&mut self, sent: Instant, received: Instant) {
        if self.began.is_some() && self.ended.is_none() {
            let took = received.duration_since(sent).as_nanos();
            self.nanoseconds.push(u64::try_from(took).unwrap_or(u64::MAX));
        }
    }

    fn figures(mut self, case: &Case) -> Outcome<Figures> {
        self.nanoseconds.sort_unstable();
        let count = self.nanoseconds.len();
        let at = |share: f64| {
            let rank = (share * count as f64).ceil() as usize;
            let found = self.nanoseconds.get(rank.saturating_sub(1));
            found.map_or(f64::NAN, |nanoseconds| *nanoseconds as f64 / 1e3)
        };
        let (Some(began), Some(ended)) = (&self.began, &self.ended) else {
            return Err(format!("{}, {}: not measured", case.who, case.what).into());
        };
        let each = |seconds: f64| seconds * 1e6 / count as f64;
        Ok(Figures {
            rate: count as f64 / ended.at.duration_since(began.at).as_secs_f64(),
            p50_us: at(0.5),
            p99_us: at(0.99),
            server_us: each(ended.server - began.server),
            client_us: each(ended.client - began.client),
        })
    }
}
