"""Affine warps: exact cases, agreement with analytic functions, masks, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.ops import warp

HEIGHT, WIDTH = 20, 26


def on_host(function, **options):
    """`function`, compiled, from and to NumPy arrays."""
    compiled = jax.jit(function, **options)
    return lambda *args, **kwargs: jax.device_get(compiled(*args, **kwargs))


warp_bilinear, warp_nearest = (
    on_host(function, static_argnames="size")
    for function in (warp.warp_bilinear, warp.warp_nearest)
)
compose_affine, invert_affine = on_host(warp.compose_affine), on_host(warp.invert_affine)
compiled_matrix = on_host(warp.affine_matrix)


def affine_matrix(*, angle=0.0, scale=1.0, flip=False, shift=(0.0, 0.0)):
    return compiled_matrix(angle=angle, scale=scale, flip=flip, shift=shift)


TRANSFORMS = {
    "rotation": {"angle": 5.0},
    "magnification": {"scale": 1.3},
    "reduction": {"scale": 0.8},
    "shift": {"shift": (2.25, -1.25)},
    "all": {"angle": -17.0, "scale": 1.4, "flip": True, "shift": (1.0, 2.0)},
}


def frame(height=HEIGHT, width=WIDTH):
    """The centred coordinates of every pixel, x and y."""
    return np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)


def sources(matrix, size=(HEIGHT, WIDTH)):
    """A⁻¹p for every pixel p of a result, as x and y."""
    points = np.stack([*frame(*size), np.ones(size)])
    result = np.einsum("ij,jhw->ihw", np.linalg.inv(np.asarray(matrix, np.float64)), points)
    return result[0], result[1]


def image_of(height=HEIGHT, width=WIDTH, seed=0):
    image = np.random.default_rng(seed).uniform(size=(height, width, 3))
    return image if jax.config.jax_enable_x64 else image.astype(np.float32)


@pytest.mark.parametrize("options", TRANSFORMS.values(), ids=TRANSFORMS)
def test_inverse_matrix(options, x64):
    matrix = affine_matrix(**options)
    identity = compose_affine(matrix, invert_affine(matrix))
    np.testing.assert_allclose(identity, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(invert_affine(matrix), np.linalg.inv(matrix), atol=1e-14)


def test_matrix_by_hand():
    np.testing.assert_array_equal(warp.affine_matrix(), np.eye(3))
    np.testing.assert_array_equal(affine_matrix(flip=True), np.diag([-1.0, 1.0, 1.0]))
    # First the flip, then the rotation (x towards y), the magnification and the shift.
    matrix = affine_matrix(angle=90.0, scale=2.0, flip=True, shift=(3.0, 4.0))
    np.testing.assert_allclose(matrix @ [1, 0, 1], [3, 2, 1], atol=1e-6)
    np.testing.assert_allclose(matrix @ [0, 1, 1], [1, 4, 1], atol=1e-6)


def test_compose_applies_the_first_argument_first():
    flip, shift = affine_matrix(flip=True), affine_matrix(shift=(1.0, 0.0))
    np.testing.assert_array_equal(compose_affine(flip, shift)[:, 2], [1, 0, 1])
    np.testing.assert_array_equal(compose_affine(shift, flip)[:, 2], [-1, 0, 1])
    with pytest.raises(ValueError, match="at least one"):
        compose_affine()


@pytest.mark.parametrize(("height", "width"), [(6, 8), (7, 5)])
def test_identity_and_flip_are_exact(height, width):
    image = image_of(height, width)
    for matrix, expected in [
        (affine_matrix(), image),
        (affine_matrix(flip=True), image[:, ::-1]),
        (affine_matrix(flip=True, angle=180.0), image[::-1]),
    ]:
        depth, inside = warp_nearest(image[..., 0], matrix)
        np.testing.assert_array_equal(depth, expected[..., 0])
        assert inside.all()
    for matrix, expected in [(affine_matrix(), image), (affine_matrix(flip=True), image[:, ::-1])]:
        warped, inside = warp_bilinear(image, matrix)
        np.testing.assert_array_equal(warped, expected)
        assert inside.all()


def test_quarter_turn_agrees_with_rot90():
    image = image_of(HEIGHT, HEIGHT)
    warped, inside = warp_bilinear(image, affine_matrix(angle=90.0))
    np.testing.assert_allclose(warped, np.rot90(image, -1), atol=1e-5)  # clockwise
    assert inside.all()


def test_whole_pixel_shift():
    depth = image_of()[..., 0]
    warped, inside = warp_nearest(depth, affine_matrix(shift=(2.0, -1.0)))
    expected = np.zeros((HEIGHT, WIDTH), np.float32)
    expected[:-1, 2:] = depth[1:, :-2]
    np.testing.assert_array_equal(warped, expected)
    np.testing.assert_array_equal(inside, expected > 0)


@pytest.mark.parametrize("options", TRANSFORMS.values(), ids=TRANSFORMS)
def test_bilinear_is_exact_for_affine_functions(options, x64):
    x, y = frame()
    matrix = affine_matrix(**options)
    warped, _ = warp_bilinear((3 + 0.25 * x - 0.5 * y)[..., None], matrix)
    u, v = sources(matrix)
    centres = (abs(u) <= (WIDTH - 1) / 2) & (abs(v) <= (HEIGHT - 1) / 2)
    assert centres.sum() > 100
    np.testing.assert_allclose(warped[centres, 0], (3 + 0.25 * u - 0.5 * v)[centres], atol=1e-12)


@pytest.mark.parametrize("options", TRANSFORMS.values(), ids=TRANSFORMS)
def test_frame_ends_half_a_pixel_beyond_the_border(options, x64):
    matrix = affine_matrix(**options)
    u, v = sources(matrix)
    expected = (abs(u) < WIDTH / 2) & (abs(v) < HEIGHT / 2)
    ones = np.ones((HEIGHT, WIDTH))
    for warped, inside in [
        warp_nearest(ones, matrix),
        jax.tree.map(np.squeeze, warp_bilinear(ones[..., None], matrix)),
    ]:
        np.testing.assert_array_equal(inside, expected)
        np.testing.assert_array_equal(warped, expected)  # a constant is kept exactly; 0 outside


@pytest.mark.parametrize("options", TRANSFORMS.values(), ids=TRANSFORMS)
def test_nearest_copies_the_nearest_pixel(options, x64):
    depth = image_of()[..., 0]
    matrix = affine_matrix(**options)
    warped, inside = warp_nearest(depth, matrix)
    u, v = sources(matrix)
    column = np.floor(u + (WIDTH - 1) / 2 + 0.5).astype(int)
    row = np.floor(v + (HEIGHT - 1) / 2 + 0.5).astype(int)
    expected = depth[row.clip(0, HEIGHT - 1), column.clip(0, WIDTH - 1)]
    np.testing.assert_array_equal(warped, np.where(inside, expected, 0))


def test_round_trip_of_a_smooth_image():
    x, y = frame()
    image = (0.5 + 0.4 * np.sin(x / 9) * np.cos(y / 7))[..., None].astype(np.float32)
    matrix = affine_matrix(angle=8.0, scale=1.2, flip=True)
    there, _ = warp_bilinear(image, matrix)
    back, inside = warp_bilinear(there, invert_affine(matrix))
    assert 0.4 < inside.mean() < 1
    interior = inside & (abs(x) < 9) & (abs(y) < 6)
    assert np.abs(back - image)[interior].max() < 0.01


def test_one_warp_of_a_product_agrees_with_two_warps(x64):
    x, y = frame()
    image = (2 + 0.1 * x - 0.2 * y)[..., None]
    first, second = affine_matrix(angle=10.0, flip=True), affine_matrix(scale=1.5, shift=(3.0, 0.0))
    once, _ = warp_bilinear(image, compose_affine(first, second))
    twice, _ = warp_bilinear(warp_bilinear(image, first)[0], second)
    np.testing.assert_allclose(once[6:-6, 9:-9], twice[6:-6, 9:-9], atol=1e-12)


@pytest.mark.parametrize("size", [(12, 16), (26, 40), (9, 31)])
@pytest.mark.parametrize("options", TRANSFORMS.values(), ids=TRANSFORMS)
def test_result_of_another_size(options, size, x64):
    """The centres of source and result are one place, whatever their sizes."""
    x, y = frame()
    matrix = affine_matrix(**options)
    u, v = sources(matrix, size)
    within = (abs(u) < WIDTH / 2) & (abs(v) < HEIGHT / 2)
    centres = (abs(u) <= (WIDTH - 1) / 2) & (abs(v) <= (HEIGHT - 1) / 2)
    assert centres.sum() > 50
    warped, inside = warp_bilinear((3 + 0.25 * x - 0.5 * y)[..., None], matrix, size=size)
    assert warped.shape == (*size, 1)
    np.testing.assert_array_equal(inside, within)
    np.testing.assert_allclose(warped[centres, 0], (3 + 0.25 * u - 0.5 * v)[centres], atol=1e-12)
    assert (warped[~within] == 0).all()

    depth = image_of()[..., 0]
    copied, inside = warp_nearest(depth, matrix, size=size)
    np.testing.assert_array_equal(inside, within)
    column = np.floor(u + (WIDTH - 1) / 2 + 0.5).astype(int).clip(0, WIDTH - 1)
    row = np.floor(v + (HEIGHT - 1) / 2 + 0.5).astype(int).clip(0, HEIGHT - 1)
    np.testing.assert_array_equal(copied, np.where(within, depth[row, column], 0))


def test_size_of_the_source_changes_nothing():
    image, matrix = image_of(), affine_matrix(**TRANSFORMS["all"])
    for got, expected in [
        (warp_bilinear(image, matrix, size=(HEIGHT, WIDTH)), warp_bilinear(image, matrix)),
        (
            warp_nearest(image[..., 0], matrix, size=(HEIGHT, WIDTH)),
            warp_nearest(image[..., 0], matrix),
        ),
    ]:
        jax.tree.map(np.testing.assert_array_equal, got, expected)


def test_identity_of_another_size_cuts_out_the_middle_or_adds_a_border():
    image = image_of()
    cut, inside = warp_bilinear(image, affine_matrix(flip=True), size=(HEIGHT - 6, WIDTH - 4))
    np.testing.assert_array_equal(cut, image[3:-3, 2:-2][:, ::-1])
    assert inside.all()
    bordered, inside = warp_nearest(image[..., 0], affine_matrix(), size=(HEIGHT + 4, WIDTH + 2))
    np.testing.assert_array_equal(bordered, np.pad(image[..., 0], ((2, 2), (1, 1))))
    np.testing.assert_array_equal(inside, np.pad(np.ones((HEIGHT, WIDTH), bool), ((2, 2), (1, 1))))


def test_size_and_scale_resample_a_map(x64):
    """Every second pixel, or blocks of one value."""
    depth = image_of(9, 15)[..., 0]
    half, inside = warp_nearest(depth, affine_matrix(scale=0.5), size=(5, 8))
    np.testing.assert_array_equal(half, depth[::2, ::2])
    assert inside.all()
    double, inside = warp_nearest(depth, affine_matrix(scale=2.0), size=(18, 30))
    np.testing.assert_array_equal(double, depth.repeat(2, 0).repeat(2, 1))
    assert inside.all()


def test_invalid_pixels_in_a_result_of_another_size(x64):
    image, valid = image_of(), np.ones((HEIGHT, WIDTH), bool)
    valid[6, 9] = False
    warped, known = warp_bilinear(
        np.where(valid[..., None], image, np.nan),
        affine_matrix(),
        valid=valid,
        size=(HEIGHT - 2, WIDTH - 2),
    )
    np.testing.assert_array_equal(known, valid[1:-1, 1:-1])
    np.testing.assert_array_equal(warped, np.where(valid[..., None], image, 0)[1:-1, 1:-1])


def test_samples_that_use_an_invalid_pixel_are_invalid(x64):
    image, valid = image_of(), np.ones((HEIGHT, WIDTH), bool)
    valid[3, 4] = False
    clean, dirty = np.where(valid[..., None], image, 0), np.where(valid[..., None], image, np.nan)
    shift = affine_matrix(shift=(0.5, 0.0))
    warped, known = warp_bilinear(dirty, shift, valid=valid)
    expected = np.ones((HEIGHT, WIDTH), bool)
    expected[3, 4:6] = False  # result (i, j) is the mean of source (i, j − 1) and (i, j)
    np.testing.assert_array_equal(known, expected)
    filled = np.where(known[..., None], warp_bilinear(clean, shift)[0], 0)
    np.testing.assert_array_equal(warped, filled)
    # A neighbour without weight does not matter.
    np.testing.assert_array_equal(warp_bilinear(dirty, affine_matrix(), valid=valid)[1], valid)
    total = jax.grad(lambda image: warp.warp_bilinear(image, shift, valid=valid)[0].sum())
    derivative = on_host(total)(dirty)
    assert np.isfinite(derivative).all()
    np.testing.assert_array_equal(derivative[3, 4], 0)


def test_reverse_mode_is_the_transpose(x64):
    image, other, matrix = image_of(), image_of(seed=1), affine_matrix(**TRANSFORMS["all"])

    @on_host
    def both(image, other):
        warped, transpose = jax.vjp(lambda image: warp.warp_bilinear(image, matrix)[0], image)
        return warped, transpose(other)[0]

    warped, transposed = both(image, other)
    np.testing.assert_allclose(np.vdot(warped, other), np.vdot(image, transposed), rtol=1e-13)


def test_vmap_agrees_with_loop():
    images = np.stack([image_of(seed=seed) for seed in range(3)])
    angles, flips = np.array([0, 4, -9], np.float32), np.array([True, False, True])

    def one(image, angle, flip):
        matrix = warp.affine_matrix(angle=angle, flip=flip, scale=1.1)
        return warp.warp_bilinear(image, matrix), warp.warp_nearest(image[..., 0], matrix)

    batched, single = on_host(jax.vmap(one))(images, angles, flips), on_host(one)
    looped = [single(*example) for example in zip(images, angles, flips, strict=True)]
    for got, *expected in zip(*map(jax.tree.leaves, [batched, *looped]), strict=True):
        np.testing.assert_allclose(got, np.stack(expected), atol=1e-5)


def test_types_are_kept():
    image = image_of().astype(jnp.bfloat16)
    assert warp_bilinear(image, affine_matrix(angle=3.0))[0].dtype == jnp.bfloat16
    labels = np.arange(HEIGHT * WIDTH, dtype=np.int32).reshape(HEIGHT, WIDTH)
    warped, _ = warp_nearest(labels, affine_matrix(flip=True))
    assert warped.dtype == np.int32
    np.testing.assert_array_equal(warped, labels[:, ::-1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: warp_bilinear(np.ones((4, 5)), affine_matrix()), "one image"),
        (lambda: warp_nearest(np.ones((2, 4, 5)), affine_matrix()), "one map"),
        (
            lambda: warp_bilinear(np.ones((4, 5, 3)), affine_matrix(), valid=np.ones((5, 4), bool)),
            "valid must have",
        ),
    ],
)
def test_wrong_shapes_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
