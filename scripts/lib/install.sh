# Installs what a machine lacks to build and run Kubelab. Sourced by up.sh, down.sh and test.sh; needs root.
# shellcheck shell=bash

say() { printf '%s\n' "$*"; }

require_root() {
  if [ "$(id -u)" -ne 0 ]; then
    say "This needs root: it makes network namespaces, starts Docker and writes iptables rules." >&2
    exit 1
  fi
}

# What must be there (a command, or a file's path), and the package of Debian and Ubuntu that has it.
to_run() {
  cat <<'LIST'
dockerd docker.io
etcd etcd-server
iptables iptables
nft nftables
iptables-restore iptables
conntrack conntrack
ipset ipset
ip iproute2
nsenter util-linux
mount mount
sysctl procps
modprobe kmod
tar tar
curl curl
/usr/lib/cni/bridge containernetworking-plugins
/bin/busybox busybox-static
kubectl kubernetes-client
LIST
}

to_test() {
  cat <<'LIST'
docker-registry docker-registry
/usr/sbin/nginx nginx-light
/usr/lib/nginx/modules/ngx_http_lua_module.so libnginx-mod-http-lua
openssl openssl
git git
ps procps
ipvsadm ipvsadm
LIST
  # A kernel with ip_vs, whatever this machine's has. There is one for x86 alone.
  if [ "$(uname -m)" = x86_64 ]; then echo "/usr/bin/linux.uml user-mode-linux"; fi
}

missing_packages() {
  local thing package
  while read -r thing package; do
    case "$thing" in
      /*) [ -e "$thing" ] || printf '%s\n' "$package" ;;
      *) command -v "$thing" >/dev/null 2>&1 || printf '%s\n' "$package" ;;
    esac
  done
}

# Installs what the lists named lack: ensure_packages to_run [to_test]
ensure_packages() {
  local packages
  packages=$(for list in "$@"; do "$list"; done | missing_packages | sort -u | tr '\n' ' ')
  # busybox of the package `busybox` is linked dynamically and of no use in an image.
  if [ -e /bin/busybox ] && ldd /bin/busybox >/dev/null 2>&1; then
    packages="$packages busybox-static"
  fi
  if [ -n "${packages// /}" ]; then
    say "Installing: $packages"
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
  fi
}

node_is_recent() { command -v node >/dev/null 2>&1 && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; }

# Node 20 or newer. Where the distribution's is older, the npm registry's own build of Node goes to /opt/kubelab/node.
ensure_node() {
  local dir=/opt/kubelab/node arch
  [ -x "$dir/bin/node" ] && PATH="$dir/bin:$PATH"
  node_is_recent && return
  if ! command -v npm >/dev/null 2>&1; then
    say "Installing: nodejs npm"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
  fi
  node_is_recent && return
  case "$(uname -m)" in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) say "No Node 20 for $(uname -m): install it by hand" >&2; exit 1 ;;
  esac
  say "Installing: Node 22 to $dir"
  npm install --no-save --no-audit --no-fund --loglevel=error --prefix "$dir" "node-linux-$arch@22" >/dev/null
  ln -sfn "$dir/node_modules/node-linux-$arch/bin" "$dir/bin"
  PATH="$dir/bin:$PATH"
  node_is_recent || { say "Node 20 or newer could not be installed" >&2; exit 1; }
}

# Installs the pinned npm packages and builds, each only when something changed since the last time.
ensure_build() {
  local root=$1 stamp="$1/node_modules/.kubelab-built" lock="$1/node_modules/.kubelab-lock"
  if ! cmp -s "$root/package-lock.json" "$lock"; then
    say "Installing npm packages"
    (cd "$root" && npm ci --no-audit --no-fund --loglevel=error >/dev/null)
    cp "$root/package-lock.json" "$lock"
    rm -f "$stamp"
  fi
  if [ ! -e "$stamp" ] || [ -n "$(find "$root"/packages/*/src "$root"/packages/*/scripts "$root"/proto "$root"/scripts "$root"/test \
    "$root"/tsconfig*.json -name dist -prune -o -name generated -prune -o -type f -newer "$stamp" -print -quit 2>/dev/null)" ]; then
    say "Building"
    (cd "$root" && npm run -s build)
    touch "$stamp"
  fi
}

# ensure_all ROOT LIST...
ensure_all() {
  local root=$1
  shift
  require_root
  ensure_packages "$@"
  ensure_node
  ensure_build "$root"
}
