//! The line of the page `keyd.md`, and lines that are none.

use proptest::prelude::*;

use super::*;

const PAGE: &str = r#"{"n":41,"time":"2026-11-21T18:33:47.123456Z","event":"request","op":"encrypt","key":"shop-orders","id":"9f","target":"t","version":3,"subject":{"uid":1000,"gid":1000,"socket":"clients","cert":"c","account":"a"},"pid":811,"unit":"shop.service","peer":"192.0.2.7:51234","request":"r","rule":"shop","items":1,"failed":0,"result":"ok","status":200,"in":"i","out":"o","detail":{"count":7,"why":"x"}}"#;

fn whole() -> Record<'static> {
    let text = |text: &'static str| Some(Cow::Borrowed(text));
    Record {
        op: text("encrypt"),
        key: text("shop-orders"),
        id: text("9f"),
        target: text("t"),
        version: Some(3),
        subject: Some(Subject {
            uid: Some(1000),
            gid: Some(1000),
            socket: text("clients"),
            cert: text("c"),
            account: text("a"),
        }),
        pid: Some(811),
        unit: text("shop.service"),
        peer: text("192.0.2.7:51234"),
        request: text("r"),
        rule: text("shop"),
        items: Some(1),
        failed: Some(0),
        result: Some(Outcome::Ok),
        status: Some(200),
        input: text("i"),
        output: text("o"),
        detail: Some(Detail::default().number("count", 7).text("why", "x")),
        ..Record::new(Time::from_micros(1_795_286_027_123_456), Event::Request)
    }
}

#[test]
fn the_line_of_the_page() {
    let line = encode(41, &tail(&whole()).unwrap());
    assert_eq!(String::from_utf8(line).unwrap(), format!("{PAGE}\n"));
    assert_eq!(Line::new(PAGE).record(), Ok((41, whole())));
}

#[test]
fn events_are_written_as_the_page_names_them() {
    let words = [
        (Event::ConnectionRefused, "connection-refused"),
        (Event::UsesHigh, "uses-high"),
        (Event::LogRepaired, "log-repaired"),
        (Event::LogDamageAccepted, "log-damage-accepted"),
    ];
    for (event, word) in words {
        assert_eq!(serde_json::to_string(&event).unwrap(), format!("\"{word}\""));
    }
}

#[test]
fn any_other_way_of_writing_is_none() {
    let written_otherwise = [
        PAGE.replace(",\"op\"", ", \"op\""),
        PAGE.replace("\"shop\"", "\"\\u0073hop\""),
        PAGE.replace("\"items\":1,\"failed\":0", "\"failed\":0,\"items\":1"),
        format!("{PAGE} "),
        PAGE.replace("\"pid\":811,", "\"pid\":811,\"unit\":null,")
            .replace(",\"unit\":\"shop.service\"", ""),
    ];
    for line in written_otherwise {
        assert_eq!(
            Line::new(line.clone()).record(),
            Err(LineError::Canonical),
            "{line}"
        );
    }
    let no_record = [
        PAGE.replace("\"n\":41", "\"n\":041"),
        PAGE.replace("\"n\":41", "\"n\":-1"),
        PAGE.replace("\"n\":41,", ""),
        PAGE.replace("\"pid\"", "\"pod\""),
        PAGE.replace("\"pid\":811", "\"pid\":811,\"pid\":811"),
        PAGE.replace("2026-11-21", "2026-13-21"),
        PAGE.replace("2026-11-21", "2026-02-29"),
        PAGE.replace(".123456Z", ".123Z"),
        PAGE.replace("\"count\":7", "\"count\":-7"),
        PAGE.replace("request\",", "requests\","),
        String::new(),
        "\u{0}".repeat(100),
    ];
    for line in no_record {
        assert_eq!(Line::new(line.clone()).record(), Err(LineError::Record), "{line}");
    }
    let long = PAGE.replace("shop-orders", &"x".repeat(MAX_LINE));
    assert_eq!(Line::new(long).record(), Err(LineError::Long));
    let torn = Line {
        whole: false,
        ..Line::new(PAGE)
    };
    assert_eq!(torn.record(), Err(LineError::Torn));
}

#[test]
fn moments() {
    let known = [
        (0, "1970-01-01T00:00:00.000000Z"),
        (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
        (4_107_542_399_999_999, "2100-02-28T23:59:59.999999Z"),
        (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        (u64::MAX, "9999-12-31T23:59:59.999999Z"),
    ];
    for (micros, text) in known {
        let time = Time::from_micros(micros);
        assert_eq!(time.to_string(), text);
        assert_eq!(Time::parse(text), Some(time));
    }
}

/// Against the one-shot function over the bytes that the page names, written out.
#[test]
fn values_are_hashed_with_field_and_length() {
    let mut hasher = ValueHasher::new(&[7; 32]);
    hasher.value("context", b"c");
    hasher.value("plaintext", b"");
    let mut bytes = b"context\0\x01\0\0\0\0\0\0\0c".to_vec();
    bytes.extend_from_slice(b"plaintext\0\0\0\0\0\0\0\0\0");
    let keyed = blake3::keyed_hash(&[7; 32], &bytes);
    assert_eq!(hasher.finish(), keyed.to_hex()[..32]);
}

#[test]
fn a_value_hasher_does_not_show_its_key() {
    assert_eq!(format!("{:?}", ValueHasher::new(&[7; 32])), "ValueHasher");
}

proptest! {
    #[test]
    fn moments_come_back(micros in 0..=u64::MAX / 4) {
        let time = Time::from_micros(micros);
        prop_assert_eq!(Time::parse(&time.to_string()), Some(time));
    }

    #[test]
    fn records_come_back(n in any::<u64>(), key in any::<String>(), count in any::<u64>(), name in any::<String>()) {
        let detail = Detail::default().number(&name, count).text("text", key.clone());
        let record = Record { key: Some(key.clone().into()), ..whole() }.with_detail(detail);
        let mut line = encode(n, &tail(&record).unwrap());
        prop_assert_eq!(line.pop(), Some(b'\n'));
        prop_assert!(!line.contains(&b'\n'));
        prop_assert_eq!(Line::new(line).record().unwrap(), (n, record));
    }

    #[test]
    fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..500, text in ".{0,40}") {
        let mut mutated = PAGE.as_bytes().to_vec();
        let at = at % mutated.len();
        mutated.splice(at..(at + bytes.len() % 9).min(PAGE.len()), bytes.iter().take(3).copied());
        for input in [bytes, mutated] {
            let line = Line::new(input.clone());
            if let Ok((n, record)) = line.record() {
                let again = encode(n, &tail(&record).unwrap());
                prop_assert_eq!(again.strip_suffix(b"\n"), Some(&input[..]));
                prop_assert_eq!(line.number(), Some(n));
            }
        }
        let _ = Time::parse(&text);
    }
}
