"""Checks of features.py against sums written out term by term, and of its limits. Run: python test_features.py"""

import itertools
import math
import unittest

import numpy as np

import features

SEED = 20240


def angle(a, b):
    turn = abs(a[2] - b[2]) % (2 * math.pi)
    return math.hypot(a[1] - b[1], min(turn, 2 * math.pi - turn))


def correlation_by_loops(jet, points, beta, angles_taken):
    """Sum over pairs or triples of z z (z) times the product of the `angles_taken` smallest angles, to the beta."""
    total = sum(row[0] for row in jet)
    result = 0.0
    for group in itertools.combinations(jet, points):
        angles = sorted(angle(a, b) for a, b in itertools.combinations(group, 2))
        result += math.prod(row[0] / total for row in group) * math.prod(angles[:angles_taken]) ** beta
    return result


class Features(unittest.TestCase):
    def setUp(self):
        random = np.random.default_rng(SEED)
        self.jet = np.column_stack([random.exponential(20.0, 12), random.normal(0.3, 0.2, 12),
                                    (math.pi + random.normal(0, 0.2, 12)) % (2 * math.pi)])

    def test_equal_the_sums_written_out(self):
        got = dict(zip(features.NAMES, features.jet_features(self.jet[:, 0], self.jet, 80.4)))
        sums = {(points, beta, taken): correlation_by_loops(self.jet, points, beta, taken)
                for points, beta, taken in itertools.product((2, 3), (1, 2), (1, 2, 3))}
        e2 = {beta: sums[2, beta, 1] for beta in (1, 2)}
        z = self.jet[:, 0] / self.jet[:, 0].sum()
        want = {"zlogz": sum(p * math.log(p) for p in z), "c1_b0": (1 - (z**2).sum()) / 2,
                "mass": 80.4, "multiplicity": 12,
                "d2_a1_b1": sums[3, 1, 3] / e2[1] ** 3, "d2_a1_b2": sums[3, 1, 3] / e2[2] ** 1.5}
        for beta in (1, 2):
            want |= {f"c1_b{beta}": e2[beta], f"c2_b{beta}": sums[3, beta, 3] / e2[beta] ** 2,
                     f"d2_b{beta}": sums[3, beta, 3] / e2[beta] ** 3, f"m2_b{beta}": sums[3, beta, 1] / e2[beta],
                     f"n2_b{beta}": sums[3, beta, 2] / e2[beta] ** 2}
        self.assertEqual(set(want), set(got))
        for name, value in want.items():
            self.assertAlmostEqual(got[name] / value, 1.0, places=10, msg=name)

    def test_do_not_depend_on_the_order_of_constituents(self):
        shuffled = self.jet[np.random.default_rng(SEED).permutation(len(self.jet))]
        np.testing.assert_allclose(features.jet_features(shuffled[:, 0], shuffled, 1.0),
                                   features.jet_features(self.jet[:, 0], self.jet, 1.0), rtol=1e-12)

    def test_of_one_or_two_constituents_are_finite(self):
        for count in (1, 2):
            got = features.jet_features(self.jet[:, 0], self.jet[:count], 0.0)
            self.assertTrue(np.isfinite(got).all(), got)
            self.assertEqual(got[features.NAMES.index("n2_b1")], 0.0)

    def test_leave_out_only_the_softest(self):
        count = features.MAX_CORRELATED
        pt = np.concatenate([np.full(count, 10.0), [1e-9]])
        jet = np.column_stack([pt, np.linspace(-0.3, 0.3, count + 1), np.linspace(1.0, 1.3, count + 1)])
        got, without = features.jet_features(pt, jet, 1.0), features.jet_features(pt[:-1], jet[:-1], 1.0)
        np.testing.assert_allclose(got[1:-1], without[1:-1], rtol=1e-9)
        self.assertEqual(got[-1], count + 1)


if __name__ == "__main__":
    print(f"seed {SEED}")
    unittest.main()
