#!/usr/bin/env bash
# scouting_samples.sh PYTHON STROBE SOURCE_FOLDER
set -euo pipefail
"$1" -c 'import numpy' 2>/dev/null || {
  echo "numpy is not installed in $1; scripts/test installs it"
  [ -z "${CI:-}" ] || exit 1
  exit 77
}
exec "$1" "$3/tests/system/scouting_samples_test.py" "$2" "$3"
