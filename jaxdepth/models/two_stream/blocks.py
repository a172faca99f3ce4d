"""The blocks that both streams are made of (Li et al. 2017, §3.1, Fig. 2).

Sizes in comments are those for an image of 232×310. Channel counts are not in the paper: 96 in the
9×9 and 64 in the 5×5 convolutions here, 4096 hidden units, as in Eigen & Fergus 2015.
"""

from functools import partial

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdepth.models.base import make_base
from jaxdepth.models.base.features import scale_channels
from jaxdepth.models.two_stream.maps import coarse_size, fine_size


class CoarseBlock(nn.Module):
    """Image parsing and feature fusion: an image to a coarse map, 55×75.

    The parsing block is a base network to pool5 and two fully connected layers, the second of which
    is reshaped to the map. The fusion block is a 9×9 convolution of the image with pooling, then
    eight 5×5 convolutions; the base network's pool3 and pool4 join at the input of the second and
    the fourth convolution, the parsing block's map at that of the sixth, all by concatenation.

    Attributes:
        channels: D, of the map: 1 for depth, 2 for gradients.
        initial: what every channel of the map shows before training.
        base: name of the base network, see `jaxdepth.models.make_base`.
        base_width: multiplies its channel counts.
        width: multiplies the channel counts of the fusion block.
        hidden: units of the first fully connected layer.
        dropout: rate, after the first fully connected layer.
        batch_norm: normalise in the base network (not in the paper, which starts it from ImageNet
            weights; helps without them). The other convolutions, which carry depth itself, are
            never normalised: with few image sets a batch, that would take the scale out of it.
        convention, frozen_norm: of the base network.
        dtype: computation type; maps are float32.
        axis_name: mapped axis over which batch statistics are averaged, if any.
    """

    channels: int
    initial: float = 0.0
    base: str = "vgg16"
    base_width: float = 1.0
    width: float = 1.0
    hidden: int = 4096
    dropout: float = 0.5
    batch_norm: bool = False
    convention: str = "torch"
    frozen_norm: bool = False
    dtype: jnp.dtype = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, image: jax.Array, *, train: bool = False) -> jax.Array:
        """Maps `[B, H, W, 3]` in [0, 1] to `[B, h, w, D]` float32, (h, w) = `coarse_size((H, W))`.

        Args:
            image: H and W at least 32.
            train: drop units (from the random stream "dropout") and use batch statistics.
        """
        size = coarse_size(image.shape[1:3])
        features = make_base(
            self.base,
            width=self.base_width,
            convention=self.convention,
            batch_norm=self.batch_norm,
            frozen_norm=self.frozen_norm,
            dtype=self.dtype,
            axis_name=self.axis_name,
            name="base",
        )(image, train=train)

        dense = {"dtype": self.dtype, "kernel_init": nn.initializers.he_normal()}
        parsed = features.pool5.reshape(len(image), -1)
        parsed = nn.relu(nn.Dense(self.hidden, name="fc1", **dense)(parsed))
        parsed = nn.Dropout(self.dropout, deterministic=not train)(parsed)
        parsed = nn.Dense(size[0] * size[1] * self.channels, name="fc2", **dense)(parsed)
        parsed = parsed.reshape(-1, *size, self.channels)

        wide, narrow = scale_channels(self.width, (96, 64))
        convolve = partial(_convolve, dtype=self.dtype)

        def resized(feature: jax.Array, name: str) -> jax.Array:
            feature = convolve(feature, narrow, 5, name=name)
            shape = (len(image), *size, narrow)
            return jax.image.resize(feature, shape, "bilinear", antialias=False)

        x = convolve(image - 0.5, wide, 9, name="conv1")
        x = nn.max_pool(x, (3, 3), strides=(2, 2))  # 112×151 → 55×75
        joined = {
            2: lambda: resized(features.pool3, "pool3"),  # 29×38
            4: lambda: resized(features.pool4, "pool4"),  # 14×19
            6: lambda: parsed,
        }
        for index in range(2, 9):
            if index in joined:
                x = jnp.concatenate([x, joined[index]()], axis=-1)
            x = convolve(x, narrow, 5, name=f"conv{index}")
        return _last(x, self.channels, self.initial)


class RefinementBlock(nn.Module):
    """An image and coarser maps to a fine map, 111×150; also the combination block.

    A 9×9 convolution of the image with pooling, then five 5×5 convolutions; the maps are resized
    bilinearly and join at the input of the third convolution, by concatenation.

    Before training it returns the first `channels` of the resized maps: two features a map carry
    its positive and its negative part through the convolutions. (The paper initialises randomly,
    and then has to learn this first.) Coarse gradients are differences over twice as many pixels of
    the image as fine ones; that factor is left to training.

    Attributes:
        channels: of the output: D, or 1 for the combination block, whose first map is log depth.
        width: multiplies the channel counts.
        dtype: computation type; maps are float32.
    """

    channels: int
    width: float = 1.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, maps: jax.Array) -> jax.Array:
        """Maps `[B, H, W, 3]` in [0, 1] and `[B, h', w', C]` to `[B, h, w, channels]` float32.

        Args:
            image: H and W at least 32.
            maps: of the same scenes, of any size.

        Returns:
            (h, w) = `fine_size((H, W))`.
        """
        chex.assert_shape(image, (None, None, None, 3))
        size = fine_size(image.shape[1:3])
        wide, narrow = scale_channels(self.width, (96, 64))
        convolve = partial(_convolve, dtype=self.dtype)
        x = convolve(image - 0.5, wide, 9, name="conv1")
        x = nn.max_pool(x, (2, 2), strides=(1, 1))  # 112×151 → 111×150
        x = convolve(x, narrow, 5, name="conv2")
        shape = (len(image), *size, maps.shape[-1])
        maps = jax.image.resize(maps.astype(self.dtype), shape, "bilinear", antialias=False)
        x = jnp.concatenate([maps, x], axis=-1)
        x = convolve(x, narrow, 5, name="conv3", carry=_split(self.channels))
        for index in (4, 5):
            x = convolve(x, narrow, 5, name=f"conv{index}", carry=np.eye(2 * self.channels))
        return _last(x, self.channels, 0.0, carry=_split(self.channels).T)


def _split(maps: int) -> np.ndarray:
    """`[maps, 2 maps]`: each map as itself and negated, for ReLU to keep its two parts."""
    return np.kron(np.eye(maps), [[1.0, -1.0]])


def _convolve(
    x: jax.Array,
    channels: int,
    kernel: int,
    *,
    dtype: jnp.dtype,
    name: str,
    carry: np.ndarray | None = None,
) -> jax.Array:
    """Convolution and ReLU inside a compact module: 9×9 unpadded with stride 2, 5×5 padded."""
    x = nn.Conv(
        channels,
        (kernel, kernel),
        strides=2 if kernel == 9 else 1,
        padding="VALID" if kernel == 9 else "SAME",
        dtype=dtype,
        kernel_init=_carrying(nn.initializers.he_normal(), carry),
        name=name,
    )(x)
    return nn.relu(x)


def _last(
    x: jax.Array, channels: int, initial: float, *, carry: np.ndarray | None = None
) -> jax.Array:
    """The last 5×5 convolution, without activation; without `carry` it starts nearly flat."""
    small = nn.initializers.variance_scaling(1e-3, "fan_in", "truncated_normal")
    return nn.Conv(
        channels,
        (5, 5),
        dtype=jnp.float32,
        kernel_init=_carrying(small, carry),
        bias_init=nn.initializers.constant(initial),
        name="out",
    )(x.astype(jnp.float32))


def _carrying(
    init: nn.initializers.Initializer, carry: np.ndarray | None
) -> nn.initializers.Initializer:
    """An initialiser whose first output channels are `carry` `[in, out]` of the first inputs."""
    if carry is None:
        return init

    def carrying(key: jax.Array, shape: tuple[int, ...], dtype: jnp.dtype) -> jax.Array:
        rows, columns = min(carry.shape[0], shape[2]), min(carry.shape[1], shape[3])
        kernel = init(key, shape, dtype).at[..., :columns].set(0)
        middle = jnp.asarray(carry[:rows, :columns], dtype)
        return kernel.at[shape[0] // 2, shape[1] // 2, :rows, :columns].set(middle)

    return carrying
