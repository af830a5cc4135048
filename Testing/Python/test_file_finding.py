"""Finding files: order, links, pipes, what is reached twice, what cannot be read."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from DICOMModule.dicom.file_finding import find_files
from DICOMModule.errors import DicomFileError, Problem

posix = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")


def make(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return paths


def test_files_come_from_all_depths_sorted_by_name(tmp_path):
    make(tmp_path, "b/2", "b/1", "a/z/y/x", "c")
    assert [path.relative_to(tmp_path).as_posix() for path in find_files([tmp_path])] == ["a/z/y/x", "b/1", "b/2", "c"]


def test_the_order_of_the_roots_does_not_matter(tmp_path):
    first, second = make(tmp_path, "a/1", "b/1")
    assert list(find_files([second, first])) == list(find_files([first, second])) == [first, second]


def test_a_relative_root_gives_absolute_paths(tmp_path, monkeypatch):
    make(tmp_path, "a/1")
    monkeypatch.chdir(tmp_path)
    assert list(find_files([Path("a")])) == [tmp_path / "a" / "1"]


def test_overlapping_roots_give_a_file_once(tmp_path):
    (path,) = make(tmp_path, "a/b/1")
    assert list(find_files([tmp_path, tmp_path / "a", path, tmp_path])) == [path]


def test_an_empty_folder_gives_nothing(tmp_path):
    assert list(find_files([tmp_path])) == []


def test_a_root_that_does_not_exist_is_an_error_at_once(tmp_path):
    with pytest.raises(DicomFileError, match="does not exist"):
        find_files([tmp_path, tmp_path / "gone"])


@posix
def test_links_pipes_and_sockets_are_problems_and_nothing_waits_for_them(tmp_path):
    (target,) = make(tmp_path, "0-file")
    (tmp_path / "1-link").symlink_to(target)
    (tmp_path / "2-loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "3-pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(tmp_path)  # the name of a socket is short
        listening.bind("4-socket")
        found = list(find_files([tmp_path]))
    assert found[0] == target
    reasons = {Path(problem.where).name: problem.reason for problem in found[1:]}
    assert "links are not followed" in reasons["1-link"]
    assert "links are not followed" in reasons["2-loop"]
    assert "pipe" in reasons["3-pipe"]
    assert "socket" in reasons["4-socket"]


@posix
def test_a_hard_link_is_the_same_file(tmp_path):
    first, second = make(tmp_path, "1"), tmp_path / "2"
    os.link(first[0], second)
    assert list(find_files([tmp_path])) == first


@posix
def test_a_name_that_is_no_text_is_found(tmp_path):
    name = b"\xff\xfe-caf\xe9"
    (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    (found,) = find_files([tmp_path])
    assert os.fsencode(found.name) == name
    assert found.read_bytes() == b"x"


@posix
def test_a_folder_that_cannot_be_read_is_a_problem_and_the_rest_comes(tmp_path, monkeypatch):
    make(tmp_path, "a/1", "b/1")
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("a"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    problem, path = find_files([tmp_path])
    assert problem == Problem(str(tmp_path / "a"), "the folder cannot be read: Permission denied.")
    assert path == tmp_path / "b" / "1"


def test_a_very_deep_folder_needs_no_recursion(tmp_path):
    folder = tmp_path
    for _ in range(500):
        folder = folder / "d"
    folder.mkdir(parents=True)
    make(folder, "1")
    assert list(find_files([tmp_path])) == [folder / "1"]
