#!/usr/bin/env bash
# The sample networks and forest served from XRT's emulated card, FP32 and raw INT16 in, asked by tritonclient: equal in every bit.
# tritonclient_ways.sh PYTHON STROBE SOURCE_FOLDER
set -euo pipefail
python=$1 strobe=$2 source=$3
"$python" -c 'import tritonclient.grpc' 2>/dev/null || {
  echo "tritonclient is not installed in $python; scripts/test installs it"
  [ -z "${CI:-}" ] || exit 1
  exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
data=$source/tests/data/jets
"$strobe" compile "$data/jets_hgq.keras" --input-type 'ap_fixed<16,6>' --name jets -o "$work/jets.xclbin"
for model in jets jets_raw; do
  mkdir -p "$work/models/$model/1"
  cp "$work/jets.xclbin" "$work/models/$model/1/model.xclbin"
done
cat >"$work/models/jets_raw/config.pbtxt" <<'CONFIG'
max_batch_size: 4096
input { name: "features" data_type: TYPE_INT16 dims: [16] }
CONFIG
"$python" - "$data/features.npy" "$work/features_float.npy" <<'CODE'
import sys
import numpy as np
np.save(sys.argv[2], (np.load(sys.argv[1]) / 1024).astype(np.float32))
CODE
"$strobe" compile "$data/jets_forest.json" --name forest -o "$work/forest.xclbin"
mkdir -p "$work/models/forest/1"
cp "$work/forest.xclbin" "$work/models/forest/1/model.xclbin"
"$strobe" run "$work/forest.xclbin" "$work/features_float.npy" --device emulator -o "$work/expected_forest.npy"
"$python" "$source/tests/system/tritonclient_test.py" "$strobe" "$work/models" \
  --case jets "$work/features_float.npy" "$data/expected_hgq.npy" \
  --case jets_raw "$data/features.npy" "$data/expected_hgq.npy" \
  --case forest "$work/features_float.npy" "$work/expected_forest.npy"
"$python" "$source/tests/system/connection_storm_test.py" "$strobe" "$work/models"

# A network, a forest, a formula and a network of other inputs in one xclbin: one emulated card serves all of them at once.
events=$source/tests/data/two_branch/events.npz
printf 'input x[16]\nx[14] > 0.5 & abs(x[15]) < 1\nx[0] * x[14] + 0.5\n' >"$work/cut.txt"
"$strobe" compile hgq="$data/jets_hgq.keras" forest="$data/jets_forest.json" cut="$work/cut.txt" \
  branches="$source/tests/data/two_branch/two_branch.keras" \
  --input-type hgq='ap_fixed<16,6>' --input-type forest='ap_fixed<16,6>' -o "$work/trigger.xclbin"
for model in hgq forest cut branches jets; do mkdir -p "$work/trigger/$model/1"; done
cp "$work/trigger.xclbin" "$work/trigger/hgq/1/model.xclbin"
for model in forest cut branches jets; do ln -s ../../hgq/1/model.xclbin "$work/trigger/$model/1/model.xclbin"; done
echo 'parameters { key: "kernel" value { string_value: "hgq" } }' >"$work/trigger/jets/config.pbtxt"
for model in hgq forest cut; do
  "$strobe" run "$work/trigger.xclbin" "$data/features.npy" --raw-in --model $model --device emulator -o "$work/$model.npy"
done
"$strobe" run "$work/trigger.xclbin" "$events" --model branches --device emulator -o "$work/branches.npz"
"$python" "$source/tests/system/shared_card_test.py" "$strobe" "$work/trigger" \
  --case hgq "$work/features_float.npy" "$data/expected_hgq.npy" \
  --case jets "$work/features_float.npy" "$work/hgq.npy" \
  --case forest "$work/features_float.npy" "$work/forest.npy" \
  --case cut "$work/features_float.npy" "$work/cut.npy" \
  --case branches "$events" "$work/branches.npz"

# Forests in one engine on one card, and a new version while the service runs.
"$strobe" compile --engine engines=4,nodes=2048,features=16,outputs=5 -o "$work/engine.xclbin"
for type in '16,6' '12,6'; do
  "$strobe" compile "$data/jets_forest.json" --input-type "ap_fixed<$type>" --for "$work/engine.xclbin" -o "$work/$type.sfi"
  "$strobe" run "$work/engine.xclbin" "$work/features_float.npy" --forest "$work/$type.sfi" --device emulator -o "$work/engine_$type.npy"
done
mkdir -p "$work/forests/a/1" "$work/forests/b/1"
cp "$work/engine.xclbin" "$work/forests/"
cp "$work/16,6.sfi" "$work/forests/a/1/model.sfi"
cp "$work/12,6.sfi" "$work/forests/b/1/model.sfi"
"$python" "$source/tests/system/shared_card_test.py" "$strobe" "$work/forests" \
  --case a "$work/features_float.npy" "$work/engine_16,6.npy" \
  --case b "$work/features_float.npy" "$work/engine_12,6.npy"
"$python" "$source/tests/system/new_forest_test.py" "$strobe" "$work/forests" "$work/features_float.npy" \
  "$work/engine_16,6.npy" "$work/12,6.sfi" "$work/engine_12,6.npy"
