//! What a test sees of the bell, and what it says on it.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use crannog_proto::JournalId;
use crannog_proto::api::{self, Ring};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

/// What should happen at once and has not happened after so long never will.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) type Toll = Box<dyn FnMut(&Rung) -> Vec<Said> + Send>;

/// What the real server said on a bell.
#[derive(Debug, Clone)]
pub struct Rung {
    /// What it is.
    pub heard: api::Rung,
    /// As it came over the wire.
    pub bytes: Bytes,
}

impl Rung {
    /// The ring, if a journal grew.
    pub fn ring(&self) -> Option<&Ring> {
        match &self.heard {
            api::Rung::Journal(ring) => Some(ring),
            api::Rung::Inbox => None,
        }
    }

    /// The journal that grew, if one did.
    pub fn journal(&self) -> Option<JournalId> {
        self.ring().map(|ring| ring.last.journal)
    }

    /// The same, to be said again.
    pub fn said(&self) -> Said {
        Said::Bytes(self.bytes.to_vec())
    }
}

/// A message on the bell.
#[derive(Debug, Clone)]
pub enum Said {
    /// A binary message of whatever one likes.
    Bytes(Vec<u8>),
    /// A text message.
    Text(String),
}

impl Said {
    /// A ring of a journal.
    pub fn ring(ring: &Ring) -> Self {
        Self::rung(&api::Rung::Journal(Box::new(ring.clone())))
    }

    /// Something lies in the inbox, or nothing does.
    pub fn inbox() -> Self {
        Self::rung(&api::Rung::Inbox)
    }

    fn rung(rung: &api::Rung) -> Self {
        Self::Bytes(crannog_proto::encode(rung))
    }
}

impl From<Said> for Message {
    fn from(said: Said) -> Self {
        match said {
            Said::Bytes(bytes) => Self::Binary(bytes.into()),
            Said::Text(text) => Self::Text(text.into()),
        }
    }
}

/// What a test wants of the task that carries a bell.
pub(super) enum Order {
    /// Say this to the device.
    Say(Said),
    /// Ping it, and tell when it has answered.
    Ping(oneshot::Sender<()>),
}

/// Who let go of a bell first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Device,
    Server,
}

/// A bell that a device holds.
pub struct HeldBell {
    /// The journals that it held out first.
    pub journals: Vec<JournalId>,
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) rungs: mpsc::UnboundedReceiver<Rung>,
    pub(super) end: oneshot::Receiver<End>,
}

impl fmt::Debug for HeldBell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldBell")
            .field("journals", &self.journals)
            .finish_non_exhaustive()
    }
}

impl HeldBell {
    /// Waits for what the server says next; what the lie made of it has been sent by then.
    pub async fn rung(&mut self) -> Rung {
        let rung = patiently("the server rings", self.rungs.recv()).await;
        rung.expect("the bell is open")
    }

    /// Waits for the server's next ring for this journal.
    pub async fn rung_for(&mut self, journal: JournalId) -> Rung {
        loop {
            let rung = self.rung().await;
            if rung.journal() == Some(journal) {
                return rung;
            }
        }
    }

    /// Waits until the server says that something lies in the inbox.
    pub async fn rung_for_inbox(&mut self) -> Rung {
        loop {
            let rung = self.rung().await;
            if rung.heard == api::Rung::Inbox {
                return rung;
            }
        }
    }

    /// Says something to the device, after all that was said before.
    pub fn say(&self, said: Said) {
        let _ = self.orders.send(Order::Say(said));
    }

    /// Pings the device; when it has answered, it has taken everything that was said before from its line.
    pub async fn answers(&self) {
        let (answered, answer) = oneshot::channel();
        let _ = self.orders.send(Order::Ping(answered));
        let answer = patiently("the device answers a ping", answer).await;
        answer.expect("the device holds the bell");
    }

    /// Waits until the device hangs up.
    pub async fn dropped(self) {
        let end = patiently("the device hangs up", self.end).await;
        assert_eq!(end, Ok(End::Device), "who hung up");
    }
}

/// All bells of a liar.
pub(crate) struct Bells {
    passes: watch::Sender<bool>,
    toll: Mutex<Option<Toll>>,
    handing: mpsc::UnboundedSender<HeldBell>,
    handed: AsyncMutex<mpsc::UnboundedReceiver<HeldBell>>,
}

impl Default for Bells {
    fn default() -> Self {
        let (handing, handed) = mpsc::unbounded_channel();
        Self {
            passes: watch::Sender::new(false),
            toll: Mutex::default(),
            handing,
            handed: AsyncMutex::new(handed),
        }
    }
}

impl Bells {
    pub(super) fn pass(&self) {
        self.passes.send_replace(true);
    }

    /// Waits until bells are passed on.
    pub(super) async fn passed(&self) {
        let mut passes = self.passes.subscribe();
        let _ = passes.wait_for(|passes| *passes).await;
    }

    pub(super) fn toll(&self, toll: Option<Toll>) {
        *self.toll.lock().unwrap() = toll;
    }

    /// What is said in place of a ring.
    pub(super) fn instead(&self, rung: &Rung) -> Vec<Said> {
        match self.toll.lock().unwrap().as_mut() {
            Some(lie) => lie(rung),
            None => vec![rung.said()],
        }
    }

    pub(super) fn hand(&self, bell: HeldBell) {
        let _ = self.handing.send(bell);
    }

    pub(super) async fn held(&self) -> HeldBell {
        let mut handed = self.handed.lock().await;
        let bell = patiently("a device holds a bell", handed.recv()).await;
        bell.expect("the liar is at work")
    }
}

/// Waits for what has to come; a test that waits in vain fails instead of hanging.
async fn patiently<T>(what: &str, coming: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, coming).await {
        Ok(come) => come,
        Err(_) => panic!("waited in vain: {what}"),
    }
}
