"""Scrolling through a series over its thumbnail, by the pointer and by keys."""

from __future__ import annotations

import browser_kit
import factories
import numpy as np
import pytest
from browser_kit import row

from DICOMModule.errors import PixelDataError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser import scrubbing
from DICOMModule.widgets.qt import QApplication, QEvent, QMouseEvent, QPointF, Qt

SLICES = 8
NOBODY, STUDY = "Scrub, Sue", "Scrubbed study"


@pytest.fixture
def viewer(qapp, tmp_path):
    with browser_kit.viewer_of(tmp_path) as made:
        yield made


@pytest.fixture
def logic(tmp_path):
    def edit(dataset, k):
        # slice k is all of the grey 30 k: the picture in sight tells which one it is
        dataset.WindowCenter, dataset.WindowWidth = "128", "256"
        factories.set_pixels(dataset, np.full((16, 16), 30 * k, np.int16))

    with DICOMModuleLogic(tmp_path / "database") as made:
        common = {"PatientName": "Scrub^Sue", "PatientID": "S1", "StudyDescription": STUDY}
        first = factories.make_series(
            tmp_path / "data" / "1",
            "one",
            slices=SLICES,
            edit=edit,
            SeriesNumber="1",
            SeriesDescription="grey",
            **common,
        )
        factories.make_series(
            tmp_path / "data" / "2", "two", slices=3, edit=edit, SeriesNumber="2", SeriesDescription="short",
            StudyInstanceUID=first.study_uid, **common,
        )  # fmt: skip
        run_to_end(made.import_job([tmp_path / "data"]))
        yield made


@pytest.fixture
def browser(qtbot, logic, viewer):
    with browser_kit.shown_browser(qtbot, logic, viewer) as shown:
        qtbot.waitUntil(lambda: shown.model.rowCount() == 1)
        shown.tree.expand(row(shown, NOBODY, STUDY))
        qtbot.waitUntil(lambda: browser_kit.is_quiet(shown))
        yield shown


def point_at(view, place):
    """Move the pointer, no button held, to a place of a view."""
    at = QPointF(place)
    move = QMouseEvent(QEvent.MouseMove, at, at, Qt.NoButton, Qt.NoButton, Qt.NoModifier)
    QApplication.sendEvent(view.viewport(), move)


def over_thumbnail(browser, title, fraction):
    """Move the pointer over the thumbnail of a row of the tree; return the series."""
    tree, index = browser.tree, row(browser, NOBODY, STUDY, title)
    box = tree._delegate.thumbnail_box(tree.visualRect(index))
    place = box.center()
    place.setX(box.left() + int(fraction * box.width()))
    point_at(tree, place)
    return browser.model.summary(index)


def shown(browser, series):
    return browser.thumbnails.scrubber.shown(series.series_instance_uid)


def grey_of(scrubbed):
    image = scrubbed.picture.image
    return image.pixelColor(image.width() // 2, image.height() // 2).red()


@pytest.mark.parametrize(("fraction", "number"), [(0.0, 0), (0.3, 2), (0.52, 4), (0.99, 7)])
def test_the_place_of_the_pointer_chooses_the_frame(qtbot, browser, fraction, number):
    series = over_thumbnail(browser, "1: grey", fraction)
    qtbot.waitUntil(lambda: shown(browser, series) is not None)
    scrubbed = shown(browser, series)
    assert (scrubbed.index, scrubbed.count) == (number, SLICES)
    assert grey_of(scrubbed) == pytest.approx(30 * number, abs=2)


def test_the_newest_place_wins_and_leaving_brings_the_thumbnail_back(qtbot, browser):
    for percent in range(0, 100, 3):
        series = over_thumbnail(browser, "1: grey", percent / 100)
    qtbot.waitUntil(lambda: shown(browser, series) is not None and shown(browser, series).index == SLICES - 1)
    qtbot.waitUntil(lambda: browser_kit.is_quiet(browser))
    assert shown(browser, series).index == SLICES - 1
    with qtbot.waitSignal(browser.thumbnails.arrived) as repainted:
        QApplication.sendEvent(browser.tree.viewport(), QEvent(QEvent.Leave))
    assert repainted.args == [series.series_instance_uid]
    assert shown(browser, series) is None


def test_only_one_series_is_scrolled_at_a_time_and_none_over_its_text(qtbot, browser):
    first = over_thumbnail(browser, "1: grey", 0.5)
    qtbot.waitUntil(lambda: shown(browser, first) is not None)
    second = over_thumbnail(browser, "2: short", 0.5)
    qtbot.waitUntil(lambda: shown(browser, second) is not None)
    assert shown(browser, first) is None
    assert shown(browser, second).count == 3
    rectangle = browser.tree.visualRect(row(browser, NOBODY, STUDY, "2: short"))
    point_at(browser.tree, rectangle.center())
    assert shown(browser, second) is None


def test_coming_back_to_a_series_lists_and_decodes_nothing_again(qtbot, browser, logic, monkeypatch):
    series = over_thumbnail(browser, "2: short", 0.0)
    qtbot.waitUntil(lambda: shown(browser, series) is not None)
    qtbot.waitUntil(lambda: browser_kit.is_quiet(browser))

    def fail(*_arguments):
        raise AssertionError("this was known")

    monkeypatch.setattr(logic, "preview_frames", fail)
    monkeypatch.setattr(logic, "preview_picture", fail)
    point_at(browser.tree, browser.tree.visualRect(row(browser, NOBODY)).center())
    assert shown(browser, series) is None
    over_thumbnail(browser, "2: short", 0.99)
    assert shown(browser, series).index == 2


def test_the_bar_tells_how_far_on_the_frame_is(qtbot, browser):
    series = over_thumbnail(browser, "1: grey", 0.52)
    qtbot.waitUntil(lambda: shown(browser, series) is not None)
    tree = browser.tree
    box = tree._delegate.thumbnail_box(tree.visualRect(row(browser, NOBODY, STUDY, "1: grey")))
    image = tree.viewport().grab().toImage()
    line = [image.pixelColor(x, box.bottom() - 1).name() for x in range(box.left(), box.right() + 1)]
    assert line.count("#2fb0c2") == pytest.approx(48 * 5 / 8, abs=1)  # the fifth of eight
    assert line[-1] == "#3a4149"


def test_keys_scroll_the_preview_and_the_thumbnail_of_the_series_that_is_selected(qtbot, browser):
    browser.tree.setCurrentIndex(row(browser, NOBODY, STUDY, "1: grey"))
    (series,) = browser.selection.series
    qtbot.waitUntil(lambda: browser.preview.number.text() == "5/8")
    browser.step_images(1)
    qtbot.waitUntil(lambda: shown(browser, series) is not None and shown(browser, series).index == 5)
    qtbot.waitUntil(lambda: browser.preview.number.text() == "6/8")
    for _ in range(9):
        browser.step_images(1)
    browser.step_images(-1)
    qtbot.waitUntil(lambda: shown(browser, series).index == 6)
    qtbot.waitUntil(lambda: browser.preview.number.text() == "7/8")
    browser.tree.setCurrentIndex(row(browser, NOBODY, STUDY, "2: short"))
    assert shown(browser, series) is None


def test_steps_before_the_frames_are_known_are_not_lost(qtbot, browser):
    browser.tree.setCurrentIndex(row(browser, NOBODY, STUDY, "1: grey"))
    (series,) = browser.selection.series
    browser.step_images(1)
    browser.step_images(1)
    qtbot.waitUntil(lambda: shown(browser, series) is not None)
    assert shown(browser, series).index == 6


def test_frames_of_a_multiframe_instance_are_scrolled_through(qtbot, tmp_path, viewer):
    dataset = factories.base_dataset("many")
    factories.set_pixels(dataset, np.repeat(np.arange(5, dtype=np.int16) * 40, 64).reshape(40, 8))
    dataset.Rows, dataset.NumberOfFrames = 8, 5
    dataset.WindowCenter, dataset.WindowWidth, dataset.RescaleSlope, dataset.RescaleIntercept = "128", "256", "1", "0"
    factories.write(dataset, tmp_path / "many" / "many.dcm")
    with DICOMModuleLogic(tmp_path / "database") as logic:
        run_to_end(logic.import_job([tmp_path / "many"]))
        scrubber = scrubbing.Scrubber(logic, viewer.jobs)
        (series,) = logic.database().series()
        scrubber.move_to(series, 0.7)
        qtbot.waitUntil(lambda: scrubber.shown(series.series_instance_uid) is not None)
        assert scrubber.shown(series.series_instance_uid).index == 3
        assert grey_of(scrubber.shown(series.series_instance_uid)) == pytest.approx(120, abs=2)
        scrubber.stop()
        viewer.jobs.shut_down()


def test_a_series_that_cannot_be_decoded_is_tried_a_few_times_and_left_alone(qtbot, browser, logic, monkeypatch):
    asked = []

    def fail(frame, _longest_px):
        asked.append(frame.sop_instance_uid)
        raise PixelDataError(frame.header.path, "its pixels are of no kind that is known")

    monkeypatch.setattr(logic, "preview_picture", fail)
    for percent in range(0, 100, 10):
        series = over_thumbnail(browser, "1: grey", percent / 100)
        qtbot.waitUntil(lambda: browser_kit.is_quiet(browser))
    assert 0 < len(asked) < SLICES
    scrubbed = shown(browser, series)
    assert scrubbed is None or scrubbed.picture.problem
    assert browser.grab().width() > 0


def test_a_series_that_has_gone_keeps_its_thumbnail(qtbot, browser, logic):
    series = browser.model.summary(row(browser, NOBODY, STUDY, "2: short"))
    run_to_end(logic.delete_job([series.series_instance_uid]))
    over_thumbnail(browser, "2: short", 0.5)
    qtbot.waitUntil(lambda: browser_kit.is_quiet(browser))
    assert shown(browser, series) is None


def test_cards_are_scrolled_over_too(qtbot, browser):
    browser.resize(1600, 1000)
    browser.set_spread(True)
    qtbot.waitUntil(lambda: len(browser.spread.series.rows) == 2)
    cards = browser.spread.cards
    qtbot.waitUntil(lambda: browser_kit.is_quiet(browser))
    card = cards.visualRect(browser.spread.series.index(0, 0))
    place = cards._delegate.thumbnail_box(card).center()
    assert cards.thumbnail_at(place)[0].series_description == "grey"
    point_at(cards, place)
    series = cards.thumbnail_at(place)[0]
    qtbot.waitUntil(lambda: shown(browser, series) is not None)
    assert shown(browser, series).index in (3, 4)
    assert cards.thumbnail_at(card.center()) is None


def test_a_pointer_that_only_passes_over_lists_nothing(qtbot, browser, logic, monkeypatch):
    listed = []
    monkeypatch.setattr(logic, "preview_frames", lambda targets: listed.append(targets) or ())
    over_thumbnail(browser, "1: grey", 0.5)
    over_thumbnail(browser, "2: short", 0.5)
    QApplication.sendEvent(browser.tree.viewport(), QEvent(QEvent.Leave))
    qtbot.waitUntil(lambda: browser_kit.is_quiet(browser))
    assert listed == []
