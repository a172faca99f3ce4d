"""The depth maps that a system offers for an image: the rows of its table.

Each is named as in its paper's table; the last one is what the system says the depth is.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import FrozenConfigDict

from jaxdepth.experiment.build import build_model
from jaxdepth.experiment.mirrored import predict_mirrored
from jaxdepth.models import DepthPrediction, TwoStreamPrediction
from jaxdepth.models.two_stream import COARSE_PITCH, FINE_PITCH
from jaxdepth.ops import bilateral_filter, cross_bilateral_fill, irls_fusion, place_in_frame

GLOBAL, INTEGRATED = "global f", "integrated u"
COARSE, DEPTH, BILATERAL, END_TO_END, OPTIMIZATION = (
    "depth, coarse",
    "depth only",
    "depth + bilateral",
    "depth + gradients, end-to-end",
    "depth + gradients, optimization",
)
STEEPNESS = "|g|"
"""Beside the rows, for pictures: the length of the predicted gradients."""


def map_names(config: FrozenConfigDict, stages: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """The maps worth looking at once some stages are done, the best one last.

    Args:
        config: resolved.
        stages: those that are done; all of the config's by default.
    """
    done = set(config.stages if stages is None else stages)
    if config.model.system == "deep_variational":
        integrated = config.model.integrate and not done <= {"pretrain_global"}
        return (GLOBAL, INTEGRATED) if integrated else (GLOBAL,)
    names = [DEPTH, BILATERAL] if "depth_refinement" in done else [COARSE]
    if {"combination", "finetune"} & done:
        names.append(END_TO_END)
    if {"depth_refinement", "gradient_refinement"} <= done:
        names.append(OPTIMIZATION)
    return tuple(names)


def trained_map(config: FrozenConfigDict, stage: str) -> str:
    """The map that a stage trains; for stages of gradients, the one that stays as it is."""
    trained = {"depth_coarse": COARSE, "combination": END_TO_END, "finetune": END_TO_END}
    if config.model.system == "two_stream":
        return trained.get(stage, DEPTH)
    return map_names(config, (stage,))[-1]


def map_labels(config: FrozenConfigDict) -> dict[str, str]:
    """How a table calls each map; the two-stream paper's tables name the loss too."""
    if config.model.system == "deep_variational":
        return {name: name for name in (GLOBAL, INTEGRATED)}
    is_set = config.set_weight > 0 and len(config.image_set) > 1
    loss = "L_set" if is_set else "L_single"
    return {
        name: f"{loss}, {name}" for name in (COARSE, DEPTH, BILATERAL, END_TO_END, OPTIMIZATION)
    }


def build_predict(
    config: FrozenConfigDict,
) -> Callable[[Any, jax.Array], DepthPrediction | TwoStreamPrediction]:
    """What predicts as a config says, averaged over mirror images if it does.

    Returns:
        `predict(variables, image)`, for images `[B, H, W, 3]` in [0, 1].
    """
    model = build_model(config)
    return partial(predict_mirrored, model) if config.evaluation.mirrored else model.apply


def build_maps(config: FrozenConfigDict) -> Callable[[Any, jax.Array, jax.Array], dict]:
    """What predicts all maps of a system.

    Returns:
        `maps(variables, image, guide) -> {name: [B, H, W]}`: metres, for images `[B, h, w, 3]` in
        [0, 1] and their frames `[B, H, W, 3]` in [0, 1], of `frame_size(config)`, which the maps
        are of and the filling of missing borders is guided by.
    """
    predict = build_predict(config)
    if config.model.system == "deep_variational":
        arrange = _deep_variational_maps
    else:
        arrange = _two_stream_maps
    pixel = tuple(
        new / old
        for new, old in zip(
            frame_size(config), config.data.frame_size or config.data.image_size, strict=True
        )
    )

    def maps(variables: Any, image: jax.Array, guide: jax.Array) -> dict:
        covers_all = image.shape[1:3] == guide.shape[1:3]
        rows = {}
        for name, (depth, pitch) in arrange(config, predict(variables, image)).items():
            if depth.shape[1:] == guide.shape[1:3] and covers_all:
                rows[name] = depth
                continue
            placed = place_in_frame(
                depth, frame=guide.shape[1:3], pitch=(pitch * pixel[0], pitch * pixel[1])
            )
            rows[name] = placed if name == STEEPNESS else cross_bilateral_fill(placed, guide)
        return rows

    return maps


def frame_size(config: FrozenConfigDict) -> tuple[int, int]:
    """(height, width) of the maps: the images' frame, for the two-stream model `frame_scale`×."""
    size = tuple(config.data.frame_size or config.data.image_size)
    if config.model.system == "deep_variational":
        return size
    return tuple(round(config.model.frame_scale * side) for side in size)


def _deep_variational_maps(config: FrozenConfigDict, prediction: DepthPrediction) -> dict:
    maps = {GLOBAL: (prediction.global_depth, 1)}
    if prediction.gradients is not None:
        maps[INTEGRATED] = (prediction.depth, 1)
        maps[STEEPNESS] = (jnp.linalg.norm(prediction.gradients, axis=-1), 1)
    return maps


def _two_stream_maps(config: FrozenConfigDict, prediction: TwoStreamPrediction) -> dict:
    """The rows of Table 1 of Li et al. 2017 (§4.2, §4.3)."""
    depth, gradients = jnp.exp(prediction.log_depth), prediction.gradients
    fuse = jax.vmap(lambda D, G: irls_fusion(D, G, omega=config.model.omega))
    return {
        COARSE: (jnp.exp(prediction.coarse_log_depth), COARSE_PITCH),
        DEPTH: (depth, FINE_PITCH),
        BILATERAL: (bilateral_filter(depth), FINE_PITCH),
        END_TO_END: (jnp.exp(prediction.combined_log_depth), FINE_PITCH),
        OPTIMIZATION: (fuse(depth, gradients), FINE_PITCH),
        STEEPNESS: (jnp.linalg.norm(gradients, axis=-1), FINE_PITCH),
    }
