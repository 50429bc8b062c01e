# Second stage, process 1 of the guest: lays out the places that must not show the host's content, runs
# the guest half of the lab and powers off. If it fails, the kernel panics, and the host tells why.
set -eu
. /.lab/settings
/.lab/bin/busybox --install -s /.lab/bin
export PATH=/.lab/bin

# The checkout may lie under one of the fresh places below (CI likes /tmp): keep hold of it first.
pins=0
while IFS= read -r path; do
    mkdir -p /.lab/pin/$pins
    mount --bind "$path" /.lab/pin/$pins
    pins=$((pins + 1))
done < /.lab/pinned

for place in $LAB_FRESH; do
    mkdir -p $place
    mount -t tmpfs -o mode=755 tmpfs $place
done
chmod 1777 /tmp /dev/shm
mkdir -p /run/lock /run/netns

pins=0
while IFS= read -r path; do
    mkdir -p "$path"
    mount --move /.lab/pin/$pins "$path"
    pins=$((pins + 1))
done < /.lab/pinned

mount -t virtiofs lab "$LAB_DIR"
mkdir -p "/lib/modules/$LAB_KERNEL"
mount --bind "$LAB_MODULES" "/lib/modules/$LAB_KERNEL"

mkdir -p /dev/pts
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
ln -s /proc/self/fd/1 /dev/stdout
ln -s /proc/self/fd/2 /dev/stderr
hostname lab
ip link set lo up
ulimit -n 65536

: > "$LAB_DIR/vm/started"
cd "$LAB_WORKSPACE"
guest() { PATH=$LAB_PATH setsid $1 "$LAB_EXECUTABLE" guest "$LAB_DIR/vm/command.json"; }
code=0
if [ "$LAB_TERMINAL" = interactive ]; then
    # One opening for both: the last close forgets the size.
    { stty cols "$COLUMNS" rows "$LINES"; guest -c; } < /dev/hvc0 > /dev/hvc0 2>&1 || code=$?
else
    # The only port there is; its number follows that of the device.
    port=$(ls /sys/class/virtio-ports)
    guest '' < /dev/null > "/dev/$port" 2>&1 || code=$?
fi
echo $code > "$LAB_DIR/vm/exit-code"
sync
poweroff -f
