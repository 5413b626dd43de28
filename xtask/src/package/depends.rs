//! Which packages a program needs: asked of the libraries that it is linked with.

use std::process::Command;

use super::Which;
use super::tree::Tree;
use crate::{Outcome, run};

/// For the field `Depends`.
pub fn of(tree: &Tree, which: Which) -> Outcome<String> {
    // dpkg-shlibdeps works on a source tree; this is the smallest.
    let source = tree.path("").with_extension("source");
    std::fs::create_dir_all(source.join("debian"))?;
    let control = format!(
        "Source: crannog\n\nPackage: {}\nArchitecture: any\n",
        which.package()
    );
    std::fs::write(source.join("debian/control"), control)?;
    let program = tree.path(&format!("usr/bin/{}", which.program()));
    let mut shlibdeps = Command::new("dpkg-shlibdeps");
    shlibdeps.current_dir(&source).arg("-O").arg(program);
    let said = run::capture(&mut shlibdeps)?;
    let found = said.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    match found.map(str::trim) {
        Some(list) if list.contains("libc6") => Ok(list.to_owned()),
        _ => Err(format!(
            "dpkg-shlibdeps did not say what {} needs: {said:?}",
            which.program()
        )
        .into()),
    }
}
