"""The sample configurations of strobe scout, on every device, against their models on inputs that were made apart from the
pipeline: by the features of training, from packets read by golden_reader.py. Every score and decision must be equal.

    scouting_samples_test.py STROBE SOURCE_FOLDER
"""

import os
import subprocess
import sys
import tempfile

import numpy as np

STROBE, SOURCE = sys.argv[1], sys.argv[2]
sys.path.insert(0, os.path.join(SOURCE, "scripts/sample"))
import scouting_events as events  # noqa: E402  (found by the line above)

ORBITS, SEED, FIRST_ORBIT = 20, 2024, 1
DEVICES = ("emulator", "xrt:0")


def strobe(*arguments):
    subprocess.run([STROBE, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def read(path, source):
    """Crossings by orbit number and crossing number."""
    return {(place + FIRST_ORBIT, bx): crossing for (place, bx), crossing in events.read_packet(path, source).items()}


def scores(xclbin, model, inputs):
    """The model's scores of rows, by `strobe run`."""
    if isinstance(inputs, dict):
        np.savez("inputs.npz", **inputs)
    else:
        np.save("inputs.npy", inputs)
    strobe("run", xclbin, "inputs.npz" if isinstance(inputs, dict) else "inputs.npy", "--model", model, "--device",
           "emulator", "-o", "scores.npy")
    return np.load("scores.npy")


def run_sample(name, device, edits):
    """Runs a configuration into NPY files; what was written, by path below the one file set."""
    with open(os.path.join(SOURCE, "tests/data/scouting", name + ".yml")) as file:
        text = file.read()
    out = f"{name}_{device.replace(':', '')}"
    edits = edits | {"    xclbin:": f"    device: {device!r}\n    xclbin:", f"kind: hdf5, to: {name}": f"kind: npy, to: {out}"}
    for old, new in edits.items():
        if old not in text:
            raise SystemExit(f"{name}.yml lacks '{old}', which this test replaces")
        text = text.replace(old, new)
    with open(out + ".yml", "w") as file:
        file.write(text)
    strobe("scout", "--config", out + ".yml")
    sets = os.listdir(out)
    if len(sets) != 1:
        raise SystemExit(f"{name} on {device}: one set of files was expected, found {sets}")
    return lambda path: np.load(os.path.join(out, sets[0], path + ".npy"))


def expect_equal(what, found, expected, most=0.0):
    found, expected = np.squeeze(np.asarray(found)), np.squeeze(np.asarray(expected))
    if found.shape != expected.shape:
        raise SystemExit(f"{what}: shape {expected.shape} was expected, found {found.shape}")
    worst = np.abs(found.astype(float) - expected).max() if found.size else 0
    if worst > most:
        raise SystemExit(f"{what}: a value differs by {worst}")


def kept_at(written):
    return list(zip(written("crossings/orbit").tolist(), written("crossings/bx").tolist(), strict=True))


def check_dimuon(muons):
    pairs = {at: pair for at, crossing in muons.items() if len(pair := events.good(crossing, 2)) == 2}
    pair = scores("dimuon.xclbin", "pair", np.array([events.pair_inputs(*two) for two in pairs.values()], dtype=np.int16))[:, 0]
    correction = scores("dimuon.xclbin", "muon_network",
                        np.array([events.muon_inputs(m) for two in pairs.values() for m in two], dtype=np.int16)).reshape(-1, 2)
    measured = np.array([events.mass(*two) for two in pairs.values()])
    kept = pair > 1.5
    if not 100 < kept.sum() < 0.9 * len(pairs):
        raise SystemExit(f"the stream proves little: {kept.sum()} of {len(pairs)} pairs are kept")
    for device in DEVICES:
        written = run_sample("dimuon", device, {'from: "-"': "from: muons.dat", ", prescale: 1000": ""})
        if kept_at(written) != [at for at, keep in zip(pairs, kept) if keep]:
            raise SystemExit(f"dimuon on {device}: other crossings are kept")
        expect_equal("pair", written("results/pair/forest/values"), pair[kept])
        expect_equal("correction", written("results/correction/correction/values"), correction[kept].ravel())
        expect_equal("measured", written("results/measured/values"), measured[kept], 1e-9)
        expect_equal("m", written("results/m/values"), (measured * np.exp(correction.sum(axis=1) / 2))[kept], 1e-9)
        print(f"dimuon on {device}: {kept.sum()} of {len(pairs)} pairs are kept, all scores and masses are equal")


def check_anomaly(calo, muons):
    latent = scores("anomaly.xclbin", "anomaly_encoder", events.tensors(events.crossings_with_calo(calo, muons)))
    score = (latent.astype(np.float64) ** 2).sum(axis=1)
    kept = score > 400
    if kept.sum() < 50:
        raise SystemExit(f"the stream proves little: {kept.sum()} of {len(calo)} crossings are kept")
    for device in DEVICES:
        written = run_sample("anomaly", device, {", prescale: 10000": ""})
        if kept_at(written) != [at for at, keep in zip(calo, kept) if keep]:
            raise SystemExit(f"anomaly on {device}: other crossings are kept")
        expect_equal("latent", written("results/anomaly/latent/values"), latent[kept])
        expect_equal("score", written("results/score/values"), score[kept], 1e-6)
        print(f"anomaly on {device}: {kept.sum()} of {len(calo)} crossings are kept, all scores are equal")


def main():
    print(f"seed {SEED}")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([os.path.join(SOURCE, "scripts/sample/build_scouting"), STROBE, folder], check=True)
        os.chdir(folder)
        strobe("scout", "generate", "--format", "gmt", "--format", "calo", "--measured", "--signal", 0.02, "--seed", SEED,
               "--orbits", ORBITS, "--packet-orbits", ORBITS, "--first-orbit", FIRST_ORBIT, "-o", "muons.dat", "-o", "calo.dat")
        muons, calo = read("muons.dat", "gmt"), read("calo.dat", "calo")
        check_dimuon(muons)
        check_anomaly(calo, muons)


if __name__ == "__main__":
    main()
