//! Many ciphertexts, one on each line: sent in batches, answered in their order, with bounded memory.

use std::io::{BufRead, BufReader};

use crannog_keyd_client::{Answer, Call, Ciphertext, Encrypted, Items, Name, Outcomes};

use super::many::Tally;
use super::{WithKey, blocking};
use crate::failure::{Code, Failure};
use crate::fault;
use crate::input::Source;
use crate::session::{Session, unexpected};

/// A batch has at most so many lines,
const LINES: usize = 500;
/// and ends with the line that reaches so many bytes.
const BYTES: usize = 1 << 20;
/// A longer line is no ciphertext that the service takes.
const LONGEST: u64 = 32 << 20;

/// Takes every line of every source through `call`, and prints the ciphertexts that come back. The line of one that failed is empty.
pub(super) async fn through(
    session: &Session<'_>,
    key: &Name,
    sources: Vec<Source>,
    call: impl Fn(Items<Ciphertext>) -> Call,
) -> Result<(), Failure> {
    if let [Source::Word(word)] = sources.as_slice() {
        let text = String::from_utf8_lossy(word).into_owned();
        let reply = session
            .call_about(key.as_str(), &call(Items::One(text.into())))
            .await?;
        let Answer::Encrypted(Outcomes::One(encrypted)) = reply.answer else {
            return Err(unexpected());
        };
        return show(session, key, &encrypted);
    }
    let mut tally = Tally::new(session.printer, false);
    for source in sources {
        source.announce(session.printer);
        let object = source.object();
        let mut reader = blocking(move || Ok(BufReader::new(source.open()?.into_reader()))).await?;
        let mut before = 0;
        loop {
            let named = object.clone();
            let (lines, back) = blocking(move || {
                let lines = batch(&mut reader);
                Ok((lines.map_err(|failure| failure.about(named))?, reader))
            })
            .await?;
            reader = back;
            if lines.is_empty() {
                break;
            }
            let items = Items::batch(lines.iter().map(|line| Ciphertext::from(line.as_str())));
            let reply = session.call_about(key.as_str(), &call(items)).await?;
            let Answer::Encrypted(Outcomes::Batch(outcomes)) = reply.answer else {
                return Err(unexpected());
            };
            for (at, outcome) in outcomes.into_iter().enumerate() {
                match outcome.result {
                    Ok(encrypted) => {
                        show(session, key, &encrypted)?;
                        tally.add(Ok(()));
                    }
                    Err(why) => {
                        if !session.printer.is_json() {
                            session.printer.bytes(b"\n")?;
                        }
                        let line = before + at + 1;
                        tally.add(Err(fault::item(&why.text).about(format!("{object}, line {line}"))));
                    }
                }
            }
            before += lines.len();
        }
    }
    tally.finish()
}

fn show(session: &Session<'_>, key: &Name, encrypted: &Encrypted) -> Result<(), Failure> {
    let data = WithKey {
        key: key.as_str(),
        data: encrypted,
    };
    session
        .printer
        .result(&format!("{}\n", encrypted.ciphertext), &data)
}

/// The next lines; none at the end. Blocks.
fn batch(reader: &mut impl BufRead) -> Result<Vec<String>, Failure> {
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while lines.len() < LINES && bytes < BYTES {
        let mut line = String::new();
        let read = std::io::Read::take(&mut *reader, LONGEST).read_line(&mut line);
        let read = read.map_err(|error| Failure::new(Code::LocalIo, error.to_string()))?;
        if read == 0 {
            break;
        }
        if read as u64 == LONGEST {
            return Err(Failure::new(Code::Quota, "a line is too long for a ciphertext").check("KEY-015"));
        }
        bytes += read;
        lines.push(line.trim().to_owned());
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::{BYTES, LINES, batch};

    #[test]
    fn batches_are_bounded_and_lose_nothing() {
        let text = "a\r\nb\n\n".repeat(LINES);
        let mut reader = text.as_bytes();
        let mut all = Vec::new();
        loop {
            let lines = batch(&mut reader).unwrap();
            assert!(lines.len() <= LINES);
            if lines.is_empty() {
                break;
            }
            all.extend(lines);
        }
        assert_eq!(all, ["a", "b", ""].repeat(LINES));
        let long = format!("{}\nx", "a".repeat(BYTES));
        assert_eq!(batch(&mut long.as_bytes()).unwrap().len(), 1);
    }
}
