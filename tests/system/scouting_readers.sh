#!/usr/bin/env bash
# Golden packets are what their maker makes, and generated streams are the same to strobe, h5py and the independent reader.
# scouting_readers.sh PYTHON STROBE SOURCE_FOLDER
set -euo pipefail
python=$1 strobe=$2 source=$3
[ -x "$python" ] || python=python3
exec "$python" "$source/tests/system/scouting_readers_test.py" "$strobe" "$source"
