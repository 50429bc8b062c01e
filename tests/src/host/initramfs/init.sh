#!/bin/busybox sh
# First stage, in the initramfs: puts the host's files under an overlay whose upper half is memory, so
# that nothing done in the guest reaches the host, and makes that the root.
set -eu
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "/modules/$module"; done < /modules/order

# The host only wants to know whether a kernel gets this far.
grep -qw lab.probe /proc/cmdline && poweroff -f

mount -t virtiofs -o ro rootfs /lower
mount -t tmpfs tmpfs /upper
mkdir /upper/data /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work overlay /newroot
mkdir -p /newroot/.lab/bin
cp /bin/busybox /newroot/.lab/bin/
cp /root.sh /settings /pinned /newroot/.lab/
for kernel_fs in proc sys dev; do mount --move /$kernel_fs /newroot/$kernel_fs; done
exec switch_root /newroot /.lab/bin/busybox sh /.lab/root.sh
