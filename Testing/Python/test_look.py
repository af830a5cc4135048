"""The look: contrast of the themes, icons in their colours, banners, sections, settings that stay."""

from __future__ import annotations

import json
import re

import pytest

from DICOMModule.errors import SettingsError
from DICOMModule.paths import resource_path
from DICOMModule.settings import Settings, read_settings, write_settings
from DICOMModule.widgets.banners import Banners
from DICOMModule.widgets.elided_combo_box import ElidedComboBox
from DICOMModule.widgets.job_runner import Failure
from DICOMModule.widgets.qt import QLabel, QPushButton, QStyleOptionComboBox, QTimer, QToolButton
from DICOMModule.widgets.section import Section
from DICOMModule.widgets.theme import DARK, LIGHT, THEMES, apply_theme, icon, theme
from DICOMModule.widgets.viewer import SettingsStore


def luminance(color):
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first, second):
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("used", [DARK, LIGHT], ids=lambda used: used.name)
@pytest.mark.parametrize("ink", ["text", "dim", "ok", "warning", "error"])
@pytest.mark.parametrize("ground", ["window", "surface", "field"])
def test_text_is_readable_on_every_ground(used, ink, ground):
    assert contrast(getattr(used, ink), getattr(used, ground)) >= 4.5


@pytest.mark.parametrize("used", [DARK, LIGHT], ids=lambda used: used.name)
def test_text_on_the_accent_and_on_a_selection_is_readable(used):
    assert contrast(used.accent_text, used.accent) >= 4.5
    assert contrast(used.text, used.selection) >= 4.5


def test_every_icon_is_of_one_family():
    for path in resource_path("Icons").glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        # what the style sheet itself shows cannot be tinted: it comes in the colours of both themes
        if path.stem != "application" and not path.stem.endswith(("-dark", "-light")):
            assert 'viewBox="0 0 20 20"' in text, path.name
            assert set(re.findall(r'stroke="([^"]+)"', text)) <= {"#000", "none"}, path.name


def test_icons_take_the_colour_of_the_theme(qapp):
    def ink(made):
        image = made.pixmap(40, 40).toImage()
        pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
        return max(pixels, key=lambda color: color.alpha()).name()

    try:
        for name in THEMES:
            apply_theme(qapp, name)
            assert ink(icon("folder")) == theme().text
    finally:
        apply_theme(qapp, "dark")


def test_a_banner_shows_plain_text_and_goes_when_it_is_closed(qtbot):
    banners = Banners()
    qtbot.addWidget(banners)
    banner = banners.show_error("<b>no</b> room on the disk")
    label = next(one for one in banner.findChildren(QLabel) if one.text())
    assert label.text() == "<b>no</b> room on the disk"
    assert label.textFormat() == 0  # Qt.PlainText
    banner.findChild(QToolButton).click()
    assert banners.shown == ()


def test_an_action_of_a_banner_acts_and_closes_it(qtbot):
    banners, done = Banners(), []
    qtbot.addWidget(banners)
    banner = banners.show_info("Deleted 3 series.", actions=[("Undo", lambda: done.append(1))])
    next(one for one in banner.findChildren(QPushButton) if one.text() == "Undo").click()
    assert done == [1]
    assert banners.shown == ()


def test_only_a_note_that_offers_nothing_goes_by_itself(qtbot, monkeypatch):
    monkeypatch.setattr("DICOMModule.widgets.banners.PASSING_MS", 1)
    banners = Banners()
    qtbot.addWidget(banners)
    undo = banners.show_info("Deleted 3 series.", actions=[("Undo", list)])
    banners.show_info("Copied 3 UIDs.")
    qtbot.waitUntil(lambda: [banner.text for banner in banners.shown] == ["Deleted 3 series."])
    assert undo.findChildren(QTimer) == []


def test_the_same_banner_is_shown_once_and_old_ones_make_room(qtbot):
    banners = Banners()
    qtbot.addWidget(banners)
    banners.show_failure(Failure("first"))
    for number in range(5):
        banners.show_error(f"error {number}")
    banners.show_error("error 4")
    assert [banner.text for banner in banners.shown] == ["error 4", "error 3", "error 2", "error 1"]


def test_a_combo_box_shows_the_beginning_and_the_end_of_what_is_too_long_for_it(qtbot):
    box = ElidedComboBox()
    qtbot.addWidget(box)
    box.addItem("3: Thorax with contrast, Gaussian blur, sigma 1 mm")
    option = QStyleOptionComboBox()
    for width_px, is_cut in ((800, False), (160, True)):
        box.resize(width_px, 28)
        box.initStyleOption(option)
        shown = box.shown_text(option)
        assert ("…" in shown) is is_cut
        assert shown.startswith("3: T")
        assert shown.endswith(" mm")
        assert option.fontMetrics.horizontalAdvance(shown) < width_px
        assert not box.grab().isNull()


def test_a_section_folds_and_says_so(qtbot):
    section = Section("Servers", QLabel("content"))
    qtbot.addWidget(section)
    section.show()
    with qtbot.waitSignal(section.folded_changed) as told:
        section.set_folded(True)
    assert told.args == [True]
    assert not section.content.isVisible()


def test_settings_survive_a_round_trip_with_what_a_newer_version_wrote(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"theme": "light", "of_a_newer_version": [1]}), encoding="utf-8")
    store = SettingsStore(path)
    told = []
    store.changed.connect(told.append)
    store.change(module_folders=("/modules",), keys={"fit": "F"})
    assert read_settings(path) == Settings(theme="light", module_folders=("/modules",), keys={"fit": "F"})
    assert json.loads(path.read_text(encoding="utf-8"))["of_a_newer_version"] == [1]
    assert told == [store.value]
    assert [one.name for one in tmp_path.iterdir()] == ["settings.json"]


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ({"copy_on_import": "yes"}, "copy_on_import is not true or false"),
        ({"module_folders": "/a"}, "module_folders is not a list"),
        ({"keys": {"fit": 3}}, "keys is not a table"),
        ({"theme": "pink"}, "there is no theme 'pink'"),
    ],
)
def test_a_setting_of_a_wrong_type_is_named(tmp_path, stored, text):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(SettingsError, match=text):
        read_settings(path)


def test_a_store_whose_file_is_broken_works_and_says_so(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text("{", encoding="utf-8")
    store = SettingsStore(path)
    assert "cannot read the settings" in store.problem
    store.change(theme="light")
    assert store.value.theme == "light"
    assert path.read_text(encoding="utf-8") == "{"  # what cannot be read is not overwritten


def test_settings_that_cannot_be_written_raise(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"cannot (write|read) the settings"):
        write_settings(Settings(theme="light"), tmp_path / "file" / "settings.json")
