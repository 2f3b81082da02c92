#!/usr/bin/env bash
# Checks Kubelab on the machine it runs on, as a person would, with kubectl alone: run by check-machine.sh inside a
# machine. Prints a line a check and ends with "N passed, N failed".
#   check.sh before     the cluster comes up; deployment, Service, DNS, exec, logs, top, limits, OOM, profiles
#   check.sh after      after a reboot: all is there again
#   check.sh down       scripts/down.sh leaves nothing
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ -x /opt/kubelab/node/bin/node ] && PATH="/opt/kubelab/node/bin:$PATH"
export KUBECONFIG=/etc/kubelab/admin.kubeconfig NODE_COMPILE_CACHE=/var/cache/kubelab-node
passed=0
failed=0
node_name=$(hostname)
root=/sys/fs/cgroup
version=1
[ -e $root/cgroup.controllers ] && version=2
driver=$(docker info -f '{{.CgroupDriver}}')

check() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$what"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s: %s\n' "$what" "$output"
  fi
}

# Repeats a command until it succeeds, a second apart, 300 times at most: an emulated machine is slow.
eventually() {
  local attempt
  for attempt in $(seq 300); do
    if "$@"; then return 0; fi
    sleep 1
  done >/tmp/eventually 2>&1
  echo "not after $attempt attempts: $(tail -3 /tmp/eventually)"
  return 1
}

pod_field() { kubectl get pod "$1" -o "jsonpath=$2"; }
is_phase() { [ "$(pod_field "$1" '{.status.phase}')" = "$2" ]; }
is_ready() { [ "$(pod_field "$1" '{.status.conditions[?(@.type=="Ready")].status}')" = True ]; }

# The folder of a pod's cgroup for a controller, in the form of this machine's driver.
pod_cgroup() {
  local uid class prefix="$root" path
  uid=$(pod_field "$1" '{.metadata.uid}')
  class=$(pod_field "$1" '{.status.qosClass}' | tr '[:upper:]' '[:lower:]')
  [ "$class" = guaranteed ] && class=''
  [ $version = 1 ] && prefix=$root/$2
  if [ "$driver" = systemd ]; then
    local base="kubelab_kubelab-${node_name//-/_}-kubepods"
    path=kubelab_kubelab.slice/kubelab_kubelab-${node_name//-/_}.slice/$base.slice
    [ -n "$class" ] && base=$base-$class path=$path/$base.slice
    echo "$prefix/$path/$base-pod${uid//-/_}.slice"
  else
    echo "$prefix/kubelab-kubelab/$node_name/kubepods${class:+/$class}/pod$uid"
  fi
}

container_cgroup() {
  local id dir
  id=$(pod_field "$1" '{.status.containerStatuses[0].containerID}')
  id=${id#docker://}
  dir=$(pod_cgroup "$1" "${2:-}")
  if [ "$driver" = systemd ]; then echo "$dir/docker-$id.scope"; else echo "$dir/$id"; fi
}

has() { [ "$(cat "$1")" = "$2" ] || { echo "$1 has $(cat "$1"), not $2"; return 1; }; }
prints() {
  local pattern=$1
  shift
  "$@" | grep -q -- "$pattern"
}

pods() {
  kubectl apply -f - <<'YAML'
apiVersion: v1
kind: Pod
metadata: { name: burst }
spec:
  containers:
    - name: a
      image: kubelab/busybox
      imagePullPolicy: IfNotPresent
      command: [sh, -c, 'echo hello from the pod; exec sleep 100000']
      resources: { requests: { cpu: 20m }, limits: { cpu: 250m, memory: 64Mi } }
---
apiVersion: v1
kind: Pod
metadata: { name: guaranteed }
spec:
  securityContext: { seccompProfile: { type: RuntimeDefault } }
  containers:
    - name: a
      image: kubelab/busybox
      imagePullPolicy: IfNotPresent
      command: [sleep, '100000']
      resources: { limits: { cpu: 50m, memory: 32Mi } }
---
apiVersion: v1
kind: Pod
metadata: { name: effort }
spec:
  containers:
    - name: a
      image: kubelab/busybox
      imagePullPolicy: IfNotPresent
      command: [sleep, '100000']
      securityContext: { privileged: true }
---
apiVersion: v1
kind: Pod
metadata: { name: oom }
spec:
  restartPolicy: Never
  containers:
    - name: a
      image: kubelab/busybox
      imagePullPolicy: IfNotPresent
      command: [sh, -c, 'sleep 100000 & x=$(head -c 200000000 /dev/zero | tail -c 150000000 | base64); echo survived; exit 3']
      resources: { requests: { cpu: 5m }, limits: { memory: 40Mi } }
YAML
}

limits() {
  local pod container
  if [ $version = 2 ]; then
    pod=$(pod_cgroup burst) container=$(container_cgroup burst)
    check 'memory.max of the pod' has "$pod/memory.max" 67108864
    check 'cpu.max of the pod' has "$pod/cpu.max" '25000 100000'
    check 'memory.max of the container' has "$container/memory.max" 67108864
    check 'cpu.max of the container' has "$container/cpu.max" '25000 100000'
    check 'the container ends as a whole when out of memory' has "$container/memory.oom.group" 1
    check 'the container sees its own tree of cgroups' prints '^0::/$' kubectl exec burst -- cat /proc/1/cgroup
    check 'cpu.weight of Guaranteed' has "$(pod_cgroup guaranteed)/cpu.weight" 2
    check 'cpu.weight of BestEffort' has "$(pod_cgroup effort)/cpu.weight" 1
    check 'memory.max of all pods is the allocatable' limited_pods memory.max
  else
    check 'memory limit of the pod' has "$(pod_cgroup burst memory)/memory.limit_in_bytes" 67108864
    check 'CPU quota of the pod' has "$(pod_cgroup burst cpu)/cpu.cfs_quota_us" 25000
    check 'memory limit of the container' has "$(container_cgroup burst memory)/memory.limit_in_bytes" 67108864
    check 'CPU quota of the container' has "$(container_cgroup burst cpu)/cpu.cfs_quota_us" 25000
    check 'CPU shares of Guaranteed' has "$(pod_cgroup guaranteed cpu)/cpu.shares" 51
    check 'memory limit of all pods is the allocatable' limited_pods memory.limit_in_bytes
  fi
  if [ "$driver" = systemd ]; then
    check 'systemd knows the slice of the pod' prints '^MemoryMax=67108864\|^MemoryLimit=67108864' \
      systemctl show -p MemoryMax,MemoryLimit "$(basename "$(pod_cgroup burst memory)")"
  fi
}

# The machine's memory, nothing being reserved.
limited_pods() {
  has "$(dirname "$(pod_cgroup guaranteed memory)")/$1" "$(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) * 1024))"
}

profiles() {
  if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then
    check "AppArmor: Docker's profile" prints '^docker-default (enforce)' kubectl exec burst -- cat /proc/1/attr/current
    check 'AppArmor: a privileged container has none' prints '^unconfined' kubectl exec effort -- cat /proc/1/attr/current
  fi
  check 'seccomp: RuntimeDefault is a filter' prints '^Seccomp:[^0-9]*2' kubectl exec guaranteed -- cat /proc/1/status
  check 'seccomp: none by default' prints '^Seccomp:[^0-9]*0' kubectl exec burst -- cat /proc/1/status
}

service() {
  check 'deployment' kubectl create deployment web --image=kubelab/httpd --replicas=2
  check 'service' kubectl expose deployment web --port=80 --target-port=8080 --type=NodePort
  check 'rollout' kubectl rollout status deployment web --timeout=300s
}

answers() {
  local ip port
  ip=$(kubectl get service web -o 'jsonpath={.spec.clusterIP}')
  port=$(kubectl get service web -o 'jsonpath={.spec.ports[0].nodePort}')
  check 'cluster IP from the machine' eventually prints '^web-' curl -s --max-time 5 "http://$ip/"
  check 'node port on the machine' eventually prints '^web-' curl -s --max-time 5 "http://$(address):$port/"
  check 'service by name from a pod' eventually prints '^web-' kubectl exec burst -- wget -qO- http://web/
  check 'DNS of the cluster in a pod' eventually prints "$ip" kubectl exec burst -- nslookup web.default.svc.cluster.local
}

address() { kubectl get node "$node_name" -o 'jsonpath={.status.addresses[0].address}'; }

before() {
  check 'up' scripts/up.sh
  check 'unit of systemd' systemctl is-active --quiet kubelab
  check 'pods are made' pods
  service
  for pod in burst guaranteed effort; do check "pod $pod is ready" eventually is_ready "$pod"; done
  check 'out of memory: the pod fails' eventually is_phase oom Failed
  check 'out of memory: the reason is told' prints '^OOMKilled$' pod_field oom '{.status.containerStatuses[0].state.terminated.reason}'
  answers
  check 'exec' prints '^uid=0' kubectl exec burst -- id
  check 'logs' prints 'hello from the pod' kubectl logs burst
  check 'top pods' eventually prints '^burst ' kubectl top pods
  check 'top nodes' eventually prints "^$node_name " kubectl top nodes
  limits
  profiles
  check 'no unit of systemd has failed' no_failed_units
}

no_failed_units() {
  local units
  units=$(systemctl --failed --no-legend --plain)
  [ -z "$units" ] || { echo "$units"; return 1; }
}

after() {
  check 'nodes answer' eventually prints ' Ready ' kubectl get nodes
  check 'deployment is available' kubectl rollout status deployment web --timeout=300s
  check 'burst is ready again' eventually is_ready burst
  answers
  limits
}

down() {
  check 'down' scripts/down.sh
  check 'no unit' test ! -e /etc/systemd/system/kubelab.service
  check 'no slices' nothing find $root -name '*kubelab*' -not -path '*/kubelab-vm*'
  check 'no transient units' nothing find /run/systemd -name '*kubelab*'
  check 'no containers' nothing docker ps -aq
  check 'no chains' nothing_matches KUBE iptables-save
  check 'no mounts' nothing grep -s /var/lib/kubelab /proc/mounts
  check 'no processes' nothing pgrep -f '^kubelab-'
}

nothing() {
  local output
  output=$("$@")
  [ -z "$output" ] || { echo "$output" | head -5; return 1; }
}
nothing_matches() {
  local pattern=$1 output
  shift
  output=$("$@" | grep -c -- "$pattern")
  [ "$output" = 0 ] || { echo "$output lines match $pattern"; return 1; }
}

case ${1:-} in
  before | after | down) "$1" ;;
  *) sed -n '2,6s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
echo "cgroup v$version, Docker's driver $driver, kernel $(uname -r)"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
