"""`python -m jaxdepth.predict --ply`."""

import numpy as np
from PIL import Image

from jaxdepth import predict


def test_points_and_a_shaded_picture_of_a_photograph(finished, scripts, tmp_path, capsys):
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "photo.png")
    arguments = [str(tmp_path / "photo.png"), f"--workdir={finished}", f"--out={tmp_path / 'out'}"]
    assert predict.main([*arguments, "--ply"]) == 0
    assert "assuming an angle of view of 63.3 degrees" in capsys.readouterr().err

    depth = np.load(tmp_path / "out" / "photo_depth.npy")
    body = (tmp_path / "out" / "photo.ply").read_bytes().partition(b"end_header\n")[2]
    vertices = np.frombuffer(body, [("p", "<f4", 3), ("c", "u1", 3)])
    assert len(vertices) == np.sum(depth > 0) > 0
    x, y, z = vertices["p"].T
    rows, columns = np.nonzero(depth)
    np.testing.assert_array_equal(z, depth[rows, columns])
    np.testing.assert_array_equal(vertices["c"], image[rows, columns])
    focal = 20 / np.tan(np.radians(63.3 / 2))
    np.testing.assert_allclose(focal * x / z + 19.5, columns, atol=1e-3)
    np.testing.assert_allclose(focal * y / z + 14.5, rows, atol=1e-3)
    shaded = Image.open(tmp_path / "out" / "photo_shaded.png")
    assert shaded.size == (40, 30)
    assert len(np.unique(np.asarray(shaded))) > 3

    assert predict.main([*arguments, "--ply", "--intrinsics=50,60,1,2"]) == 0
    assert "assuming" not in capsys.readouterr().err
    body = (tmp_path / "out" / "photo.ply").read_bytes().partition(b"end_header\n")[2]
    x, y, z = np.frombuffer(body, [("p", "<f4", 3), ("c", "u1", 3)])["p"].T
    np.testing.assert_allclose(60 * y / z + 2, rows, atol=1e-3)


def test_a_camera_without_points_is_refused(scripts, tmp_path):
    arguments = ["photo.png", f"--workdir={tmp_path}", f"--out={tmp_path}", "--fov=60"]
    assert "add --ply" in scripts.call(predict.main, *arguments, status=2)
