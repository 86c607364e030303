#!/usr/bin/env python3
"""Prints the rows of emulator_bench for its peers, on one thread of the same machine.

onnxruntime runs the 16-64-32-32-5 network in float32 (weights do not matter for the speed, so they are random).
alkaid's interpreter runs the HGQ networks through its own predict, which encodes the program at every call: that is what
one event costs; it needs HGQ2 and Keras beside it. hls4ml compiles its C simulation of the 16-64-32-32-5 network, in its
default types, and runs it through its own predict. A peer that is not installed is named as such.
With --bench=PROGRAM the emulator's own table comes first, so that one command gives all rows, and each peer's row ends
in how many times as fast the emulator ran the like network, with the goal. The peers are called from Python, the
emulator from C++: that is little of a batch, and most of a single event where the network is small.

Install with: pip install --requirement tests/bench/requirements.txt
"""
import argparse
import contextlib
import io
import os
import pathlib
import subprocess
import tempfile
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np  # noqa: E402  (threads are set before)


def seconds_a_call(work, rounds=200):
    """The best of many rounds of at least a millisecond, as many as emulator_bench takes."""
    work()
    calls = 1
    best = float("inf")
    while rounds > 0:
        start = time.perf_counter()
        for _ in range(calls):
            work()
        seconds = time.perf_counter() - start
        if seconds < 0.001:
            calls *= 2
            continue
        best = min(best, seconds / calls)
        rounds -= 1
    return best


def emulator_rates(table):
    """Events/s by network from emulator_bench's table; lines of another shape are left out."""
    rates = {}
    for line in table.splitlines():
        try:
            _, millions, *_ = map(float, line[40:].split()[:3])
        except ValueError:
            continue
        rates[line[:40].rstrip()] = millions * 1e6
    return rates


def row(label, batch, one, own, *goals):
    """A peer's row; goals are pairs of the emulator's network and how many times the peer's rate it shall reach."""
    ratios = [f"{own[network] / batch:.1f}x for {network}" + (f" (goal {goal}x)" if goal else "")
              for network, goal in goals if network in own]
    print(f"{label:<47} {batch / 1e6:10.3f} {one * 1e6:8.2f}  {'; '.join(ratios)}", flush=True)


def onnx_network():
    """The bytes of a float32 network of Gemm and Relu layers, softmax at the end."""
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(1)
    sizes = [16, 64, 32, 32, 5]
    nodes, constants, tensor = [], [], "x"
    for i, (n_in, n_out) in enumerate(zip(sizes, sizes[1:])):
        constants.append(numpy_helper.from_array(
            (random.normal(size=(n_in, n_out)) / np.sqrt(n_in)).astype(np.float32), f"w{i}"))
        constants.append(numpy_helper.from_array(random.normal(size=n_out).astype(np.float32), f"b{i}"))
        nodes.append(helper.make_node("Gemm", [tensor, f"w{i}", f"b{i}"], [f"sum{i}"]))
        tensor = f"y{i}"
        nodes.append(helper.make_node("Relu" if n_out != 5 else "Softmax", [f"sum{i}"], [tensor]))
    graph = helper.make_graph(
        nodes, "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 16])],
        [helper.make_tensor_value_info(tensor, TensorProto.FLOAT, ["n", 5])], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def measure_onnxruntime(own):
    label = "onnxruntime FP32 16-64-32-32-5, batch 1024"
    try:
        import onnxruntime

        model = onnx_network()
    except ImportError as missing:
        print(f"{label:<47} not installed ({missing.name})")
        return
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    batch = np.random.default_rng(2).normal(size=(1024, 16)).astype(np.float32)
    row(label, 1024 / seconds_a_call(lambda: session.run(None, {"x": batch})),
        seconds_a_call(lambda: session.run(None, {"x": batch[:1]})),
        own, ("QKeras 16-64-32-32-5, strobe's types", 3))


def measure_alkaid(data, own):
    try:
        import keras
        import hgq  # noqa: F401  (registers its layers with Keras)
        from alkaid.converter import trace_model
        from alkaid.trace import trace
    except ImportError as missing:
        print(f"{'alkaid, HGQ networks':<47} not installed ({missing.name})")
        return
    jets = np.load(data / "jets" / "features_fixed16_6.npy") / 1024.0
    for ebops in (530, 2571, 13285):
        model = keras.models.load_model(data / "models" / "hgq" / f"jsc_openml_ebops{ebops}.keras", compile=False)
        comb = trace(*trace_model(model))
        # Its best batch: a small one stays in the cache, a large one spreads the cost of a call.
        rates = {}
        for repeat in (1, 4, 16):
            events = np.tile(jets, (repeat, 1))
            rates[len(events)] = len(events) / seconds_a_call(lambda: comb.predict(events, n_threads=1))
        best = max(rates, key=rates.get)
        row(f"alkaid interpreter, HGQ {ebops}, batch {best}", rates[best],
            seconds_a_call(lambda: comb.predict(jets[:1], n_threads=1)), own, (f"HGQ {ebops}", 15))


def hls4ml_network(folder):
    """The 16-64-32-32-5 network as hls4ml's project in `folder`, in its default types, not compiled yet."""
    import hls4ml
    import keras

    layers = [keras.layers.Input((16,))]
    layers += [keras.layers.Dense(n, activation="relu") for n in (64, 32, 32)]
    layers += [keras.layers.Dense(5, activation="softmax")]
    return hls4ml.converters.convert_from_keras_model(
        keras.Sequential(layers), output_dir=folder, backend="Vitis",
        hls_config={"Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 1}})


def measure_hls4ml(own):
    label = "hls4ml C simulation 16-64-32-32-5, batch 4096"
    try:
        import hls4ml  # noqa: F401
        import keras  # noqa: F401
    except ImportError as missing:
        print(f"{label:<47} not installed ({missing.name})")
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        network = hls4ml_network(folder)
        network.compile()
        events = np.random.default_rng(3).normal(size=(4096, 16)).astype(np.float32)
        batch = len(events) / seconds_a_call(lambda: network.predict(events), rounds=5)
        one = seconds_a_call(lambda: network.predict(events[:1]))
    row(label, batch, one, own, ("QKeras 16-64-32-32-5, strobe's types", 2000),
        ("Keras 16-64-32-32-5, hls4ml 16,6", None))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", help="emulator_bench, to be run first")
    parser.add_argument("--data", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
    arguments = parser.parse_args()
    own = {}
    if arguments.bench:
        table = subprocess.run([arguments.bench, f"--data={arguments.data}"], check=True, stdout=subprocess.PIPE,
                               text=True).stdout
        print(table, end="", flush=True)
        own = emulator_rates(table)
    print(f"{'peer, one thread':<47} {'Mevents/s':>10} {'us/call':>8}  emulator is")
    measure_onnxruntime(own)
    measure_hls4ml(own)
    measure_alkaid(arguments.data, own)


if __name__ == "__main__":
    main()
