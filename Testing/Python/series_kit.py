"""Examining folders of made series, and series made of several parts."""

from __future__ import annotations

import shutil

import pytest
from factories import make_series, uid

from DICOMModule.errors import NoImageError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job


def offered(folder):
    headers, problems = headers_of_path(folder)
    assert problems == []
    return examine(headers)


def refusal_of(folder):
    (loadable,) = offered(folder)
    assert (loadable.confidence, loadable.selected) == (0.0, False)
    with pytest.raises(NoImageError) as caught:
        run_to_end(load_job(loadable))
    assert loadable.refusal in str(caught.value)
    return loadable.refusal


def joined(tmp_path, *parts):
    """Return a folder with the files of several made series that share their series UID."""
    folder = tmp_path / "joined"
    folder.mkdir()
    for number, part in enumerate(parts):
        for file in part.files:
            shutil.copy(file, folder / f"{number}-{file.name}")
    return folder


def one_series(tmp_path, name, **options):
    """Make a part of the series "shared": same study and series UID, instances of its own."""

    def edit(dataset, _k):
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = uid("shared", "series"), uid("shared", "study")
        dataset.FrameOfReferenceUID = uid("shared", "frame")
        dataset.SeriesDescription = "Shared"

    return make_series(tmp_path / name, name, edit=edit, **options)


def wrong(**attributes):
    """Return an edit that sets attributes on slice 2 alone, or removes them."""

    def edit(dataset, k):
        for keyword, value in attributes.items() if k == 2 else ():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)

    return edit
