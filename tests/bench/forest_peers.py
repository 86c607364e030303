#!/usr/bin/env python3
"""Prints a table of forests: the emulator beside its peers, one thread of the same machine, the same events.

Forests: the published 25 x 5 trees of depth 5 on jets, and 100 trees of depth 4, 8 and 12 (20 x 5) trained here by
XGBoost, 25 x 5 trees of 32 leaves by LightGBM, fixed seeds, on the 1024 jets that are at hand, each repeated with noise.
The figures are for calls of 65,536 events, and of one. Peers that are not installed are left out and named.

Install with: pip install -r tests/bench/forest-requirements.txt
"""
import argparse
import os
import pathlib
import subprocess
import tempfile
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  (threads are set before)

ROWS = 65536


def seconds_a_call(work, round_seconds, rounds):
    """The best of many rounds in processor time, as forest_bench does it."""
    work()
    calls, best = 1, float("inf")
    while rounds > 0:
        start = time.process_time()
        for _ in range(calls):
            work()
        seconds = time.process_time() - start
        if seconds < round_seconds:
            calls *= 2
            continue
        best = min(best, seconds / calls)
        rounds -= 1
    return best


def make_events(data):
    """Jets with noise of a tenth of their spread, on the grid of ap_fixed<16,6>, with their classes."""
    raw = np.load(data / "jets" / "features_fixed16_6.npy").astype(np.float64)
    labels = np.load(data / "jets" / "labels.npy")
    random = np.random.default_rng(1)
    pick = random.integers(0, len(raw), 2 * ROWS)
    noisy = raw[pick] + random.normal(0, 0.1, (2 * ROWS, raw.shape[1])) * raw.std(axis=0)
    noisy = np.clip(np.rint(noisy), -32768, 32767).astype(np.int16)
    return noisy[:ROWS], noisy[ROWS:], labels[pick[ROWS:]]


def train_xgboost(events, labels, depth, path):
    import xgboost

    matrix = xgboost.DMatrix(events.astype(np.float32) / 1024, label=labels)
    xgboost.train({"objective": "multi:softprob", "num_class": 5, "max_depth": depth, "seed": 1, "nthread": 2,
                   "eta": 0.2}, matrix, num_boost_round=20).save_model(path)


def train_lightgbm(events, labels, path):
    import lightgbm

    lightgbm.train({"objective": "multiclass", "num_class": 5, "num_leaves": 32, "seed": 1, "num_threads": 2,
                    "deterministic": True, "verbose": -1},
                   lightgbm.Dataset(events.astype(np.float32) / 1024, label=labels), 25).save_model(path)


def xgboost_calls(path, work):
    import xgboost

    booster = xgboost.Booster({"nthread": 1}, model_file=path)
    booster.set_param({"nthread": 1})
    return lambda x: booster.inplace_predict(x, predict_type="margin")


def tl2cgen_calls(path, work):
    import tl2cgen
    import treelite

    model = treelite.frontend.load_xgboost_model(path) if path.endswith(".json") else \
        treelite.frontend.load_lightgbm_model(path)
    library = os.path.join(work, os.path.basename(path) + ".so")
    tl2cgen.export_lib(model, toolchain="gcc", libpath=library, params={"parallel_comp": 8})
    predictor = tl2cgen.Predictor(library, nthread=1)
    return lambda x: predictor.predict(tl2cgen.DMatrix(x), pred_margin=True)


def onnxruntime_calls(path, work):
    import onnxmltools
    import onnxruntime
    from onnxmltools.convert.common.data_types import FloatTensorType

    kind = [("x", FloatTensorType([None, 16]))]
    if path.endswith(".json"):
        import xgboost

        model = xgboost.XGBClassifier()
        model.load_model(path)
        onnx = onnxmltools.convert_xgboost(model, initial_types=kind)
    else:
        import lightgbm

        onnx = onnxmltools.convert_lightgbm(lightgbm.Booster(model_file=path), initial_types=kind, zipmap=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx.SerializeToString(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})


def lightgbm_calls(path, work):
    import lightgbm

    booster = lightgbm.Booster(model_file=path)
    return lambda x: booster.predict(x, raw_score=True, num_threads=1)


def lleaves_calls(path, work):
    import lleaves

    model = lleaves.Model(model_file=path)
    model.compile(raw_score=True)
    doubles = {}
    return lambda x: model.predict(doubles.setdefault(id(x), x.astype(np.float64)), n_jobs=1)


def conifer_calls(path, work):
    import conifer
    import xgboost

    configuration = conifer.backends.cpp.auto_config()
    configuration["OutputDir"] = os.path.join(work, "conifer_" + os.path.basename(path))
    configuration["Precision"] = "float"
    model = conifer.converters.convert_from_xgboost(xgboost.Booster(model_file=path), configuration)
    # Of the base_score that XGBoost 3 writes conifer makes NaN, which its own C++ cannot read.
    model.init_predict = np.nan_to_num(model.init_predict).tolist()
    model.compile()
    return model.decision_function


PEERS = {"json": {"XGBoost inplace_predict": xgboost_calls, "tl2cgen": tl2cgen_calls,
                  "onnxruntime": onnxruntime_calls, "conifer C++": conifer_calls},
         "txt": {"LightGBM": lightgbm_calls, "lleaves": lleaves_calls, "tl2cgen": tl2cgen_calls,
                 "onnxruntime": onnxruntime_calls}}


def make_peers(peers, path, work):
    calls = {}
    for name, make in peers.items():
        try:
            calls[name] = make(path, work)
        except Exception as error:  # whatever a peer throws at a forest is its own
            text = str(error).splitlines()
            print(f"  {name}: not measured ({type(error).__name__}: {text[0] if text else ''})")
    return calls


def measure_emulator(command, path):
    figures = {}
    for line in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
        _, kind, batch, one = line.split("\t")
        figures["emulator, " + ("int16 inputs" if kind == "fixed" else "FP32 keys")] = (float(batch), float(one))
    return figures


def measure_peer(call, x):
    one = x[:1].copy()
    return ROWS / seconds_a_call(lambda: call(x), 0.001, 1), seconds_a_call(lambda: call(one), 0.001, 20)


def measure(command, path, calls, x, rounds):
    """The best of rounds in which the emulator and the peers take turns: name to (events/s, seconds for one event)."""
    best = {}
    for _ in range(rounds):
        figures = measure_emulator(command, path)
        figures |= {name: measure_peer(call, x) for name, call in calls.items()}
        for name, (batch, one) in figures.items():
            known = best.get(name, (0, float("inf")))
            best[name] = (max(known[0], batch), min(known[1], one))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, help="forest_bench")
    parser.add_argument("--only", default="", help="part of a forest's label")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--without-avx512", action="store_true", help="the emulator as on processors that have none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
    parser.add_argument("--work", help="folder for models and compiled peers, kept (default: removed)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or temporary
        pathlib.Path(work).mkdir(parents=True, exist_ok=True)
        events, training, labels = make_events(arguments.data)
        rows = os.path.join(work, "events.bin")
        events.tofile(rows)
        forests = {"25 x 5 trees of depth 5": str(arguments.data / "models" / "trees" / "jets_xgboost.json")}
        for depth in (4, 8, 12):
            path = os.path.join(work, f"xgboost_depth{depth}.json")
            if not os.path.exists(path):
                train_xgboost(training, labels, depth, path)
            forests[f"100 trees of depth {depth}"] = path
        path = os.path.join(work, "lightgbm.txt")
        if not os.path.exists(path):
            train_lightgbm(training, labels, path)
        forests["25 x 5 trees of 32 leaves"] = path
        x = events.astype(np.float32) / 1024
        print(f"{'one thread':<44} {'Mevents/s':>10} {'us, 1 event':>12} {'emulator is':>12}")
        for label, path in forests.items():
            if arguments.only not in label:
                continue
            print(label)
            peers = {} if arguments.no_peers else PEERS[path.rsplit(".", 1)[1]]
            calls = make_peers(peers, path, work)
            command = [arguments.bench, rows, path] + ["--without-avx512"] * arguments.without_avx512
            figures = measure(command, path, calls, x, arguments.rounds)
            own = figures["emulator, int16 inputs"][0]
            for name, (batch, one) in figures.items():
                ratio = f" {own / batch:11.1f}x" if name in calls else ""
                print(f"  {name:<42} {batch / 1e6:10.3f} {one * 1e6:12.3f}{ratio}", flush=True)


if __name__ == "__main__":
    main()
