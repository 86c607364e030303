"""Trains the models of the two scouting samples on crossings of `strobe scout generate`, and writes test events with them.

`pair_forest.json`: XGBoost, the leading two muons of a crossing: decay of a resonance, or chance.
`muon_network.keras`: the logarithm by which a muon's measured momentum has to be multiplied.
`anomaly_encoder.keras`: the means of a variational autoencoder's latent code; their squares' sum is an anomaly score.
"""

import argparse
import json
import os
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np  # noqa: E402

import scouting_events as events  # noqa: E402
import scouting_networks as networks  # noqa: E402  (chooses nothing: the backend is set above)
from dataset import area_under_curve, circumstances, write_json  # noqa: E402

RESONANCES = ("jpsi", "upsilon", "z")
TEST_EVENTS = 400
REGIONS = {"barrel": (0, 76), "overlap": (77, 114), "endcap": (115, 256)}  # |eta|, raw


def spread(ratios):
    """Median, and half of the central 68.27 % of the logarithm."""
    low, middle, high = np.quantile(np.log(ratios), (0.15866, 0.5, 0.84134))
    return {"median": round(float(np.exp(middle)), 3), "spread": round(float((high - low) / 2), 3)}


def decays(strobe, resonance, orbits, seed, *options):
    return events.generate(strobe, "gmt", orbits, seed, "--mean", 0, "--signal", 0.2, "--resonance", resonance, *options)


# Pairs

def pair_sample(strobe, orbits, seed):
    """Inputs, labels and masses of decays and of chance pairs, as many of each, as the trigger measures them."""
    signal = [events.pairs(decays(strobe, name, orbits // 3, seed + n, "--measured"))[:2]
              for n, name in enumerate(RESONANCES)]
    chance = events.pairs(events.generate(strobe, "gmt", orbits, seed + 3, "--mean", 0.7, "--measured"))[:2]
    x, mass = (np.concatenate([part[n] for part in signal]) for n in range(2))
    count = min(len(x), len(chance[0]))
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(x))[:count]
    inputs = np.concatenate([x[chosen], chance[0][:count]])
    labels = np.repeat([1, 0], count).astype(np.uint8)
    order = random.permutation(len(labels))
    return inputs[order], labels[order], np.concatenate([mass[chosen], chance[1][:count]])[order]


def train_pairs(options):
    import xgboost

    x, y, _ = pair_sample(options.strobe, options.orbits, options.seed)
    test, labels, mass = pair_sample(options.strobe, options.orbits // 4, options.seed + 100)
    settings = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.2, "tree_method": "hist", "seed": options.seed,
                "nthread": 1}
    forest = xgboost.train(settings, xgboost.DMatrix(x, label=y), 100)
    margins = forest.predict(xgboost.DMatrix(test), output_margin=True)
    forest.save_model(os.path.join(options.out, "pair_forest.json"))
    cut = np.quantile(margins[labels == 1], 0.2)
    chance = labels == 0
    bands = {f"{low}-{high} GeV": round(float((margins[chance & (mass >= low) & (mass < high)] > cut).mean()), 4)
             for low, high in ((0, 5), (5, 8), (8, 12), (12, 40), (40, 120))}
    save_events(options, "pair", test[:TEST_EVENTS], labels[:TEST_EVENTS])
    return {"trees": 100, "training_pairs": len(x), "test_pairs": len(test),
            "auc": round(area_under_curve(margins, labels == 1), 4), "margin_at_80_percent": round(float(cut), 3),
            "chance_pairs_kept_there": round(float((margins[chance] > cut).mean()), 4), "chance_pairs_kept_by_mass": bands}


# Muons

def muon_sample(strobe, orbits, seed):
    """Inputs, true momenta and measured ones of good muons; the same seed gives a muon true and measured."""
    x, truth, measured = [], [], []
    for n, options in enumerate((["--mean", 0.3], ["--mean", 0, "--signal", 0.1])):
        seen = events.generate(strobe, "gmt", orbits, seed + n, *options, "--measured")
        true = events.generate(strobe, "gmt", orbits, seed + n, *options)
        for at, crossing in seen.items():
            for muon, of_truth in zip(crossing["muon"], true[at]["muon"], strict=True):
                if muon["quality"] >= events.LOWEST_QUALITY and not muon["intermediate"]:
                    x.append(events.muon_inputs(muon))
                    truth.append(events.momentum(of_truth))
                    measured.append(events.momentum(muon))
    order = np.random.default_rng(seed).permutation(len(x))
    x, truth, measured = np.array(x, dtype=np.int16)[order], np.array(truth)[order], np.array(measured)[order]
    kept = (truth > 0) & (measured > 0)
    return x[kept], truth[kept], measured[kept]


def flat_weights(truth):
    """As if muons of every momentum from 3 to 80 GeV were equally frequent in its logarithm."""
    edges = np.geomspace(3, 80, 25)
    place = np.clip(np.digitize(truth, edges), 0, 25)
    counts = np.bincount(place, minlength=26)
    weights = np.minimum(len(truth) / 26 / np.maximum(counts, 1), 10)[place]
    return weights / weights.mean()


def mass_spreads(network, strobe, orbits, seed):
    """Spread of measured over true mass of decays before and after, and the median mass."""
    result = {}
    for n, name in enumerate(RESONANCES):
        _, true, _ = events.pairs(decays(strobe, name, orbits, seed + n))
        _, measured, muons = events.pairs(decays(strobe, name, orbits, seed + n, "--measured"))
        rows = np.array([events.muon_inputs(m) for pair in muons for m in pair])
        correction = network.predict(rows, batch_size=4096, verbose=0).reshape(-1, 2)
        result[name] = {"median_true": round(float(np.median(true)), 2),
                        "before": mass_spread(measured), "after": mass_spread(measured * np.exp(correction.sum(1) / 2))}
    return result


def mass_spread(masses):
    low, middle, high = np.quantile(masses, (0.15866, 0.5, 0.84134))
    return {"median": round(float(middle), 2), "relative_spread": round(float((high - low) / 2 / middle), 3)}


def train_muons(options):
    x, truth, measured = muon_sample(options.strobe, options.orbits, options.seed + 200)
    test, test_truth, test_measured = muon_sample(options.strobe, options.orbits // 4, options.seed + 300)
    network = networks.train_muon_network(x, np.log(truth / measured), flat_weights(truth), options.epochs, options.seed)
    corrected = test_measured * np.exp(network.predict(test, batch_size=4096, verbose=0)[:, 0])
    hard = test_truth >= 5
    size = np.abs(test[:, events.MUON_FIELDS.index("eta")])
    regions = {name: hard & (size >= low) & (size <= high) for name, (low, high) in REGIONS.items()}
    save_events(options, "muon", test[:TEST_EVENTS])
    network.save(os.path.join(options.out, "muon_network.keras"))
    return {"training_muons": len(x), "test_muons_above_5_gev": int(hard.sum()),
            "measured_over_true": {name: {"before": spread(test_measured[some] / test_truth[some]),
                                          "after": spread(corrected[some] / test_truth[some])}
                                   for name, some in regions.items()},
            "masses": mass_spreads(network, options.strobe, options.orbits // 8, options.seed + 400)}


# Crossings

def crossing_sample(strobe, orbits, seed, jets=3, muons=0.3):
    calo = events.generate(strobe, "calo", orbits, seed, "--mean", jets)
    return events.crossings_with_calo(calo, events.generate(strobe, "gmt", orbits, seed + 1, "--mean", muons, "--measured"))


def with_decay(crossings, seed):
    """Lays something heavy over each crossing: six jets of 60 GeV and more, two muons of 15, missing ET of 50."""
    random, result = np.random.default_rng(seed), crossings.copy()
    for first, count, least, mean, most, eta, turn in ((0, 6, 120, 160, 2047, 80, 144), (30, 2, 30, 40, 511, 180, 576)):
        drawn = least + random.exponential(mean, (len(result), count))
        result[:, first:first + 3 * count:3] = -np.sort(-np.minimum(drawn, most).astype(int), axis=1)
        result[:, first + 1:first + 3 * count:3] = random.integers(-eta, eta + 1, (len(result), count))
        result[:, first + 2:first + 3 * count:3] = random.integers(0, turn, (len(result), count))
    result[:, 54] = np.minimum(100 + random.exponential(120, len(result)), 4095)
    return result


def train_anomaly(options):
    x = crossing_sample(options.strobe, options.orbits // 12, options.seed + 500)
    encoder = networks.train_encoder(events.tensors(x), options.epochs, options.seed)
    test = crossing_sample(options.strobe, options.orbits // 24, options.seed + 600)
    kinds = {"busy": crossing_sample(options.strobe, 2, options.seed + 700, jets=9, muons=3), "heavy": with_decay(test[:4000], options.seed)}

    def score(rows):
        latent = encoder.predict(list(events.tensors(rows).values()), batch_size=4096, verbose=0)
        return (latent.astype(np.float64) ** 2).sum(axis=1)

    background = score(test)
    threshold = float(np.quantile(background, 0.999))
    half = TEST_EVENTS // 2
    chosen = np.concatenate([test[:half], kinds["busy"][:half // 2], kinds["heavy"][:half // 2]])
    np.savez_compressed(os.path.join(options.out, "anomaly_events.npz"), **events.tensors(chosen))
    encoder.save(os.path.join(options.out, "anomaly_encoder.keras"))
    return {"training_crossings": len(x), "test_crossings": len(test), "score_median": round(float(np.median(background)), 3),
            "threshold_of_one_in_1000": round(threshold, 2)} | {
                name: {"auc": round(area_under_curve(np.concatenate([background, score(rows)]),
                                                     np.arange(len(background) + len(rows)) >= len(background)), 4),
                       "above_threshold": round(float((score(rows) > threshold).mean()), 4)}
                for name, rows in kinds.items()}


def save_events(options, name, inputs, labels=None):
    np.save(os.path.join(options.out, f"{name}_events.npy"), inputs)
    if labels is not None:
        np.save(os.path.join(options.out, f"{name}_labels.npy"), labels)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python train_scouting.py --strobe ../../build/strobe --out ../../tests/data/scouting/models")
    parser.add_argument("--strobe", required=True, help="the program, which generates the events")
    parser.add_argument("--out", required=True, help="folder for models, test events and results")
    parser.add_argument("--orbits", type=int, default=480, help="of the training streams (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=30, help="of both networks (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of streams and training (default %(default)s)")
    parser.add_argument("--only", choices=("pair", "muon", "anomaly"), help="one of the three")
    return parser.parse_args()


def main():
    options, start = parse_arguments(), time.time()
    os.makedirs(options.out, exist_ok=True)
    path = os.path.join(options.out, "results.json")
    trainings = {"pair": train_pairs, "muon": train_muons, "anomaly": train_anomaly}
    results = {}
    if options.only and os.path.exists(path):
        with open(path) as file:
            results = json.load(file)
    for name, train in trainings.items():
        if options.only in (None, name):
            results[name] = train(options)
            print(name, json.dumps(results[name], indent=1), flush=True)
    results |= circumstances(options, ("keras", "jax", "xgboost", "numpy"), start)
    for name in ("strobe", "only"):
        del results["settings"][name]
    write_json(path, results)


if __name__ == "__main__":
    main()
