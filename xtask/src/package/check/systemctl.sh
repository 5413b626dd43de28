#!/bin/sh
# Stands in for systemd in the chroot, where none can run: starts and stops what the unit says, as far as that goes without one.
set -eu

unit=/usr/lib/systemd/system/crannogd.service
number=/run/crannogd.pid

echo "$*" >>/run/systemctl.log

says() { sed -n "s/^$1=//p" "$unit"; }

up() { [ -e "$number" ] && grep -qs '^State:.[^Z]' "/proc/$(cat "$number")/status"; }

start() {
    ! up || return 0
    install -d -m "$(says StateDirectoryMode)" -o "$(says User)" -g "$(says Group)" "/var/lib/$(says StateDirectory)"
    (
        umask "$(says UMask)"
        # Only systemd may raise it everywhere.
        ulimit -n "$(says LimitNOFILE)" 2>/dev/null || true
        exec setsid setpriv --reuid="$(says User)" --regid="$(says Group)" --clear-groups \
            --no-new-privs --bounding-set=-all --inh-caps=-all env -i PATH=/usr/bin sh -c "exec $(says ExecStart)"
    ) </dev/null >>/var/log/crannogd.log 2>&1 &
    echo $! >"$number"
    crannogd health --wait 30 >/dev/null
}

stop() {
    up || return 0
    kill "$(cat "$number")"
    # A process that is not a child can only be asked for again and again; as long as the unit waits, 40 s.
    left=800
    while up; do
        [ "$left" -gt 0 ] || kill -KILL "$(cat "$number")"
        left=$((left - 1))
        sleep 0.05
    done
}

# Debian's presets enable what a package brings.
enable() {
    wants="/etc/systemd/system/$(says WantedBy).wants"
    mkdir -p "$wants"
    ln -sf "$unit" "$wants/crannogd.service"
}

for word; do
    case "$word" in
        -*) ;;
        start) start; exit ;;
        stop) stop; exit ;;
        restart) stop; start; exit ;;
        preset) enable; exit ;;
        is-enabled)
            [ -e "/etc/systemd/system/$(says WantedBy).wants/crannogd.service" ] || exit 1
            echo enabled
            exit
            ;;
        is-active | status) up; exit ;;
        daemon-reload) exit ;;
        *) echo "systemctl: $word is not known here" >&2; exit 1 ;;
    esac
done
