//! From the text of a policy file to its rules.

use serde::Deserialize;
use toml::Spanned;

use super::Warning;
use super::error::{PolicyError, PolicyFault, Position, WarningKind};
use super::op::{Op, Ops};
use super::pattern::Pattern;
use super::rule::Rule;
use super::subject::{Names, Subject};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Spanned<i64>,
    #[serde(default)]
    rule: Vec<Spanned<RawRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: Spanned<String>,
    subjects: Vec<Spanned<String>>,
    #[serde(default)]
    keys: Vec<Spanned<String>>,
    #[serde(default)]
    allow: Vec<Spanned<String>>,
    #[serde(default)]
    deny: Vec<Spanned<String>>,
}

pub(super) fn parse(text: &str, names: &dyn Names) -> Result<(Vec<Rule>, Vec<Warning>), PolicyError> {
    let file: File = toml::from_str(text).map_err(|error| PolicyError {
        position: Position::of(text, &error.span().unwrap_or_default()),
        fault: PolicyFault::Toml(error.message().to_owned()),
    })?;
    if *file.format.get_ref() != 1 {
        let fault = PolicyFault::Format(*file.format.get_ref());
        return Err(at(text, &file.format, fault));
    }
    let (mut rules, mut warnings) = (Vec::<Rule>::new(), Vec::new());
    for raw in &file.rule {
        let name = raw.get_ref().name.get_ref();
        if name.is_empty() || rules.iter().any(|rule| &*rule.name == name.as_str()) {
            let fault = PolicyFault::RuleName(name.clone());
            return Err(at(text, &raw.get_ref().name, fault));
        }
        rules.push(rule(text, raw, names, &mut warnings)?);
    }
    Ok((rules, warnings))
}

fn rule(
    text: &str,
    spanned: &Spanned<RawRule>,
    names: &dyn Names,
    warnings: &mut Vec<Warning>,
) -> Result<Rule, PolicyError> {
    let raw = spanned.get_ref();
    let name = raw.name.get_ref().clone();
    let mut warn = |position, kind| {
        warnings.push(Warning {
            position,
            rule: name.clone(),
            kind,
        });
    };
    let mut subjects = Vec::new();
    for given in &raw.subjects {
        let parsed = Subject::parse(given.get_ref(), names);
        let (subject, unknown) = parsed.map_err(|error| at(text, given, PolicyFault::Subject(error)))?;
        let position = Position::of(text, &given.span());
        if let (false, Some(name)) = (raw.deny.is_empty(), unknown.first()) {
            let fault = PolicyFault::UnknownDenied(name.clone());
            return Err(at(text, given, fault));
        }
        for name in unknown {
            warn(position, WarningKind::UnknownName(name));
        }
        if subject.is_impossible() {
            warn(position, WarningKind::NeverHolds(subject.to_string()));
        }
        subjects.push(subject);
    }
    let mut keys = Vec::new();
    for given in &raw.keys {
        let pattern = Pattern::parse(given.get_ref());
        keys.push(pattern.ok_or_else(|| at(text, given, PolicyFault::Pattern(given.get_ref().clone())))?);
    }
    let (allow, deny) = (ops(text, &raw.allow)?, ops(text, &raw.deny)?);
    let both = allow.with(deny);

    let fault = match (
        subjects.is_empty(),
        both.is_empty(),
        both.need_key(),
        keys.is_empty(),
    ) {
        (true, ..) => Some(PolicyFault::NoSubject(name.clone())),
        (_, true, ..) => Some(PolicyFault::NoOperation(name.clone())),
        (_, _, true, true) => Some(PolicyFault::NoKeys(name.clone())),
        (_, _, false, false) => Some(PolicyFault::NoKeyOperation(name.clone())),
        _ => None,
    };
    if let Some(fault) = fault {
        return Err(at(text, &raw.name, fault));
    }

    let position = Position::of(text, &raw.name.span());
    if subjects.iter().any(Subject::is_any) && raw.allow.iter().any(|word| word.get_ref() == "all") {
        warn(position, WarningKind::AllForAny);
    }
    for op in [Op::Export, Op::DatakeyPlaintext] {
        if allow.has(op) && keys.iter().any(Pattern::is_everything) {
            warn(position, WarningKind::SecretsOfAllKeys(op.as_str()));
        }
    }
    Ok(Rule {
        name: name.into(),
        subjects,
        keys,
        allow,
        deny,
    })
}

fn ops(text: &str, words: &[Spanned<String>]) -> Result<Ops, PolicyError> {
    words.iter().try_fold(Ops::default(), |set, word| {
        let ops = Ops::of_word(word.get_ref());
        let ops = ops.ok_or_else(|| at(text, word, PolicyFault::Operation(word.get_ref().clone())))?;
        Ok(set.with(ops))
    })
}

fn at<T>(text: &str, spanned: &Spanned<T>, fault: PolicyFault) -> PolicyError {
    PolicyError {
        position: Position::of(text, &spanned.span()),
        fault,
    }
}
