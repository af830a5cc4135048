"""What is drawn of a volume is prepared once, shared by all views, and gone with the volume."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import picture_truth as truth
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy

from DICOMModule.errors import RenderingError
from DICOMModule.jobs import Progress, run_to_end
from DICOMModule.scene import Scene
from DICOMModule.views.image_data import image_data
from DICOMModule.views.orientation import AXIAL, CORONAL
from DICOMModule.views.prepared import prepare_volume, prepared_job
from DICOMModule.views.slice_view import SliceView
from DICOMModule.volume.volume import Volume


@pytest.fixture
def volume():
    return truth.made_volume(truth.GRIDS["axial"], low=-1000, high=1000)


def test_the_volumes_memory_is_shared_not_copied(volume):
    values = prepare_volume(volume).values
    assert np.shares_memory(values, volume.array)
    image = image_data(values, volume.spacing_mm)
    assert np.shares_memory(vtk_to_numpy(image.GetPointData().GetScalars()), volume.array)


def test_a_second_view_finds_the_work_done(volume):
    assert prepare_volume(volume) is prepare_volume(volume)
    assert prepare_volume(replace(volume)) is not prepare_volume(volume)


def test_a_volume_goes_when_nobody_shows_it_any_more(volume):
    views = [SliceView(orientation, 40, 30) for orientation in (AXIAL, CORONAL)]
    node = Scene().add_volume(replace(volume))
    for view in views:
        view.show([node])
        view.pixels()
    gone = weakref.ref(node.volume)
    del node
    for view in views:
        view.close()
    gc.collect()
    assert gone() is None


def test_a_mask_of_the_volume_is_shared_too(volume):
    valid = np.ones(volume.array.shape, bool)
    valid[:, :3] = False
    prepared = prepare_volume(replace(volume, valid=valid))
    assert np.shares_memory(prepared.valid, valid)
    assert (prepared.valid == valid).all()


def test_padding_that_is_low_costs_no_copy_and_padding_that_glares_is_put_down(volume):
    valid = np.ones(volume.array.shape, bool)
    valid[0] = False
    low, high = volume.array.copy(), volume.array.copy()
    low[0], high[0] = -2000, 3000
    assert np.shares_memory(prepare_volume(replace(volume, array=low, valid=valid)).values, low)
    mended = prepare_volume(replace(volume, array=high, valid=valid)).values
    assert (mended[0] == high[1:].min()).all()
    assert (mended[1:] == high[1:]).all()
    assert (high[0] == 3000).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_never_handed_to_vtk(bad):
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    array[1, 2, 3] = bad
    prepared = prepare_volume(Volume(array, np.eye(4)))
    assert prepared.values[1, 2, 3] == 0.0
    assert prepared.valid.sum() == 23
    assert prepared.valid[1, 2, 3] == 0


def test_missing_slices_count_as_not_valid_with_and_without_a_mask(volume):
    assert (prepare_volume(replace(volume, missing_slices=(2,))).valid.all(axis=(1, 2)) == (np.arange(9) != 2)).all()
    everywhere = np.ones(volume.array.shape, bool)
    prepared = prepare_volume(replace(volume, missing_slices=(2,), valid=everywhere))
    assert not prepared.valid[2].any()
    assert everywhere.all()


def test_where_nothing_has_a_value_there_is_nothing_to_draw(volume):
    prepared = prepare_volume(replace(volume, valid=np.zeros(volume.array.shape, bool)))
    assert not prepared.valid.any()
    assert not prepared.values.any()


def test_a_job_hands_its_volume_over_prepared(volume, monkeypatch):
    def make_job(made):
        yield Progress(0, 1, "Making")
        return made

    strange = Volume(np.ones((2, 2, 2), np.complex64), np.eye(4))
    assert run_to_end(prepared_job(make_job(strange))) is strange
    assert run_to_end(prepared_job(make_job(volume))) is volume
    monkeypatch.setattr("DICOMModule.views.prepared.valid_voxels", None)  # whoever goes through the voxels now fails
    assert prepare_volume(volume).valid is None


def test_numbers_without_grey_values_are_refused():
    with pytest.raises(RenderingError, match="complex64 cannot be shown"):
        prepare_volume(Volume(np.ones((2, 2, 2), np.complex64), np.eye(4)))
