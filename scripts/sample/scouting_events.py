"""Generated crossings as the scouting samples' models see them: raw hardware integers, in the order of the expressions in
tests/data/scouting/dimuon.yml and anomaly.yml.

`strobe scout generate` makes the streams, tests/data/scouting/golden_reader.py reads them.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/data/scouting"))
import golden_reader  # noqa: E402  (found by the line above)

PHI_TURN = 576
LOWEST_QUALITY = 8
PAIR_INPUTS = ("pt 0, 1", "pt_unconstrained 0, 1", "eta 0, 1", "quality 0, 1", "delta_eta", "delta_phi", "charge product")
MUON_FIELDS = ("phi", "pt", "quality", "eta", "isolation", "charge", "charge_valid", "index", "phi_station",
               "pt_unconstrained", "dxy")
REGION_ENDS = (18, 36, 72, 90, 108)  # track finder indices: endcap+, overlap+, barrel, overlap-, endcap-
MUON_INPUTS = len(MUON_FIELDS) + 4 + len(REGION_ENDS) + 3
CROSSING_LISTS = (("jet", "et", 10), ("muon", "pt", 4), ("egamma", "et", 4))
CROSSING_INPUTS = {"jets": 30, "muons": 12, "egammas": 12, "missing_et": 3}  # a tensor each: a row fits a word of memory


def read_packet(path, source):
    """Crossings of a packet's orbits as golden_reader describes them, keyed by (place of the orbit, crossing)."""
    with open(path, "rb") as file:
        packet = golden_reader.read_dma_packets(file.read(), source)
    return {(place, crossing["bx"]): crossing for place, orbit in enumerate(packet["orbits"])
            for crossing in orbit["crossings"]}


def generate(strobe, source, orbits, seed, *options):
    """The same of a generated stream."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "packet")
        subprocess.run([strobe, "scout", "generate", "--format", source, "--orbits", str(orbits), "--packet-orbits",
                        str(orbits), "--seed", str(seed), "-o", path, *map(str, options)],
                       check=True, stdout=subprocess.DEVNULL)
        return read_packet(path, source)


def good(crossing, count):
    """The leading muons as the samples select them; equal momenta in the order of the links."""
    muons = [m for m in crossing["muon"] if m["quality"] >= LOWEST_QUALITY and not m["intermediate"]]
    return sorted(muons, key=lambda m: -m["pt"])[:count]


def wrapped(phi):
    """A difference of azimuths, -288 to 287."""
    return (phi + PHI_TURN // 2) % PHI_TURN - PHI_TURN // 2


def sign(muon):
    return (-1 if muon["charge"] else 1) if muon["charge_valid"] else 0


def pair_inputs(a, b):
    return [a["pt"], b["pt"], a["pt_unconstrained"], b["pt_unconstrained"], a["eta"], b["eta"], a["quality"], b["quality"],
            a["eta"] - b["eta"], wrapped(a["phi"] - b["phi"]), sign(a) * sign(b)]


def muon_inputs(muon):
    station_eta = muon["eta2"] if muon["selector"] else muon["eta1"]
    region = sum(muon["index"] >= end for end in REGION_ENDS)
    quality = muon["quality"]
    derived = [abs(muon["eta"]), abs(wrapped(muon["phi_station"] - muon["phi"])), station_eta, station_eta - muon["eta"]]
    return [*(muon[name] for name in MUON_FIELDS), *derived, *(int(region == n) for n in range(len(REGION_ENDS))),
            int(quality >= 12), int(8 <= quality < 12), int(quality < 8)]


def crossing_inputs(calo, muons):
    """10 jets, 4 muons, 4 electrons or photons by falling pt or ET, zeros where there are fewer, and the missing ET."""
    objects = {kind: sorted(calo[kind], key=lambda o: (-o["link"], o["slot"])) for kind in ("jet", "egamma")}  # first: link 1
    objects["muon"] = good(muons, 4) if muons else []
    row = []
    for kind, momentum, count in CROSSING_LISTS:
        leading = sorted((o for o in objects[kind] if o[momentum] > 0), key=lambda o: -o[momentum])[:count]
        for item in leading:
            row += [item[momentum], item["eta"], item["phi"]]
        row += [0] * (3 * (count - len(leading)))
    return row + [calo["missing_et"]["et"], 0, calo["missing_et"]["phi"]]


def momentum(muon):
    """GeV."""
    return 0.5 * (muon["pt"] - 1)


def mass(a, b):
    """GeV, of massless particles."""
    eta = 0.010875 * (a["eta"] - b["eta"])
    phi = 2 * np.pi / PHI_TURN * (a["phi"] - b["phi"])
    return np.sqrt(max(0.0, 2 * momentum(a) * momentum(b) * (np.cosh(eta) - np.cos(phi))))


def pairs(crossings):
    """The leading two good muons of each crossing that has two: inputs, masses, and the muons."""
    leading = [good(crossing, 2) for crossing in crossings.values()]
    leading = [muons for muons in leading if len(muons) == 2]
    inputs = np.array([pair_inputs(*muons) for muons in leading], dtype=np.int16)
    return inputs, np.array([mass(*muons) for muons in leading]), leading


def crossings_with_calo(calo, muons):
    """Inputs of every crossing of the calorimeter's stream, with the muons of the same one."""
    return np.array([crossing_inputs(crossing, muons.get(at)) for at, crossing in calo.items()], dtype=np.int16)


def tensors(rows):
    """Crossings' 57 integers as the encoder's inputs, by name."""
    ends = np.cumsum(list(CROSSING_INPUTS.values()))
    return dict(zip(CROSSING_INPUTS, np.split(rows, ends[:-1], axis=1)))
