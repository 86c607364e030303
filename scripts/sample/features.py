"""The sixteen substructure features of a jet, in the order of the hls4ml LHC jet data set.

Energy correlation functions follow Larkoski, Salam, Thaler (arXiv:1305.0007) and Moult, Necib, Thaler
(arXiv:1609.07483), with momentum fractions z = pT / sum(pT) and angles theta = distance in (rapidity, phi):

    e2(b)   = sum over pairs    z z     theta^b
    e3(b)   = sum over triples  z z z   (all three angles)^b
    e3_1(b) = sum over triples  z z z   (smallest angle)^b
    e3_2(b) = sum over triples  z z z   (two smallest angles)^b

    C1(b) = e2(b)            C2(b) = e3(b) / e2(b)^2      D2(a,b) = e3(a) / e2(b)^(3a/b), D2(b) = D2(b,b)
    M2(b) = e3_1(b) / e2(b)  N2(b) = e3_2(b) / e2(b)^2

All of these and the mass are of the jet after grooming with the modified mass-drop tagger, their z normalised to what
is left; sum(z log z) and the multiplicity are of the jet before. That is how the data set's own columns relate to each
other: without grooming its C1 and C2 would not follow the mass (correlation 0.97 and 0.89).
By this definition d2_b1 and d2_a1_b1 are one number; the data set carries both columns and so does this sample.
"""

from functools import lru_cache

import numpy as np

NAMES = (
    "zlogz", "c1_b0", "c1_b1", "c1_b2", "c2_b1", "c2_b2", "d2_b1", "d2_b2",
    "d2_a1_b1", "d2_a1_b2", "m2_b1", "m2_b2", "n2_b1", "n2_b2", "mass", "multiplicity",
)

# Sums over triples grow with the cube of the constituents. A 1 TeV jet has 50 to 150, and those beyond the 80 hardest
# carry well under a percent of its momentum: they are left out of e2 and e3 but counted in every other feature.
MAX_CORRELATED = 80


@lru_cache(maxsize=None)
def _triples(count):
    """Indices into the list of pairs, and of particles, for every i < j < k below `count`."""
    first, second = np.triu_indices(count, 1)
    pair_number = np.zeros((count, count), dtype=np.int32)
    pair_number[first, second] = np.arange(len(first))
    i, j, k = (a.ravel() for a in np.indices((count,) * 3, dtype=np.int32))
    keep = (i < j) & (j < k)
    i, j, k = i[keep], j[keep], k[keep]
    return first, second, pair_number[i, j], pair_number[i, k], pair_number[j, k], k


def correlations(z, rapidity, phi):
    """All sums above for one jet (arrays of one entry a constituent, hardest first), as a dictionary of floats."""
    count = min(len(z), MAX_CORRELATED)
    z, rapidity, phi = z[:count], rapidity[:count], phi[:count]
    first, second, ij, ik, jk, k = _triples(count)
    turn = np.abs(phi[first] - phi[second])
    turn = np.minimum(turn, 2 * np.pi - turn)
    theta = np.hypot(rapidity[first] - rapidity[second], turn)
    weight_2 = z[first] * z[second]
    weight_3 = weight_2[ij] * z[k]
    a, b, c = theta[ij], theta[ik], theta[jk]
    largest = np.maximum(np.maximum(a, b), c)
    smallest = np.minimum(np.minimum(a, b), c)
    product = a * b * c
    two_smallest = np.divide(product, largest, out=np.zeros_like(product), where=largest > 0)
    sums = {("e2", 0): weight_2.sum(), ("e2", 1): weight_2 @ theta, ("e2", 2): weight_2 @ theta**2}
    for name, angle in (("e3", product), ("e3_1", smallest), ("e3_2", two_smallest)):
        sums[name, 1] = weight_3 @ angle
        sums[name, 2] = weight_3 @ angle**2
    return sums


def _ratio(above, below):
    """0 where the jet is so narrow that the denominator vanishes: one or two constituents after grooming."""
    return above / below if below > 0 else 0.0


def jet_features(all_pt, groomed, groomed_mass):
    """The sixteen features of one jet in the order of NAMES.

    `all_pt`: pT of all constituents; `groomed`: rows (pT, rapidity, phi) of those that the groomer kept; mass in GeV.
    """
    all_z = all_pt / all_pt.sum()
    pt, rapidity, phi = groomed[np.argsort(-groomed[:, 0], kind="stable")].T
    z = pt / pt.sum()
    sums = correlations(z, rapidity, phi)
    e2_1, e2_2 = sums["e2", 1], sums["e2", 2]
    e3_1, e3_2 = sums["e3", 1], sums["e3", 2]
    return np.array([
        np.sum(all_z * np.log(all_z)),
        sums["e2", 0], e2_1, e2_2,
        _ratio(e3_1, e2_1**2), _ratio(e3_2, e2_2**2),
        _ratio(e3_1, e2_1**3), _ratio(e3_2, e2_2**3),
        _ratio(e3_1, e2_1**3), _ratio(e3_1, e2_2**1.5),
        _ratio(sums["e3_1", 1], e2_1), _ratio(sums["e3_1", 2], e2_2),
        _ratio(sums["e3_2", 1], e2_1**2), _ratio(sums["e3_2", 2], e2_2**2),
        groomed_mass, len(all_pt),
    ])
