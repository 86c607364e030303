"""Trains an XGBoost forest on the jets of make_jets.py and writes it as XGBoost's JSON, with its margins and leaves for the
test jets."""

import json
import os
import time

import numpy as np
import xgboost

from dataset import argument_parser, circumstances, load_values, quality, write_json
from make_jets import KINDS


def parse_arguments():
    parser = argument_parser(__doc__, "python train_forest.py --jets /tmp/strobe-jets --out /tmp/jets-data")
    parser.add_argument("--rounds", type=int, default=20, help="trees a class (default %(default)s)")
    parser.add_argument("--depth", type=int, default=4, help="of each tree (default %(default)s)")
    return parser.parse_args()


def main():
    options, start = parse_arguments(), time.time()
    parts = load_values(options)
    matrices = {part: xgboost.DMatrix(x, label=y) for part, (x, y) in parts.items()}
    settings = {"objective": "multi:softprob", "num_class": len(KINDS), "max_depth": options.depth, "eta": 0.3,
                "tree_method": "hist", "seed": options.seed, "nthread": 1}
    forest = xgboost.train(settings, matrices["train"], options.rounds)
    margins = forest.predict(matrices["test"], output_margin=True)
    os.makedirs(options.out, exist_ok=True)
    forest.save_model(os.path.join(options.out, "jets_forest.json"))
    np.save(os.path.join(options.out, "expected_forest.npy"), margins)
    results = quality(forest.predict(matrices["test"]), parts["test"][1]) | {
        "trees": options.rounds * len(KINDS)} | circumstances(options, ("xgboost", "numpy"), start)
    write_json(os.path.join(options.out, "results_forest.json"), results)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
