#!/usr/bin/env bash
# Writes this clone, as it is built, to standard output as a tar archive: what git knows and what the build made.
#   test/vm/pack.sh [PATH...]      paths besides, such as node_modules
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
{
  git ls-files --cached --others --exclude-standard
  git ls-files --others --ignored --exclude-standard -- packages test
} | while IFS= read -r file; do [ ! -e "$file" ] || printf '%s\n' "$file"; done |
  tar -c -T - "$@"
