"""Sizes of the two-stream model's maps and where they lie in the image.

Both kinds of map begin with an unpadded 9×9 convolution of stride 2; a 3×3 pooling of stride 2
makes the coarse map, a 2×2 pooling of stride 1 the fine one. A map lies in the middle of the image,
`pitch` pixels of the image to a pixel of the map. (What the unpadded layers see is up to 1.5 pixels
of the image to the upper left of that, because an even size leaves a last row and column unused: by
0.5 in the convolution and by 1 more in the pooling of stride 2. A network learns that offset, and
with centred maps the map of a mirrored image is the mirrored map.)
"""

COARSE_PITCH, FINE_PITCH = 4.0, 2.0
"""Pixels of the image per pixel of a map."""

_SMALLEST = 32


def coarse_size(image_size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the fusion block's map: 55×75 for an image of 232×310.

    Raises:
        ValueError: the image is smaller than 32×32.
    """
    height, width = ((side - 3) // 2 + 1 for side in _after_convolution(image_size))
    return height, width


def fine_size(image_size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the refinement block's map: 111×150 for an image of 232×310.

    Raises:
        ValueError: the image is smaller than 32×32.
    """
    height, width = (side - 1 for side in _after_convolution(image_size))
    return height, width


def _after_convolution(image_size: tuple[int, int]) -> tuple[int, ...]:
    if min(image_size) < _SMALLEST:
        raise ValueError(
            f"the two-stream model needs images of at least {_SMALLEST}×{_SMALLEST} pixels, got "
            f"{tuple(image_size)}; use a larger image_size."
        )
    return tuple((side - 9) // 2 + 1 for side in image_size)
