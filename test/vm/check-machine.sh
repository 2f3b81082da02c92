#!/usr/bin/env bash
# Starts a machine, brings Kubelab up on it, checks it, reboots it, checks again, takes Kubelab down, ends the machine.
#   test/vm/check-machine.sh [NAME] [KERNEL ARGUMENTS...]
# CGROUP_DRIVER=cgroupfs gives the machine's Docker that driver; the kernel argument systemd.unified_cgroup_hierarchy=0
# gives cgroup v1. The other variables are machine.sh's.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=${1:-m1}
[ $# -gt 0 ] && shift
machine() { "$here/machine.sh" "$@"; }

trap 'machine stop "$name"' EXIT
machine start "$name" "$@"
machine push "$name"
if [ -n "${CGROUP_DRIVER:-}" ]; then
  machine ssh "$name" "mkdir -p /etc/docker && cat >/etc/docker/daemon.json && systemctl restart docker" \
    <<<"{ \"exec-opts\": [\"native.cgroupdriver=$CGROUP_DRIVER\"] }"
fi
status=0
machine ssh "$name" kubelab/test/vm/check.sh before || status=1
machine ssh "$name" systemctl reboot || true
sleep 5
machine wait "$name"
machine ssh "$name" kubelab/test/vm/check.sh after || status=1
machine ssh "$name" kubelab/test/vm/check.sh down || status=1
exit $status
