#!/usr/bin/env python3
"""Proves golden_reader.py on real dumps: check_real_dumps.py SHARED_DATA_FOLDER (the one with scouting/ and jets/)."""

import gzip
import pathlib
import sys

import numpy as np

import golden_reader as reader


def check_tkmuons(path):
    events = reader.read_tkmuons(path.read_bytes())
    muons = [m for event in events for m in event["tkmuon"]]
    numbers = [(event["orbit"], event["bx"]) for event in events]
    assert numbers == [(orbit, bx) for orbit in range(100) for bx in range(0, 3564, 18)]
    assert len(events) == 19800 and len(muons) == 25813
    assert sum(not event["tkmuon"] for event in events) == 7840
    assert max(len(event["tkmuon"]) for event in events) == 12
    assert all(m["valid"] == 1 and m["rest"] == 0 and m["d0"] == 0 and m["beta"] == 15 for m in muons)
    values = {name: [m[name] for m in muons] for name in ("pt", "eta", "z0", "quality")}
    ranges = {name: (min(column), max(column)) for name, column in values.items()}
    assert ranges == {"pt": (64, 1087), "eta": (-3194, 3194), "z0": (-295, 298), "quality": (0, 255)}, ranges
    assert {m["isolation"] for m in muons} == {0, 1, 2, 15}
    assert all(a["pt"] >= b["pt"] for e in events for a, b in zip(e["tkmuon"], e["tkmuon"][1:]))
    print(f"{path.name}: {len(events)} crossings, {len(muons)} muons, every field in the ranges described")


def check_dth(path):
    framing = reader.read_dth(gzip.decompress(path.read_bytes()))
    orbits = framing["orbits"]
    assert not framing["errors"], framing["errors"]
    assert [o["whole"] for o in orbits] == [True] * 14 + [False]
    blocks = [block for orbit in orbits for block in orbit["blocks"]]
    whole_blocks = sum(block["bytes"] == 32 * block["length"] for block in blocks)
    assert (len(blocks), whole_blocks, blocks[-1]["bytes"]) == (130, 129, 3424)
    candidates = 0
    for number, orbit in enumerate(orbits):
        stream = reader.read_native64(orbit["payload"])
        events = stream["events"] + ([stream["cut_event"]] if "cut_event" in stream else [])
        assert bool(stream["errors"]) == (not orbit["whole"]), stream["errors"]
        assert [e["bx"] for e in events] == list(range(0, 6 * len(events), 6))
        assert not orbit["whole"] or (len(events), stream["filling"]) == (575, 2)
        assert orbit["copy"] == int.from_bytes(orbit["payload"][:8], "little")
        for event in events:
            assert event["orbit"] == 0x3CDFEE + number and event["run"] == event["error"] == 0
            base = 0xABC0 << 32 | event["count"] << 24 | event["bx"] << 12
            expected = [base | j + 1 for j in range(len(event["words"]))]
            assert event["words"] == expected
            candidates += len(expected)
    assert candidates == 122250
    print(f"{path.name}: {whole_blocks} whole blocks, 14 whole orbits and a truncated 15th, "
          f"{candidates} candidates by formula")


def check_patterns(folder):
    def valid_frames(name, links):
        pattern = reader.read_pattern(gzip.decompress((folder / name).read_bytes()).decode())
        frames = [frame["data"][:links] for frame in pattern["frames"] if all(frame["valid"][:links])]
        return np.array(frames, "<u8").astype("<u2").view("<i2")

    inputs = valid_frames("emp_pattern_v1_input.txt.gz", 16)
    assert np.array_equal(inputs, np.load(folder / "features_fixed16_6.npy"))
    outputs = valid_frames("emp_pattern_v1_board_output.txt.gz", 5)
    assert np.array_equal(outputs / 1024, np.load(folder / "hls4ml_scores.npy"))
    print(f"patterns: {len(inputs)} jets equal features_fixed16_6.npy, {len(outputs)} answers equal hls4ml_scores.npy")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    assert reader.crc32c(b"123456789") == 0xE3069283
    check_tkmuons(folder / "scouting" / "phase2_tkmuons_tmux18.dump")
    check_dth(folder / "scouting" / "phase2_dth256_tmux6.data.gz")
    check_patterns(folder / "jets")


if __name__ == "__main__":
    main()
