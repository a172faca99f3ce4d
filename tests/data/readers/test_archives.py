"""Archives in the place of folders."""

import io
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
import scipy.io
from PIL import Image

from jaxdepth.data.readers.archives import unpacked
from jaxdepth.data.readers.damage import read_bytes
from jaxdepth.data.readers.make3d import pair_make3d, read_make3d_frame
from jaxdepth.errors import DataError
from tests.data.readers.fuzz import is_refused, refuses_damage

FORMATS = {"a.zip": "zip", "a.tar": "tar", "a.tgz": "gztar", "a.tar.xz": "xztar"}


def contents(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "source"
    (root / "Küche 1").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("a.bin", "Küche 1/b ü.bin"):
        (root / name).write_bytes(rng.bytes(30_000))
    return root


def pack(folder, name):
    path = folder.parent / name
    made = shutil.make_archive(str(folder.parent / "made"), FORMATS[name], folder)
    return shutil.move(made, path)


@pytest.mark.parametrize("name", FORMATS)
def test_an_archive_is_a_folder_for_a_while(tmp_path, folder, name):
    path = pack(folder, name)
    before = contents(folder)
    with unpacked(path, below=tmp_path / "data" / "dir") as there:
        assert there.is_relative_to(tmp_path / "data" / "dir")
        assert contents(there) == before
    assert not any((tmp_path / "data" / "dir").iterdir())
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["data", "source", name])


def test_a_folder_is_itself(tmp_path, folder):
    with unpacked(folder, below=tmp_path / "data") as there:
        assert there == folder
    assert folder.is_dir()
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["a.zip", "a.tgz", "a.tar.xz"])
def test_damaged_archives_are_refused(tmp_path, folder, name):
    path = pack(folder, name)

    def read(path):
        with unpacked(path, below=tmp_path / "data") as there:
            return read_bytes(there / "a.bin", "a file")

    refuses_damage(read, path)
    assert not any((tmp_path / "data").iterdir())


@pytest.mark.parametrize("length", [30_720 + 512, 30_720 + 700, 30_720 + 1024, 2 * 30_720])
def test_a_tar_cut_after_a_member_is_refused(tmp_path, length):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for name in "ab":
            member = tarfile.TarInfo(name)
            member.size = 30_720
            tar.addfile(member, io.BytesIO(bytes(range(1, 241)) * 128))

    def read(path):
        with unpacked(path, below=tmp_path / "data") as there:
            return read_bytes(there / "a", "a file")

    read(path)
    path.write_bytes(path.read_bytes()[:length])
    is_refused(read, path, "it has no end|unexpected end of data|cut short")


def tar_of(path, name, content=b"x", **attributes):
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        for key, value in attributes.items():
            setattr(member, key, value)
        tar.addfile(member, io.BytesIO(content))
    return path


def test_nothing_is_written_outside_of_the_folder(tmp_path):
    def read(path):
        with unpacked(path, below=tmp_path / "data") as there:
            return contents(there)

    is_refused(read, tar_of(tmp_path / "a.tar", "../b.txt"), "outside")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("../b.txt", "x")
    is_refused(read, tmp_path / "a.zip", "outside")
    assert not (tmp_path / "b.txt").exists()
    assert not (tmp_path / "data" / "b.txt").exists()
    link = tar_of(
        tmp_path / "a.tar", "b", type=tarfile.SYMTYPE, linkname="/etc/passwd", content=b""
    )
    is_refused(read, link, "must hold files and holds none")


def test_more_than_fits_is_refused_before_it_is_unpacked(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 20_000))
    for name in ("a.zip", "a.tgz"):
        path = pack(folder, name)
        with pytest.raises(DataError, match=r"GB are to be unpacked .* GB free") as caught:
            unpacked(path, below=tmp_path / "data").__enter__()
        assert str(path) in str(caught.value)
    assert not any((tmp_path / "data").iterdir())


def test_make3d_is_read_from_its_archives(tmp_path):
    for name in ("Test134", "Gridlaserdata"):
        (tmp_path / "source" / name).mkdir(parents=True)
    Image.new("RGB", (17, 22), (9, 8, 7)).save(tmp_path / "source/Test134/img-a.jpg")
    scipy.io.savemat(
        tmp_path / "source/Gridlaserdata/depth_sph_corr-a.mat",
        {"Position3DGrid": np.full((55, 305, 4), 7.0)},
    )
    for name, archive in (("Test134", "Test134.tar.gz"), ("Gridlaserdata", "Test134Depth.tar.gz")):
        with tarfile.open(tmp_path / archive, "w:gz") as tar:
            tar.add(tmp_path / "source" / name, name)
    with (
        unpacked(tmp_path / "Test134.tar.gz", below=tmp_path / "data") as images,
        unpacked(tmp_path / "Test134Depth.tar.gz", below=tmp_path / "data") as depths,
    ):
        (files,) = pair_make3d(images, depths, count=1)
        assert (read_make3d_frame(files).depth == 7).all()
