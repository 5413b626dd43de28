//! What is stored: random bytes, so that nobody wins by compressing, with canaries in names and contents.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::Outcome;

/// In every file, and in every file's name.
pub const CANARY: &str = "Kingfisher-over-the-causeway";
const BIG: usize = 1 << 30;
const FILES: usize = 10_000;
const CHANGED: usize = 100;

/// The source folders.
#[derive(Debug)]
pub struct Data {
    /// The folder that holds all.
    pub top: PathBuf,
}

impl Data {
    /// Makes them.
    pub fn make(top: &Path) -> Outcome<Self> {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        fs::create_dir_all(top.join("small"))?;
        let mut big = File::create(top.join("big"))?;
        let mut block = vec![0; 1 << 20];
        for _ in 0..BIG / block.len() {
            random.fill(&mut block);
            mark(&mut block);
            big.write_all(&block)?;
        }
        let data = Self {
            top: top.to_path_buf(),
        };
        for index in 0..FILES {
            let path = data.small(index);
            if index % 100 == 0 {
                fs::create_dir_all(path.parent().unwrap_or(top))?;
            }
            let mut content = vec![0; 1024 + random.below(15 * 1024 + 1)];
            random.fill(&mut content);
            mark(&mut content);
            fs::write(&path, content)?;
            // Not of this minute: tools treat very fresh files with suspicion.
            let age = Duration::from_secs(86_400 + u64::try_from(index)?);
            File::options()
                .write(true)
                .open(&path)?
                .set_modified(SystemTime::now() - age)?;
        }
        for name in ["one", "far"] {
            let mut content = vec![0; 4096];
            random.fill(&mut content);
            mark(&mut content);
            fs::write(top.join(name), content)?;
        }
        Ok(data)
    }

    fn small(&self, index: usize) -> PathBuf {
        self.top
            .join(format!("small/{:02}/{CANARY}-{index:05}", index / 100))
    }

    /// Changes a hundred files: other bytes, another size, another time.
    pub fn change(&self) -> Outcome {
        for index in (0..FILES).step_by(FILES / CHANGED) {
            let mut file = File::options().append(true).open(self.small(index))?;
            file.write_all(&[b'+'; 512])?;
        }
        Ok(())
    }

    /// And back, times too.
    pub fn change_back(&self) -> Outcome {
        for index in (0..FILES).step_by(FILES / CHANGED) {
            let file = File::options().write(true).open(self.small(index))?;
            file.set_len(file.metadata()?.len() - 512)?;
            file.set_modified(SystemTime::now() - Duration::from_secs(86_400))?;
        }
        Ok(())
    }
}

fn mark(content: &mut [u8]) {
    for block in content.chunks_mut(64 << 10) {
        if let Some(start) = block.get_mut(..CANARY.len()) {
            start.copy_from_slice(CANARY.as_bytes());
        }
    }
}

/// xorshift64*: fast, the same in every run, incompressible.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % limit
    }

    fn fill(&mut self, buffer: &mut [u8]) {
        for piece in buffer.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            piece.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        }
    }
}
