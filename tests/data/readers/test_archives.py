"""Archives in the place of folders."""

import io
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
import scipy.io
from PIL import Image

from jaxdepth.data.readers.archives import unpack
from jaxdepth.data.readers.damage import read_bytes
from jaxdepth.data.readers.make3d import pair_make3d, read_make3d_frame
from tests.data.readers.fuzz import is_refused, refuses_damage

FORMATS = {"a.zip": "zip", "a.tar": "tar", "a.tgz": "gztar", "a.tar.xz": "xztar"}


def contents(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def source(tmp_path):
    root = tmp_path / "source"
    (root / "Küche 1").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("a.bin", "Küche 1/b ü.bin"):
        (root / name).write_bytes(rng.bytes(30_000))
    return root


@pytest.fixture
def read(tmp_path):
    def unpack_and_read(path):
        there = tmp_path / "data" / "unpacked"
        shutil.rmtree(there, ignore_errors=True)
        unpack(path, there)
        return read_bytes(there / "a.bin", "a file")

    return unpack_and_read


def pack(folder, name):
    made = shutil.make_archive(str(folder.parent / "made"), FORMATS[name], folder)
    return shutil.move(made, folder.parent / name)


def tar_of(path, *names, content=b"x", **attributes):
    with tarfile.open(path, "w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in attributes.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_all_files_are_unpacked_and_only_there(tmp_path, source, name):
    path = pack(source, name)
    unpack(path, tmp_path / "data" / "dir")
    assert contents(tmp_path / "data" / "dir") == contents(source)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["data", "source", name])


@pytest.mark.parametrize("name", ["a.zip", "a.tgz", "a.tar.xz"])
def test_damaged_archives_are_refused(source, read, name):
    refuses_damage(read, pack(source, name))


@pytest.mark.parametrize("length", [30_720 + 512, 30_720 + 700, 30_720 + 1024, 2 * 30_720])
def test_a_tar_cut_after_a_member_is_refused(tmp_path, read, length):
    path = tar_of(tmp_path / "a.tar", "a.bin", "b", content=b"x" * 30_720)
    read(path)
    path.write_bytes(path.read_bytes()[:length])
    is_refused(read, path, "it has no end|unexpected end of data|cut short")


def test_nothing_is_written_outside_of_the_folder(tmp_path, read):
    is_refused(read, tar_of(tmp_path / "a.tar", "../b.txt"), "outside")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("../b.txt", "x")
    is_refused(read, tmp_path / "a.zip", "outside")
    link = tar_of(
        tmp_path / "a.tar", "b", content=b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"
    )
    is_refused(read, link, "must hold files and holds none")
    assert contents(tmp_path / "data") == {}


def test_names_from_the_root_on_are_below_the_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("/b/c.txt", "x")
    tar_of(tmp_path / "a.tar", "/b/c.txt", content=b"x")
    for name in ("a.zip", "a.tar"):
        unpack(tmp_path / name, tmp_path / name[2:])
        assert contents(tmp_path / name[2:]) == {"b/c.txt": b"x"}


def test_more_than_fits_is_refused_before_it_is_unpacked(tmp_path, source, read, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 20_000))
    for name in ("a.zip", "a.tgz"):
        is_refused(read, pack(source, name), r"GB are to be unpacked .* GB free")
    assert contents(tmp_path / "data") == {}


def test_a_folder_that_cannot_be_made_is_named(tmp_path, source):
    (tmp_path / "file").touch()
    path = pack(source, "a.zip")
    is_refused(lambda folder: unpack(path, folder), tmp_path / "file" / "dir", "Not a directory")


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
        unpack(tmp_path / archive, tmp_path / "data" / archive)
    (files,) = pair_make3d(
        tmp_path / "data" / "Test134.tar.gz", tmp_path / "data" / "Test134Depth.tar.gz", count=1
    )
    assert (read_make3d_frame(files).depth == 7).all()
