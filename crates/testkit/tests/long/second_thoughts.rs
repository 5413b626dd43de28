//! What an actor takes back, or lets go for good: trash and old versions.

use super::actor::Actor;

impl Actor {
    /// What a person does now and then, or a timer for her: what is old goes.
    pub(crate) fn keep_only(&mut self, ticks: i64, older_than: &str) {
        let words = |words: [&str; 4]| words.map(str::to_owned).to_vec();
        let mut empty = words(["trash", "empty", "--older-than", older_than]);
        if let Some(drive) = &self.habits.drive {
            empty.extend(["--drive".to_owned(), drive.clone()]);
        }
        empty.push("--yes".into());
        self.run(empty);
        self.model.empty_trash(ticks);
        let mut forget = words(["forget", "-r", "--older-than", older_than]);
        forget.extend([self.remote("/"), "--yes".to_owned()]);
        self.run(forget);
        self.model.forget(ticks);
    }

    pub(super) fn take_back(&mut self, count: u64) {
        let mut items = self.trash();
        let mut words = self.of_trash("restore");
        let before = words.len();
        let drawn: Vec<u64> = (0..count).filter_map(|_| self.draw(&mut items)).collect();
        // The command finds them all before it moves one.
        words.extend(drawn.iter().map(|id| self.trash_path(*id)));
        drawn.into_iter().for_each(|id| self.model.restore(id));
        self.operations += (words.len() - before) as u64;
        if words.len() > before {
            self.run(words);
        }
    }

    fn of_trash(&self, what: &str) -> Vec<String> {
        let mut words = vec!["trash".to_owned(), what.to_owned()];
        if let Some(drive) = &self.habits.drive {
            words.extend(["--drive".to_owned(), drive.clone()]);
        }
        words
    }

    pub(super) fn purge(&mut self, count: u64) {
        let mut items = self.trash();
        let mut words = self.of_trash("empty");
        words.push("--yes".to_owned());
        let mut going = Vec::new();
        for _ in 0..count {
            if let Some(id) = self.draw(&mut items) {
                words.push(self.trash_path(id));
                going.push(id);
            }
        }
        self.operations += going.len() as u64;
        if !going.is_empty() {
            self.run(words);
        }
        for id in going {
            self.model.purge(id);
        }
    }

    /// An old version becomes the current one.
    pub(super) fn restore_version(&mut self) {
        let mut several = self.files();
        several.retain(|(_, id)| {
            self.model
                .versions(*id)
                .is_some_and(|versions| versions.len() > 1)
        });
        let Some((path, id)) = self.draw(&mut several) else {
            return;
        };
        let remote = self.remote(&path);
        let told = self.run(vec!["versions".into(), remote.clone()]);
        let told = told.as_array().unwrap();
        let known = self.model.versions(id).unwrap();
        let sizes: Vec<u64> = told
            .iter()
            .rev()
            .map(|version| version["size"].as_u64().unwrap())
            .collect();
        let expected: Vec<u64> = known.iter().map(|version| version.content.len).collect();
        assert_eq!(sizes, expected, "the versions of {path}");
        let nth = self.dice.below(known.len() as u64 - 1);
        let nth = usize::try_from(nth).unwrap();
        let content = known[nth].content;
        let version = told[told.len() - 1 - nth]["version"].as_str().unwrap().to_owned();
        self.model.write(id, content);
        self.operations += 1;
        self.run(vec!["restore".into(), remote, version]);
    }
}
