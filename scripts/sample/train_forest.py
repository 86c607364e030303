"""Trains an XGBoost forest on the jets of make_jets.py and writes it as XGBoost's JSON, with its margins and leaves for the
test jets."""

import argparse
import json
import os
import time
from importlib.metadata import version

import numpy as np
import xgboost

from dataset import load, quality, to_raw, to_values
from make_jets import KINDS


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: python train_forest.py --jets /tmp/strobe-jets --out /tmp/jets-data")
    parser.add_argument("--jets", required=True, help="folder that make_jets.py wrote")
    parser.add_argument("--out", required=True, help="folder for the forest and its answers")
    parser.add_argument("--test", type=int, default=800, help="test jets of each kind (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=20, help="trees a class (default %(default)s)")
    parser.add_argument("--depth", type=int, default=4, help="of each tree (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="default %(default)s")
    return parser.parse_args()


def main():
    options, start = parse_arguments(), time.time()
    jets = load(options.jets, options.test, options.seed)
    mean, std = jets["train"][0].mean(axis=0), jets["train"][0].std(axis=0)
    parts = {part: (to_values(to_raw(x, mean, std)[0]), y) for part, (x, y) in jets.items()}
    matrices = {part: xgboost.DMatrix(x, label=y) for part, (x, y) in parts.items()}
    settings = {"objective": "multi:softprob", "num_class": len(KINDS), "max_depth": options.depth, "eta": 0.3,
                "tree_method": "hist", "seed": options.seed, "nthread": 1}
    forest = xgboost.train(settings, matrices["train"], options.rounds)
    margins = forest.predict(matrices["test"], output_margin=True)
    os.makedirs(options.out, exist_ok=True)
    forest.save_model(os.path.join(options.out, "jets_forest.json"))
    np.save(os.path.join(options.out, "expected_forest.npy"), margins)
    results = quality(forest.predict(matrices["test"]), parts["test"][1]) | {
        "trees": options.rounds * len(KINDS),
        "settings": {name: value for name, value in vars(options).items() if name not in ("jets", "out")},
        "versions": {name: version(name) for name in ("xgboost", "numpy")},
        "seconds": round(time.time() - start)}
    with open(os.path.join(options.out, "results_forest.json"), "w") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
