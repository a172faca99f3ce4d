"""Archives as sources."""

import shutil

import pytest

from jaxdepth.data.prepare import source_folder
from jaxdepth.errors import ConfigError, DataError


@pytest.fixture
def original(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "original" / name).mkdir(parents=True)
        (tmp_path / "original" / name / "file").write_text(name)
    return tmp_path / "original"


def unpacked(sources, tmp_path):
    with source_folder(sources, tmp_path / "scratch") as folder:
        found = {p.relative_to(folder).as_posix(): p.read_text() for p in folder.glob("*/*")}
    assert not (tmp_path / "scratch").exists()
    return found


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar"])
def test_an_archive_is_a_folder_for_a_while(original, tmp_path, kind):
    archive = shutil.make_archive(str(tmp_path / "archive"), kind, original)
    (tmp_path / "scratch" / "files" / "left").mkdir(parents=True)
    (tmp_path / "scratch" / "files" / "left" / "by_a_killed_run").touch()
    assert unpacked([tmp_path / archive], tmp_path) == {"a/file": "a", "b/file": "b"}


def test_archives_are_unpacked_side_by_side(original, tmp_path):
    archives = [
        tmp_path / shutil.make_archive(str(tmp_path / name), "gztar", original, name)
        for name in ("a", "b")
    ]
    assert unpacked(archives, tmp_path) == {"a/file": "a", "b/file": "b"}


def test_a_folder_is_itself(original, tmp_path):
    with source_folder([original], tmp_path / "scratch") as folder:
        assert folder == original
    with pytest.raises(ConfigError, match="must be one folder, or archives"):
        unpacked([original, original], tmp_path)


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_what_is_no_archive_or_damaged_is_named(original, tmp_path, kind):
    archive = tmp_path / shutil.make_archive(str(tmp_path / "archive"), kind, original)
    content = archive.read_bytes()
    for damaged in (b"", b"no archive", content[: len(content) // 2]):
        archive.write_bytes(damaged)
        with pytest.raises(DataError) as caught:
            unpacked([archive], tmp_path)
        assert str(archive) in str(caught.value)
        assert not (tmp_path / "scratch").exists()
    archive.unlink()
    with pytest.raises(DataError, match="No such file"):
        unpacked([archive], tmp_path)
