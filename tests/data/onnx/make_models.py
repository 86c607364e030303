#!/usr/bin/env python3
"""Makes the networks of this folder and QONNX's answers to them: make_models.py [--zoo FOLDER]."""

import argparse
import pathlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.cleanup import cleanup_model

HERE = pathlib.Path(__file__).parent
QONNX = "qonnx.custom_op.general"


class Net:
    """Collects nodes and constants of one network; every method returns the name of the tensor it made."""

    def __init__(self, name, features, seed):
        self.name, self.features = name, features
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants, self.count = [], [], 0

    def fresh(self):
        self.count += 1
        return f"t{self.count}"

    def constant(self, value, dtype=np.float32):
        name = self.fresh()
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def add(self, op, *inputs, domain="", **attributes):
        out = self.fresh()
        self.nodes.append(helper.make_node(op, list(inputs), [out], domain=domain, **attributes))
        return out

    def quant(self, x, scale, zero=0.0, bits=4, signed=1, narrow=0, mode="ROUND"):
        return self.add("Quant", x, self.constant(scale), self.constant(zero), self.constant(bits), domain=QONNX,
                        signed=signed, narrow=narrow, rounding_mode=mode)

    def weights(self, *shape, sigma=0.5):
        return self.constant(self.rng.normal(0, sigma, shape))

    def norm(self, x, n):
        draw = self.rng.uniform
        return self.add("BatchNormalization", x, self.constant(draw(-2, 2, n)), self.constant(draw(-1, 1, n)),
                        self.constant(draw(-1, 1, n)), self.constant(draw(0.2, 3, n)))

    def save(self, *outputs):
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, self.name, [info("in", TensorProto.FLOAT, [1, self.features])],
            [info(o, TensorProto.FLOAT, None) for o in outputs], self.constants)
        model = helper.make_model(graph, ir_version=8,
                                  opset_imports=[helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)])
        path = HERE / f"{self.name}.onnx"
        path.write_bytes(model.SerializeToString())
        raw = np.clip(np.rint(self.rng.normal(0, 1.5, (200, self.features)) * 1024), -32768, 32767).astype(np.int16)
        answer(path, HERE / f"{self.name}.npz", raw, 10)


def answer(model_path, npz_path, raw, fraction):
    model = cleanup_model(ModelWrapper(str(model_path)).transform(InferShapes()))
    name, out = model.graph.input[0].name, model.graph.output[0].name
    rows = [execute_onnx(model, {name: (r[None] / 2.0**fraction).astype(np.float32)})[out][0] for r in raw]
    np.savez_compressed(npz_path, input_raw=raw, input_frac_bits=fraction, output=np.array(rows, np.float32))


def weight_scale_per_channel():
    net = Net("weight_scale_per_channel", 6, 1)
    w = net.quant(net.weights(5, 6), net.rng.uniform(0.05, 0.3, (5, 1)), bits=4, narrow=1)
    x = net.quant("in", 0.125, bits=6)
    x = net.add("Gemm", x, w, net.weights(5), transB=1)
    x = net.quant(net.add("Relu", x), 0.07, bits=5, signed=0)
    net.save(net.add("MatMul", x, net.quant(net.weights(5, 3), 0.11, bits=3)))


def zero_points():
    net = Net("zero_points", 6, 2)
    x = net.quant("in", 0.0531, 17, bits=8, signed=0)
    x = net.add("MatMul", x, net.quant(net.weights(6, 4), 0.09, 2, bits=5))
    x = net.quant(x, 0.3, -3, bits=6)
    net.save(net.add("Add", net.add("MatMul", x, net.quant(net.weights(4, 3), 0.25, bits=4)), net.weights(3)))


def power_of_two():
    net = Net("power_of_two", 8, 3)
    x = net.quant("in", 0.25, bits=6)
    x = net.add("MatMul", x, net.quant(net.weights(8, 6), 2.0**-4, bits=6))
    x = net.add("Add", x, net.quant(net.weights(6), 2.0**-3, bits=5))
    x = net.quant(net.add("Relu", x), 2.0**-2, bits=4, signed=0, mode="FLOOR")
    x = net.add("MatMul", x, net.quant(net.weights(6, 4), 2.0**-2, bits=4, mode="CEIL"))
    net.save(net.quant(x, 2.0**-3, bits=9, narrow=1))


def rounding_modes():
    net = Net("rounding_modes", 6, 4)
    parts = [net.quant("in", 0.5, bits=4, mode=m) for m in ("ROUND", "FLOOR", "DOWN", "HALF_UP", "HALF_DOWN")]
    net.save(net.add("Concat", *parts, axis=1))


def binary_steps():
    net = Net("binary_steps", 10, 5)
    one = net.constant(1.0)
    step = lambda x: net.add("BipolarQuant", x, one, domain=QONNX)
    x = step(net.add("Sub", net.add("Mul", "in", net.constant(2.0)), net.constant([0.3])))
    x = step(net.norm(net.add("MatMul", x, step(net.weights(10, 16))), 16))
    x = net.add("MatMul", x, net.add("BipolarQuant", net.weights(16, 4), net.constant(0.375), domain=QONNX))
    net.save(net.add("Div", x, net.constant(4.0)))


def ternary_norms():
    net = Net("ternary_norms", 12, 6)
    x = net.quant("in", 1.0, bits=2, narrow=1)
    for n_in, n_out in ((12, 16), (16, 16)):
        x = net.norm(net.add("MatMul", x, net.quant(net.weights(n_in, n_out), 0.4, bits=2, narrow=1)), n_out)
        x = net.quant(x, 0.7, bits=2, narrow=1)
    net.save(net.add("Sub", net.constant(np.ones(3)), net.add("MatMul", x, net.weights(16, 3))))


def branches():
    net = Net("branches", 6, 7)
    a = net.quant(net.add("Relu", net.add("MatMul", "in", net.weights(6, 6))), 0.25, bits=5, signed=0)
    b = net.add("Add", a, net.quant("in", 0.25, bits=5))
    net.save(net.add("Concat", b, a, net.add("Flatten", b), axis=1))


def plain_float():
    net = Net("plain_float", 6, 8)
    x = net.norm(net.add("Gemm", "in", net.weights(6, 8), net.weights(8)), 8)
    x = net.add("MatMul", net.add("LeakyRelu", x, alpha=0.3), net.weights(8, 8))
    x = net.add("PRelu", x, net.constant(net.rng.uniform(0, 0.5, (1, 8))))
    net.save(net.add("MatMul", net.add("Clip", x, net.constant(0.0), net.constant(6.0)), net.weights(8, 3)))


def truncation():
    net = Net("truncation", 6, 9)
    x = net.quant("in", 0.125, bits=8)
    net.save(net.add("Trunc", x, *(net.constant(v) for v in (0.125, 0.0, 8.0, 5.0)), domain=QONNX, rounding_mode="FLOOR"))


def zoo(folder):
    rng = np.random.default_rng(7)
    pixels = np.rint(rng.uniform(0, 1, (24, 1, 28, 28)) * 1024).astype(np.int16)
    answer(folder / "TFC_1W1A.onnx", HERE / "TFC_1W1A.npz", pixels, 10)
    bits = (rng.integers(0, 2, (128, 600)) * 2 - 1).astype(np.int8)
    answer(folder / "unsw_nb15-mlp-w2a2.onnx", HERE / "unsw_nb15-mlp-w2a2.npz", bits, 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zoo", type=pathlib.Path, help="folder with the QONNX model zoo's files")
    arguments = parser.parse_args()
    for make in (weight_scale_per_channel, zero_points, power_of_two, rounding_modes, binary_steps, ternary_norms, branches,
                 plain_float, truncation):
        make()
    if arguments.zoo:
        zoo(arguments.zoo)
