#!/usr/bin/env bash
# A virtual machine from image.sh's image: systemd and a kernel of its own, which needs no KVM here.
#   test/vm/machine.sh start NAME [KERNEL ARGUMENTS...]    starts it and waits for ssh
#   test/vm/machine.sh ssh NAME [COMMAND...]
#   test/vm/machine.sh push NAME                           brings the clone, as it is built now, to the machine
#   test/vm/machine.sh wait NAME                           waits for ssh, e.g. after a reboot
#   test/vm/machine.sh stop NAME                           ends it and removes its disk
# NAME ends in a digit, 1 to 9. KUBELAB_VM_KIND is uml (User-mode Linux: one CPU, no way out, several times as fast) or
# qemu (emulated PC: 2 CPUs, DHCP, the host's network through QEMU). KUBELAB_VM_SUITE is the image, bookworm by default.
# Machines of a kind reach each other: uml ones as 10.78.0.DIGIT, in the network namespace kubelab-vm; qemu ones as
# 10.77.0.DIGIT on eth1, a multicast group on the loopback.
set -euo pipefail
dir=${KUBELAB_VM_DIR:-/var/tmp/kubelab-vm}
kind=${KUBELAB_VM_KIND:-uml}
suite=${KUBELAB_VM_SUITE:-bookworm}
memory=${KUBELAB_VM_MEMORY:-3072}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
netns=kubelab-vm
[ $# -ge 2 ] || { sed -n '2,12s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }
command=$1
name=$2
shift 2
digit=${name: -1}
run=$dir/run/$name

remote=(ssh -q -i "$dir/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=10
  -o ServerAliveInterval=30)
if [ "$kind" = uml ]; then
  remote=(nsenter "--net=/run/netns/$netns" "${remote[@]}" "root@10.78.0.$digit")
else
  remote+=(-p "$((2220 + digit))" root@127.0.0.1)
fi

wait_for_ssh() {
  local attempt
  for attempt in $(seq 150); do
    if "${remote[@]}" true 2>/dev/null; then return; fi
    kill -0 "$(cat "$run/pid")" || { tail -20 "$run/console" >&2; exit 1; }
    sleep 2
  done
  echo "$name does not answer after $attempt attempts; its console is $run/console" >&2
  exit 1
}

# A bridge in a network namespace, with the host's side on it as 10.78.0.254; each machine has a tap on it.
uml_network() {
  [ -e "/run/netns/$netns" ] || {
    ip netns add "$netns"
    ip -n "$netns" link set lo up
    ip -n "$netns" link add br0 type bridge
    ip -n "$netns" addr add 10.78.0.254/24 dev br0
    ip -n "$netns" link set br0 up
  }
  ip -n "$netns" tuntap add "tap$digit" mode tap
  ip -n "$netns" link set "tap$digit" master br0 up
}

# The kernel starts itself again when the guest reboots.
start_uml() {
  uml_network
  setsid nice -n "${KUBELAB_VM_NICE:-10}" nsenter "--net=/run/netns/$netns" bash -c '
    echo $$ >"$1/pid"
    exec linux.uml "${@:2}" </dev/null >"$1/console" 2>&1' machine "$run" "umid=kubelab-$name" "uml_dir=$run/uml" \
    "ubd0=$run/disk.cow,$dir/$suite.img" root=/dev/ubda rw \
    "mem=${memory}M" "eth0=tuntap,tap$digit,52:54:00:78:00:0$digit" con=null con0=null,fd:1 ssl=null quiet \
    lsm=yama,apparmor "machine=$name" "cable=eth0,10.78.0.$digit" gateway=10.78.0.254 "$@" >/dev/null 2>&1 &
  for _ in $(seq 50); do [ -s "$run/pid" ] && break; sleep 0.1; done
}

start_qemu() {
  qemu-img create -q -f qcow2 -b "$dir/$suite.img" -F raw "$run/disk.qcow2"
  nice -n "${KUBELAB_VM_NICE:-10}" qemu-system-x86_64 -name "$name" -accel tcg,thread=multi -cpu max -smp 2 \
    -m "$memory" -display none -monitor none -serial "file:$run/console" \
    -pidfile "$run/pid" -daemonize -kernel "$dir/$suite.vmlinuz" -initrd "$dir/$suite.initrd" \
    -append "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet machine=$name cable=eth1,10.77.0.$digit $*" \
    -drive "file=$run/disk.qcow2,if=virtio,cache=unsafe,discard=unmap" \
    -netdev "user,id=wide,hostfwd=tcp:127.0.0.1:$((2220 + digit))-:22" -device virtio-net-pci,netdev=wide \
    -netdev socket,id=cable,mcast=230.77.0.1:12377,localaddr=127.0.0.1 \
    -device "virtio-net-pci,netdev=cable,mac=52:54:00:77:00:0$digit" -device virtio-rng-pci
}

# Ends the processes of this machine only: those in its session, or QEMU itself.
end_machine() {
  local pid
  pid=$(cat "$run/pid")
  if [ "$kind" = uml ]; then
    # The kernel and its processes are a session, whose leader it has written down.
    pkill -KILL -s "$(cat "$run/uml/kubelab-$name/pid")" || true
    pkill -KILL -s "$pid" || true
    ip -n "$netns" link delete "tap$digit" || true
    ip -n "$netns" link show type tun 2>/dev/null | grep -q tap || ip netns delete "$netns"
  else
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  fi
  rm -rf "$run"
}

# The npm packages go along only when they changed.
push() {
  local lock="$here/../../package-lock.json" more=()
  "${remote[@]}" cat kubelab/node_modules/.kubelab-lock | cmp -s - "$lock" || more=(node_modules)
  "$here/pack.sh" "${more[@]}" | gzip -1 | "${remote[@]}" \
    'cd kubelab && tar xz && cp package-lock.json node_modules/.kubelab-lock && touch node_modules/.kubelab-built'
}

case $command in
  start)
    [ ! -e "$run" ] || { echo "$name is there already ($run)" >&2; exit 1; }
    mkdir -p "$run"
    "start_$kind" "$@"
    wait_for_ssh
    ;;
  ssh) exec "${remote[@]}" "$@" ;;
  push) push ;;
  wait) wait_for_ssh ;;
  stop) end_machine ;;
  *) echo "unknown command $command" >&2; exit 2 ;;
esac
