#!/usr/bin/env python3
"""Writes forests/*.onnx: small forests of scikit-learn as skl2onnx exports them, each with what scikit-learn and
onnxruntime make of 64 events.

    pip install scikit-learn skl2onnx onnxruntime; tests/data/import/make_onnx_forests.py

AdaBoost of two classes, of three as probabilities and as raw scores with classes that have names, of one tree, and the
regressor, which is refused; a VotingRegressor of two forests. With scikit-learn up to 1.5 (and its skl2onnx, 1.16) only AdaBoost's older algorithm
SAMME.R is written, which sums logarithms of probabilities.
"""
import pathlib
import numpy as np
import onnx
import onnxruntime
import sklearn
from skl2onnx import to_onnx
from sklearn.ensemble import (AdaBoostClassifier, AdaBoostRegressor, ExtraTreesRegressor, RandomForestRegressor,
                              VotingRegressor)
from sklearn.tree import DecisionTreeClassifier

FOLDER = pathlib.Path(__file__).parent / "forests"
RANDOM = np.random.default_rng(21)
X = (np.round(RANDOM.normal(size=(500, 4)) * 64) / 64).astype(np.float32)
EVENTS = (np.round(RANDOM.normal(size=(64, 4)) * 64) / 64).astype(np.float32)
TWO = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)
THREE = np.digitize(X[:, 0] + X[:, 1] ** 2, [0, 1])
OLD = tuple(int(part) for part in sklearn.__version__.split(".")[:2]) < (1, 6)


def write(name, model, labels, **options):
    model.fit(X, labels)
    exported = to_onnx(model, X[:1], options={id(model): {"zipmap": False} | options})
    onnx.save(exported, FOLDER / f"{name}.onnx")
    session = onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])
    np.savez_compressed(FOLDER / f"{name}.npz", inputs=EVENTS, decision=model.decision_function(EVENTS),
                        probabilities=model.predict_proba(EVENTS), runtime=session.run(None, {"X": EVENTS})[1],
                        leaf_index=np.stack([t.apply(EVENTS) for t in model.estimators_], 1).astype(np.int32))


if OLD:
    write("adaboost_samme_r", AdaBoostClassifier(n_estimators=4, random_state=1, algorithm="SAMME.R"), THREE)
else:
    write("adaboost_two", AdaBoostClassifier(n_estimators=6, random_state=1), TWO)
    write("adaboost_three", AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=5, random_state=1), THREE)
    write("adaboost_raw", AdaBoostClassifier(n_estimators=5, random_state=1), np.array(["a", "b", "c"])[THREE],
          raw_scores=True)
    write("adaboost_one_tree", AdaBoostClassifier(n_estimators=1, random_state=1), THREE)
    regressor = AdaBoostRegressor(n_estimators=3, random_state=1).fit(X, X[:, 0])
    onnx.save(to_onnx(regressor, X[:1]), FOLDER / "adaboost_regressor.onnx")
    voting = VotingRegressor([("a", RandomForestRegressor(4, max_depth=3, random_state=1)),
                              ("b", ExtraTreesRegressor(3, max_depth=3, random_state=1))]).fit(X, X[:, 0] + X[:, 1])
    onnx.save(to_onnx(voting, X[:1]), FOLDER / "voting_regressor.onnx")
    np.savez_compressed(FOLDER / "voting_regressor.npz", inputs=EVENTS, values=voting.predict(EVENTS))
