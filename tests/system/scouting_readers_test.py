#!/usr/bin/env python3
"""Generated streams of every format, read by strobe and by a reader that shares nothing with it: the same in every bit.

scouting_readers_test.py STROBE SOURCE_FOLDER

`strobe scout generate` makes a stream and its truth; `strobe scout` writes it as NPY, HDF5 and, where the format can be,
as CMSSW raw files; the reader of tests/data/scouting, written from the formats' description alone, reads the stream and
the raw files, h5py the HDF5 files. All must agree: orbits, crossings, every field of every object, physical values.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
except ImportError as error:
    print(f"{error}; scripts/test installs what is missing")
    sys.exit(1 if os.environ.get("CI") else 77)

STROBE, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(SOURCE / "tests/data/scouting"))
import golden_json  # noqa: E402
import golden_phase2 as phase2  # noqa: E402
import golden_reader as reader  # noqa: E402

SEED = 20261121
# Orbits on both sides of a luminosity section's border.
FIRST_ORBIT, ORBITS = 2**18 - 2, 3

# Of each format: its kind for golden_json, and the kinds of its objects.
CALO = ("jet", "egamma", "tau", *reader.SUM_NAMES)
FORMATS = {
    "gmt": ("gmt", ("muon",)), "gmt-zs": ("raw", ("muon",)), "calo": ("calo", CALO), "calo-zs": ("raw", CALO),
    "jet-zs": ("raw", ("jet",)), "egamma-zs": ("raw", ("egamma",)), "tau-zs": ("raw", ("tau",)),
    "sum-zs": ("raw", reader.SUM_NAMES), "stub-zs": ("raw", ("stub",)), "tower-zs": ("raw", ("tower",)),
    "puppi": ("puppi", ("puppi",)), "puppi-dth": ("dth", ("puppi",)), "tkmuon": ("tkmuons", ("tkmuon",)),
    "pattern": ("pattern", ("link",)),
}
# strobe's names of fields that the reader calls otherwise, and what the reader has beside fields.
OTHER_NAMES = {"phi_b": "phi_bending", "qeta": "eta_quality", "er": "energy_ratio", "id": "particle"}
NO_FIELDS = {"count", "physical", "link", "slot", "kept", "reserved"}
# Physical values that are no linear function of the field.
DERIVED = {"charge", "pdg"}
CHARGED, NEUTRAL = {"z0", "dxy", "quality"}, {"wpuppi", "em_id"}


def strobe(*arguments):
    done = subprocess.run([STROBE, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(done.args)}: {done.stderr}"
    return done.stdout


def all_formats():
    """What strobe names as its formats."""
    done = subprocess.run([STROBE, "scout", "generate", "--format", "none-such", "-o", "-"], capture_output=True,
                          text=True, check=False)
    return re.search("one of (.*) was expected", done.stderr).group(1).split(", ")


class Columns:
    """Crossings and the objects in them: counts of a crossing, fields one after the other, physical values."""

    def __init__(self, kinds):
        self.orbit, self.bx = [], []
        self.count = {kind: [] for kind in kinds}
        self.field = {kind: {} for kind in kinds}
        self.physical = {kind: {} for kind in kinds}

    def add(self, kind, objects):
        """Objects as golden_json has them: columns, or a single object."""
        if "count" not in objects:
            objects = {name: {n: [v] for n, v in value.items()} if name == "physical" else [value]
                       for name, value in objects.items()} | {"count": 1}
        self.count[kind].append(objects["count"])
        for name, values in objects.items():
            if name not in NO_FIELDS or kind == "link" and name == "link":
                self.field[kind].setdefault(OTHER_NAMES.get(name, name), []).extend(values)
        for name, values in objects.get("physical", {}).items():
            self.physical[kind].setdefault(name, []).extend(values)


def with_energy(objects):
    """strobe takes a calorimeter block's objects that have energy, link 1 of a kind before link 2."""
    order = [i for i in range(objects["count"]) if objects["et"][i]]
    order.sort(key=lambda i: -objects["link"][i])

    def pick(columns):
        return {name: pick(value) if name == "physical" else [value[i] for i in order]
                for name, value in columns.items() if name != "count"}

    return {"count": len(order), **pick(objects)}


def links_of(frame, links):
    """A frame's links as objects: lanes of 16 bits, signed and unsigned, and flags."""
    words = [int(word, 16) for word in frame["data"]]
    lanes = {f"u{k}": [word >> 16 * k & 0xFFFF for word in words] for k in range(4)}
    lanes |= {f"s{k}": [(v ^ 0x8000) - 0x8000 for v in lanes[f"u{k}"]] for k in range(4)}
    flags = {name: frame.get(name, [0] * len(words)) for name in
             ("valid", "end_of_packet", "start_of_packet", "start_of_orbit", "strobe", "sideband")}
    return {"count": len(words), **lanes, **flags, "link": links}


def puppis_of(event):
    items = [phase2.puppi(int(word, 16)) for word in event["words"]]
    return golden_json.columns("puppi", items, lambda _, item: phase2.puppi_physical(item))


def columns_of(content, kinds):
    """golden_json's account of a stream as columns."""
    columns = Columns(kinds)
    for row in content.get("crossings") or content.get("events") or content["frames"]:
        if "frame" in row:
            if not any(row["valid"]):
                continue
            row = {"orbit": row["frame"] // 3564, "bx": row["frame"] % 3564, "link": links_of(row, content["links"])}
        if row["bx"] is None:
            continue
        columns.orbit.append(row["orbit"])
        columns.bx.append(row["bx"])
        for kind in kinds:
            objects = puppis_of(row) if "words" in row else row[kind]
            columns.add(kind, with_energy(objects) if "slot" in objects else objects)
    return columns


def fields_of_words(kind, words):
    """An object's fields, by the reader's tables, from the words that the truth has of it."""
    if kind == "muon":
        f, s, extra = words
        return {**reader.fields(f, reader.MUON_F), **reader.fields(s, reader.MUON_S),
                **reader.fields(extra, reader.MUON_EXTRA)}
    if kind == "puppi":
        return phase2.puppi(words[0])
    if kind == "tkmuon":
        return reader.fields(words[0] | words[1] << 64, phase2.TKMUON)
    tables = {**reader.CALO_OBJECTS, **reader.SUMS, "stub": reader.STUB, "tower": reader.TOWER}
    return reader.fields(words[0], tables[kind])


def expect_equal(found, expected, what):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"{what}: {found.shape} values, expected {expected.shape}"
    different = np.flatnonzero(found != expected)
    assert not len(different), (f"{what}: {len(different)} of {len(found)} differ, the first at {different[0]}: "
                                f"{found[different[0]]}, expected {expected[different[0]]}")


def check_truth(columns, truth, kinds):
    """What the reader found in the stream is what the generator says it put there."""
    each = np.diff(truth["orbit_first_crossing"])
    expect_equal(columns.orbit, np.repeat(truth["orbit"], each), "truth, orbit")
    expect_equal(columns.bx, truth["crossing"], "truth, crossing")
    for kind in kinds:
        expect_equal(columns.count[kind], truth[f"{kind}_count"], f"truth, {kind} count")
        words = [truth[name].tolist() for name in (f"{kind}_word{k}" for k in range(3)) if name in truth]
        if kind == "link":
            lanes = [columns.field[kind][f"u{k}"] for k in range(4)]
            data = [a | b << 16 | c << 32 | d << 48 for a, b, c, d in zip(*lanes)]
            expect_equal(np.array(data, np.uint64), np.array(words[0], np.uint64), "truth, link words")
            continue
        items = [fields_of_words(kind, item) for item in zip(*words)]
        for name in items[0]:
            if name not in NO_FIELDS:
                own = OTHER_NAMES.get(name, name)
                expect_equal(columns.field[kind][own], [item[name] for item in items], f"truth, {kind}.{name}")


def is_of_kind(columns, field):
    """Of Puppi candidates, those that have the field: others use its bits for something else."""
    charged = np.asarray(columns.field["puppi"]["particle"]) >= 2
    return charged if field in CHARGED else ~charged if field in NEUTRAL else np.ones(len(charged), bool)


def check_npy(columns, folders, kinds):
    """strobe's columns are the reader's: every file, every value, and the physical values by the scales beside them."""
    numbers = np.concatenate([np.load(f / "orbits/number.npy") for f in folders])
    expect_equal(numbers, range(FIRST_ORBIT, FIRST_ORBIT + ORBITS), "npy, orbits")
    expect_equal(np.concatenate([np.load(f / "crossings/orbit.npy") for f in folders]), columns.orbit, "npy, orbit")
    expect_equal(np.concatenate([np.load(f / "crossings/bx.npy") for f in folders]), columns.bx, "npy, bx")
    scales = json.loads((folders[0] / "metadata.json").read_text())["columns"]
    assert sorted(path.name for path in (folders[0] / "s").iterdir()) == sorted(kinds)
    compared = 0
    for kind in kinds:
        names = sorted(path.stem for path in (folders[0] / "s" / kind).iterdir())
        assert names == sorted(["count", *columns.field[kind]]), (kind, names, sorted(columns.field[kind]))
        for name in names:
            found = np.concatenate([np.load(f / f"s/{kind}/{name}.npy") for f in folders])
            expected = np.asarray(columns.count[kind] if name == "count" else columns.field[kind][name])
            has_it = is_of_kind(columns, name) if kind == "puppi" and name != "count" else np.ones(len(found), bool)
            expect_equal(found[has_it], expected[has_it], f"npy, {kind}.{name}")
            compared += len(found)
            if name in columns.physical[kind] and name not in DERIVED:
                scale = scales[f"s/{kind}/{name}"]
                value = scale["scale"] * (found + scale["bias"])
                np.testing.assert_allclose(value[has_it], np.asarray(columns.physical[kind][name])[has_it], 1e-8, 0,
                                           err_msg=f"{kind}.{name}")
    return compared


def check_hdf5(folders, files):
    """h5py reads the same columns and scales as stand in the NPY files."""
    for folder, path in zip(folders, files, strict=True):
        metadata = json.loads((folder / "metadata.json").read_text())
        with h5py.File(path) as file:
            assert (file.attrs["run"], file.attrs["section"]) == (metadata["run"], metadata["section"])
            paths = []
            file.visititems(lambda name, item: paths.append(name) if isinstance(item, h5py.Dataset) else None)
            assert sorted(paths) == sorted(str(p.relative_to(folder).with_suffix("")) for p in folder.rglob("*.npy"))
            for name in paths:
                expected = np.load(folder / f"{name}.npy")
                assert file[name].dtype == expected.dtype, name
                expect_equal(file[name][...], expected, f"hdf5, {name}")
                if name in metadata["columns"]:
                    scale = metadata["columns"][name]
                    assert {n: file[name].attrs[n] for n in ("scale", "bias")} == {n: scale[n] for n in ("scale", "bias")}


def check_raw(columns, files, kinds):
    """The raw files are without error, and hold what the stream held."""
    check = subprocess.run([sys.executable, SOURCE / "tests/data/scouting/golden_reader.py", "--check", *files],
                           capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
    merged = {"crossings": []}
    for path in files:
        content = golden_json.describe_raw(path.read_bytes())
        assert content["run"] == 1 and all(orbit["crc_ok"] for orbit in content["orbits"])
        merged["crossings"] += content["crossings"]
    found = columns_of(merged, kinds)
    for name in ("orbit", "bx", "count", "field"):
        assert getattr(found, name) == getattr(columns, name), f"raw files: {name}"


def check_golden_packets():
    """The golden packets' JSON, which the decoders' tests compare with, is what the reader sees."""
    kinds = {"gmt_dma": "gmt", "calo_dma": "calo", "puppi_native64": "puppi", "tkmuons": "tkmuons", "dth": "dth"}
    jsons = sorted((SOURCE / "tests/data/scouting/golden").glob("*.json"))
    for path in jsons:
        expected = json.loads(path.read_text())
        packet = next((path.with_suffix(end) for end in (".bin", ".txt") if path.with_suffix(end).exists()), None)
        if packet:
            found = golden_json.DESCRIBE[kinds.get(expected["format"], "pattern")](packet.read_bytes())
        else:
            found = golden_json.describe_raw(path.with_suffix(".raw").read_bytes())
        found = json.loads(json.dumps(found))
        for key in expected.keys() & found.keys() - ({"format", "orbits"} if not packet else set()):
            assert found[key] == expected[key], f"{path.name}: {key}"
    assert jsons
    print(f"{len(jsons)} golden packets are what the reader sees")


def write_config(folder, name, can_be_raw):
    sinks = "".join(f"  - {{kind: {kind}, to: {folder / kind}}}\n"
                    for kind in ("npy", "hdf5", "raw") if can_be_raw or kind != "raw")
    config = folder / "scout.yml"
    config.write_text(f"sources:\n  - {{name: s, format: {name}, from: {folder / 'stream'}}}\nwrite:\n{sinks}")
    return config


def check_format(name, folder, options):
    reader_kind, kinds = FORMATS[name]
    folder.mkdir()
    strobe("scout", "generate", "--format", name, "--orbits", ORBITS, "--first-orbit", FIRST_ORBIT, "--seed", SEED,
           "-o", folder / "stream", "--truth", folder / "truth.npz", *options)
    content = golden_json.DESCRIBE[reader_kind]((folder / "stream").read_bytes())
    assert not content.get("errors"), content["errors"]
    for trailer in content.get("trailers", ()):
        assert (trailer["autorealign"], trailer["dropped"]) == (0, 0) and trailer["orbits"] > 0
    if content.get("orbits"):
        numbers = [orbit["orbit"] if isinstance(orbit, dict) else orbit for orbit in content["orbits"]]
        assert numbers == list(range(FIRST_ORBIT, FIRST_ORBIT + ORBITS)), numbers
    columns = columns_of(content, kinds)
    with np.load(folder / "truth.npz") as truth:
        check_truth(columns, truth, kinds)
    can_be_raw = reader_kind in ("gmt", "calo", "raw")
    strobe("scout", "--config", write_config(folder, name, can_be_raw))
    folders = sorted((folder / "npy").iterdir())
    values = check_npy(columns, folders, kinds)
    check_hdf5(folders, sorted((folder / "hdf5").iterdir()))
    if can_be_raw:
        check_raw(columns, sorted((folder / "raw").iterdir()), kinds)
    objects = sum(map(sum, columns.count.values()))
    print(f"{name} {' '.join(options)}: {len(columns.bx)} crossings, {objects} objects, {values} values in all ways alike")
    assert objects > 0


def main():
    print(f"seed {SEED}")
    check_golden_packets()
    assert sorted(all_formats()) == sorted(FORMATS), "a format that this test does not know"
    with tempfile.TemporaryDirectory() as work:
        for place, (name, options) in enumerate([
                *((name, []) for name in FORMATS),
                ("gmt", ["--packet-orbits", "3", "--mean", "2", "--signal", "0.1"]),
                ("calo", ["--packet-orbits", "2", "--mean", "0.2"])]):
            check_format(name, pathlib.Path(work) / f"{place}", options)


if __name__ == "__main__":
    main()
