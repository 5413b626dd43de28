# Makes a folder the root of a machine and its systemd process 1, inside namespaces that were just made: $1. Says first which
# process it is, as those outside count.
set -eu
read -r pid _ </proc/self/stat
echo "$pid"

root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
touch "$root/dev/console"
# Credentials of a unit are mounted in a namespace of their own, and are seen by what shares its mounts.
mount --make-rshared "$root"
exec env -i container=crannog PATH=/usr/sbin:/usr/bin:/sbin:/bin NOTIFY_SOCKET=/boot.notify \
    chroot "$root" /lib/systemd/systemd --log-target=journal --show-status=0 multi-user.target
