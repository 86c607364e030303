"""Simulates muons in four barrel stations and writes a Kalman filter for them as a formula.

The filter is of the kind that CMS' barrel muon track finder runs: a state at a station is (k, phi, b) with k = q/pT in
1/GeV, phi the azimuth of the track and b its bending angle, that is its direction minus phi. It starts at the outermost
station, is carried inwards by constant matrices, and at each station is corrected by the differences between measured
and expected phi and b times gains; these come from tables that |k| as known so far addresses, since scattering grows
with it. In the end it may be told that the muon comes from the beam.

Written are: the filter in strobe's formula language, once in real numbers and once with short types as firmware would
have them; muons as raw integers, the truth, and what the filter in real numbers answers in float64. All follow from the
seed.
"""

import argparse
import os

import numpy as np

# The detector: radii in m, fields in T along the beam, thickness in radiation lengths. Rings are (from, to, value).
STATIONS = (4.2, 5.0, 6.0, 7.0)
YOKE = ((4.5, 4.8), (5.35, 5.9), (6.3, 6.85))
FIELD = ((0.0, 3.0, 3.8),) + tuple((a, b, -1.8) for a, b in YOKE)
IRON = 0.01757  # m, its radiation length
MATERIAL = ((1.3, 3.9, 90.0),) + tuple((a, b, (b - a) / IRON) for a, b in YOKE)

SIGMA_PHI, SIGMA_B = 0.0005, 0.005  # rad, of one station's measurement
LOWEST_PT, HIGHEST_PT = 3.0, 100.0  # GeV
STEP = 2.0**-15  # of the inputs: ap_fixed<16,1>
TURN = -0.299792458  # rad / (T m) for k = 1/GeV: a positive muon turns against phi
SCATTER = 0.0136  # GeV

LARGEST_K, CELLS = 0.5, 32  # the filter's k is limited to this; cells of the gain tables over |k|
LARGEST_B = 1.0
FARTHEST_PHI, FARTHEST_B = 0.0625, 0.5  # measured minus expected; no muon comes near, and numbers stay short


# The simulation.

def field(r):
    return sum(b for low, high, b in FIELD if low <= r < high)


def thickness(r):
    """Radiation lengths a metre."""
    return sum(x / (high - low) for low, high, x in MATERIAL if low <= r < high)


def simulate(random, k, direction):
    """Follows muons from the beam outwards, without energy loss; returns phi and b at the stations, each (muons, 4)."""
    r = MATERIAL[0][0]
    b = np.arcsin(TURN * k * field(0) * r / 2)  # a circle through the beam
    phi, psi = direction + b, direction + 2 * b
    edges = sorted({r, *STATIONS, *(e for ring in FIELD + MATERIAL for e in ring[:2] if e > r)})
    found = []
    for low, high in zip(edges, edges[1:]):
        count = int(np.ceil((high - low) / 0.01))
        dr = (high - low) / count
        for i in range(count):
            r = low + i * dr
            turn = TURN * k * field(r + dr / 2) * dr
            # The midpoint rule.
            phi_half = phi + np.tan(psi - phi) / r * dr / 2
            psi_half = psi + turn / 2 / np.cos(psi - phi)
            inclination = psi_half - phi_half
            phi = phi + np.tan(inclination) / (r + dr / 2) * dr
            psi = psi + turn / np.cos(inclination)
            path = thickness(r + dr / 2) * dr / np.cos(inclination)
            psi = psi + random.standard_normal(k.size) * SCATTER * np.abs(k) * np.sqrt(path)
        if high in STATIONS:
            found.append((phi, psi - phi))
        if len(found) == len(STATIONS):
            break
    return np.stack([p for p, _ in found], 1), np.stack([b for _, b in found], 1)


def make_muons(random, count):
    """Raw inputs (count, 8) as phi1, b1, ..., phi4, b4 and the truth (count, 2): q/pT, direction at the beam."""
    k = random.uniform(1 / HIGHEST_PT, 1 / LOWEST_PT, count) * random.choice([-1.0, 1.0], count)
    direction = np.zeros(count)
    phi, b = simulate(random, k, direction)
    turn = random.uniform(-np.pi / 12, np.pi / 12, count) - phi[:, 1]  # station 2 is within the sector of 30 degrees
    phi, direction = phi + turn[:, None], direction + turn
    phi = phi + SIGMA_PHI * random.standard_normal(phi.shape)
    b = b + SIGMA_B * random.standard_normal(b.shape)
    values = np.stack([phi, b], 2).reshape(count, 8)
    raw = np.clip(np.round(values / STEP), -32768, 32767).astype(np.int16)
    return raw, np.stack([k, direction], 1).astype(np.float32)


# The filter's constants. Small angles: psi' = TURN k B and (r b)' = TURN k r B along r, phi = psi - b.

def integral(low, high, power):
    total = 0.0
    for a, b, value in FIELD:
        a, b = max(a, low), min(b, high)
        if a < b:
            total += TURN * value * (b ** (power + 1) - a ** (power + 1)) / (power + 1)
    return total


def kicks(low, high):
    """Radii and variances, at k = 1, of the scattering between two radii."""
    radii, variances = [], []
    for a, b, x in MATERIAL:
        edges = np.linspace(max(a, low), max(min(b, high), max(a, low)), 21)
        radii.extend((edges[1:] + edges[:-1]) / 2)
        variances.extend(SCATTER**2 * x * np.diff(edges) / (b - a))
    return np.array(radii), np.array(variances)


def inwards(low, high):
    """The matrix that carries a state from radius `high` to `low`, and the covariance, at k = 1, that it adds."""
    j0, j1 = integral(low, high, 0), integral(low, high, 1)
    matrix = np.array([[1, 0, 0], [j1 / low - j0, 1, 1 - high / low], [-j1 / low, 0, high / low]])
    r, v = kicks(low, high)
    effect = np.stack([0 * r, r / low - 1, -r / low])
    return matrix, (effect * v) @ effect.T


def to_beam(low):
    """The same to the beam, where the state is (k, direction, signed distance in m)."""
    j0, j1 = integral(0, low, 0), integral(0, low, 1)
    matrix = np.array([[1, 0, 0], [-j0, 1, 1], [-j1, 0, low]])
    r, v = kicks(0, low)
    effect = np.stack([0 * r, 0 * r - 1, -r])
    return matrix, (effect * v) @ effect.T


def rounded(values, digits=5):
    return np.vectorize(lambda x: float(f"{x:.{digits}g}"))(np.asarray(values, float))


def in_bits(values, bits):
    """On the finest grid of a power of two on which the largest fits into that many bits, sign included."""
    step = 2.0 ** (np.floor(np.log2(np.abs(values).max())) + 2 - bits)
    return np.round(values / step) * step


class Filter:
    """All constants, rounded to what the formula's text says."""

    def __init__(self):
        r4 = STATIONS[3]
        self.seed = float(rounded(r4 / integral(0, r4, 1)))  # k of a muon from the beam with b = 1 in station 4
        steps = [inwards(STATIONS[s], STATIONS[s + 1]) for s in (2, 1, 0)]
        beam = to_beam(STATIONS[0])
        self.matrices = [rounded(m) for m, _ in steps]
        self.beam = rounded(beam[0])
        self.gains = np.zeros((3, 3, 2, CELLS))
        self.beam_gains = np.zeros((2, CELLS))
        for cell in range(CELLS):
            k = (cell + 0.5) * LARGEST_K / CELLS
            self.fill_gains(cell, k, [(m, q * k * k) for m, q in steps], (beam[0], beam[1] * k * k))
        self.gains, self.beam_gains = rounded(self.gains, 4), rounded(self.beam_gains, 4)
        self.bends = np.zeros(2)

    def fill_gains(self, cell, k, steps, beam):
        measured = np.diag([SIGMA_PHI**2, SIGMA_B**2])
        h = np.array([[0.0, 1, 0], [0, 0, 1]])
        r, v = kicks(0, STATIONS[3])
        seed_error = abs(self.seed) * np.sqrt(SIGMA_B**2 + np.sum(v * (r / STATIONS[3]) ** 2) * k * k)
        p = np.diag([min(seed_error, 0.2) ** 2, SIGMA_PHI**2, SIGMA_B**2])
        for s, (matrix, noise) in enumerate(steps):
            p = matrix @ p @ matrix.T + noise
            gain = p @ h.T @ np.linalg.inv(h @ p @ h.T + measured)
            p = p - gain @ h @ p
            self.gains[s, :, :, cell] = gain
        p = beam[0] @ p @ beam[0].T + beam[1]
        self.beam_gains[:, cell] = p[:2, 2] / p[2, 2]

    def run(self, raw):
        """Rows of q/pT with the beam, q/pT without, direction, in float64."""
        x = raw.astype(np.float64) * STEP
        phi, b = x[:, 0::2], x[:, 1::2]
        cell = lambda k: np.minimum(np.floor(np.abs(k) / LARGEST_K * CELLS).astype(int), CELLS - 1)
        state = np.stack([np.clip(self.seed * b[:, 3], -LARGEST_K, LARGEST_K), phi[:, 3], b[:, 3]], 1)
        for s, station in enumerate((2, 1, 0)):
            expected = state @ self.matrices[s].T
            residual = np.stack([phi[:, station], b[:, station]], 1) - expected[:, 1:]
            residual = np.clip(residual, [-FARTHEST_PHI, -FARTHEST_B], [FARTHEST_PHI, FARTHEST_B])
            gain = self.gains[s][:, :, cell(state[:, 0])]
            state = expected + np.einsum("ijn,nj->ni", gain, residual)
            state[:, 0] = np.clip(state[:, 0], -LARGEST_K, LARGEST_K)
            state[:, 2] = np.clip(state[:, 2], -LARGEST_B, LARGEST_B)
        free = state[:, 0]
        at_beam = state @ self.beam.T
        gain = self.beam_gains[:, cell(free)]
        k = np.clip(free - gain[0] * at_beam[:, 2], -LARGEST_K, LARGEST_K)
        direction = at_beam[:, 1] - gain[1] * at_beam[:, 2]
        return np.stack([k * (1 + self.bends[0] * k**2), free * (1 + self.bends[1] * free**2), direction], 1)

    def calibrate(self, raw, truth):
        """Fits what angles that are not small do to k: a correction by its cube."""
        answers = self.run(raw)
        for i in range(2):
            k, wanted = answers[:, i], truth[:, 0] - answers[:, i]
            weight = 1 / (0.005**2 + (0.1 * k) ** 2)
            self.bends[i] = float(rounded(np.sum(weight * wanted * k**3) / np.sum(weight * k**6), 3))


# The formula.

def plus(x):
    return f"+ {x:.5g}" if x >= 0 else f"- {-x:.5g}"


def table(name, values):
    rows = [", ".join(f"{v:.15g}" for v in values[i:i + 8]) for i in range(0, len(values), 8)]
    return f"table {name}(0, {LARGEST_K:g}) = " + ",\n    ".join(rows) + "\n"


def text_of(constants, state_bits=None, gain_bits=None):
    """The filter in real numbers, or with its state in so many bits and each gain table on a grid of its own."""

    def state(name, value, limit=None):
        if state_bits is not None:
            integer = int(np.log2(limit or 1)) + 1
            return f"{name} : ap_fixed<{state_bits},{integer},AP_RND,AP_SAT> = {value}\n"
        return f"{name} = {value}\n" if limit is None else f"{name} = clamp({value}, -{limit:g}, {limit:g})\n"

    gains = lambda values: values if gain_bits is None else in_bits(values, gain_bits)
    parts = ["# A Kalman filter for muons in four barrel stations, written by scripts/sample/kalman.py.\n"
             "# State: k = q/pT in 1/GeV; phi, azimuth in rad; b, direction minus azimuth in rad. Inwards from station 4."
             "\n"
             "# Gains by |k| as known before: gainN_k_phi is what phi measured in station N does to k.\n"
             "input phi1, b1, phi2, b2, phi3, b3, phi4, b4\n"]
    parts.append("\n# Station 4 starts. Its k is that of a muon from the beam with the same b.\n"
                 + state("at4_k", f"{constants.seed:.5g} * b4", LARGEST_K) + "at4_phi = phi4\nat4_b = b4\n")
    for s, station in enumerate((3, 2, 1)):
        m, before, now = constants.matrices[s], f"at{station + 1}", f"at{station}"
        parts.append(f"\n# Station {station}.\n")
        for i, row in enumerate(("k", "phi", "b")):
            for j, column in enumerate(("phi", "b")):
                parts.append(table(f"gain{station}_{row}_{column}", gains(constants.gains[s, i, j])))
        parts.append(
            f"size{station} = abs({before}_k)\n"
            f"expected{station}_phi = {before}_phi {plus(m[1, 0])} * {before}_k {plus(m[1, 2])} * {before}_b\n"
            f"expected{station}_b = {m[2, 2]:.5g} * {before}_b {plus(m[2, 0])} * {before}_k\n"
            f"off{station}_phi = clamp(phi{station} - expected{station}_phi, -{FARTHEST_PHI:g}, {FARTHEST_PHI:g})\n"
            f"off{station}_b = clamp(b{station} - expected{station}_b, -{FARTHEST_B:g}, {FARTHEST_B:g})\n")
        change = lambda row: " + ".join(f"gain{station}_{row}_{column}(size{station}) * off{station}_{column}"
                                        for column in ("phi", "b"))
        parts.append(state(f"{now}_k", f"{before}_k + {change('k')}", LARGEST_K)
                     + state(f"{now}_phi", f"expected{station}_phi + {change('phi')}")
                     + state(f"{now}_b", f"expected{station}_b + {change('b')}", LARGEST_B))
    m = constants.beam
    parts.append("\n# The beam: direction there and signed distance in m, which then is said to be 0.\n")
    for i, row in enumerate(("k", "direction")):
        parts.append(table(f"beam_{row}", gains(constants.beam_gains[i])))
    parts.append(f"distance = {m[2, 2]:.5g} * at1_b {plus(m[2, 0])} * at1_k\n"
                 f"direction = at1_phi + at1_b {plus(m[1, 0])} * at1_k\n"
                 f"beam_size = abs(at1_k)\n"
                 + state("k", "at1_k - beam_k(beam_size) * distance", LARGEST_K)
                 + "\n# Angles are not small at 3 GeV: the cube of k makes up for it.\n"
                 f"output q_over_pt = k * (1 {plus(constants.bends[0])} * square(k))\n"
                 f"output q_over_pt_displaced = at1_k * (1 {plus(constants.bends[1])} * square(at1_k))\n"
                 "output phi = direction - beam_direction(beam_size) * distance\n")
    return "".join(parts)


def report(answers, truth):
    pt = 1 / np.abs(truth[:, 0])
    print("pT in GeV      muons   relative RMS of q/pT: with beam   without      bias")
    for low, high in ((3, 5), (5, 10), (10, 30), (30, 100), (3, 100)):
        chosen = (pt >= low) & (pt < high)
        off = answers[chosen, :2] - truth[chosen, :1]
        relative = off / truth[chosen, :1]
        print(f"{low:3} to {high:3}    {chosen.sum():6}   {np.sqrt(np.mean(relative[:, 0]**2)):25.4f}"
              f"{np.sqrt(np.mean(relative[:, 1]**2)):14.4f}{relative[:, 0].mean():10.4f}")
    print(f"wrong charge: {np.mean(answers[:, 0] * truth[:, 0] < 0):.4f}, direction: "
          f"{1000 * np.std(answers[:, 2] - truth[:, 1]):.3g} mrad")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: python kalman.py --out ../../tests/data/kalman")
    parser.add_argument("--out", required=True, help="folder for kalman.formula, kalman_typed.formula, muons.npy, "
                        "truth.npy, expected_float.npy")
    parser.add_argument("--muons", type=int, default=4000, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=4, help="default %(default)s")
    parser.add_argument("--state-bits", type=int, default=12, help="kalman_typed: k, phi, b; default %(default)s")
    parser.add_argument("--gain-bits", type=int, default=10, help="kalman_typed: tables; default %(default)s")
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    constants = Filter()
    constants.calibrate(*make_muons(random, 20000))
    raw, truth = make_muons(random, options.muons)
    answers = constants.run(raw)
    os.makedirs(options.out, exist_ok=True)
    for name, bits in (("kalman", ()), ("kalman_typed", (options.state_bits, options.gain_bits))):
        with open(os.path.join(options.out, name + ".formula"), "w") as file:
            file.write(text_of(constants, *bits))
    np.save(os.path.join(options.out, "muons.npy"), raw)
    np.save(os.path.join(options.out, "truth.npy"), truth)
    np.save(os.path.join(options.out, "expected_float.npy"), answers)
    report(answers, truth)


if __name__ == "__main__":
    main()
