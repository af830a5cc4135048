"""Readers of other packages: found, asked beside ours, believed by how sure they are, and harmless where they break."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace

import numpy as np
import pytest

from DICOMModule.errors import NoImageError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job, registry
from DICOMModule.readers.loadable import Loadable
from DICOMModule.targets import choose_loadable
from DICOMModule.volume.volume import Volume


class Ones:
    """Offers a volume of ones for every series."""

    name = "ones"

    def __init__(self, confidence=0.5, *, broken=False):
        self._confidence = confidence
        self._broken = broken

    def examine(self, headers):
        if self._broken:
            raise ZeroDivisionError("a fault of somebody else")
        return [
            Loadable(
                "ones-1",
                headers[0].series_instance_uid,
                "Ones",
                "volume",
                self.name,
                self._confidence,
                True,
                tuple(headers),
            )
        ]

    def load_job(self, loadable):
        yield from ()
        return Volume(np.ones((1, 1, 1)), np.eye(4), name=loadable.name)


class Point:
    value = "somewhere:READER"

    def __init__(self, name, reader):
        self.name = name
        self._reader = reader

    def load(self):
        if isinstance(self._reader, Exception):
            raise self._reader
        return self._reader


@pytest.fixture
def plug_in(monkeypatch):
    """Install readers as entry points."""

    def install(*found):
        points = [Point(str(number), reader) for number, reader in enumerate(found)]
        monkeypatch.setattr(
            importlib.metadata, "entry_points", lambda group: points if group.endswith("readers") else []
        )
        registry.readers.cache_clear()

    yield install
    monkeypatch.undo()
    registry.readers.cache_clear()


@pytest.fixture
def headers(series_factory):
    return headers_of_path(series_factory(slices=4).folder)[0]


def test_ours_are_the_files_of_the_package_that_have_one():
    registry.readers.cache_clear()
    assert {"image", "object"} <= {reader.name for reader in registry.readers()}


def test_the_surer_reader_counts_and_the_other_is_an_alternative(plug_in, headers):
    plug_in(Ones(0.5))
    first, second = examine(headers)
    assert (first.reader, first.selected, first.alternative_to) == ("image", True, "")
    assert (second.reader, second.selected, second.alternative_to) == ("ones", False, first.id)
    assert run_to_end(load_job(second)).array.tolist() == [[[1]]]


def test_a_surer_one_of_another_package_takes_the_series(plug_in, headers):
    plug_in(Ones(1.1))
    first, second = examine(headers)
    assert (first.reader, second.reader, second.alternative_to) == ("ones", "image", "ones-1")


def test_a_tie_is_asked_about(plug_in, headers):
    plug_in(Ones(1.0))
    found = examine(headers)
    assert [loadable.selected for loadable in found] == [True, True]
    with pytest.raises(NoImageError, match="ones-1"):
        choose_loadable("x", found, [], "")


def test_what_one_reader_refuses_another_may_load(plug_in, headers):
    plug_in(Ones(0.1))
    unknown = [replace(header, attributes={**header.attributes, "PixelSpacing": "0\\0"}) for header in headers]
    (found,) = examine(unknown)
    assert (found.reader, found.selected) == ("ones", True)


@pytest.mark.parametrize("wrong", [Ones(broken=True), ImportError("nothing there")])
def test_a_reader_that_breaks_costs_nothing_but_a_line_in_the_log(plug_in, headers, caplog, wrong):
    plug_in(wrong)
    (found,) = examine(headers)
    assert found.reader == "image"
    assert "reader" in caplog.text
