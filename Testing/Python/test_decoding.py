"""Decoding in child processes: the same values and errors as in this one, and what a bad decoder costs."""

from __future__ import annotations

import ast
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pydicom
import pytest
from factories import base_dataset, set_pixels, write
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, JPEG2000Lossless, JPEGLossless, JPEGLSLossless, RLELossless

from DICOMModule.dicom import decoder_child, decoding
from DICOMModule.dicom.decoder_child import header_of_message, header_to_message
from DICOMModule.dicom.decoding import (
    DecodingPool,
    decode_picture,
    decode_stored_values,
    decoding_pool,
    end_decoding,
)
from DICOMModule.dicom.frame_pixels import read_frame
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.pictures import picture_of
from DICOMModule.errors import DicomFileError, PixelDataError, UnsupportedTransferSyntaxError, VolumeError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, load_job

ROOT = Path(__file__).resolve().parents[2]
FOR_EVER_S = 1000.0
"""A limit that no test lives to see: what has to wait for it fails."""

# A child whose decoder does what the name of the file says, and decodes the others.
ODD = """
import ctypes, os, signal, sys, time
import numpy as np
from DICOMModule.dicom import decoder_child
decode = decoder_child.function_of("stored values")
decoder_child._AFTER_THE_PARENT_S = 0.5
def odd(header):
    name = header.path.name
    if name.startswith("segv"):
        os.kill(os.getpid(), signal.SIGSEGV)
    elif name.startswith("exit"):
        os._exit(3)
    elif name.startswith("sleep"):
        time.sleep(1000)
    elif name.startswith("stuck"):
        ctypes.PyDLL(None).sleep(1000)
    elif name.startswith("bloat"):
        return np.ones(1 << 28)
    elif name.startswith("bug"):
        raise RuntimeError("odd indeed")
    elif name.startswith("print"):
        os.write(1, b"a decoder prints this")
        print("and this", flush=True)
        print("or this", file=sys.stderr)
    elif name.startswith("slow"):
        time.sleep(0.4)
    elif name.startswith("shape"):
        return np.zeros((2, 2), np.uint16)
    return decode(header)
decoder_child.FUNCTIONS["stored values"] = odd
decoder_child.main()
"""

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture
def odd_pool(monkeypatch):
    """Make the shared pool one of odd children, and hold it."""
    made = []

    def make(**options):
        made.append(DecodingPool(program=ODD, **options))
        monkeypatch.setattr(decoding, "_shared", made[-1])
        made[-1].holders += 1
        return made[-1]

    yield make
    for pool in made:
        pool.close()


def compressed(path, stored, syntax=JPEGLSLossless, bits=None, **attributes):
    """Write a compressed image of `stored` and return its header as read."""
    dataset = base_dataset(path.stem, "MR", **attributes)
    set_pixels(dataset, stored, bits or stored.dtype.itemsize * 8)
    if syntax == JPEGLossless:
        import imagecodecs

        frame = imagecodecs.ljpeg_encode(stored, bitspersample=bits or stored.dtype.itemsize * 8)
        return fragment(path, frame, syntax, stored, bits)
    dataset.compress(syntax, generate_instance_uid=False)
    return read_header(write(dataset, path))


def fragment(path, data, syntax, stored, bits=None):
    """Write an image whose one fragment is `data` and return its header as read."""
    dataset = base_dataset(path.stem, "MR")
    set_pixels(dataset, stored, bits or stored.dtype.itemsize * 8)
    dataset.PixelData = encapsulate([data])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return read_header(write(dataset, path))


def frame_of(header):
    """Return the compressed frame of an image."""
    return next(generate_frames(pydicom.dcmread(header.path).PixelData, number_of_frames=1))


def noise(dtype="uint16", bits=12, shape=(32, 48), seed=1):
    signed = dtype.startswith("i")
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    return np.random.default_rng(seed).integers(low, high, shape, endpoint=True).astype(dtype)


def named(tmp_path, *names):
    """Write an image a name, each with values of its own, and return the headers."""
    return [compressed(tmp_path / f"{name}.dcm", noise(seed=seed)) for seed, name in enumerate(names)]


def outcome(function, header):
    """Return the values, or the kind and all words of the error."""
    try:
        return function(header)
    except DicomFileError as error:
        return type(error), error.path, error.reason


def assert_same_outcome(pool, header):
    here, there = outcome(read_frame, header), outcome(pool.stored_values, header)
    if isinstance(here, np.ndarray):
        assert isinstance(there, np.ndarray), there
        assert there.dtype == here.dtype
        assert np.array_equal(there, here)
    else:
        assert there == here


def pids(pool):
    return [child._process.pid for child in pool._living]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition, limit_s=60.0):
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


# -- the same as in this process


def test_every_codec_gives_in_a_child_what_it_gives_here(tmp_path):
    kinds = [("uint16", 12), ("int16", 12), ("int16", 16), ("uint8", 8)]
    with DecodingPool() as pool:
        for index, (syntax, (dtype, bits)) in enumerate(itertools.product((JPEGLSLossless, JPEG2000Lossless), kinds)):
            stored = noise(dtype, bits)
            header = compressed(tmp_path / f"{index}.dcm", stored, syntax, bits)
            assert np.array_equal(pool.stored_values(header), stored)
            assert_same_outcome(pool, header)
        stored = noise(bits=16)
        assert np.array_equal(pool.stored_values(compressed(tmp_path / "jpeg.dcm", stored, JPEGLossless)), stored)
        assert len(pids(pool)) == 1


def test_errors_cross_with_their_kind_their_file_and_their_words(tmp_path):
    stored = noise(bits=16, shape=(8, 8))
    good = compressed(tmp_path / "good.dcm", stored)
    signed = replace(good, attributes={**good.attributes, "BitsStored": 12, "HighBit": 11})
    video = replace(good, transfer_syntax_uid="1.2.840.10008.1.2.4.100")
    garbage = [
        fragment(tmp_path / f"{syntax}.dcm", b"\xff\xd8" + bytes(64), syntax, stored)
        for syntax in (JPEGLSLossless, JPEG2000Lossless, JPEGLossless)
    ]
    cut = fragment(tmp_path / "cut.dcm", frame_of(good)[:-40], JPEGLSLossless, stored)
    gone = replace(good, filename=str(tmp_path / "gone.dcm"))
    with DecodingPool() as pool:
        for header in (signed, video, *garbage, cut, gone):
            assert isinstance(outcome(read_frame, header), tuple)
            assert_same_outcome(pool, header)
        assert outcome(pool.stored_values, video)[0] is UnsupportedTransferSyntaxError


def test_every_real_compressed_file_comes_out_the_same(real_data):
    compared = 0
    with DecodingPool() as pool:
        for path in sorted(real_data.rglob("*")):
            try:
                header = read_header(path)
            except (DicomFileError, OSError):
                continue
            if not UID(header.transfer_syntax_uid).is_compressed:
                continue
            assert_same_outcome(pool, header)
            compared += 1
    assert compared > 20


def test_a_child_answers_with_values_an_error_of_the_file_or_a_bug(tmp_path, monkeypatch):
    (good,) = named(tmp_path, "good")
    broken = fragment(tmp_path / "broken.dcm", frame_of(good)[:-400], JPEGLSLossless, noise())
    gone = replace(good, filename=str(tmp_path / "gone.dcm"))

    def ask(header, function="stored values"):
        return decoder_child.answer({"function": function, "header": header_to_message(header), "arguments": ()})

    reply, values = ask(good)
    assert reply == {"shape": (32, 48), "dtype": "<u2"}
    assert np.array_equal(values, noise(seed=0))
    assert ask(good, "picture")[1].dtype == np.uint8
    for header, spoiled in ((broken, True), (gone, False)):
        reply, values = ask(header)
        assert (reply["error"], reply["path"], reply["spoiled"]) == ("PixelDataError", os.fspath(header.path), spoiled)
        assert values is None
    for raised, key, told in ((MemoryError(), "reason", "more memory"), (KeyError("odd"), "bug", "KeyError: 'odd'")):
        monkeypatch.setitem(decoder_child.FUNCTIONS, "stored values", Mock(side_effect=raised))
        reply, values = ask(good)
        assert told in reply[key]
        assert values is None


def test_values_go_into_the_array_that_is_given(tmp_path):
    (header,) = named(tmp_path, "plain")
    volume = np.zeros((3, 32, 48), np.uint16)
    with DecodingPool() as pool:
        assert pool.stored_values(header, volume[1]).base is volume
        with pytest.raises(ValueError, match="do not go into"):
            pool.stored_values(header, np.zeros((32, 48), np.float32))
    assert np.array_equal(volume[1], noise(seed=0))
    assert not volume[[0, 2]].any()


def test_a_header_crosses_as_it_is(tmp_path):
    (header,) = named(tmp_path, "plain")
    odd = replace(
        header,
        filename=str(tmp_path / os.fsdecode(b"caf\xe9\n.dcm")),
        notes=("odd",),
        attributes={**header.attributes, "PatientName": "Ä^Ö\\x", "Numbers": (1, 2.5), "One": 1, "Real": 0.1},
    )
    crossed = header_of_message(json.loads(json.dumps(header_to_message(odd))))
    assert crossed == replace(odd, notes=())
    assert isinstance(crossed.attributes["Numbers"], tuple)
    assert isinstance(crossed.attributes["One"], int)


def test_a_picture_of_compressed_data_is_made_in_a_child(tmp_path):
    header = compressed(tmp_path / "picture.dcm", noise(shape=(64, 40)))
    garbage = fragment(tmp_path / "garbage.dcm", b"\xff\xd8" + bytes(64), JPEGLSLossless, noise())
    asked = (1, 32, (2000.0, 900.0))
    with decoding_pool() as pool:
        assert np.array_equal(decode_picture(header, *asked), picture_of(header, *asked))
        assert pids(pool)
        with pytest.raises(PixelDataError, match=r"garbage\.dcm: its pixel data"):
            decode_picture(garbage)


def test_what_needs_no_native_decoder_needs_no_child(tmp_path):
    plain = base_dataset("plain", "MR")
    set_pixels(plain, noise(), 12)
    headers = [read_header(write(plain, tmp_path / "plain.dcm")), compressed(tmp_path / "r.dcm", noise(), RLELossless)]
    with DecodingPool(program="raise SystemExit(9)") as pool:
        for header in headers:
            assert np.array_equal(pool.stored_values(header), noise())
            assert pool.picture(header, 1, 16).shape == (11, 16)
        assert not pids(pool)


# -- bad decoders


@on_posix
def test_a_crash_costs_its_frame_and_no_other(tmp_path):
    first, crash, leaves, last = named(tmp_path, "first", "segv", "exit", "last")
    with DecodingPool(program=ODD, children=1) as pool:
        assert np.array_equal(pool.stored_values(first), noise(seed=0))
        with pytest.raises(PixelDataError, match=r"segv\.dcm: the decoder crashed on this frame \(SIGSEGV\)"):
            pool.stored_values(crash)
        with pytest.raises(PixelDataError, match=r"exit\.dcm: the decoder crashed on this frame \(exit code 3\)"):
            pool.stored_values(leaves)
        assert np.array_equal(pool.stored_values(last), noise(seed=3))


@on_posix
@pytest.mark.parametrize("name", ["sleep", "stuck"])
def test_a_decoder_that_hangs_is_ended_after_its_time(tmp_path, name):
    hang, plain = named(tmp_path, name, "plain")
    with DecodingPool(program=ODD, limit_s=0.3) as pool:
        with pytest.raises(PixelDataError, match=r"had not finished this frame after 0\.3 s and was ended"):
            pool.stored_values(hang)
        assert not pids(pool)
    with DecodingPool(program=ODD) as pool:
        assert np.array_equal(pool.stored_values(plain), noise(seed=1))


def test_a_frame_that_keeps_its_decoder_busy_for_long_is_ended(tmp_path):
    # CharLS works for a quarter of a minute, with the GIL held, on these few bytes
    good = compressed(tmp_path / "good.dcm", noise(bits=16, shape=(8, 8)))
    cut = fragment(tmp_path / "cut.dcm", frame_of(good)[:-90], JPEGLSLossless, noise(bits=16, shape=(8, 8)))
    with DecodingPool(limit_s=0.5) as pool, pytest.raises(PixelDataError, match=r"was ended|cannot be decoded"):
        pool.stored_values(cut)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the platform does not limit memory")
def test_a_decoder_that_wants_too_much_memory_is_refused_it(tmp_path):
    bloat, plain = named(tmp_path, "bloat", "plain")
    with DecodingPool(program=ODD, memory_bytes=1 << 28) as pool:
        with pytest.raises(PixelDataError, match="takes more memory than there is"):
            pool.stored_values(bloat)
        assert np.array_equal(pool.stored_values(plain), noise(seed=1))


def test_a_decoder_may_print(tmp_path):
    (header,) = named(tmp_path, "print")
    with DecodingPool(program=ODD) as pool:
        assert np.array_equal(pool.stored_values(header), noise(seed=0))


def test_a_bug_in_a_child_is_a_bug_here(tmp_path):
    bug, shape = named(tmp_path, "bug", "shape")
    with DecodingPool(program=ODD) as pool:
        with pytest.raises(RuntimeError, match="odd indeed"):
            pool.stored_values(bug)
        with pytest.raises(RuntimeError, match=r"returned uint16 \(2, 2\)"):
            pool.stored_values(shape)


@pytest.mark.parametrize(
    "reply",
    ["b'no message at all'", "b'\\xff\\xff\\xff\\xff'", "b'\\2\\0\\0\\0[]'", "b'\\xff\\0\\0\\0{'", "b''"],
)
def test_a_child_that_talks_nonsense_is_one_that_crashed(tmp_path, reply):
    (header,) = named(tmp_path, "plain")
    program = f"""
import os, sys
from DICOMModule.dicom.child_messages import read_message, write_message
write_message(sys.stdout.buffer, {{"ready": True}})
read_message(sys.stdin.buffer)
write_message(sys.stdout.buffer, {{"begun": True}})
os.write(1, {reply})
"""
    with DecodingPool(program=program) as pool, pytest.raises(PixelDataError, match="the decoder crashed"):
        pool.stored_values(header)


def test_a_child_that_cannot_be_started_is_said(tmp_path, monkeypatch):
    (header,) = named(tmp_path, "plain")
    with DecodingPool(program="raise SystemExit(9)") as pool:
        with pytest.raises(PixelDataError, match=r"could not be started \(exit code 9\)"):
            pool.stored_values(header)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
        with pytest.raises(PixelDataError, match=r"could not be started \(No such file"):
            pool.stored_values(header)


def test_a_child_in_which_a_decoder_failed_is_not_trusted_with_another_frame(tmp_path):
    (good,) = named(tmp_path, "good")
    broken = fragment(tmp_path / "broken.dcm", frame_of(good)[:-400], JPEGLSLossless, noise())
    gone = replace(good, filename=str(tmp_path / "gone.dcm"))
    with DecodingPool(children=1) as pool:
        pool.stored_values(good)
        first = pids(pool)
        with pytest.raises(PixelDataError, match="file cannot be read"):
            pool.stored_values(gone)
        assert pids(pool) == first
        with pytest.raises(PixelDataError, match="cannot be decoded"):
            pool.stored_values(broken)
        assert not pids(pool)
        assert np.array_equal(pool.stored_values(good), noise(seed=0))


@on_posix
def test_a_child_that_died_while_it_waited_costs_no_frame(tmp_path):
    (header,) = named(tmp_path, "plain")
    with DecodingPool(children=1) as pool:
        pool.stored_values(header)
        (pid,) = pids(pool)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid))
        assert np.array_equal(pool.stored_values(header), noise(seed=0))
        assert pids(pool) != [pid]


def test_a_child_that_dies_with_a_request_it_has_not_begun_costs_no_frame(tmp_path):
    (header,) = named(tmp_path, "plain")
    died = tmp_path / "died"
    program = f"""
import sys
from pathlib import Path
from unittest.mock import Mock
from DICOMModule.dicom.child_messages import read_message, write_message
from DICOMModule.dicom.decoder_child import main
if not Path({str(died)!r}).exists():
    Path({str(died)!r}).touch()
    write_message(sys.stdout.buffer, {{"ready": True}})
    read_message(sys.stdin.buffer)
    raise SystemExit(0)
main()
"""
    with DecodingPool(program=program, children=1) as pool:
        assert np.array_equal(pool.stored_values(header), noise(seed=0))
    assert died.exists()


def test_children_that_never_begin_are_said_to_end_by_themselves(tmp_path):
    (header,) = named(tmp_path, "plain")
    program = """
import sys
from DICOMModule.dicom.child_messages import read_message, write_message
write_message(sys.stdout.buffer, {"ready": True})
read_message(sys.stdin.buffer)
"""
    with DecodingPool(program=program) as pool, pytest.raises(PixelDataError, match="end by themselves"):
        pool.stored_values(header)


# -- the pool


def test_frames_are_read_in_order_whichever_is_done_first(tmp_path):
    names = ["slow0", "a", "slow1", "b", "c", "slow2", "d"]
    headers = named(tmp_path, *names)
    with DecodingPool(program=ODD, children=2) as pool, pool.ahead(headers) as ahead:
        for index in range(len(headers)):
            assert np.array_equal(ahead.read(index), noise(seed=index)), names[index]


def test_threads_share_the_children(tmp_path):
    headers = named(tmp_path, *"abcdefgh")
    with DecodingPool(children=2) as pool, ThreadPoolExecutor(6) as threads:
        for _ in range(5):
            for index, values in enumerate(threads.map(pool.stored_values, headers)):
                assert np.array_equal(values, noise(seed=index))
        assert len(pids(pool)) <= 2


def test_the_pool_is_one_as_long_as_somebody_holds_it(tmp_path):
    (header,) = named(tmp_path, "plain")
    with decoding_pool() as outer:
        decode_stored_values(header)
        first = pids(outer)
        assert len(first) == 1
        with decoding_pool() as inner:
            assert inner is outer
        decode_stored_values(header)
        assert pids(outer) == first
    assert not pids(outer)
    with decoding_pool() as later:
        assert later is not outer


def test_closing_ends_what_is_being_decoded_and_whoever_waits_is_told(tmp_path):
    hang, waiting, after = named(tmp_path, "sleep", "waiting", "after")
    pool = DecodingPool(program=ODD, children=1, limit_s=FOR_EVER_S)
    with ThreadPoolExecutor(2) as threads:
        futures = [threads.submit(pool.stored_values, header) for header in (hang, waiting)]
        wait_until(lambda: pids(pool))
        pool.close()
        for future in futures:
            with pytest.raises(PixelDataError, match="was ended before"):
                future.result()
    with pytest.raises(PixelDataError, match="was ended before"):
        pool.stored_values(after)
    pool.close()
    assert not pids(pool)


def test_a_program_that_closes_need_not_wait_for_a_decoder_that_hangs(odd_pool, tmp_path):
    (hang,) = named(tmp_path, "sleep")
    pool = odd_pool(limit_s=FOR_EVER_S)
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(decode_stored_values, hang)
        wait_until(lambda: pids(pool))
        end_decoding()
        with pytest.raises(PixelDataError, match="was ended before"):
            future.result()
    assert not pids(pool)


def test_to_end_decoding_where_nothing_is_decoded_does_nothing(tmp_path):
    end_decoding()
    (header,) = named(tmp_path, "plain")
    assert np.array_equal(decode_stored_values(header), noise(seed=0))


# -- loading


def made_series(series_factory, folder, syntax=JPEGLSLossless):
    def compress(dataset, _):
        dataset.compress(syntax, generate_instance_uid=False)

    return series_factory(folder, slices=6, rows=24, columns=20, edit=compress)


def loadable_of(folder):
    headers = [read_header(path) for path in sorted(folder.iterdir())]
    (loadable,) = examine(headers)
    return loadable


def test_a_compressed_series_loads_as_an_uncompressed_one_does(series_factory):
    plain = series_factory("plain", slices=6, rows=24, columns=20)
    packed = made_series(series_factory, "packed")
    expected = run_to_end(load_job(loadable_of(plain.folder)))
    texts, job = [], load_job(loadable_of(packed.folder))
    while True:
        try:
            texts.append(next(job))
        except StopIteration as stop:
            volume = stop.value
            break
    assert np.array_equal(volume.array, expected.array)
    assert volume.array.dtype == expected.array.dtype
    done = [progress.done for progress in texts]
    assert done == sorted(done)
    assert set(done) == set(range(7))


def test_copies_of_a_slice_are_compared_in_children(tmp_path, series_factory):
    packed = made_series(series_factory, "packed")
    source = min(packed.folder.iterdir())
    same = pydicom.dcmread(source)
    same.SOPInstanceUID = same.file_meta.MediaStorageSOPInstanceUID = f"{same.SOPInstanceUID}.1"
    same.save_as(packed.folder / "same.dcm")
    assert run_to_end(load_job(loadable_of(packed.folder))).array.shape == (6, 24, 20)
    same.decompress()
    same.PixelData = bytes(len(same.PixelData))
    same.compress(JPEGLSLossless, generate_instance_uid=False)
    same.save_as(packed.folder / "same.dcm")
    with pytest.raises(VolumeError, match="same position but different pixels"):
        run_to_end(load_job(loadable_of(packed.folder)))


@on_posix
def test_a_load_stops_at_the_frame_that_crashes_its_decoder(odd_pool, series_factory):
    packed = made_series(series_factory, "packed")
    pool = odd_pool()
    path = sorted(packed.folder.iterdir())[2]
    path.rename(path.with_name("segv.dcm"))
    with pytest.raises(PixelDataError, match=r"segv\.dcm: the decoder crashed on this frame"):
        run_to_end(load_job(loadable_of(packed.folder)))
    path.with_name("segv.dcm").rename(path)
    assert run_to_end(load_job(loadable_of(packed.folder))).array.shape == (6, 24, 20)
    assert pids(pool)


def test_a_load_that_waits_for_a_decoder_that_hangs_can_be_cancelled(odd_pool, series_factory):
    packed = made_series(series_factory, "packed")
    pool = odd_pool(limit_s=FOR_EVER_S)
    paths = sorted(packed.folder.iterdir())
    for number, path in enumerate(paths):
        path.rename(path.with_name(f"sleep{number}.dcm"))
    job = load_job(loadable_of(packed.folder))
    seen = [next(job) for _ in range(4)]
    assert {progress.done for progress in seen} == {0}
    wait_until(lambda: len(pids(pool)) == pool.children)
    hanging = pids(pool)
    job.close()
    assert not set(pids(pool)) & set(hanging)
    assert pool.holders == 1


# -- the life of a child

PARENT = """
import sys, threading, time
sys.path.insert(0, {root!r})
from pathlib import Path
from unittest.mock import Mock
from DICOMModule.dicom.decoding import DecodingPool
from DICOMModule.dicom.header_reader import read_header
pool = DecodingPool(program={odd!r}, children=1, limit_s=5.0)
pool.stored_values(read_header(Path({plain!r})))
if {hang!r}:
    threading.Thread(target=pool.stored_values, args=(read_header(Path({hang!r})),), daemon=True).start()
    while pool._idle:
        time.sleep(0.01)
    time.sleep(0.2)
print(*(child._process.pid for child in pool._living), flush=True)
time.sleep(1000)
"""


@on_posix
@pytest.mark.parametrize("at", ["", "sleep", "stuck"])
def test_children_end_with_their_parent_even_if_it_is_killed(tmp_path, at):
    plain, hang = (str(header.path) for header in named(tmp_path, "plain", at or "unused"))
    code = PARENT.format(root=str(ROOT), odd=ODD, plain=plain, hang=at and hang)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    wait_until(lambda: not is_alive(pid))


MAIN = """
import sys
print("main has run")
sys.path.insert(0, {root!r})
from pathlib import Path
from unittest.mock import Mock
from DICOMModule.dicom.decoding import decode_stored_values
from DICOMModule.dicom.header_reader import read_header
print(decode_stored_values(read_header(Path({path!r}))).sum())
"""


def test_a_child_does_not_run_the_main_program_again(tmp_path):
    (header,) = named(tmp_path, "plain")
    script = tmp_path / "script.py"
    script.write_text(MAIN.format(root=str(ROOT), path=str(header.path)), "utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n") == ["main has run", str(noise(seed=0).sum()), ""]
    assert (done.returncode, done.stderr) == (0, "")


@on_posix
def test_an_interrupt_from_the_terminal_is_not_for_children(tmp_path):
    (header,) = named(tmp_path, "plain")
    with DecodingPool(children=1) as pool:
        pool.stored_values(header)
        assert [os.getpgid(pid) for pid in pids(pool)] == pids(pool)


def test_nobody_above_decodes_past_the_children():
    named_here = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "DICOMModule").rglob("*.py")
        if path.parent.name != "dicom"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        and {alias.name for alias in node.names}
        & {"read_stored_values", "read_frame", "read_any_frame", "picture_of", "decode_jpeg"}
    ]
    assert not named_here


def test_threads_of_a_pool_end_with_it(tmp_path):
    (header,) = named(tmp_path, "plain")
    before = set(threading.enumerate())
    with DecodingPool() as pool:
        pool.stored_values(header)
        assert set(threading.enumerate()) - before
    assert not set(threading.enumerate()) - before
