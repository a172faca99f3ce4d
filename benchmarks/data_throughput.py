"""Batches a second of the grain pipeline from array_record, beside a PyTorch DataLoader on files.

    python benchmarks/data_throughput.py [--images=400] [--turns=5] [--workers=1,2]

needs PyTorch (`pip install "jaxdepth[bench]"`). Rooms of 480x640 pixels are rendered and written
twice: as files in the form of NYU's BTS distribution (JPEG, and depth in 16-bit PNG), and as one
array_record file of tfds examples with the same JPEG bytes and depth in float32, as prepared
datasets have it. All deliver batches of 16 images of 256x320, uint8, with depth in metres, in
random order:

- jaxdepth: `train_batches` from array_record, by threads and by processes;
- PyTorch: a DataLoader whose workers read and resize with Pillow;
- PyTorch, our functions: the same, but decoding with OpenCV and resizing as jaxdepth does; what is
  left is the difference of files and of loaders.

Each runs in a process of its own, all take turns, and files are in the system's cache. The columns
are medians over the turns: images a second; images per second of CPU time in all processes, which
is a core's throughput whatever else the machine does; the ratio of that to PyTorch's in the same
turn; MiB of resident memory at its peak, workers included, where what processes share counts for
each; and its growth over the last epoch. The last line is the preparation of the files as a dataset
by `python -m jaxdepth.data prepare`, start-up included.
"""

import argparse
import io
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil

SIDES = ("jaxdepth, threads", "jaxdepth, processes", "PyTorch", "PyTorch, our functions")
SIZE = (256, 320)
BATCH = 16
SCENES = 16


def write_dataset(folder: Path, count: int) -> None:
    """Writes `count` images both ways; scenes repeat."""
    import tensorflow_datasets as tfds
    from array_record.python.array_record_module import ArrayRecordWriter
    from PIL import Image

    from jaxdepth.data.rooms import render_scene

    def render(index: int) -> tuple[bytes, np.ndarray]:
        scene = render_scene(0, "train", index, height=480, width=640)
        jpeg = io.BytesIO()
        Image.fromarray(scene["image"]).save(jpeg, "JPEG", quality=95)
        return jpeg.getvalue(), np.rint(1000 * scene["depth_kinect"]).astype(np.uint16)

    with ThreadPoolExecutor() as pool:
        scenes = list(pool.map(render, range(SCENES)))
    writer = ArrayRecordWriter(str(folder / "records"), "group_size:1")
    features = make_features(tfds)
    for index in range(count):
        jpeg, millimetres = scenes[index % SCENES]
        (folder / f"rgb_{index:05d}.jpg").write_bytes(jpeg)
        Image.fromarray(millimetres).save(folder / f"sync_depth_{index:05d}.png")
        example = {"image": jpeg, "depth": millimetres.astype(np.float32) / 1000}
        writer.write(features.serialize_example(example))
    writer.close()


def make_features(tfds):
    """Of an example in the array_record file."""
    metres = tfds.features.Tensor(shape=(None, None), dtype=np.float32, encoding="zlib")
    return tfds.features.FeaturesDict(
        {"image": tfds.features.Image(shape=(None, None, 3)), "depth": metres}
    )


def our_batches(folder: Path, processes: bool, workers: int):
    """The pipeline's endless iterator."""
    import tensorflow_datasets as tfds
    from array_record.python.array_record_data_source import ArrayRecordDataSource

    from jaxdepth.data.pipeline import train_batches
    from jaxdepth.data.sources import Source

    class Records:
        """As tfds reads a prepared split."""

        def __init__(self):
            self.features = make_features(tfds)
            self.source = ArrayRecordDataSource(str(folder / "records"))

        def __len__(self) -> int:
            return len(self.source)

        def __getitem__(self, index: int) -> dict:
            return self.features.deserialize_example_np(self.source[index])

    return train_batches(
        Source(Records(), name="rooms/train", depth_key="depth"),
        batch_size=BATCH,
        image_size=SIZE,
        seed=0,
        **({"num_workers": workers, "num_threads": 1} if processes else {"num_threads": workers}),
    )


def torch_loader(folder: Path, ours: bool, workers: int):
    """A DataLoader."""
    import cv2
    import torch
    from PIL import Image

    from jaxdepth.data.images import resize_depth, resize_image

    def with_pillow(image: Path, depth: Path) -> tuple[np.ndarray, np.ndarray]:
        size = SIZE[::-1]
        rgb = Image.open(image).convert("RGB").resize(size, Image.Resampling.BILINEAR)
        millimetres = Image.open(depth).resize(size, Image.Resampling.NEAREST)
        return np.array(rgb), np.asarray(millimetres, np.float32) / 1000

    def with_ours(image: Path, depth: Path) -> tuple[np.ndarray, np.ndarray]:
        rgb = cv2.cvtColor(cv2.imread(str(image)), cv2.COLOR_BGR2RGB)
        millimetres = cv2.imread(str(depth), cv2.IMREAD_UNCHANGED)
        metres = resize_depth(millimetres, SIZE).astype(np.float32) / 1000
        return resize_image(rgb, SIZE), metres

    class Files(torch.utils.data.Dataset):
        def __init__(self):
            self.images = sorted(folder.glob("rgb_*.jpg"))
            self.depths = sorted(folder.glob("sync_depth_*.png"))
            self.read = with_ours if ours else with_pillow

        def __len__(self) -> int:
            return len(self.images)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
            image, depth = self.read(self.images[index], self.depths[index])
            return torch.from_numpy(image), torch.from_numpy(depth)

    torch.set_num_threads(1)
    return torch.utils.data.DataLoader(
        Files(),
        batch_size=BATCH,
        shuffle=True,
        num_workers=workers,
        persistent_workers=True,
        drop_last=True,
        generator=torch.Generator().manual_seed(0),
    )


def measure(folder: Path, count: int, side: str, workers: int) -> dict[str, float]:
    """Two epochs of one side, of which the second is measured."""
    if side.startswith("jaxdepth"):
        batches = our_batches(folder, side.endswith("processes"), workers)
        close = batches.close
        epoch = lambda: itertools.islice(batches, count // BATCH)  # noqa: E731
        shape = lambda batch: batch.image.shape  # noqa: E731
    else:
        loader = torch_loader(folder, side.endswith("functions"), workers)
        close = lambda: None  # noqa: E731
        epoch = lambda: iter(loader)  # noqa: E731
        shape = lambda batch: tuple(batch[0].shape)  # noqa: E731
    for batch in epoch():
        assert shape(batch) == (BATCH, *SIZE, 3)
    process = psutil.Process()
    everyone = [process, *process.children(recursive=True)]
    done, resident = threading.Event(), [sum(p.memory_info().rss for p in everyone)]

    def watch() -> None:
        while not done.wait(0.02):
            resident.append(sum(p.memory_info().rss for p in everyone))

    watcher = threading.Thread(target=watch)
    watcher.start()
    cpu = sum(sum(p.cpu_times()[:2]) for p in everyone)
    start, images = time.perf_counter(), 0
    for batch in epoch():
        images += shape(batch)[0]
    seconds = time.perf_counter() - start
    cpu = sum(sum(p.cpu_times()[:2]) for p in everyone) - cpu
    done.set()
    watcher.join()
    resident.append(sum(p.memory_info().rss for p in everyone))
    close()
    return {
        "a second": images / seconds,
        "a core": images / cpu,
        "peak": max(resident) / 2**20,
        "growth": (resident[-1] - resident[0]) / 2**20,
    }


def run(folder: Path, count: int, side: str, workers: int) -> dict[str, float]:
    """`measure` in a process of its own."""
    arguments = [f"--measure={side}", f"--workers={workers}", f"--images={count}"]
    done = subprocess.run(
        [sys.executable, __file__, *arguments, f"--folder={folder}"], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def compare(folder: Path, count: int, workers: list[int], turns: int) -> None:
    """Prints the table."""
    print(f"{'':24s} workers  images/s  a CPU second   ratio  peak MiB  growth", flush=True)
    for number in workers:
        found = {side: [] for side in SIDES}
        for _ in range(turns):
            for side, results in found.items():
                results.append(run(folder, count, side, number))
        for side, results in found.items():
            m = {key: statistics.median(r[key] for r in results) for key in results[0]}
            ratio = statistics.median(
                ours["a core"] / theirs["a core"]
                for ours, theirs in zip(results, found["PyTorch"], strict=True)
            )
            print(
                f"{side:24s} {number:7d} {m['a second']:9.1f} {m['a core']:13.1f} {ratio:7.2f} "
                f"{m['peak']:9.0f} {m['growth']:+7.1f}",
                flush=True,
            )


def prepare(folder: Path, count: int) -> None:
    """Prepares the files as a dataset of one's own, and prints how many a second."""
    command = [sys.executable, "-m", "jaxdepth.data", "prepare", "files", f"--source={folder}"]
    command += ["--image=rgb_{name}.jpg", "--depth=sync_depth_{name}.png", "--depth_scale=1000"]
    with tempfile.TemporaryDirectory() as data_dir:
        before = os.times()
        subprocess.run([*command, f"--data_dir={data_dir}"], check=True, capture_output=True)
        after = os.times()
    wall = after.elapsed - before.elapsed
    core = sum(after[2:4]) - sum(before[2:4])  # of child processes
    print(f"preparation of {count}: {count / wall:.1f} a second, {count / core:.1f} a core")


def main() -> None:
    parser = argparse.ArgumentParser(description="The data pipeline beside PyTorch's.")
    parser.add_argument("--images", type=int, default=400, help="in an epoch")
    parser.add_argument("--turns", type=int, default=5, help="of each, at least 1")
    parser.add_argument(
        "--workers", default="", help="numbers of workers; by default 1 to all cores"
    )
    parser.add_argument("--measure", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    count = arguments.images // BATCH * BATCH
    cores = len(os.sched_getaffinity(0))
    numbers = [2**n for n in range(cores.bit_length())]
    workers = [int(n) for n in arguments.workers.split(",") if n] or numbers
    if arguments.measure:
        print(json.dumps(measure(arguments.folder, count, arguments.measure, workers[0])))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(Path(folder), count)
        print(f"epochs of {count} images on {cores} cores; medians of {arguments.turns}")
        compare(Path(folder), count, workers, arguments.turns)
        prepare(Path(folder), count)


if __name__ == "__main__":
    main()
