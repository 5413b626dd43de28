//! A device that holds the bell through a liar, and how a test waits for what it makes of it.

use std::time::Duration;

use crannog_agent_api::answer::DeviceInfo;
use crannog_agent_api::{Answer, Failure, Request};
use crannog_proto::api::Page;
use crannog_proto::{Hash, JournalId};
use crannog_testkit::{Device, HeldBell, Route, World};
use tokio::time::timeout;

/// A victim that has heard everything so far, and its bell.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) device: Device,
    pub(crate) bell: HeldBell,
    pub(crate) drive: JournalId,
    pub(crate) home: JournalId,
    /// All that it shows.
    pub(crate) picture: String,
}

impl Listener {
    /// The victim comes back, catches up honestly, and holds the bell.
    pub(crate) async fn new(world: &World) -> Self {
        let device = world.unlocked().await;
        let mut bell = world.liar.held().await;
        // Holding out a journal is answered with its newest ring.
        for _ in 0..bell.journals.len() {
            bell.rung().await;
        }
        bell.answers().await;
        let drive = device.drives().await[0].id.parse().unwrap();
        let others = bell.journals.iter().filter(|id| **id != drive);
        let [home] = others.copied().collect::<Vec<_>>()[..] else {
            panic!("home and one drive: {bell:?}")
        };
        let picture = device.picture().await;
        world.liar.heard();
        Self {
            device,
            bell,
            drive,
            home,
            picture,
        }
    }

    /// The first alarm, once there is one.
    pub(crate) async fn alarm(&self, what: &str) -> Failure {
        until(what, async || {
            self.device.status().await.alarms.into_iter().next()
        })
        .await
    }

    /// Where a journal ends, as the server says when the victim asks.
    pub(crate) async fn last_of(&self, world: &World, journal: JournalId) -> (u64, Hash) {
        world.liar.heard();
        self.device.sync().await.unwrap();
        let heard = world.liar.heard();
        let told = heard.iter().find(|e| e.ask.route() == Route::Entries(journal));
        let page: Page = told.expect("it asks for everything").told.decode();
        (page.last.seq, page.last.head)
    }

    /// Waits until a name stands at the top of the drive.
    pub(crate) async fn sees(&self, name: &str) {
        sees(&self.device, name).await;
    }

    /// Nothing is wrong, and everything is as it was.
    pub(crate) async fn assert_unchanged(&self, what: &str) {
        assert_eq!(self.device.status().await.alarms, [], "{what}");
        assert_eq!(self.device.picture().await, self.picture, "{what}");
    }
}

/// An account whose author has written `early`, with a victim who hears the bell through the liar.
pub(crate) async fn world() -> World {
    let world = World::new(
        async |author| drop(author.put("/early", b"early").await.unwrap()),
        async |_| {},
    )
    .await;
    world.liar.pass_bell();
    world
}

/// Waits until a name stands at the top of a device's drive.
pub(crate) async fn sees(device: &Device, name: &str) {
    until(name, async || {
        let paths = device.paths().await;
        paths.iter().any(|path| path == name).then_some(())
    })
    .await;
}

/// Asks until there is an answer: a device tells nobody outside when it has read something.
pub(crate) async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    let answer = timeout(Duration::from_secs(60), asking).await;
    answer.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// What a device knows of another device of the account.
pub(crate) async fn known(device: &Device, name: &str) -> DeviceInfo {
    let Ok(Answer::Devices(devices)) = device.perform(Request::Devices).await else {
        panic!("devices")
    };
    let named = devices.into_iter().find(|device| device.name == name);
    named.unwrap_or_else(|| panic!("no device is called {name}"))
}

/// Drives with their files and bytes, and devices: what a picture still shows of a frozen drive.
pub(crate) fn counted(picture: &str) -> &str {
    picture.split_once('\n').unwrap().1
}
