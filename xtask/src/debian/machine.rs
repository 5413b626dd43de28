//! A Debian that was booted: its systemd is process 1 of namespaces of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Outcome;
use crate::tidy::{ControlGroup, First, Running};

/// How long it may take until multi-user.target is reached.
const BOOT: Duration = Duration::from_secs(180);

/// A running machine, ended when dropped.
#[derive(Debug)]
pub struct Machine {
    // Dropped in this order.
    first: First,
    _unshare: Running,
    _group: ControlGroup,
}

impl Machine {
    /// Boots what lies in `top`, and waits until systemd says that it is up.
    pub fn boot(top: &Path) -> Outcome<Self> {
        let path = top.join("boot.notify");
        let notes = UnixDatagram::bind(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        notes.set_read_timeout(Some(BOOT))?;
        let group = ControlGroup::new(&groups()?)?;
        let mut command = Command::new("setsid");
        command.args([
            "sh",
            "-ec",
            "echo $$ >\"$1/cgroup.procs\"
             exec unshare --fork --kill-child --pid --mount --uts --ipc --cgroup --net sh -c \"$2\" boot \"$3\"",
            "boot",
        ]);
        command.arg(group.path()).arg(include_str!("boot.sh")).arg(top);
        let log = top.join("boot.log");
        command.stdin(Stdio::null()).stderr(fs::File::create(&log)?);
        let mut unshare = Running::start(command.stdout(Stdio::piped()))?;
        let mut line = String::new();
        if let Some(stdout) = unshare.child().stdout.as_mut() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let said = || fs::read_to_string(&log).unwrap_or_default();
        let pid = line.trim().parse();
        let first = First::new(pid.map_err(|_| format!("the machine does not start: {}", said()))?);
        let machine = Self {
            first,
            _unshare: unshare,
            _group: group,
        };
        wait(&notes).map_err(|error| format!("systemd does not come up: {error}\n{}", said()))?;
        Ok(machine)
    }

    /// Runs a program in it.
    pub fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("-t").arg(self.first.pid().to_string());
        command.args(["-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w"]);
        command
    }
}

/// Until systemd says that all of it was started.
fn wait(notes: &UnixDatagram) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = notes.recv(&mut buffer)?;
        let said = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
        if said.lines().any(|line| line == "READY=1") {
            return Ok(());
        }
    }
}

/// Where the second version of control groups is mounted.
fn groups() -> Outcome<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let place = mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (at, kind) = (words.next()?, words.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(at))
    });
    place.ok_or_else(|| "no cgroup2 is mounted here, which systemd needs".into())
}
