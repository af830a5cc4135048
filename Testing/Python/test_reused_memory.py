"""Memory of volumes is used again when nothing refers to it any more, and never before."""

from __future__ import annotations

import gc
import mmap
import threading
from dataclasses import replace

import factories
import numpy as np
import pytest

from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.errors import VolumeError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job
from DICOMModule.readers.slices import _array_for
from DICOMModule.readers.stack import stack_of
from DICOMModule.views.image_data import image_data
from DICOMModule.volume import reused_memory
from DICOMModule.volume.modality_lut import modality_transform_of
from DICOMModule.volume.planes import plane_of
from DICOMModule.volume.repeats import PlacedFrame
from DICOMModule.volume.reused_memory import POOL, MemoryPool

MIB = 1 << 20
SHAPE = (4, 512, 1024)  # 4 MiB of int16

pytestmark = pytest.mark.skipif(not hasattr(mmap, "MADV_FREE"), reason="this system cannot take kept memory back")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Treat arrays of a few MiB as if they were large ones."""
    monkeypatch.setattr(reused_memory, "LEAST_BYTES", 1 << 10)
    monkeypatch.setattr(reused_memory, "MOST_KEPT_BYTES", 8 * MIB)
    POOL.let_go()
    yield
    gc.collect()
    POOL.let_go()


@pytest.fixture
def pool():
    return MemoryPool()


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_is_given_out_again_once_it_is_free(pool):
    first = pool.empty(SHAPE, np.int16)
    assert (first.shape, first.dtype, type(first)) == (SHAPE, np.int16, np.ndarray)
    assert first.flags.c_contiguous
    assert first.flags.writeable
    first[...] = 7
    first.flags.writeable = False
    at = address(first)
    assert pool.kept_bytes == 0
    del first
    assert pool.kept_bytes == 4 * MIB
    second = pool.empty((4, 256, 1024), np.float32)
    assert address(second) == at
    assert pool.kept_bytes == 0
    second[...] = 1.5
    assert float(second.sum()) == 1.5 * second.size


@pytest.mark.parametrize(
    "hold",
    [
        lambda array: array[1:2, ::3],
        lambda array: array.reshape(-1).view(np.uint8)[5:],
        memoryview,
        lambda array: array.data.cast("B")[7:9],
        lambda array: np.asarray(array.T)[0],
        lambda array: np.frombuffer(array, np.uint8),
        lambda array: image_data(array, (1.0, 1.0, 1.0)),
        lambda array: image_data(array, (1.0, 1.0, 1.0)).GetPointData().GetScalars(),
    ],
)
def test_memory_that_anything_still_shows_is_not_given_out(pool, hold):
    array = pool.empty(SHAPE, np.int16)
    at = address(array)
    held = hold(array)
    del array
    gc.collect()
    assert pool.kept_bytes == 0
    assert address(pool.empty(SHAPE, np.int16)) != at
    pool.let_go()
    del held
    gc.collect()
    image_data(np.zeros((1, 1, 1), np.int16), (1.0, 1.0, 1.0))  # VTK tidies up when it makes something
    gc.collect()
    assert pool.kept_bytes == 4 * MIB


def test_what_does_not_fit_is_not_taken_and_makes_room(pool):
    for asked in ((1, 512, 1024), (8, 512, 1024)):
        del_me = pool.empty(SHAPE, np.int16)
        at = address(del_me)
        del del_me
        other = pool.empty(asked, np.int16)
        assert len(other.reshape(-1)) == np.prod(asked)
        assert address(other) != at or pool.kept_bytes == 0
        assert pool.kept_bytes == 0
        del other
        pool.let_go()


def test_no_more_is_kept_than_may_be_and_not_for_ever(pool, monkeypatch):
    arrays = [pool.empty(SHAPE, np.int16) for _ in range(4)]
    del arrays
    assert pool.kept_bytes == 8 * MIB
    large = pool.empty((12, 512, 1024), np.int16)
    del large
    assert pool.kept_bytes == 0
    kept = pool.empty(SHAPE, np.int16)
    del kept
    monkeypatch.setattr(reused_memory, "KEPT_S", -1.0)
    assert pool.kept_bytes == 4 * MIB
    other = pool.empty((1, 512, 1024), np.int16)
    assert pool.kept_bytes == 0
    del other


def test_small_arrays_are_numpys_own_and_too_large_ones_are_refused(pool):
    small = pool.empty((3, 4), np.uint8)
    assert small.base is None
    del small
    assert pool.kept_bytes == 0
    for shape in ((1 << 46,), (1 << 62, 4)):
        with pytest.raises((MemoryError, ValueError)):
            pool.empty(shape, np.uint8)


def test_threads_never_share_memory(pool):
    wrong = []

    def work(number):
        for turn in range(30):
            array = pool.empty((64, 1024 + 1024 * (turn % 3)), np.int16)
            array[...] = number
            view = array[3:]
            del array
            if not (view == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_volume_in_used_memory_is_what_its_files_say(tmp_path):
    # a missing slice and a padding value: what no file fills is filled all the same
    series = factories.make_series(tmp_path / "a", slices=8, rows=64, columns=64)
    removed = sorted(series.folder.iterdir())[3]
    removed.unlink()
    (loadable,) = examine(headers_of_path(series.folder)[0])
    clean = run_to_end(load_job(loadable))
    expected, valid = clean.array.copy(), clean.valid.copy()
    dirty = POOL.empty(clean.array.shape, clean.array.dtype)
    dirty[...] = 12345
    del clean
    POOL.let_go()
    del dirty
    assert POOL.kept_bytes > 0
    again = run_to_end(load_job(loadable))
    assert POOL.kept_bytes == 0
    assert np.array_equal(again.array, expected)
    assert np.array_equal(again.valid, valid)


def test_places_that_nothing_is_read_into_show_nothing_of_what_was_there_before(tmp_path):
    headers = headers_of_path(factories.make_series(tmp_path, slices=3, rows=32, columns=32).folder)[0]
    whole = stack_of([PlacedFrame(header, plane_of(header)) for header in headers])
    part = replace(whole, frames=whole.frames[:2], fit=replace(whole.fit, order=(0, 1), slots=(0, 1)))
    formats, transforms = list(map(pixel_format_of, headers)), list(map(modality_transform_of, headers))
    dirty = POOL.empty((2, 3, 32, 32), np.int16)
    dirty[...] = 12345
    del dirty
    assert not (_array_for([whole, part], formats, transforms) == 12345).any()
    vast = replace(whole, fit=replace(whole.fit, missing=range(1 << 46)))
    with pytest.raises(VolumeError, match="no memory"):
        _array_for([vast], formats, transforms)
