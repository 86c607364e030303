"""Writes a small Keras 3 network with two inputs and two outputs, random weights, and what it answers.

Its branches meet in an Add and in a Concatenate, and one tensor is read by three layers: what a graph importer and a
compiler must get right beyond a chain of layers. Weights, events and scores depend on the seed alone.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras  # noqa: E402  (the backend is chosen before)
import numpy as np  # noqa: E402

EVENTS = 64


def build():
    tracks, towers = keras.Input((8,), name="tracks"), keras.Input((6,), name="towers")
    track_hidden = keras.layers.Dense(12, activation="relu", name="track_hidden")(tracks)
    tower_hidden = keras.layers.Dense(12, activation="relu", name="tower_hidden")(towers)
    added = keras.layers.Add(name="added")([track_hidden, tower_hidden])
    mixed = keras.layers.Dense(10, activation="relu", name="mixed")(added)
    joined = keras.layers.Concatenate(name="joined")([mixed, track_hidden, towers])
    kind = keras.layers.Dense(3, name="kind")(joined)
    momentum_hidden = keras.layers.Dense(7, activation="relu", name="momentum_hidden")(mixed)
    momentum = keras.layers.Dense(1, name="momentum")(momentum_hidden)
    return keras.Model([tracks, towers], [kind, momentum], name="two_branch")


def set_weights(model, random):
    """Multiples of 1/256 within +-0.75, so that a type with 8 fraction bits holds each exactly."""
    for layer in model.layers:
        layer.set_weights([random.integers(-192, 193, w.shape).astype(np.float32) / 256 for w in layer.get_weights()])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: python two_branch.py --out ../../tests/data/two_branch")
    parser.add_argument("--out", required=True, help="folder for two_branch.keras, events.npz, expected.npz")
    parser.add_argument("--seed", type=int, default=3, help="default %(default)s")
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    model = build()
    set_weights(model, random)
    events = {tensor.name: random.integers(-2048, 2048, (EVENTS, tensor.shape[1])).astype(np.float32) / 1024
              for tensor in model.inputs}
    answers = model.predict(events, batch_size=EVENTS, verbose=0)
    os.makedirs(options.out, exist_ok=True)
    model.save(os.path.join(options.out, "two_branch.keras"))
    np.savez(os.path.join(options.out, "events.npz"), **events)
    np.savez(os.path.join(options.out, "expected.npz"), **dict(zip(("kind", "momentum"), answers)))
    for name, values in zip(("kind", "momentum"), answers):
        print(f"{name}: shape {values.shape}, {values.min():.3f} to {values.max():.3f}")


if __name__ == "__main__":
    main()
