#!/usr/bin/env python3
"""Makes the networks of hls4ml/ and what hls4ml's C simulation answers to them. Needs hls4ml 1.3.0 and g++."""

import copy
import pathlib

import hls4ml
import make_models
import numpy as np
import yaml
from hls4ml.utils.config import config_from_onnx_model
from make_models import Net
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.cleanup import cleanup_model

FOLDER = pathlib.Path(__file__).parent / "hls4ml"
DEFAULT = "ap_fixed<16,6>"


def leaky_norm_sigmoid():
    net = Net("leaky_norm_sigmoid", 6, 11)
    x = net.add("Add", net.add("MatMul", "in", net.weights(6, 8)), net.weights(8))
    x = net.norm(net.add("MatMul", net.add("LeakyRelu", x, alpha=0.3), net.weights(8, 5)), 5)
    net.save(net.add("Sigmoid", x))


def quantised_tanh():
    net = Net("quantised_tanh", 6, 12)
    x = net.quant("in", 0.25, bits=6)
    x = net.add("MatMul", x, net.quant(net.weights(6, 8), 2.0**-4, bits=6, narrow=1))
    x = net.add("Add", x, net.quant(net.weights(8), 2.0**-3, bits=5))
    x = net.quant(net.add("Relu", x), 2.0**-2, bits=4, signed=0, mode="FLOOR")
    net.save(net.add("Tanh", net.add("MatMul", x, net.weights(8, 3))))


def scaled_ternary():
    net = Net("scaled_ternary", 8, 14)
    x = net.quant("in", 0.31, bits=4)
    x = net.norm(net.add("MatMul", x, net.quant(net.weights(8, 6), 0.4, bits=2, narrow=1)), 6)
    x = net.add("MatMul", net.quant(x, 0.7, bits=3, narrow=1), net.weights(6, 3))
    x = net.add("Sub", net.add("Mul", x, net.constant(1.7)), net.weights(3))
    net.save(net.add("Div", x, net.weights(3, sigma=2.0)))


def elu_softsign_softplus():
    net = Net("elu_softsign_softplus", 6, 15)
    x = net.add("Elu", "in", alpha=1.0)
    x = net.add("Softsign", net.add("Add", net.add("MatMul", x, net.weights(6, 6)), net.weights(6)))
    net.save(net.add("Softplus", net.add("MatMul", x, net.weights(6, 6))))


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k != "OnnxModel"}
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def simulate(name, granularity, raw):
    model = cleanup_model(ModelWrapper(str(FOLDER / f"{name}.onnx")).transform(InferShapes())).model
    config = config_from_onnx_model(model, granularity=granularity, backend="Vitis", default_precision=DEFAULT)
    given = plain(copy.deepcopy(config))
    network = hls4ml.converters.convert_from_onnx_model(
        model, hls_config=config, output_dir=f"/tmp/hls4ml_{name}_{granularity}", io_type="io_parallel", backend="Vitis")
    network.compile()
    events = np.ascontiguousarray((raw / 1024).astype(np.float32))
    return given, np.asarray(network.predict(events)).reshape(len(raw), -1)


if __name__ == "__main__":
    make_models.HERE = FOLDER
    for make in (leaky_norm_sigmoid, quantised_tanh, scaled_ternary, elu_softsign_softplus):
        make()
        path = FOLDER / f"{make.__name__}.npz"
        raw = np.load(path)["input_raw"][:100]
        config, auto = simulate(make.__name__, "name", raw)
        (FOLDER / f"{make.__name__}.yml").write_text(yaml.safe_dump(config, sort_keys=False))
        _, default = simulate(make.__name__, "model", raw)
        np.savez_compressed(path, input_raw=raw, input_frac_bits=10, output_auto=auto, output_default=default)
