"""The jets of make_jets.py as training sees them: split, shuffled, rounded to the kernel's input type; and how scores are
judged and noted down."""

import argparse
import json
import os
import time
from importlib.metadata import version

import numpy as np

import features
from make_jets import KINDS

INPUT_FRACTION = 10
RAW_LIMITS = (-(2**15), 2**15 - 1)


def argument_parser(doc, example):
    """What every training takes."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog=f"example: {example}")
    parser.add_argument("--jets", required=True, help="folder that make_jets.py wrote")
    parser.add_argument("--out", required=True, help="folder for what is found, its answers and its quality")
    parser.add_argument("--test", type=int, default=800, help="test jets of each kind (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of shuffling and training (default %(default)s)")
    return parser


def read_kind(folder, kind):
    path = os.path.join(folder, f"{kind}.npz")
    if not os.path.exists(path):
        raise SystemExit(f"jets: {path} is missing; make_jets.py writes it")
    with np.load(path) as stored:
        return {name: stored[name] for name in ("jets", "event", "seed", "radius")}


def split(stored, test_count):
    """Training, validation and test jets of one kind; two jets of one event never fall on different sides."""
    jets, event = stored["jets"][:, : len(features.NAMES)], stored["event"]
    test_start = len(jets) - test_count
    validation_start = test_start - test_count
    train = jets[:validation_start][event[:validation_start] < event[validation_start]]
    middle = slice(validation_start, test_start)
    return train, jets[middle][event[middle] < event[test_start]], jets[test_start:]


def load(folder, test_count, seed):
    """{part: (features, labels)} for train, validation, test: all kinds together, shuffled, features unscaled."""
    stored = {kind: read_kind(folder, kind) for kind in KINDS}
    made = {(len(s["jets"]), int(s["seed"]), float(s["radius"])) for s in stored.values()}
    if len(made) != 1:
        raise SystemExit(f"jets: the kinds in {folder} differ in (jets, seed, radius): {sorted(made)}; "
                         "is make_jets.py still running?")
    count = made.pop()[0]
    if count < 4 * test_count:
        raise SystemExit(f"jets: {folder} holds {count} jets a kind, at least {4 * test_count} are needed")
    by_kind = [split(stored[kind], test_count) for kind in KINDS]
    random, parts = np.random.default_rng(seed), {}
    for number, part in enumerate(("train", "validation", "test")):
        jets = np.concatenate([kind[number] for kind in by_kind])
        labels = np.concatenate([np.full(len(kind[number]), label) for label, kind in enumerate(by_kind)])
        order = random.permutation(len(jets))
        parts[part] = jets[order], labels[order].astype(np.uint8)
    return parts


def to_raw(jets, mean, std):
    """Standardised features as raw ap_fixed<16,6> (value = raw / 1024), rounded half up; and how many saturated."""
    scaled = np.floor((jets - mean) / std * 2**INPUT_FRACTION + 0.5)
    return np.clip(scaled, *RAW_LIMITS).astype(np.int16), int((scaled != np.clip(scaled, *RAW_LIMITS)).sum())


def to_values(raw):
    return raw.astype(np.float32) / 2**INPUT_FRACTION


def load_values(options):
    """As `load`, features standardised by the training jets and rounded as the kernel's input is."""
    jets = load(options.jets, options.test, options.seed)
    mean, std = jets["train"][0].mean(axis=0), jets["train"][0].std(axis=0)
    return {part: (to_values(to_raw(x, mean, std)[0]), y) for part, (x, y) in jets.items()}


def area_under_curve(scores, positive):
    """ROC area of `scores` for the events where `positive`; ties count half."""
    values, place = np.unique(scores, return_inverse=True)
    positives = np.bincount(place[positive], minlength=len(values))
    negatives = np.bincount(place[~positive], minlength=len(values))
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + 0.5 * negatives)).sum() / (positives.sum() * negatives.sum()))


def quality(scores, labels):
    return {
        "accuracy": round(float((scores.argmax(axis=1) == labels).mean()), 4),
        "auc": {kind: round(area_under_curve(scores[:, n], labels == n), 4) for n, kind in enumerate(KINDS)},
    }


def circumstances(options, packages, start):
    """What results were found with: settings, the packages' versions, seconds since `start`."""
    return {
        "settings": {name: value for name, value in vars(options).items() if name not in ("jets", "out")},
        "versions": {name: version(name) for name in packages},
        "seconds": round(time.time() - start),
    }


def write_json(path, document):
    with open(path, "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
