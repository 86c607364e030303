#!/usr/bin/env python3
"""Writes forests/: small XGBoost models as UBJSON, each with what XGBoost makes of 64 events.

    pip install xgboost numpy; tests/data/import/make_forests.py

One a rule: how an objective takes base_score, missing values, categories, vector leaves, dart, several targets, ranking.
"""
import pathlib
import numpy as np
import xgboost as xgb

FOLDER = pathlib.Path(__file__).parent / "forests"
RANDOM = np.random.default_rng(20)
X = np.round(RANDOM.normal(size=(400, 5)) * 64) / 64
X[:, 4] = RANDOM.integers(0, 12, 400)
X[RANDOM.random(X.shape) < 0.1] = np.nan
SUM = np.nan_to_num(X[:, 0] + X[:, 1] * X[:, 2] + 0.2 * X[:, 4])
TYPES = ["q"] * 4 + ["c"]


def write(name, label, group=None, **settings):
    # Trees with vector leaves know no categories.
    types = ["q"] * 5 if "multi_strategy" in settings else TYPES
    data = xgb.DMatrix(X, label, feature_types=types, enable_categorical=True)
    if group is not None:
        data.set_group(group)
    settings = {"max_depth": 3, "eta": 0.4, "seed": 20, "nthread": 1, "max_cat_to_onehot": 3} | settings
    model = xgb.train(settings, data, 3)
    events = xgb.DMatrix(X[:64], feature_types=types, enable_categorical=True)
    model.save_model(FOLDER / f"{name}.ubj")
    transformed = settings["objective"] not in ("binary:hinge", "multi:softmax")
    answers = {"probabilities": model.predict(events)} if transformed else {}
    np.savez_compressed(FOLDER / f"{name}.npz", inputs=X[:64].astype(np.float32),
                        margins=model.predict(events, output_margin=True),
                        leaf_index=model.predict(events, pred_leaf=True).astype(np.int32), **answers)


CLASSES = np.digitize(SUM, np.quantile(SUM, [0.3, 0.6]))
COUNTS = np.maximum(np.round(np.exp(0.3 * SUM)), 0)
write("logistic", SUM > 0, objective="binary:logistic")
write("logitraw", SUM > 0, objective="binary:logitraw", base_score=0.2)
write("hinge", SUM > 0, objective="binary:hinge")
write("poisson", COUNTS, objective="count:poisson")
write("tweedie", COUNTS, objective="reg:tweedie", base_score=0.7)
write("gamma", COUNTS + 1, objective="reg:gamma")
write("softmax", CLASSES, objective="multi:softmax", num_class=3, num_parallel_tree=2)
write("ndcg", CLASSES, group=[40] * 10, objective="rank:ndcg")
write("pairwise", CLASSES, group=[40] * 10, objective="rank:pairwise", booster="dart", rate_drop=0.5)
write("targets", np.nan_to_num(np.stack([SUM, -X[:, 3], CLASSES], 1)), objective="reg:squarederror")
write("vector", np.nan_to_num(np.stack([SUM, -X[:, 3]], 1)), objective="reg:squarederror",
      multi_strategy="multi_output_tree")
write("absolute", SUM, objective="reg:absoluteerror")
write("quantiles", SUM, objective="reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9])
