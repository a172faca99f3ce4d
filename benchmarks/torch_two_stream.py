"""The depth and gradient streams in PyTorch, as somebody would write them there.

What `benchmarks/two_stream.py` measures jaxdepth beside: the same architecture, image sets, set
loss and optimiser, in eager mode. Weights are jaxdepth's, and the names of modules too. Sizes in
comments are those for an image of 232×310.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

torch.backends.cudnn.allow_tf32 = False  # float32 on accelerators too, as on the JAX side


class VGG16(nn.Module):
    """Convolutions up to pool5; an image in [0, 1] to pool3, pool4 and pool5."""

    def __init__(self, width: float):
        super().__init__()
        self.counts, channels = (2, 2, 3, 3, 3), 3
        self.channels = tuple(max(1, round(width * c)) for c in (64, 128, 256, 512, 512))
        for stage, (out, count) in enumerate(zip(self.channels, self.counts, strict=True), start=1):
            for index in range(1, count + 1):
                self.add_module(f"conv{stage}_{index}", nn.Conv2d(channels, out, 3, padding=1))
                channels = out
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        x, pools = (image - self.mean) / self.std, []
        for stage, count in enumerate(self.counts, start=1):
            for index in range(1, count + 1):
                x = F.relu_(self.get_submodule(f"conv{stage}_{index}")(x))
            x = F.max_pool2d(x, 2)
            pools.append(x)
        return pools[2:]


class CoarseBlock(nn.Module):
    """Image parsing and feature fusion: an image to a coarse map, 55×75."""

    def __init__(self, channels: int, image_size: tuple[int, int], settings: dict):
        super().__init__()
        self.map_size = tuple((((side - 9) // 2 + 1) - 3) // 2 + 1 for side in image_size)
        self.base = VGG16(settings["width"])
        cells = (image_size[0] // 32) * (image_size[1] // 32)
        self.fc1 = nn.Linear(cells * self.base.channels[-1], settings["hidden"])
        self.dropout = nn.Dropout(settings["dropout"])
        self.fc2 = nn.Linear(settings["hidden"], self.map_size[0] * self.map_size[1] * channels)
        wide, narrow = _block_channels(settings)
        self.conv1 = nn.Conv2d(3, wide, 9, stride=2)
        self.pool3 = nn.Conv2d(self.base.channels[2], narrow, 5, padding=2)
        self.pool4 = nn.Conv2d(self.base.channels[3], narrow, 5, padding=2)
        inputs = {2: wide + narrow, 4: 2 * narrow, 6: narrow + channels}
        for index in range(2, 9):
            convolution = nn.Conv2d(inputs.get(index, narrow), narrow, 5, padding=2)
            self.add_module(f"conv{index}", convolution)
        self.out = nn.Conv2d(narrow, channels, 5, padding=2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        pool3, pool4, pool5 = self.base(image)
        parsed = F.relu_(self.fc1(pool5.permute(0, 2, 3, 1).flatten(1)))
        parsed = self.fc2(self.dropout(parsed))
        parsed = parsed.view(len(image), *self.map_size, -1).permute(0, 3, 1, 2)
        x = F.max_pool2d(F.relu_(self.conv1(image - 0.5)), 3, stride=2)  # 112×151 → 55×75
        joined = {
            2: lambda: _resized(F.relu_(self.pool3(pool3)), self.map_size),  # 29×38
            4: lambda: _resized(F.relu_(self.pool4(pool4)), self.map_size),  # 14×19
            6: lambda: parsed,
        }
        for index in range(2, 9):
            if index in joined:
                x = torch.cat([x, joined[index]()], dim=1)
            x = F.relu_(self.get_submodule(f"conv{index}")(x))
        return self.out(x)


class RefinementBlock(nn.Module):
    """An image and coarser maps to a fine map, 111×150; also the combination block."""

    def __init__(self, inputs: int, channels: int, settings: dict):
        super().__init__()
        wide, narrow = _block_channels(settings)
        self.conv1 = nn.Conv2d(3, wide, 9, stride=2)
        self.conv2 = nn.Conv2d(wide, narrow, 5, padding=2)
        self.conv3 = nn.Conv2d(inputs + narrow, narrow, 5, padding=2)
        self.conv4 = nn.Conv2d(narrow, narrow, 5, padding=2)
        self.conv5 = nn.Conv2d(narrow, narrow, 5, padding=2)
        self.out = nn.Conv2d(narrow, channels, 5, padding=2)

    def forward(self, image: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu_(self.conv1(image - 0.5)), 2, stride=1)  # 112×151 → 111×150
        x = F.relu_(self.conv2(x))
        x = torch.cat([_resized(maps, x.shape[2:]), x], dim=1)
        for convolution in (self.conv3, self.conv4, self.conv5):
            x = F.relu_(convolution(x))
        return self.out(x)


class TwoStream(nn.Module):
    """Both streams and the combination block.

    Args:
        image_size: (height, width).
        settings: `width`, `block_width`, `hidden` and `dropout` of a config's model.
    """

    def __init__(self, image_size: tuple[int, int], settings: dict):
        super().__init__()
        self.streams = nn.ModuleDict(
            {
                "depth_coarse": CoarseBlock(1, image_size, settings),
                "depth_refinement": RefinementBlock(1, 1, settings),
                "gradient_coarse": CoarseBlock(2, image_size, settings),
                "gradient_refinement": RefinementBlock(2, 2, settings),
            }
        )
        self.combination = RefinementBlock(3, 1, settings)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """`[B, 3, H, W]` in [0, 1] to maps `[B, D, h, w]`, ordered as a `TwoStreamPrediction`."""
        streams = self.streams
        coarse = streams["depth_coarse"](image)
        log_depth = streams["depth_refinement"](image, coarse)
        gradients = streams["gradient_refinement"](image, streams["gradient_coarse"](image))
        combined = self.combination(image, torch.cat([log_depth, gradients], dim=1))
        return coarse, log_depth, gradients, combined

    @torch.no_grad()
    def copy_from(self, params: dict, prefix: tuple[str, ...] = ()) -> None:
        """Takes the values of jaxdepth's nested parameters, which must be all that there are."""
        for name, value in params.items():
            if isinstance(value, dict):
                self.copy_from(value, prefix + (name,))
                continue
            path = ".".join(part for part in prefix if part != "conv")  # base.conv1_1.conv
            value = torch.from_numpy(np.array(value))
            if name == "kernel":
                value = value.permute(3, 2, 0, 1) if value.ndim == 4 else value.T
            parameter = getattr(self.get_submodule(path), "bias" if name == "bias" else "weight")
            assert parameter.shape == value.shape, path
            parameter.copy_(value)


class Trainer:
    """Training of one block of the depth stream by image sets of original, flip and colour.

    Args:
        net: a TwoStream in the channels_last format.
        stage: "depth_coarse" or "depth_refinement".
        settings: the stage's `learning_rate`, `momentum`, `weight_decay` and `clip_norm`.
        frame_size: (height, width) of what depth maps show, in pixels of the images.
        depth_size: (height, width) of depth maps.
        map_size, pitch: of the compared map.
        colors: ranges of `color`, `brightness` and `contrast`.
    """

    def __init__(
        self,
        net: TwoStream,
        stage: str,
        settings: dict,
        *,
        frame_size: tuple[int, int],
        depth_size: tuple[int, int],
        map_size: tuple[int, int],
        pitch: int,
        colors: dict,
    ):
        self.net, self.stage, self.colors = net, stage, colors
        self.clip_norm = settings["clip_norm"]
        self.device = next(net.parameters()).device
        self.trained = list(net.streams[stage].parameters())
        kernels = [p for p in self.trained if p.ndim > 1]
        self.optimizer = torch.optim.SGD(
            [
                {"params": kernels, "weight_decay": settings["weight_decay"]},
                {"params": [p for p in self.trained if p.ndim == 1]},
            ],
            lr=settings["learning_rate"],
            momentum=settings["momentum"],
            fused=True,
        )
        self.rows, self.columns = (
            _nearest(*sides, pitch, self.device)
            for sides in zip(frame_size, depth_size, map_size, strict=True)
        )

    def step(
        self, image: np.ndarray, depth: np.ndarray, color: dict[str, np.ndarray] | None = None
    ) -> tuple[float, float]:
        """One update by a batch of one image set.

        Args:
            image: `[1, H, W, 3]` uint8.
            depth: `[1, h, w]` metres.
            color: the colour transform; without it, one is drawn and units are dropped.

        Returns:
            The loss and the norm of its gradient.
        """
        transform = {
            name: low + (high - low) * torch.rand(3 if name == "color" else 1, device=self.device)
            for name, (low, high) in self.colors.items()
        }
        if color:
            transform = {name: torch.tensor(v, device=self.device) for name, v in color.items()}
        image = torch.from_numpy(image).to(self.device).permute(0, 3, 1, 2).float() / 255
        depth = torch.from_numpy(depth).to(self.device)
        images = torch.cat([image, image.flip(3), _recolour(image, **transform)])
        images = images.contiguous(memory_format=torch.channels_last)
        depth = depth[:, self.rows[:, None], self.columns]
        depth = torch.cat([depth, depth.flip(2), depth])
        valid = torch.isfinite(depth) & (depth > 0)
        target = torch.log(torch.where(valid, depth, 1.0))

        streams = self.net.streams
        streams["depth_coarse"].train(self.stage == "depth_coarse" and color is None)
        if self.stage == "depth_coarse":
            estimate = streams["depth_coarse"](images)
        else:
            with torch.no_grad():
                coarse = streams["depth_coarse"](images)
            estimate = streams["depth_refinement"](images, coarse)
        estimate = estimate[:, 0]
        squares = torch.where(valid, estimate - target, 0.0) ** 2
        single = (squares.sum((1, 2)) / valid.sum((1, 2)).clamp(min=1)).mean()
        a, b, c = estimate[0], estimate[1].flip(1), estimate[2]
        consistency = (F.mse_loss(a, b) + F.mse_loss(a, c) + F.mse_loss(b, c)) / 3
        loss = single + consistency

        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.trained, self.clip_norm)
        self.optimizer.step()
        return loss.item(), norm.item()


def _block_channels(settings: dict) -> tuple[int, ...]:
    return tuple(max(1, round(settings["block_width"] * c)) for c in (96, 64))


def _resized(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def _recolour(
    image: torch.Tensor, color: torch.Tensor, brightness: torch.Tensor, contrast: torch.Tensor
) -> torch.Tensor:
    image = image * color.view(1, 3, 1, 1) + brightness
    mean = image.mean((2, 3), keepdim=True)
    return (contrast * image + (1 - contrast) * mean).clamp(0, 1)


def _nearest(frame: int, source: int, size: int, pitch: int, device) -> torch.Tensor:
    """Which row (or column) of a depth map is nearest to each of a map in the frame's middle."""
    centred = torch.arange(size, device=device) - (size - 1) / 2
    position = centred * pitch * (source / frame) + (source - 1) / 2
    return torch.floor(position + 0.5).long().clamp(0, source - 1)
