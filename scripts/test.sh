#!/usr/bin/env bash
# Installs what is missing, builds, and runs all checks and tests. Ends with a line "N passed, N failed".
#   scripts/test.sh            everything
#   scripts/test.sh unit       one part: lint, unit, integration, e2e (several may be named)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/install.sh
. "$root/scripts/lib/install.sh"
ensure_all "$root" to_run to_test
exec node "$root/scripts/run-tests.mjs" "$@"
