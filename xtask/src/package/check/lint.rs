//! What can be said of a package without installing it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::say;
use crate::{Outcome, run};

/// Lintian has no error, pages and units no warning, completions can be sourced.
pub fn check(package: &Path, scratch: &Path) -> Outcome {
    lintian(package)?;
    let name = package
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let top = scratch.join(format!("{name}.tree"));
    run::quietly(Command::new("dpkg-deb").arg("-x").arg(package).arg(&top))?;
    let pages = manual(&top)?;
    let shells = completions(&top)?;
    units(&top)?;
    say(&format!(
        "{name}: {pages} manual pages, {shells} shells complete it"
    ));
    Ok(())
}

fn lintian(package: &Path) -> Outcome {
    let mut lintian = Command::new("lintian");
    lintian.args([
        "--profile",
        "debian",
        "--tag-display-limit",
        "0",
        "--show-overrides",
    ]);
    let output = run::output(lintian.arg(package))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines().for_each(say);
    match said.lines().find(|line| line.starts_with("E:")) {
        Some(first) => Err(format!("lintian: {first}").into()),
        // 2: it could not do its work.
        None if output.status.code() > Some(1) => {
            Err(format!("lintian: {}", String::from_utf8_lossy(&output.stderr)).into())
        }
        None => Ok(()),
    }
}

/// Renders each as `man` does, with all warnings.
fn manual(top: &Path) -> Outcome<usize> {
    let pages = below(&top.join("usr/share/man"))?;
    for page in &pages {
        let mut man = Command::new("man");
        man.env("LC_ALL", "C.UTF-8")
            .env("MANWIDTH", "80")
            .env_remove("MANPAGER");
        man.args(["--warnings", "-E", "UTF-8", "-l", "-P", "cat"])
            .arg(page);
        let output = run::output(&mut man)?;
        let warned = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() || !warned.is_empty() {
            return Err(format!("{}: {warned}", page.display()).into());
        }
        let text = String::from_utf8_lossy(&output.stdout);
        if !text.contains("NAME") || !text.contains("SYNOPSIS") {
            return Err(format!("{}: no manual page", page.display()).into());
        }
    }
    match pages.len() {
        0 => Err(format!("{} has no manual pages", top.display()).into()),
        n => Ok(n),
    }
}

/// bash sources its script; those of shells that may not be here are only looked at.
fn completions(top: &Path) -> Outcome<usize> {
    let mut shells = 0;
    for path in below(&top.join("usr/share"))? {
        let shown = path.display().to_string();
        if shown.contains("/bash-completion/") {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let mut bash = Command::new("bash");
            bash.args(["--norc", "-euc", &format!(". '{shown}' && complete -p {name}")]);
            run::capture(&mut bash)?;
            shells += 1;
        } else if shown.contains("/vendor-completions/") || shown.contains("/vendor_completions.d/") {
            let text = std::fs::read_to_string(&path)?;
            if !(text.contains("#compdef") || text.contains("complete -c")) {
                return Err(format!("{shown} completes nothing").into());
            }
            shells += 1;
        }
    }
    if shells == 3 {
        Ok(shells)
    } else {
        Err(format!("completions for {shells} shells instead of 3").into())
    }
}

/// `systemd-analyze verify` finds nothing to remark.
fn units(top: &Path) -> Outcome {
    for unit in below(&top.join("usr/lib/systemd"))? {
        let mut analyze = Command::new("systemd-analyze");
        // Nobody need be logged in.
        analyze.env("XDG_RUNTIME_DIR", top);
        let whose = if unit.parent().is_some_and(|folder| folder.ends_with("user")) {
            "--user"
        } else {
            "--system"
        };
        // The programs are looked for where the package has them.
        let text = std::fs::read_to_string(&unit)?;
        let moved = text.replace("ExecStart=/usr/", &format!("ExecStart={}/usr/", top.display()));
        std::fs::write(&unit, moved)?;
        analyze
            .args([whose, "verify", "--man=no", "--recursive-errors=no"])
            .arg(&unit);
        let output = run::output(&mut analyze)?;
        let remarks = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() || !remarks.trim().is_empty() {
            return Err(format!("{}: {remarks}", unit.display()).into());
        }
    }
    Ok(())
}

fn below(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(below(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
