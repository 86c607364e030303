"""The two models of scouting_pipeline_bench: the shapes of small trigger models, untrained, as only their work counts.

    make_models.py FOLDER    needs keras and xgboost; writes pair_mlp.keras (8-16-8-1) and pair_trees.json (20 of depth 3)
"""

import sys

import keras
import numpy
import xgboost

folder = sys.argv[1]
keras.utils.set_random_seed(20)
network = keras.Sequential(
    [
        keras.layers.Input((8,), name="x"),
        keras.layers.Dense(16, activation="relu", name="hidden1"),
        keras.layers.Dense(8, activation="relu", name="hidden2"),
        keras.layers.Dense(1, name="score"),
    ]
)
network.save(f"{folder}/pair_mlp.keras")

random = numpy.random.default_rng(20)
events = random.integers(-256, 512, (4096, 8)).astype(numpy.float32)
labels = (events[:, 0] + events[:, 3] * random.normal(1, 0.5, 4096) > events[:, 6]).astype(int)
forest = xgboost.XGBClassifier(n_estimators=20, max_depth=3, random_state=20, n_jobs=1).fit(events, labels)
forest.get_booster().save_model(f"{folder}/pair_trees.json")
