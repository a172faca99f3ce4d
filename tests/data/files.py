"""Files of images and depth maps, and what can be wrong with them."""

import numpy as np


def picture(rng, size=(20, 30)):
    return rng.integers(0, 256, (*size, 3), np.uint8)


def damage(path, how):
    if how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("This is no image.")
    elif how == "folder":
        path.unlink()
        path.mkdir()
    elif how == "missing":
        path.unlink()
    else:
        blob = path.read_bytes()
        path.write_bytes(blob[: int(len(blob) * float(how))])


REASONS = {"empty": "empty", "text": "", "folder": "[Dd]irectory", "missing": "No such file"}
