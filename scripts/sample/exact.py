"""Whole-number arithmetic of a chain of HGQ2 QDense layers, to prove what Keras computes in float32 is exact.

Independent of HGQ2's own arithmetic: from it come only the trained formats and the quantised weights.
"""

import numpy as np
from keras import ops


def _formats(quantizer, shape):
    """Sign, integer and fraction bits of each element, as whole numbers; a dead element has a width of 0 or less."""
    inner = quantizer.quantizer
    return tuple(np.broadcast_to(ops.convert_to_numpy(n), (1,) + shape)[0].astype(np.int64) for n in inner.kif)


def _shift_round(raw, places):
    """raw / 2^places, half a step rounds up; exact for negative `places`."""
    half = np.where(places > 0, 1 << np.maximum(places - 1, 0), 0)
    return np.where(places > 0, (raw + half) >> np.maximum(places, 0), raw << np.maximum(-places, 0))


def _quantise(raw, fraction, quantizer):
    """Values raw / 2^fraction in the quantiser's formats; the result's common fraction; how many left the range."""
    sign, whole, bits = _formats(quantizer, raw.shape[1:])
    rounded = _shift_round(raw, fraction - bits)
    width = np.maximum(whole + bits, 0)
    low, high = -(sign << width), (1 << width) - 1
    outside = (rounded < low) | (rounded > high)
    if quantizer.quantizer.overflow_mode == "WRAP":
        kept = low + (rounded - low) % (1 << (width + sign))
    else:
        kept = np.clip(rounded, low, high)
    alive = sign + whole + bits > 0
    common = int(bits[alive].max(initial=0))
    return np.where(alive, kept << np.where(alive, common - bits, 0), 0), common, int((outside & alive).sum())


def _whole(values, name):
    """Values as whole numbers over 2^fraction."""
    values = np.asarray(values, dtype=np.float64)
    for fraction in range(25):
        raw = values * 2.0**fraction
        if np.array_equal(raw, np.rint(raw)):
            return raw.astype(np.int64), fraction
    raise ValueError(f"{name}: quantised values need more than 24 fraction bits")


def integer_logits(layers, raw, fraction):
    """Scores of the network as float64, and for each layer how many of its inputs left their format's range.

    `layers`: QDense layers in order, activation relu or linear; `raw`: whole-number features over 2^fraction.
    """
    raw, overflows = raw.astype(np.int64), {}
    for layer in layers:
        raw, fraction, overflows[layer.name] = _quantise(raw, fraction, layer.iq)
        kernel, kernel_fraction = _whole(ops.convert_to_numpy(layer.qkernel), layer.name + " kernel")
        bias, bias_fraction = _whole(ops.convert_to_numpy(layer.qbias), layer.name + " bias")
        product_fraction = fraction + kernel_fraction
        common = max(product_fraction, bias_fraction)
        raw = ((raw @ kernel) << (common - product_fraction)) + (bias << (common - bias_fraction))
        fraction = common
        if layer.activation.__name__ == "relu":
            raw = np.maximum(raw, 0)
    return raw / 2.0**fraction, overflows
