#!/usr/bin/env bash
# Installs what is missing, builds, and brings up a cluster on this machine (or mends the one that is there).
#   scripts/up.sh              one node: this machine
#   scripts/up.sh --nodes 2    a lab: two nodes, each a network namespace with its own dockerd
# Further options: scripts/up.sh --help
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/install.sh
. "$root/scripts/lib/install.sh"
ensure_all "$root" to_run
exec node "$root/packages/cli/dist/main.js" up "$@"
