"""The two Keras networks of the scouting samples. Both take raw integers: their first layer standardises."""

import keras
import numpy as np
from keras import ops

BATCH = 1024
MUON_HIDDEN = (30, 25, 20)
ENCODER_HIDDEN = (32, 16)
LATENT = 8
KL_WEIGHT = 0.5
MOMENTUM_WEIGHT, ANGLE_WEIGHT = 3, 0.3  # of the squared errors


def standardised(x):
    """Mean and variance of each input; of one that never changes the variance is 1."""
    mean, variance = x.mean(axis=0, dtype=np.float64), x.var(axis=0, dtype=np.float64)
    return mean, np.where(variance > 0, variance, 1)


def standardising(mean, variance):
    layer = keras.layers.BatchNormalization(epsilon=1e-6, name="standardised")
    layer.build((None, len(mean)))
    layer.set_weights([np.ones_like(mean), np.zeros_like(mean), mean, variance])
    layer.trainable = False
    return layer


def hidden_layers(x, sizes, name="hidden"):
    for number, units in enumerate(sizes, 1):
        x = keras.layers.Dense(units, activation="relu", name=f"{name}{number}")(x)
    return x


def optimizer(rate, epochs, rows):
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, epochs * -(-rows // BATCH)))


def without_optimizer(model, build):
    fresh = build()
    fresh.set_weights(model.get_weights())
    return fresh


def train_muon_network(x, correction, weights, epochs, seed):
    """23-30-25-20-1: the expected logarithm of true over measured momentum."""
    keras.utils.set_random_seed(seed)
    mean, variance = standardised(x)

    def build():
        muon = keras.Input((x.shape[1],), name="muon")
        hidden = hidden_layers(standardising(mean, variance)(muon), MUON_HIDDEN)
        return keras.Model(muon, keras.layers.Dense(1, name="correction")(hidden), name="muon_network")

    model = build()
    model.compile(optimizer=optimizer(3e-3, epochs, len(x)), loss="mse")
    model.fit(x, correction, sample_weight=weights, batch_size=BATCH, epochs=epochs, verbose=0)
    return without_optimizer(model, build)


class Sampling(keras.layers.Layer):
    """Draws from the latent code's distribution; adds its divergence from the normal one to the loss."""

    def __init__(self, seed, **settings):
        super().__init__(**settings)
        self.seeds = keras.random.SeedGenerator(seed)

    def call(self, inputs):
        mean, log_variance = inputs
        divergence = ops.sum(ops.square(mean) + ops.exp(log_variance) - log_variance - 1, axis=1) / 2
        self.add_loss(KL_WEIGHT * ops.mean(divergence))
        return mean + ops.exp(log_variance / 2) * keras.random.normal(ops.shape(mean), seed=self.seeds)


def train_encoder(tensors, epochs, seed):
    """57-32-16-8: the means of a variational autoencoder's code. `tensors`: the crossings' integers by input."""
    keras.utils.set_random_seed(seed)
    x = np.concatenate(list(tensors.values()), axis=1)
    mean, variance = standardised(x)

    def build():
        inputs = {name: keras.Input((part.shape[1],), name=name) for name, part in tensors.items()}
        crossing = keras.layers.Concatenate(name="crossing")(list(inputs.values()))
        hidden = hidden_layers(standardising(mean, variance)(crossing), ENCODER_HIDDEN)
        return keras.Model(list(inputs.values()), keras.layers.Dense(LATENT, name="latent")(hidden), name="anomaly_encoder")

    encoder = build()
    log_variance = keras.layers.Dense(LATENT, name="log_variance")(encoder.get_layer(f"hidden{len(ENCODER_HIDDEN)}").output)
    code = Sampling(seed, name="code")([encoder.output, log_variance])
    decoded = keras.layers.Dense(x.shape[1], name="decoded")(hidden_layers(code, ENCODER_HIDDEN[::-1], "decoder"))
    model = keras.Model(encoder.inputs, decoded)
    model.compile(optimizer=optimizer(2e-3, epochs, len(x)), loss=squared_error_of_a_crossing)
    model.fit(list(tensors.values()), expected_output(x), batch_size=BATCH, epochs=epochs, verbose=0)
    return without_optimizer(encoder, build)


def expected_output(x):
    """What the decoder is to give: momenta's logarithms, so that a few hard objects do not outweigh all others, and
    angles; standardised, and scaled by the weights of their errors."""
    is_momentum = np.arange(x.shape[1]) % 3 == 0
    values = np.where(is_momentum, np.log1p(np.maximum(x, 0)), x)
    mean, variance = standardised(values)
    weights = np.where(is_momentum, MOMENTUM_WEIGHT, ANGLE_WEIGHT)
    return ((values - mean) / np.sqrt(variance) * np.sqrt(weights)).astype(np.float32)


def squared_error_of_a_crossing(expected, found):
    return ops.sum(ops.square(expected - found), axis=-1)
