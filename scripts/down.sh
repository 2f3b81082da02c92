#!/usr/bin/env bash
# Removes everything that up.sh made, and nothing else. --keep-data keeps etcd's data.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/install.sh
. "$root/scripts/lib/install.sh"
require_root
ensure_node
# What brought the cluster up takes it down: no network and no compiler are needed for it.
[ -e "$root/packages/cli/dist/main.js" ] || ensure_build "$root"
exec node "$root/packages/cli/dist/main.js" down "$@"
