//! What an actor's dice choose among.

use super::actor::{Actor, DEPTH};
use super::model::{Content, TOP};

impl Actor {
    pub(super) fn content(&mut self) -> Content {
        let len = match self.dice.below(100) {
            0 => self.dice.between(1 << 20, 1_500_000),
            1..=14 => self.dice.between(4 << 10, 64 << 10),
            15 => 0,
            _ => self.dice.between(1, 4 << 10),
        };
        Content {
            seed: self.dice.next(),
            len,
        }
    }

    pub(super) fn files(&self) -> Vec<(String, u64)> {
        let live = self.model.live().into_iter();
        live.filter(|(_, id)| self.model.versions(*id).is_some())
            .collect()
    }

    pub(super) fn folders(&self) -> Vec<(String, u64)> {
        let live = self.model.live().into_iter();
        live.filter(|(_, id)| self.model.versions(*id).is_none())
            .collect()
    }

    /// What is in the trash and may be taken back or purged.
    pub(super) fn trash(&self) -> Vec<u64> {
        let items = self.model.in_trash().iter().copied();
        // The owner of a part of a drive leaves alone what would come back elsewhere.
        let whole = self.habits.top.is_empty();
        items
            .filter(|id| whole || self.model.parent_is_live(*id))
            .collect()
    }

    /// Where something in the trash was, as the commands write it.
    pub(super) fn trash_path(&self, id: u64) -> String {
        let path = self.model.path(id);
        match self.habits.drive {
            Some(_) => path,
            None => self.remote(&path),
        }
    }

    pub(super) fn some_folder(&mut self) -> u64 {
        let shallow = self.model.folders(DEPTH - 1);
        match self.dice.below(6) {
            0 => TOP,
            _ => self.pick(&shallow).copied().unwrap_or(TOP),
        }
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let nth = self.dice.below(of.len() as u64);
        of.get(usize::try_from(nth).unwrap())
    }

    pub(super) fn draw<T>(&mut self, of: &mut Vec<T>) -> Option<T> {
        let nth = usize::try_from(self.dice.below(of.len() as u64)).unwrap();
        (!of.is_empty()).then(|| of.swap_remove(nth))
    }
}
