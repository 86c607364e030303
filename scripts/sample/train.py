"""Trains two small jet networks on the jets of make_jets.py and writes test data: events, labels, models, scores.

`jets_float.keras` is plain Keras 3 ending in softmax; `jets_hgq.keras` has the same shape with HGQ2 layers, a trained
fixed-point format for every weight and activation, and gives logits. Both see features rounded to ap_fixed<16,6>.
"""

import json
import os
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras  # noqa: E402  (the backend is chosen before)
import numpy as np  # noqa: E402

import features  # noqa: E402
from dataset import (INPUT_FRACTION, argument_parser, circumstances, load, quality, to_raw, to_values,  # noqa: E402
                     write_json)
from make_jets import KINDS  # noqa: E402

HIDDEN = (32, 16)
BATCH = 512


def build_float():
    events = keras.Input((len(features.NAMES),), name="features")
    x = events
    for number, units in enumerate(HIDDEN, 1):
        x = keras.layers.Dense(units, activation="relu", name=f"hidden{number}")(x)
    x = keras.layers.Dense(len(KINDS), name="scores")(x)
    return keras.Model(events, keras.layers.Activation("softmax", name="softmax")(x), name="jets_float")


def build_hgq():
    """The same network in HGQ2. The features' quantiser saturates, since a rare jet lies far out in a tail; behind it
    formats wrap as HGQ2 has it by default, wide enough for every training jet."""
    from hgq.config import QuantizerConfig, QuantizerConfigScope
    from hgq.layers import QDense

    events = keras.Input((len(features.NAMES),), name="features")
    x = events
    with QuantizerConfigScope(place="datalane", default_q_type="kif", i0=3, f0=7), \
            QuantizerConfigScope(place=("weight", "bias"), default_q_type="kbi", b0=8, i0=1):
        saturating = QuantizerConfig("kif", "datalane", overflow_mode="SAT", i0=3, f0=7)
        for number, units in enumerate(HIDDEN, 1):
            first = {"iq_conf": saturating} if number == 1 else {}
            x = QDense(units, activation="relu", name=f"hidden{number}", **first)(x)
        x = QDense(len(KINDS), name="scores")(x)
    return keras.Model(events, x, name="jets_hgq")


class Progress(keras.callbacks.Callback):
    def __init__(self, name, epochs):
        super().__init__()
        self.name, self.epochs, self.start = name, epochs, time.time()

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % 10 == 0 or epoch + 1 == self.epochs:
            left = (time.time() - self.start) / (epoch + 1) * (self.epochs - epoch - 1)
            cost = f", {logs['ebops']} EBOPs" if "ebops" in logs else ""
            print(f"{self.name}: epoch {epoch + 1}/{self.epochs}, accuracy {logs['accuracy']:.4f}, validation "
                  f"{logs['val_accuracy']:.4f}{cost}, {left:.0f} s left", flush=True)


def fit(model, parts, epochs, rate, from_logits, callbacks=()):
    (x, y), validation = parts["train"], parts["validation"]
    steps = epochs * -(-len(x) // BATCH)
    model.compile(optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)),
                  loss=keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits), metrics=["accuracy"])
    model.fit(x, y, batch_size=BATCH, epochs=epochs, validation_data=validation, verbose=0,
              callbacks=[*callbacks, Progress(model.name, epochs)])


def train_hgq(float_model, parts, epochs, beta):
    """Starts from the float network's weights in wide formats. The price of a bit operation rises to `beta`, which
    narrows them, stays, and falls again, so that the weights settle in the formats found.
    Returns the network, its formats widened to every value that training and validation jets reach, and its EBOPs.
    """
    from hgq.utils import trace_minmax
    from hgq.utils.sugar import BetaScheduler, FreeEBOPs, PieceWiseSchedule

    model = build_hgq()
    for layer in model.layers[1:]:
        for own, trained in zip((layer.kernel, layer.bias), float_model.get_layer(layer.name).get_weights()):
            own.assign(trained)
    schedule = PieceWiseSchedule([(0, beta / 20, "log"), (epochs * 2 // 5, beta, "constant"),
                                  (epochs * 3 // 5, beta, "log"), (epochs, beta / 20, "constant")])
    fit(model, parts, epochs, 1.5e-3, True, [BetaScheduler(schedule), FreeEBOPs()])
    ebops = trace_minmax(model, np.concatenate([parts["train"][0], parts["validation"][0]]), verbose=1)
    return without_optimizer(model, build_hgq), ebops


def without_optimizer(model, build):
    """The same network never compiled, so that its file holds no optimiser state."""
    fresh = build()
    fresh.set_weights(model.get_weights())
    return fresh


def probabilities(logits):
    """Softmax, by which the classes' ROC curves are drawn; logits alone cannot be compared between events."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def physics(parts):
    """What a physicist looks at first: the most frequent groomed mass in steps of 2 GeV, the median constituents."""
    jets, labels = (np.concatenate([part[n] for part in parts.values()]) for n in range(2))
    mass, count = jets[:, features.NAMES.index("mass")], jets[:, features.NAMES.index("multiplicity")]
    edges = np.arange(40, 261, 2)
    peaks = {}
    for label, kind in enumerate(KINDS):
        bins = np.histogram(mass[labels == label], edges)[0]
        peaks[kind] = int(edges[bins.argmax()] + 1)
    return {
        "mass_peak_above_40_gev": peaks,
        "median_multiplicity": {kind: float(np.median(count[labels == n])) for n, kind in enumerate(KINDS)},
    }


def check_exact(model, raw, logits):
    """Stops unless Keras' float32 logits equal whole-number arithmetic in every bit; returns the overflow counts."""
    from exact import integer_logits

    expected, overflows = integer_logits(model.layers[1:], raw, INPUT_FRACTION)
    wrong = int((expected != logits).sum())
    if wrong:
        raise SystemExit(f"train: {wrong} of {logits.size} logits of jets_hgq differ from whole-number arithmetic")
    print(f"jets_hgq: all {logits.size} logits equal whole-number arithmetic; out of range: {overflows}", flush=True)
    return overflows


def write(folder, models, arrays, documents):
    os.makedirs(folder, exist_ok=True)
    for name, model in models.items():
        model.save(os.path.join(folder, name + ".keras"))
    for name, array in arrays.items():
        np.save(os.path.join(folder, name + ".npy"), array)
    for name, document in documents.items():
        write_json(os.path.join(folder, name + ".json"), document)


def parse_arguments():
    parser = argument_parser(__doc__, "python train.py --jets /tmp/strobe-jets --out /tmp/jets-data")
    parser.add_argument("--float-epochs", type=int, default=60, help="default %(default)s")
    parser.add_argument("--hgq-epochs", type=int, default=120, help="default %(default)s")
    parser.add_argument("--beta", type=float, default=1e-5, help="price of a bit operation (default %(default)s)")
    return parser.parse_args()


def main():
    options, start = parse_arguments(), time.time()
    keras.utils.set_random_seed(options.seed)
    jets = load(options.jets, options.test, options.seed)
    mean, std = jets["train"][0].mean(axis=0), jets["train"][0].std(axis=0)
    raw = {part: to_raw(x, mean, std) for part, (x, _) in jets.items()}
    parts = {part: (to_values(raw[part][0]), jets[part][1]) for part in jets}
    print("jets:", {part: len(x) for part, (x, _) in parts.items()}, flush=True)

    float_model = build_float()
    fit(float_model, parts, options.float_epochs, 3e-3, False)
    float_model = without_optimizer(float_model, build_float)
    hgq_model, ebops = train_hgq(float_model, parts, options.hgq_epochs, options.beta)

    (test, labels), test_raw = parts["test"], raw["test"][0]
    float_scores = float_model.predict(test, batch_size=len(test), verbose=0)
    logits = hgq_model.predict(test, batch_size=len(test), verbose=0)
    results = {
        "jets": {part: len(x) for part, (x, _) in parts.items()},
        "features_saturated": {part: count for part, (_, count) in raw.items()},
        "float": quality(float_scores, labels),
        "hgq": quality(probabilities(logits), labels) | {"ebops": ebops},
        "hgq_inputs_out_of_range": check_exact(hgq_model, test_raw, logits),
        "physics": physics(jets),
    } | circumstances(options, ("HGQ2", "keras", "jax", "quantizers", "numpy", "h5py"), start)
    standardisation = {"features": features.NAMES, "mean": mean.tolist(), "std": std.tolist(),
                       "type": "ap_fixed<16,6>",
                       "rule": "raw = clip(floor((x - mean) / std * 1024 + 0.5), -32768, 32767)"}
    write(options.out, {"jets_float": float_model, "jets_hgq": hgq_model},
          {"features": test_raw, "labels": labels, "expected_float": float_scores, "expected_hgq": logits},
          {"standardisation": standardisation, "results": results})
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
