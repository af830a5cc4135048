"""What is written over a view: strings and numbers; and that the painter keeps them apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.scene import Scene, VolumeDisplay
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.orientation import AXIAL, ORIENTATIONS, is_oblique, slice_stack
from DICOMModule.views.overlay import (
    age_text,
    date_text,
    person_name,
    place_text,
    ruler,
    slice_overlay,
    time_text,
    turn_text,
    volume_overlay,
    window_text,
)
from DICOMModule.views.slab import Slab
from DICOMModule.volume.volume import Volume, Window
from DICOMModule.widgets.overlay_painter import OverlayPainter
from DICOMModule.widgets.qt import QImage, QPainter, QRectF
from DICOMModule.widgets.qt_application import application
from DICOMModule.widgets.views.pointer_reading import value_text

ATTRIBUTES = {
    "PatientName": "Doe^Jane^Q", "PatientID": "P-1", "PatientBirthDate": "19801231", "PatientAge": "045Y", "PatientSex": "F",
    "StudyDate": "20260309", "StudyTime": "101530.25", "StudyDescription": "Thorax", "AccessionNumber": "A7",
    "InstitutionName": "Clinic", "Modality": "CT", "KVP": "120", "XRayTubeCurrent": "300", "ExposureTime": "800",
    "SliceThickness": "5.0", "LossyImageCompression": "01", "LossyImageCompressionRatio": "8.5",
}  # fmt: skip


def node_of(attributes=ATTRIBUTES, **options):
    header = None if attributes is None else InstanceHeader(Path("/x"), 1, 1, "", attributes)
    volume = Volume(
        np.zeros((10, 40, 50), np.int16), np.diag([0.5, 0.5, 2.5, 1.0]), name="3: Thin", source=header, **options
    )
    return Scene().add_volume(volume, display=VolumeDisplay(Window(40.0, 400.0, "CT soft tissue")))


def overlay_of(node, width=800, height=500, position=(12.5, 10.0, 12.5), orientation=AXIAL):
    view = ViewGeometry(width, height, 0.25, position, orientation.right_lps, orientation.up_lps)
    return slice_overlay(node, orientation, view, slice_stack(node.volume, orientation), position)


def test_the_corners_say_who_what_and_how():
    text = overlay_of(node_of()).text
    assert text.top_left == ("Doe, Jane Q", "P-1", "1980-12-31  45 years  F")
    assert text.top_right == ("2026-03-09  10:15", "Thorax", "Accession A7", "Clinic")
    assert text.bottom_left == ("Slice 5/10  S 12.5 mm", "W 400  L 40  CT soft tissue", "Zoom 200 %")
    assert text.bottom_right == (
        "3: Thin", "CT  120 kV  240 mAs", "5 mm thick  2.5 mm apart", "Lossy compression 8.5 : 1",
    )  # fmt: skip


def test_mr_is_described_by_its_times():
    text = overlay_of(node_of({"Modality": "MR", "RepetitionTime": "2300", "EchoTime": "2.98"})).text
    assert text.bottom_right[1] == "MR  TR 2300 ms  TE 2.98 ms"


def test_what_is_not_known_leaves_no_line():
    assert overlay_of(node_of({})).text.top_left == ()
    assert overlay_of(node_of(None)).text.top_right == ()
    assert overlay_of(node_of({"PatientBirthDate": "", "PatientID": "7"})).text.top_left == ("7",)


@pytest.mark.parametrize(
    ("size", "lines"),
    [((800, 500), (3, 4, 3, 4)), ((398, 295), (2, 2, 3, 1)), ((200, 150), (0, 0, 1, 0)), ((100, 80), (0, 0, 0, 0))],
)
def test_a_smaller_view_says_less(size, lines):
    text = overlay_of(node_of(), *size).text
    assert tuple(map(len, (text.top_left, text.top_right, text.bottom_left, text.bottom_right))) == lines


def test_text_of_a_file_is_one_plain_line():
    text = overlay_of(node_of({"PatientName": "<b>Doe</b>\x1b[31m\nJr^X\u202e", "StudyDescription": "a\nb"})).text
    assert text.top_left[0] == "<b>Doe</b>\\x1b[31m\\x0aJr, X\\u202e"
    assert text.top_right[0] == "a\\x0ab"


@pytest.mark.parametrize(("written", "shown"), [
    ("Doe^Jane", "Doe, Jane"), ("Doe", "Doe"), ("^Jane", "Jane"), ("", ""), ("^^^^", ""), ("Doe^Jane^Q^Dr^MD", "Doe, Jane Q Dr MD"),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou"), ("=山田^太郎=やまだ^たろう", "山田, 太郎"),
])  # fmt: skip
def test_names_are_written_with_the_family_name_first(written, shown):
    assert person_name(written) == shown


def test_dates_times_and_ages_are_written_for_people_or_left_alone():
    assert (date_text("20260309"), date_text("2026.03.09"), date_text("spring")) == (
        "2026-03-09",
        "2026-03-09",
        "spring",
    )
    assert (time_text("101530"), time_text("10:15"), time_text("1015"), time_text("10")) == (
        "10:15",
        "10:15",
        "10:15",
        "10",
    )
    assert (age_text("007D"), age_text("018M"), age_text("young")) == ("7 days", "18 months", "young")


@pytest.mark.parametrize(("axis", "position", "text"), [
    ((0.0, 0.0, -1.0), (1.0, 2.0, -112.5), "I 112.5 mm"), ((0.0, 0.0, -1.0), (1.0, 2.0, 7.04), "S 7.0 mm"),
    ((1.0, 0.0, 0.0), (-3.0, 2.0, 7.0), "R 3.0 mm"), ((0.0, 1.0, 0.0), (-3.0, 2.0, 7.0), "P 2.0 mm"),
    ((0.0, 1.0, 0.0), (0.0, -0.01, 0.0), "P 0.0 mm"),
])  # fmt: skip
def test_a_place_has_a_letter_and_never_a_sign(axis, position, text):
    assert place_text(axis, position) == text


@pytest.mark.parametrize(("mm_per_pixel", "side", "text"), [
    (0.5, 800, "50 mm"), (0.25, 800, "20 mm"), (1.0, 417, "100 mm"), (1.0, 416, "50 mm"), (0.001, 400, "0.05 mm"), (10.0, 1000, "2000 mm"),
])  # fmt: skip
def test_a_ruler_has_a_round_length_and_stays_in_its_quarter(mm_per_pixel, side, text):
    made = ruler(mm_per_pixel, side)
    assert made.text == text
    assert made.length_px * mm_per_pixel == pytest.approx(float(text.split()[0]))
    assert 0.24 * side / 2.5 <= made.length_px <= 0.24 * side + 1e-6


def test_without_spacing_the_ruler_counts_pixels():
    assert ruler(1.0, 800, calibrated=False).text == "100 px"


@pytest.mark.parametrize(("name", "vertical", "horizontal"), [
    ("axial", "sagittal", "coronal"), ("coronal", "sagittal", "axial"), ("sagittal", "coronal", "axial"),
])  # fmt: skip
def test_the_crosshair_is_where_the_other_planes_cut(name, vertical, horizontal):
    overlay = overlay_of(node_of(), 301, 200, orientation=ORIENTATIONS[name])
    lines = [(line.view, line.right, line.down) for line in overlay.crosshair.lines]
    assert lines == [(vertical, 0.0, 1.0), (horizontal, 1.0, 0.0)]
    assert (overlay.crosshair.x_px, overlay.crosshair.y_px) == pytest.approx((150.5, 100.0))


def test_warnings_stand_in_the_view_and_a_small_view_leaves_them_out():
    node = node_of(warnings=("2 of 12 slices missing.",))
    assert overlay_of(node).warnings == ("2 of 12 slices missing.",)
    assert overlay_of(node, 200, 150).warnings == ()


def test_the_volume_view_names_its_preset_and_shows_the_axes():
    view = ViewGeometry(400, 300, 1.0, (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    overlay = volume_overlay(node_of(), view, "CT bone")
    assert overlay.text.bottom_right == ("CT bone",)
    # From the front: L points to the right, P away from the eye, S upward.
    assert [(letter, *map(round, parts)) for letter, *parts in overlay.axes] == [
        ("L", 1, 0, 0),
        ("P", 0, 0, -1),
        ("S", 0, 1, 0),
    ]


class Recorder(OverlayPainter):
    """Keeps the box of every text instead of looking at pixels."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.boxes = []

    def _paint_text(self, baseline, text, color, font=None):
        from DICOMModule.widgets.qt import QFontMetricsF

        if text:
            metrics = QFontMetricsF(font or self._font)
            width = metrics.horizontalAdvance(text)
            self.boxes.append(
                (text, QRectF(baseline.x(), baseline.y() - metrics.ascent(), width, metrics.height() - 0.01))
            )
        super()._paint_text(baseline, text, color, font)


LONG = dict.fromkeys(
    ("PatientName", "PatientID", "StudyDescription", "InstitutionName"), "Wolfeschlegelsteinhausen" * 3
)


@pytest.mark.parametrize(
    "size", [(400, 400), (398, 295), (262, 202), (480, 320), (800, 500), (500, 1000), (1600, 1000), (130, 95)]
)
@pytest.mark.parametrize("attributes", [ATTRIBUTES, {**ATTRIBUTES, **LONG}], ids=["usual", "long"])
def test_no_text_overlaps_another_or_leaves_the_view(size, attributes):
    application()
    node = node_of(
        attributes, warnings=("3 of 90 slices missing (after z=−112.5), and this sentence goes on and on.",) * 2
    )
    image = QImage(*size, QImage.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    recorder = Recorder(painter, QRectF(0, 0, *size))
    recorder.paint(overlay_of(node, *size))
    painter.end()
    if size[0] >= 260:
        assert len(recorder.boxes) >= 10
    view = QRectF(0, 0, *size)
    for number, (text, box) in enumerate(recorder.boxes):
        assert view.contains(box), text
        for other, box_of_other in recorder.boxes[:number]:
            assert not box.intersects(box_of_other), (text, other)


@pytest.mark.parametrize("paper", [0x000000, 0xFFFFFF, 0x808080])
def test_text_has_contrast_on_any_picture(paper):
    application()
    image = QImage(800, 500, QImage.Format_RGB32)
    image.fill(paper)
    painter = QPainter(image)
    OverlayPainter(painter, QRectF(0, 0, 800, 500)).paint(overlay_of(node_of()))
    painter.end()
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    name = np.frombuffer(bits, np.uint8).reshape(500, 800, 4)[8:24, 8:90, 1].astype(float)
    assert name.max() - name.min() > 120


def test_a_slab_is_named_wherever_its_slice_is():
    node = node_of()
    view = ViewGeometry(800, 500, 0.25, (12.5, 10.0, 12.5), AXIAL.right_lps, AXIAL.up_lps)
    slices = slice_stack(node.volume, AXIAL)
    for size, lines in [((800, 500), 4), ((398, 295), 4), ((200, 150), 2)]:
        overlay = slice_overlay(node, AXIAL, view.resized(*size), slices, (12.5, 10.0, 12.5), slab=Slab(10.0, "mip"))
        assert overlay.text.bottom_left[1] == "MIP 10 mm"
        assert len(overlay.text.bottom_left) == lines


@pytest.mark.parametrize(("change", "text"), [
    (lambda view: view, ""), (lambda view: view.turned(90.0), "turned 90°"), (lambda view: view.turned(-30.0), "turned 330°"),
    (lambda view: view.flipped_horizontally(), "mirrored"), (lambda view: view.flipped_vertically(), "turned 180°  mirrored"),
    (lambda view: replace(view, right_lps=(0.8, 0.0, 0.6)), "oblique"),
])  # fmt: skip
def test_a_view_that_does_not_lie_as_usual_says_so(change, text):
    for name, orientation in ORIENTATIONS.items():
        view = ViewGeometry(800, 500, 0.25, (0.0, 0.0, 0.0), orientation.right_lps, orientation.up_lps)
        if text != "oblique" or name == "axial":
            assert turn_text(name, change(view)) == text


def painted(overlay, width, height):
    """Return every text that is painted, and where the warnings are."""
    application()
    image = QImage(width, height, QImage.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    recorder = Recorder(painter, QRectF(0, 0, width, height))
    recorder.paint(overlay)
    painter.end()
    return [text for text, _ in recorder.boxes], recorder.warning_box


@pytest.mark.parametrize("size", [(262, 202), (300, 220), (360, 280), (480, 320), (560, 400)])
def test_no_number_and_no_date_is_ever_cut(size):
    attributes = {**ATTRIBUTES, **LONG, "PatientID": "1234567890" * 2}
    texts, _ = painted(overlay_of(node_of(attributes), *size), *size)
    cut = [text for text in texts if "…" in text]
    assert cut
    assert all(text.startswith(("Wolfes", "W…", "Wo")) or "Thin" in text for text in cut)
    assert not any(character.isdecimal() for text in cut for character in text.replace("3: Thin", ""))
    assert all(text.startswith("2026-03-09") for text in texts if text.startswith("202"))


def test_the_name_of_a_window_goes_before_its_numbers():
    node = node_of()
    window = replace(node.display.window, name="CT soft tissue of the abdomen")
    node = replace(node, display=VolumeDisplay(window))
    texts, _ = painted(overlay_of(node, 480, 320), 480, 320)
    assert [text for text in texts if text.startswith("W ")] == ["W 400  L 40"]


@pytest.mark.parametrize(("attributes", "words"), [
    ({}, "SUV bw"), ({"SUVType": "BW"}, "SUV bw"), ({"SUVType": "LBM"}, "SUV lbm"), ({"SUVType": "BSA"}, "SUV bsa"),
    ({"SUVType": "ODD"}, "g/ml"),
])  # fmt: skip
def test_grams_per_millilitre_are_told_as_the_suv_that_they_are(attributes, words):
    node = node_of({"Modality": "PT", "Units": "GML", **attributes}, modality="PT", units="GML")
    assert overlay_of(node).text.bottom_right[1] == f"PT  {words}"
    assert value_text(node, (1.0, 1.0, 2.5)).lstrip() == f"0 {words}"


def test_without_a_header_grams_per_millilitre_are_no_certain_suv():
    assert value_text(node_of(None, units="GML"), (1.0, 1.0, 2.5)).lstrip() == "0 g/ml"


@pytest.mark.parametrize(("degrees", "place"), [(0.0, "Slice 5/10  S 12.5 mm"), (0.9, "S 12.5 mm"), (2.0, "")])
def test_a_plane_that_leans_has_no_place_along_an_axis(degrees, place):
    lean = np.radians(degrees)
    right, normal = (float(np.cos(lean)), 0.0, float(np.sin(lean))), (float(np.sin(lean)), 0.0, -float(np.cos(lean)))
    first = overlay_of(node_of(), orientation=replace(AXIAL, right_lps=right, scroll_lps=normal)).text.bottom_left[0]
    assert place in first
    assert ("mm" in first) == bool(place)
    assert is_oblique(replace(AXIAL, scroll_lps=normal)) == (degrees > 0)


WARNINGS = (
    "2 of 12 slices are missing: at 12.5 and 15 mm, and what lies there is not drawn.",
    "The slices do not lie exactly above each other (sheared grid by 3.2°).",
)


def test_all_warnings_stand_in_the_view_where_there_is_room():
    texts, box = painted(overlay_of(node_of(warnings=WARNINGS), 600, 500), 600, 500)
    for warning in WARNINGS:
        assert warning.split()[-1] in " ".join(texts)
    assert not any("1 of 2" in text for text in texts)
    assert box.height() > 20


def test_where_warnings_have_no_room_their_number_is_told():
    texts, _ = painted(overlay_of(node_of(warnings=WARNINGS), 270, 210), 270, 210)
    assert any(text.startswith("(1 of 2) 2 of 12") for text in texts)


@pytest.mark.parametrize(("units", "width", "level", "text"), [
    ("HU", 659.4321, -60.25, "W 659  L -60"), ("HU", 3.25, 0.5, "W 3.25  L 0.5"), ("HU", 400.0, -0.2, "W 400  L 0"),
    ("BQML", 12345.678, 100.25, "W 12345.7  L 100.2"), (None, 250.0, 40.0, "W 250  L 40"), ("GML", 6.5, 3.25, "W 6.5  L 3.25"),
])  # fmt: skip
def test_a_window_has_as_many_digits_as_mean_something(units, width, level, text):
    node = replace(node_of(units=units), display=VolumeDisplay(Window(level, width)))
    assert window_text(node) == text
