//! The container: its recipe is built without a registry, its commands run as its user on its read-only files.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{lay_out, say};
use crate::package::tree::read;
use crate::tidy::{Inside, Mounted, Running};
use crate::{Outcome, debian, json, layout, run};

const FOLDER: &str = "packaging/container";
const BASE: &str = "docker.io/library/debian:12-slim";
const IMAGE: &str = "localhost/crannogd";

/// Builds it, compares it with compose.yaml, runs it.
pub fn check(packages: &Path, scratch: &Path) -> Outcome {
    let shop = Shop::new(scratch)?;
    shop.base(scratch)?;
    let context = scratch.join("context");
    fs::create_dir(&context)?;
    lay_out(packages, &context)?;
    let recipe = layout::root().join(FOLDER).join("Containerfile");
    let mut build = shop.buildah(&[
        "build",
        "--isolation",
        "chroot",
        "--pull-never",
        "--format",
        "docker",
    ]);
    run::capture(build.args(["-t", IMAGE, "-f"]).arg(recipe).arg(&context))?;
    let mut inspect = shop.buildah(&["inspect", "--type", "image", IMAGE]);
    let image = json::parse(&run::capture(&mut inspect)?)?;
    let image = &image["Docker"]["config"];
    composed(image)?;
    say("compose.yaml says the same as the image");

    let work = run::capture(&mut shop.buildah(&["from", "--pull-never", IMAGE]))?;
    let top = run::capture(&mut shop.buildah(&["mount", work.trim()]))?;
    live(image, Path::new(top.trim()), scratch)
}

/// Where buildah keeps things: all below the scratch folder.
struct Shop {
    words: Vec<String>,
}

impl Shop {
    fn new(scratch: &Path) -> Outcome<Self> {
        let place = |name: &str| scratch.join(name).display().to_string();
        let words = [
            "--root",
            &place("images"),
            "--runroot",
            &place("run"),
            "--storage-driver",
            "vfs",
        ];
        Ok(Self {
            words: words.map(str::to_owned).to_vec(),
        })
    }

    fn buildah(&self, words: &[&str]) -> Command {
        let mut command = Command::new("buildah");
        command.args(&self.words).args(words);
        command
    }

    /// The fresh Debian, under the name that the recipe begins with.
    fn base(&self, scratch: &Path) -> Outcome {
        let archive = scratch.join("debian.tar");
        run::quietly(
            Command::new("tar")
                .arg("-C")
                .arg(debian::base()?)
                .arg("-cf")
                .arg(&archive)
                .arg("."),
        )?;
        run::capture(&mut self.buildah(&["from", "--name", "base", "scratch"]))?;
        run::capture(self.buildah(&["add", "base"]).arg(&archive).arg("/"))?;
        run::capture(&mut self.buildah(&["commit", "--rm", "--quiet", "base", BASE]))?;
        fs::remove_file(archive)?;
        Ok(())
    }
}

/// What compose.yaml repeats of the image, and what it must add.
fn composed(image: &Value) -> Outcome {
    let mut python = Command::new("/usr/bin/python3");
    python.args([
        "-c",
        "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))",
    ]);
    let text = run::capture(python.arg(layout::root().join(FOLDER).join("compose.yaml")))?;
    let compose = json::parse(&text)?;
    let service = &compose["services"]["crannogd"];
    let mounts = texts(&service["volumes"]);
    let volumes = image["Volumes"].as_object();
    let kept = |path: &String| mounts.iter().any(|mount| mount.split(':').nth(1) == Some(path));
    for (holds, what) in [
        (service["user"] == image["User"], "the same user"),
        (service["read_only"] == true, "a read-only root"),
        (texts(&service["cap_drop"]) == ["ALL"], "no capabilities"),
        (
            service["entrypoint"].is_null() && service["command"].is_null(),
            "the image's own program",
        ),
        (
            service["healthcheck"]["test"] == image["Healthcheck"]["Test"],
            "the same health check",
        ),
        (
            volumes.is_some_and(|paths| !paths.is_empty() && paths.keys().all(kept)),
            "a volume for the data",
        ),
        // Both as seen from where they are read: this folder, and the context.
        (
            service["build"]["context"] == "../../target/packages"
                && service["build"]["dockerfile"] == format!("../../{FOLDER}/Containerfile"),
            "where the recipe and the packages are",
        ),
    ] {
        if !holds {
            return Err(
                format!("compose.yaml and the image do not agree on {what}:\n{service}\n{image}").into(),
            );
        }
    }
    Ok(())
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Entry point and health check, as an engine would run them but for the namespaces.
fn live(image: &Value, top: &Path, scratch: &Path) -> Outcome {
    let place = scratch.join("container");
    fs::create_dir(&place)?;
    run::quietly(Command::new("mount").args(["--bind"]).arg(top).arg(&place))?;
    let _whole = Mounted::new(&place);
    run::quietly(Command::new("mount").args(["-o", "remount,bind,ro"]).arg(&place))?;
    let data = place.join("var/lib/crannogd");
    let options = run::capture(
        Command::new("stat")
            .args(["-c", "mode=0%a,uid=%u,gid=%g"])
            .arg(&data),
    )?;
    let mut tmpfs = Command::new("mount");
    tmpfs.args(["-t", "tmpfs", "-o", options.trim(), "volume"]);
    run::quietly(tmpfs.arg(&data))?;
    let _volume = Mounted::new(&data);
    let settings = scratch.join("container.toml");
    // Only the port is another one: 7443 may be somebody's here.
    let text = read(&format!("{FOLDER}/config.toml"))?;
    fs::write(&settings, format!("listen = \"127.0.0.1:0\"\n{text}"))?;
    let inner = place.join("etc/crannogd/config.toml");
    run::quietly(Command::new("mount").arg("--bind").arg(&settings).arg(&inner))?;
    let _settings = Mounted::new(&inner);
    let _inside = Inside::new(&place);

    let user = image["User"].as_str().unwrap_or_default().to_owned();
    let chroot = |words: &[String]| {
        let mut command = Command::new("chroot");
        command
            .arg(format!("--userspec={user}"))
            .arg("--groups=")
            .arg(&place);
        command.args(["env", "-i", "PATH=/usr/sbin:/usr/bin"]).args(words);
        command.stdin(Stdio::null());
        command
    };
    let log = scratch.join("container.log");
    let mut server = chroot(&texts(&image["Entrypoint"]));
    let mut server = Running::start(server.stdout(Stdio::piped()).stderr(fs::File::create(&log)?))?;
    let lines = server
        .child()
        .stdout
        .take()
        .map(BufReader::new)
        .into_iter()
        .flat_map(BufRead::lines);
    // Ends when the server does.
    let ready = lines
        .map_while(Result::ok)
        .any(|line| line.starts_with("listening on "));
    if !ready {
        return Err(format!(
            "the container's server does not start: {}",
            fs::read_to_string(log)?
        )
        .into());
    }
    let health: Vec<String> = texts(&image["Healthcheck"]["Test"]).into_iter().skip(1).collect();
    run::capture(&mut chroot(&health))?;
    let words = ["crannogd", "invite", "create", "--json"].map(str::to_owned);
    let invite = json::parse(&run::capture(&mut chroot(&words))?)?;
    if !json::text(&invite, "server")?.starts_with("crannog://localhost:7443#") {
        return Err(format!("the container's invite names another place: {invite}").into());
    }
    let write = ["touch", "/etc/crannogd/here"].map(str::to_owned);
    if run::output(&mut chroot(&write))?.status.success() {
        return Err("the container's root can be written to".into());
    }
    drop(server);
    if run::output(&mut chroot(&health))?.status.success() {
        return Err("the health check finds a server that was stopped".into());
    }
    say("its server runs as its user on read-only files; the health check sees it, and sees it go");
    Ok(())
}
