//! What goes wrong while people put files: the server dies, an agent dies, the line is cut, the disk is full, a clock jumps.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};

use super::clock::Clock;
use super::line::Line;
use super::stage;
use crate::bin::disk::Small;
use crate::bin::{Device, Dice, Done, Server, Watched};

/// No clock is further off than this.
const STEP: u64 = 600;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    ServerKilled,
    AgentKilled,
    LineCut,
    DiskFull,
    ClockStep,
}

/// Everything that can go wrong, and what is wrong now.
pub(crate) struct Field<'a> {
    pub(crate) server: &'a mut Server,
    pub(crate) server_clock: &'a Clock,
    pub(crate) grace: i64,
    pub(crate) line: &'a Line,
    /// None where nobody may mount.
    pub(crate) disk: Option<&'a Small>,
    pub(crate) clock: &'a mut Clock,
    stuff: Option<PathBuf>,
    stepped: i64,
}

impl<'a> Field<'a> {
    pub(crate) fn new(
        server: &'a mut Server,
        server_clock: &'a Clock,
        grace: i64,
        line: &'a Line,
        disk: Option<&'a Small>,
        clock: &'a mut Clock,
    ) -> Self {
        Self {
            server,
            server_clock,
            grace,
            line,
            disk,
            clock,
            stuff: None,
            stepped: 0,
        }
    }

    /// Does it; `mortal` is the device whose agent may die.
    pub(crate) fn strike(&mut self, fault: Fault, mortal: &Device, dice: &mut Dice) {
        match fault {
            Fault::ServerKilled => {
                // One that is to start needs room.
                self.make_room();
                stage::kill_and_serve(self.server, self.server_clock, self.grace);
            }
            Fault::AgentKilled => {
                mortal.kill_agent();
            }
            Fault::LineCut => self.line.cut(),
            Fault::DiskFull => {
                if self.stuff.is_none() {
                    self.stuff = self.disk.map(Small::fill);
                }
            }
            Fault::ClockStep => {
                let to = dice.below(2 * STEP).cast_signed() - STEP.cast_signed();
                self.clock.step(to - self.stepped);
                self.stepped = to;
            }
        }
    }

    fn make_room(&mut self) {
        if let Some(stuff) = self.stuff.take() {
            fs::remove_file(stuff).unwrap();
        }
    }

    /// All is well again.
    pub(crate) fn end(mut self) {
        self.make_room();
        self.clock.step(-self.stepped);
    }
}

/// Puts the same folder until all of it is there, whatever happens meanwhile; how often it ended early. Each line of progress, and each
/// end, is told.
pub(crate) fn put_through(device: &Device, words: &[String], ticks: &Sender<()>) -> u64 {
    let mut early = 0;
    loop {
        let mut put = Watched::start(&mut device.command(words));
        while put.line().is_some() {
            let _ = ticks.send(());
        }
        let done = put.finish();
        let _ = ticks.send(());
        if done.code == 0 {
            return early;
        }
        assert!(is_a_faults(&done), "{done:?}");
        early += 1;
    }
}

/// What a command may say when server, agent, line or disk fail.
fn is_a_faults(done: &Done) -> bool {
    let known = |code: &str| matches!(code, "try_again" | "quota");
    match done.code {
        3 => done.failed().into_iter().all(known),
        5 | 8 => known(done.error()),
        _ => false,
    }
}

/// Waits for so many signs of progress; false when nobody works any more.
pub(crate) fn wait(ticks: &Receiver<()>, count: u64) -> bool {
    (0..count).all(|_| ticks.recv().is_ok())
}
