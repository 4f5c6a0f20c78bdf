"""Train a small network in each framework that is installed and attack it with PGD.

python examples/attack_frameworks.py --samples 200
"""

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

import roadworthy as rw


def torch_mlp(data: rw.Dataset) -> Any:
    from torch import nn

    network = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 50), nn.ReLU(), nn.Linear(50, 25), nn.ReLU(), nn.Linear(25, 10)
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(data.train.x), data.train.y).backward()
        optimizer.step()
    return network


def haiku_mlp(data: rw.Dataset) -> Any:
    import haiku as hk
    import jax

    def network(images: jax.Array) -> jax.Array:
        mlp = hk.Sequential([
            hk.Flatten(), hk.Linear(300), jax.nn.relu, hk.Linear(100), jax.nn.relu, hk.Linear(10)
        ])  # fmt: skip
        return mlp(images)

    mlp = hk.without_apply_rng(hk.transform(network))
    x = data.train.x.numpy()
    return mlp, descend(mlp.apply, mlp.init(jax.random.key(0), x[:1]), x, data.train.y.numpy())


def flax_cnn(data: rw.Dataset) -> Any:
    import jax
    from flax import linen as nn

    class CNN(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.relu(nn.Conv(features=32, kernel_size=(3, 3))(x))
            x = nn.avg_pool(x, window_shape=(2, 2), strides=(2, 2))
            x = nn.relu(nn.Conv(features=64, kernel_size=(3, 3))(x))
            x = nn.avg_pool(x, window_shape=(2, 2), strides=(2, 2))
            x = x.reshape((x.shape[0], -1))
            x = nn.relu(nn.Dense(features=256)(x))
            return nn.log_softmax(nn.Dense(features=10)(x))

    cnn, x = CNN(), channels_last(data.train.x)
    return cnn, descend(cnn.apply, cnn.init(jax.random.key(0), x[:1]), x, data.train.y.numpy())


def keras_cnn(data: rw.Dataset) -> Any:
    import keras
    from keras import layers

    # made for images of 32 × 32 pixels: those of digits are enlarged first
    model = keras.models.Sequential([
        keras.Input((8, 8, 1)),
        layers.UpSampling2D((4, 4)),
        layers.Conv2D(32, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Conv2D(64, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Conv2D(64, (3, 3), activation="relu"),
        layers.Flatten(),
        layers.Dense(10),
    ])  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=loss)
    model.fit(channels_last(data.train.x), data.train.y.numpy(), epochs=3, verbose=0)
    return model


def channels_last(x: torch.Tensor) -> np.ndarray:
    return x.movedim(1, -1).contiguous().numpy()


def descend(apply: Callable, parameters: Any, x: np.ndarray, y: np.ndarray) -> Any:
    """Train a function of parameters and images for a moment with Adam."""
    import jax
    import optax

    optimizer = optax.adam(3e-3)

    def loss(parameters: Any, x: np.ndarray, y: np.ndarray) -> jax.Array:
        return optax.softmax_cross_entropy_with_integer_labels(apply(parameters, x), y).mean()

    @jax.jit
    def step(parameters: Any, state: Any, x: np.ndarray, y: np.ndarray) -> Any:
        change, state = optimizer.update(jax.grad(loss)(parameters, x, y), state)
        return optax.apply_updates(parameters, change), state

    state, generator = optimizer.init(parameters), np.random.default_rng(0)
    for _ in range(80):
        rows = generator.integers(len(x), size=128)
        parameters, state = step(parameters, state, x[rows], y[rows])
    return parameters


NETWORKS = {
    "PyTorch MLP": (torch_mlp, ()),
    "Haiku MLP": (haiku_mlp, ("jax", "haiku", "optax")),
    "Flax CNN": (flax_cnn, ("jax", "flax", "optax")),
    "Keras CNN": (keras_cnn, ("keras",)),
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=200)
    options = parser.parse_args()
    torch.manual_seed(0)
    digits = rw.load_dataset("digits")
    x, y = digits.test.x[: options.samples], digits.test.y[: options.samples]
    for name, (train, packages) in NETWORKS.items():
        missing = [package for package in packages if find_spec(package) is None]
        if missing:
            print(f"{name}: left out, {missing[0]} is not installed")
            continue
        model = rw.wrap_model(train(digits), digits)
        accuracy = float((model(x).argmax(1) == y).float().mean())
        result = rw.attacks.PGD()(model, x, y, rw.Ball("linf", 0.1))
        robust = float((~result.success).float().mean())
        print(f"{name}: accuracy {accuracy:.3f}, under attack {robust:.3f}")
