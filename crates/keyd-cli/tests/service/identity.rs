//! Who speaks: the kernel's word at connect, the directory of users now, and the policy.

use std::os::unix::net::UnixListener;

use crate::world::people::{Person, Team};
use crate::world::{Http, World, program, text};
use serde_json::json;

fn policy_for(team: &Team) -> String {
    format!(
        "format = 1\n[[rule]]\nname = \"team\"\nsubjects = [\"group:{}\"]\nkeys = [\"shop\"]\nallow = [\"use\"]\n\
         [[rule]]\nname = \"root\"\nsubjects = [\"user:root\"]\nkeys = [\"*\"]\nallow = [\"all\"]\n",
        team.name
    )
}

/// The clients' folder and socket belong to the team, as `install` has it.
fn open_to(world: &World, team: &Team) {
    let folder = world.path("run/clients");
    for path in [folder.clone(), folder.join("keyd.sock")] {
        std::os::unix::fs::chown(path, None, Some(team.id)).unwrap();
    }
}

/// KEY-008, KEY-010 and their honest twin.
#[test]
fn a_member_is_served_another_is_refused_and_who_was_removed_is_refused_on_the_next_connection() {
    let (team, member, other) = (Team::new("team"), Person::new("alice"), Person::new("eve"));
    team.take_in(&member);
    let world = World::new(&policy_for(&team));
    let service = world.start();
    open_to(&world, &team);
    assert_eq!(world.http().post("transit/keys/shop", &json!({})).status, 200);
    assert_eq!(world.http().post("transit/keys/till", &json!({})).status, 200);
    let encrypt = |person: &Person, groups: &[&Team], key: &str| {
        let mut command = person.command(groups, &program());
        command
            .arg("--socket")
            .arg(world.socket())
            .args(["encrypt", "--text", "hello", "--key", key]);
        command.output().unwrap()
    };
    let sealed = encrypt(&member, &[&team], "shop");
    assert!(sealed.status.success(), "{}", text(&sealed));
    let ciphertext = String::from_utf8(sealed.stdout).unwrap();
    let mut back = member.command(&[&team], &program());
    back.arg("--socket")
        .arg(world.socket())
        .args(["decrypt", "--text", ciphertext.trim(), "--key", "shop"]);
    assert_eq!(
        String::from_utf8(back.output().unwrap().stdout)
            .unwrap()
            .trim_end(),
        "hello"
    );

    let by_policy = encrypt(&member, &[&team], "till");
    assert_eq!(by_policy.status.code(), Some(7), "{}", text(&by_policy));
    let at_the_socket = encrypt(&other, &[], "shop");
    assert_eq!(at_the_socket.status.code(), Some(7), "{}", text(&at_the_socket));
    // Her process holds the group, as after a login of before; the directory of users says otherwise.
    let only_the_kernel = encrypt(&other, &[&team], "shop");
    assert_eq!(
        only_the_kernel.status.code(),
        Some(7),
        "{}",
        text(&only_the_kernel)
    );

    team.put_out(&member);
    let removed = encrypt(&member, &[&team], "shop");
    assert_eq!(removed.status.code(), Some(7), "{}", text(&removed));
    assert_eq!(service.stop(), 0);
}

#[test]
fn only_root_and_the_service_administer() {
    let other = Person::new("mallory");
    let world = World::new(crate::world::ROOT_ALONE);
    let _service = world.start();
    assert_eq!(Http::new(&world.admin()).get("sys/keyd/status").status, 200);
    // Were the file's rights wrong, the service still looks.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(world.admin(), mode).unwrap();
    let mut command = other.command(&[], &program());
    let refused = command
        .arg("--socket")
        .arg(world.admin())
        .arg("status")
        .output()
        .unwrap();
    assert!(!refused.status.success(), "{}", text(&refused));
}

/// KEY-009: whoever is not the TLS process is closed unread, root too.
#[test]
fn nobody_but_the_tls_process_asserts_certificates() {
    let world = World::with_config(
        crate::world::ROOT_ALONE,
        &format!("[tls]\nuser = {:?}\n", crate::world::TLS_USER),
    );
    let _service = world.start();
    let hello = b"CRKDPXY1".iter().copied().chain([7; 115]).collect::<Vec<u8>>();
    let mut stream = std::os::unix::net::UnixStream::connect(world.path("run/proxy/keyd.sock")).unwrap();
    let _ = std::io::Write::write_all(&mut stream, &hello);
    let mut answer = Vec::new();
    // Closed with what was sent unread: an end, or a reset.
    let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
    assert_eq!(answer, b"");
}

#[test]
fn a_reloaded_policy_counts_for_the_next_request_and_an_invalid_one_changes_nothing() {
    let world = World::new(crate::world::ROOT_ALONE);
    let _service = world.start();
    let http = world.http();
    http.post("transit/keys/a", &json!({}));
    let admin = Http::new(&world.admin());
    let deny = format!(
        "{}\n[[rule]]\nname = \"no\"\nsubjects = [\"any\"]\nkeys = [\"a\"]\ndeny = [\"encrypt\"]\n",
        crate::world::ROOT_ALONE
    );
    world.write("etc/policy.toml", &deny, 0o644);
    let encrypt = || http.post("transit/encrypt/a", &json!({ "plaintext": "" })).status;
    assert_eq!(encrypt(), 200, "not before it is loaded");
    assert_eq!(
        admin.post("sys/keyd/policy/reload", &json!({})).data()["rules"],
        2
    );
    assert_eq!(encrypt(), 403);
    world.write("etc/policy.toml", "format = 2", 0o644);
    assert_eq!(admin.post("sys/keyd/policy/reload", &json!({})).status, 400);
    // KEY-010: one that others can write is not loaded either.
    world.write("etc/policy.toml", crate::world::ROOT_ALONE, 0o666);
    assert_eq!(admin.post("sys/keyd/policy/reload", &json!({})).status, 400);
    assert_eq!(encrypt(), 403, "what counted before goes on to count");
}

/// A taken-over path: what lies where a socket goes does not stop a start.
#[test]
fn a_start_takes_the_place_of_what_an_earlier_process_left() {
    let world = World::new(crate::world::ROOT_ALONE);
    world.start().kill();
    drop(UnixListener::bind(world.path("run/other.sock")));
    let _again = world.start();
    assert_eq!(world.http().get("sys/health").status, 200);
}
