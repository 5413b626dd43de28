//! Every command of the guide, typed as it stands there.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::{ROOT_ALONE, World, program, text};

#[test]
fn the_commands_of_the_guide_work_in_their_order() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/use/keyd.md");
    let page = std::fs::read_to_string(page).unwrap();
    let world = World::new(ROOT_ALONE);
    world.write("policy.toml", ROOT_ALONE, 0o644);
    let _service = world.start();
    let (mut inside, mut typed) = (false, 0);
    for line in page.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ => {}
        }
        let Some(command) = line.strip_prefix("$ ").filter(|_| inside) else {
            continue;
        };
        let path = format!("{}:/usr/bin:/bin", program().parent().unwrap().display());
        let output = Command::new("sh")
            .args(["-ec", command])
            .current_dir(world.path(""))
            .env("PATH", path)
            .env("CRANNOG_KEYD_SOCKET", world.socket())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", text(&output));
        match command.split_whitespace().nth(1) {
            Some("decrypt") if command.contains('<') => assert_eq!(output.stdout.trim_ascii_end(), b"hello"),
            _ => {}
        }
        typed += 1;
    }
    assert!(typed > 20, "{typed} commands");
}
