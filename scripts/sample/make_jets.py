"""Generates simulated LHC jets of five kinds (g, q, t, w, z) with Pythia and FastJet; one `<kind>.npz` a kind.

Proton collisions at 13 TeV; each event makes two partons or bosons of one kind in a narrow window of pT near 1 TeV, and
each of the two leading anti-kT jets (R=0.8 unless told) that lies on one of them is kept, if its own pT is 0.8 to
1.2 TeV. The same seed, versions and machine give the same jets. A kind whose file is already complete is not made again.
"""

import argparse
import math
import os
import sys
import time

import numpy as np

import features

KINDS = ("g", "q", "t", "w", "z")
JET_PT = (800.0, 1200.0)
HARD_PT = (950.0, 1100.0)
MATCH_DISTANCE = 0.4
MMDT_CUT = 0.1
VISIBLE_ETA = 5.0
MAX_EVENTS_PER_JET = 20

PROCESSES = {
    "g": ["HardQCD:gg2gg = on", "HardQCD:qqbar2gg = on"],
    "q": ["HardQCD:qq2qq = on", "HardQCD:gg2qqbar = on", "HardQCD:qqbar2qqbarNew = on", "HardQCD:nQuarkNew = 3"],
    "t": ["Top:gg2ttbar = on", "Top:qqbar2ttbar = on", "24:onMode = off", "24:onIfAny = 1 2 3 4 5"],
    "w": ["WeakDoubleBoson:ffbar2WW = on", "24:onMode = off", "24:onIfAny = 1 2 3 4 5"],
    "z": ["WeakDoubleBoson:ffbar2gmZgmZ = on", "WeakZ0:gmZmode = 2", "23:onMode = off", "23:onIfAny = 1 2 3 4 5"],
}


def start_pythia(kind, seed):
    """A Pythia that makes pairs of `kind`, its random numbers fixed by `seed` and the kind."""
    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    settings = [
        "Print:quiet = on",
        "Beams:idA = 2212", "Beams:idB = 2212", "Beams:eCM = 13000.",
        "Random:setSeed = on", f"Random:seed = {seed * 10 + KINDS.index(kind) + 1}",
        f"PhaseSpace:pTHatMin = {HARD_PT[0]}", f"PhaseSpace:pTHatMax = {HARD_PT[1]}",
    ]
    for line in settings + PROCESSES[kind]:
        if not pythia.readString(line):
            sys.exit(f"make_jets: Pythia does not accept the setting '{line}'")
    if not pythia.init():
        sys.exit(f"make_jets: Pythia could not be started for kind '{kind}'")
    return pythia


def visible_particles(event, fastjet):
    particles = []
    for particle in event:
        if particle.isFinal() and particle.isVisible() and abs(particle.eta()) < VISIBLE_ETA:
            particles.append(fastjet.PseudoJet(particle.px(), particle.py(), particle.pz(), particle.e()))
    return particles


def groomed(constituents, fastjet, definition):
    """(mass, constituents) after the modified mass-drop tagger: drops soft branches until one has MMDT_CUT of pT."""
    cluster = fastjet.ClusterSequence(constituents, definition)
    jet = fastjet.sorted_by_pt(cluster.inclusive_jets())[0]
    while True:
        first, second = fastjet.PseudoJet(), fastjet.PseudoJet()
        if not jet.has_parents(first, second):
            return 0.0, kinematics([jet])
        hard, soft = (first, second) if first.pt() >= second.pt() else (second, first)
        if soft.pt() > MMDT_CUT * (soft.pt() + hard.pt()):
            return math.sqrt(max(jet.m2(), 0.0)), kinematics(jet.constituents())
        jet = hard


def kinematics(particles):
    """Rows (pT, rapidity, phi)."""
    return np.array([(p.pt(), p.rap(), p.phi()) for p in particles])


def distance(rapidity_1, phi_1, rapidity_2, phi_2):
    turn = abs(phi_1 - phi_2) % (2 * math.pi)
    return math.hypot(rapidity_1 - rapidity_2, min(turn, 2 * math.pi - turn))


def hard_directions(event):
    """(rapidity, phi) of the two outgoing particles of the hard process; of t, W and Z just before they decay.

    In Pythia's record of a 2 -> 2 process these are always entries 5 and 6.
    """
    directions = []
    for particle in (event[5], event[6]):
        if particle.idAbs() in (6, 23, 24):
            particle = event[particle.iBotCopyId()]
        directions.append((particle.y(), particle.phi()))
    return directions


def event_jets(event, fastjet, anti_kt, cambridge):
    """Feature rows (sixteen features, then the jet's pT) of the jets of one event that pass the selection."""
    targets = hard_directions(event)
    cluster = fastjet.ClusterSequence(visible_particles(event, fastjet), anti_kt)
    rows = []
    for jet in fastjet.sorted_by_pt(cluster.inclusive_jets(200.0))[:2]:
        if not JET_PT[0] < jet.pt() < JET_PT[1]:
            continue
        if not any(distance(jet.rap(), jet.phi(), *target) < MATCH_DISTANCE for target in targets):
            continue
        constituents = list(jet.constituents())
        mass, kept = groomed(constituents, fastjet, cambridge)
        row = features.jet_features(kinematics(constituents)[:, 0], kept, mass)
        rows.append(np.append(row, jet.pt()))
    return rows


def save(path, rows, events, count, seed, radius):
    """Writes in one step, so that an interrupted run never leaves half a file."""
    partial = path + ".partial"
    with open(partial, "wb") as file:
        np.savez_compressed(file, jets=np.array(rows), event=np.array(events, dtype=np.int32),
                            seed=seed, radius=radius)
    os.replace(partial, path)


def is_complete(path, count, seed, radius):
    if not os.path.exists(path):
        return False
    with np.load(path) as stored:
        return len(stored["jets"]) == count and int(stored["seed"]) == seed and float(stored["radius"]) == radius


def make_kind(kind, count, seed, radius, path):
    import fastjet

    pythia = start_pythia(kind, seed)
    anti_kt = fastjet.JetDefinition(fastjet.antikt_algorithm, radius)
    cambridge = fastjet.JetDefinition(fastjet.cambridge_algorithm, 100.0)
    rows, events, start, saved = [], [], time.time(), 0
    for number in range(MAX_EVENTS_PER_JET * count + 100):
        if len(rows) >= count:
            break
        if not pythia.next():
            continue
        found = event_jets(pythia.event, fastjet, anti_kt, cambridge)
        rows += found
        events += [number] * len(found)
        if len(rows) >= saved + 500:
            saved = len(rows)
            save(path, rows, events, count, seed, radius)
            rate = len(rows) / (time.time() - start)
            print(f"{kind}: {len(rows)}/{count} jets of {number + 1} events, {rate:.0f} jets/s, "
                  f"{(count - len(rows)) / rate:.0f} s left", flush=True)
    else:
        sys.exit(f"make_jets: kind '{kind}' gave {len(rows)} jets of {count} wanted; the selection is too tight")
    save(path, rows[:count], events[:count], count, seed, radius)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: python make_jets.py --jets 6000 --out /tmp/strobe-jets")
    parser.add_argument("--out", required=True, help="folder for g.npz, q.npz, t.npz, w.npz, z.npz")
    parser.add_argument("--jets", type=int, default=6000, help="jets of each kind (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed, 1 to 80000000 (default %(default)s)")
    parser.add_argument("--radius", type=float, default=0.8, help="jet radius, 0.1 to 1.5 (default %(default)s)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="only these kinds")
    options = parser.parse_args()
    if options.jets < 1 or not 1 <= options.seed <= 80_000_000:
        parser.error("--jets must be at least 1 and --seed within 1 to 80000000")
    if not 0.1 <= options.radius <= 1.5:
        parser.error("--radius must be within 0.1 to 1.5")
    os.makedirs(options.out, exist_ok=True)
    for kind in options.kinds:
        path = os.path.join(options.out, f"{kind}.npz")
        if is_complete(path, options.jets, options.seed, options.radius):
            print(f"{kind}: {path} is complete, kept")
            continue
        make_kind(kind, options.jets, options.seed, options.radius, path)


if __name__ == "__main__":
    main()
