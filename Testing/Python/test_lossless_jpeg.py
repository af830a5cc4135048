"""Lossless JPEG by the fast decoder: taken only where a decoder that knows of nothing but the standard gets the same."""

from __future__ import annotations

import random

import imagecodecs
import numpy as np
import pytest

from DICOMModule.dicom.lossless_jpeg import decode_lossless, read_scan

SHAPES = [(12, 20), (17, 5), (1, 40), (40, 1)]


class BrokenError(Exception):
    """The coded data end, or are no code."""


def picture(number):
    rng = np.random.default_rng(number)
    rows, columns = SHAPES[number % len(SHAPES)]
    row, column = np.mgrid[:rows, :columns]
    values = (
        600 + 300 * np.sin(row / 7) * np.cos(column / 9) + rng.normal(0, (0, 1, 8, 200)[number // 4 % 4], row.shape)
    )
    values = values.clip(0, 4095).astype(np.uint16)
    return np.where(column < columns / 2, values, 0) if number % 2 else values


def encoded(values, bits=16):
    return imagecodecs.jpeg8_encode(values.astype(np.uint16), lossless=True, predictor=1, bitspersample=bits)


PICTURES = [picture(number).astype(np.uint16) for number in range(16)]
FRAMES = [encoded(values) for values in PICTURES]


def by_the_book(frame, shape):
    """Decode bit by bit (ISO/IEC 10918-1 F.2.2.3, H.2); raise where a code is none or the data end."""
    at = frame.index(b"\xff\xc4")
    counts, symbols = frame[at + 5 : at + 21], frame[at + 21 :]
    codes, code, number = {}, 0, 0
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            codes[f"{code:0{length}b}"] = symbols[number]
            code, number = code + 1, number + 1
        code <<= 1
    begin, end = frame.index(b"\xff\xda") + 10, len(frame) - 2
    data = frame[begin:end].rstrip(b"\xff").replace(b"\xff\x00", b"\xff")
    bits, place = "".join(f"{byte:08b}" for byte in data), 0
    values = np.zeros(shape, np.uint16)
    for row, column in np.ndindex(*shape):
        length = next((n for n in range(1, 17) if bits[place : place + n] in codes), 0)
        category = codes.get(bits[place : place + length], 0)
        extra = category if category < 16 else 0
        if not length or place + length + extra > len(bits):
            raise BrokenError
        more = bits[place + length : place + length + extra]
        place += length + extra
        difference = 32768 if category == 16 else int(more or "0", 2)
        if more and more[0] == "0":
            difference -= (1 << category) - 1
        before = values[row, column - 1] if column else values[row - 1, 0] if row else 1 << 15
        values[row, column] = int(before) + difference & 0xFFFF
    return values


def broken(frame, rng):
    """Return a frame of which something in its coded data is other than it was."""
    begin, end = frame.index(b"\xff\xda") + 10, len(frame) - 2
    data, at = bytearray(frame), rng.randrange(begin, end)
    kind = rng.randrange(6)
    if kind == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del data[at:end]
    elif kind == 2:
        del data[at : at + rng.randint(1, 3)]
    elif kind == 3:
        data[at:at] = rng.randbytes(rng.randint(1, 3))
    elif kind == 4:
        data[at : at + 3] = b"\xff\x00\xff"[: rng.randint(2, 3)]
    else:
        data[at : rng.randint(at, end)] = bytes((rng.choice((0, 0xFE, 0x7F)),)) * rng.randint(1, 8)
    return bytes(data)


@pytest.mark.parametrize("number", range(16))
def test_a_whole_frame_is_worth_exactly_the_bits_that_are_there(number):
    values, frame = PICTURES[number], FRAMES[number]
    scan = read_scan(frame)
    assert np.array_equal(by_the_book(frame, values.shape), values)
    if scan is None:  # a code of sixteen ones may be in it
        assert b"\xff\x00" in frame
    else:
        assert scan.is_exactly(values)
        assert np.array_equal(imagecodecs.jpeg8_decode(scan.marked), values)
    assert np.array_equal(decode_lossless(frame), values)


def test_most_frames_go_the_fast_way():
    assert sum(read_scan(frame) is not None for frame in FRAMES) >= 12


def test_what_is_taken_of_broken_frames_is_what_the_standard_says():
    rng, taken, left = random.Random(20), 0, 0
    for _ in range(3000):
        number = rng.randrange(len(FRAMES))
        frame, shape = broken(FRAMES[number], rng), PICTURES[number].shape
        scan = read_scan(frame)
        if scan is None:
            continue
        samples = imagecodecs.jpeg8_decode(scan.marked)
        if scan.is_exactly(samples):
            assert np.array_equal(by_the_book(frame, shape), samples)
            taken += 1
        else:
            left += 1
    assert taken > 200
    assert left > 1000


def test_a_code_that_is_none_is_not_taken_even_where_what_follows_comes_out_even():
    values = np.zeros((1, 40), np.uint16)
    values[0, 20:] = 4096
    frame = encoded(values)
    begin, end = frame.index(b"\xff\xda") + 10, len(frame) - 2
    refused = 0
    for at in range(begin, end):
        for bit in range(8):
            data = bytearray(frame)
            data[at] ^= 1 << bit
            scan = read_scan(bytes(data))
            if scan is None:
                continue
            samples = imagecodecs.jpeg8_decode(scan.marked)
            if scan.is_exactly(samples):
                assert np.array_equal(by_the_book(bytes(data), values.shape), samples)
            else:
                refused += 1
    assert refused


@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
def test_a_frame_that_is_cut_and_ended_by_hand_is_refused(share):
    values = np.random.default_rng(3).integers(0, 4096, (64, 64)).astype(np.uint16)
    frame = encoded(values)
    begin = frame.index(b"\xff\xda") + 10
    cut = frame[: begin + int(share * (len(frame) - begin))] + b"\xff\xd9"
    with pytest.raises((ValueError, RuntimeError)):
        decode_lossless(cut)


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("predictor", [1, 2, 4, 7])
def test_every_predictor_and_precision_gives_back_what_went_in(bits, predictor):
    values = np.random.default_rng(bits).integers(0, 1 << bits, (30, 50)).astype(np.uint16)
    frame = imagecodecs.jpeg8_encode(values, lossless=True, predictor=predictor, bitspersample=bits)
    assert np.array_equal(decode_lossless(frame), values)
    assert predictor == 1 or read_scan(frame) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame[:-2],
        lambda frame: frame.replace(b"\xff\xda", b"\xff\xdd\x00\x04\x00\x10\xff\xda"),
        lambda frame: frame.replace(b"\xff\xc4", b"\xff\xc5"),
        lambda frame: frame[:-2] + b"\xff\xd0\xff\xd9",
        lambda _: b"\xff\xd8\xff\xd9",
        lambda _: b"",
    ],
)
def test_what_is_out_of_the_ordinary_does_not_go_the_fast_way(change):
    assert read_scan(change(FRAMES[0])) is None
