"""The area of the views: layouts, cells, cine, commands, several volumes, and that nothing is kept."""

from __future__ import annotations

import gc
import math
import weakref
from dataclasses import replace
from pathlib import Path

import picture_truth as truth
import pytest
from view_kit import WINDOW, drag, made_area, move, press, release, wheel

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.scene import VolumeDisplay
from DICOMModule.scene.window_presets import window_presets
from DICOMModule.views.layout import LAYOUTS
from DICOMModule.views.orientation import ORIENTATIONS
from DICOMModule.widgets.dragging import targets_mime
from DICOMModule.widgets.qt import (
    QApplication,
    QDragEnterEvent,
    QDropEvent,
    QEvent,
    QHelpEvent,
    QMenu,
    QPoint,
    QPointF,
    Qt,
    QToolBar,
    QToolTip,
)
from DICOMModule.widgets.views.cine import Cine
from DICOMModule.widgets.views.commands import ViewCommands
from DICOMModule.widgets.views.keys import BROWSER, KEY_ACTIONS
from DICOMModule.widgets.views.keys import WINDOW as OF_THE_WINDOW
from DICOMModule.widgets.views.layer_bar import LayerBar
from DICOMModule.widgets.views.player import due_index
from DICOMModule.widgets.views.view_cell import HEADER_PX
from DICOMModule.widgets.views.view_menus import (
    fill_context_menu,
    fill_layout_menu,
    fill_plane_menu,
    fill_slab_menu,
    fill_window_menu,
)
from DICOMModule.widgets.views.view_toolbar import ViewTools


def made_volume(modality="CT", **options):
    return truth.made_volume(
        truth.GRIDS["axial"], modality=modality, units="HU" if modality == "CT" else None, **options
    )


@pytest.fixture
def area(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, made_volume()) as made:
        yield made


@pytest.fixture
def commands(area):
    return ViewCommands(area, area.state).actions()


# -- layout


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_cells_of_a_layout_fill_the_area_and_do_not_overlap(area, layout):
    area.state.set_layout(layout)
    shown = [cell.geometry() for cell in area.cells.values() if cell.isVisible()]
    assert len(shown) == len(LAYOUTS[layout])
    assert not any(one.intersects(other) for one in shown for other in shown if one is not other)
    assert max(rect.right() for rect in shown) == area.width() - 1
    assert max(rect.bottom() for rect in shown) == area.height() - 1
    assert sum(rect.width() * rect.height() for rect in shown) > 0.97 * area.width() * area.height()


def test_a_view_lies_below_the_title_bar_of_its_cell(area):
    cell, view = area.cells["axial"], area.slice_views["axial"]
    assert view.mapTo(cell, view.rect().topLeft()).y() == HEADER_PX


def test_an_active_view_that_a_layout_leaves_out_hands_on_the_keys(area):
    area.state.set_active_view("3d")
    area.state.set_layout("coronal")
    assert area.state.active_view == "coronal"


def test_without_a_volume_the_area_says_what_can_be_done_and_takes_a_drop(qtbot, tmp_path):
    with made_area(qtbot, tmp_path) as area:
        assert not any(cell.isVisible() for cell in area.cells.values())
        dropped = []
        area.targets_dropped.connect(lambda view, targets: dropped.append((view, targets)))
        mime = targets_mime(["1.2"])
        enter = QDragEnterEvent(QPoint(9, 9), Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier)
        QApplication.sendEvent(area, enter)
        assert enter.isAccepted()
        QApplication.sendEvent(area, QDropEvent(QPointF(9, 9), Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier))
        assert dropped == [("", ("1.2",))]
        area.state.show_background(area.state.scene.add_volume(made_volume()).id)
        qtbot.waitUntil(lambda: all(cell.isVisible() for cell in area.cells.values()))  # one after the other
        area.state.scene.clear()
        assert not any(cell.isVisible() for cell in area.cells.values())


def test_the_title_of_a_view_says_that_its_plane_leans(area):
    title, lean = area.cells["coronal"].title, 0.2
    assert title.text() == "Coronal"
    plain = ORIENTATIONS["coronal"]
    up, scroll = (0.0, -math.sin(lean), math.cos(lean)), (0.0, math.cos(lean), math.sin(lean))
    area.state.set_orientations({"coronal": replace(plain, up_lps=up, scroll_lps=scroll)})
    assert title.text() == "Coronal (oblique)"
    area.state.set_orientations({"coronal": plain})
    assert title.text() == "Coronal"


def test_a_drop_on_a_view_makes_it_the_active_one(area):
    dropped = []
    area.targets_dropped.connect(lambda view, targets: dropped.append((view, targets)))
    mime = targets_mime(["1.2"])
    view = area.slice_views["coronal"]
    QApplication.sendEvent(view, QDragEnterEvent(QPoint(9, 9), Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier))
    QApplication.sendEvent(view, QDropEvent(QPointF(9, 9), Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier))
    assert dropped == [("coronal", ("1.2",))]
    assert area.state.active_view == "coronal"


def test_the_pointer_over_the_triangle_is_told_every_warning_as_plain_text(qtbot, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(QToolTip, "showText", lambda _place, text, _widget: told.append(text))
    volume = replace(made_volume(), warnings=("2 of 12 slices <b>are</b> missing.", "The grid is sheared."))
    with made_area(qtbot, tmp_path, volume, size=(900, 800)) as area:
        view = area.slice_views["axial"]
        view.grab()
        for place in (QPoint(13, 14), QPoint(view.width() // 2, view.height() // 2)):
            QApplication.sendEvent(view, QHelpEvent(QEvent.ToolTip, place, view.mapToGlobal(place)))
    assert told == ["<p>2 of 12 slices &lt;b&gt;are&lt;/b&gt; missing.<br>The grid is sheared.</p>"]


def test_what_is_shown_is_told_with_its_geometry(area):
    named = {name: (view, geometry) for name, view, geometry in area.shown_views()}
    assert list(named) == ["axial", "3d", "coronal", "sagittal"]
    view, geometry = named["coronal"]
    assert (geometry.width_px, geometry.height_px) == (view.width(), view.height())


# -- slider and menus


def test_slider_and_view_follow_each_other(area):
    cell, view = area.cells["axial"], area.slice_views["axial"]
    wheel(view, -120)
    assert (cell.slider.value(), cell.slider.maximum()) == (view.slice_number, 9)
    assert cell.number.text() == f"{view.slice_number}/9"
    cell.slider.setValue(2)
    assert view.slice_number == 2


def test_a_click_on_the_slider_goes_there_and_its_wheel_is_one_slice_a_notch(area):
    slider, view = area.cells["coronal"].slider, area.slice_views["coronal"]
    press(slider, slider.width() - 2, 10)
    assert view.slice_number == view.slice_count
    move(slider, 2, 10, Qt.LeftButton)
    release(slider, 2, 10)
    assert view.slice_number == 1
    wheel(slider, -240, at=(20, 10))
    assert view.slice_number == 3


def test_what_the_title_bar_of_the_volume_view_offers_is_in_its_context_menu_too(area):
    menu = QMenu()
    area.cells["3d"].add_to_menu(menu)
    sides = menu.actions()[0].menu()
    next(action for action in sides.actions() if action.text().startswith("L:")).trigger()
    assert area.volume_view.view_geometry.toward_viewer_lps == pytest.approx((1.0, 0.0, 0.0))


def test_a_preset_that_is_chosen_in_the_menu_is_shown(area):
    menu = QMenu()
    fill_window_menu(menu, area.state, "axial")
    lung = next(action for action in menu.actions() if "CT lung" in action.text())
    text = lung.text()
    lung.trigger()
    assert area.state.background.display.window.name == "CT lung"
    fill_window_menu(menu, area.state, "axial")
    assert [action.text() for action in menu.actions() if action.isChecked()] == [text]


def test_the_menus_of_slab_layout_and_plane_change_the_state(area):
    menu = QMenu()
    fill_slab_menu(menu, area.state)
    next(action for action in menu.actions() if action.text().startswith("Mean")).trigger()
    assert (area.state.slab_mm, area.state.slab_mode) == (10.0, "mean")
    fill_layout_menu(menu, area.state)
    next(action for action in menu.actions() if action.text() == "Coronal").trigger()
    assert area.state.layout == "coronal"
    assert menu.actions()[0].icon().availableSizes()


def test_a_plane_along_the_acquisition_is_a_choice(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, truth.made_volume(truth.GRIDS["oblique"])) as area:
        menu = QMenu()
        fill_plane_menu(menu, area.state, "axial")
        along = next(action for action in menu.actions() if "acquisition" in action.text())
        along.trigger()
        column = area.state.background.volume.ijk_to_lps[:3, 0]
        assert area.state.orientation_of("axial").right_lps == pytest.approx(column / 0.7)
        assert area.slice_views["axial"].slice_count == 9


def test_the_context_menu_of_a_view_offers_what_belongs_to_its_kind(area):
    def titles(view):
        menu = QMenu()
        fill_context_menu(menu, area.state, view, area.views[view].fit)
        return [action.text() for action in menu.actions() if action.text()]

    assert titles("axial")[0] == "Window preset"
    assert titles("3d")[0] == "Volume-rendering preset"


# -- commands


def test_every_key_of_the_views_has_a_command_and_every_command_a_key_action(commands):
    named = {action.name for action in KEY_ACTIONS if action.group not in {BROWSER, OF_THE_WINDOW}}
    assert named == set(commands)


def test_no_two_actions_have_one_key():
    keys = [key for action in KEY_ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))


def test_keys_scroll_the_active_view(area, commands):
    view = area.slice_views["coronal"]
    area.state.set_active_view("coronal")
    commands["first_image"]()
    assert view.slice_number == 1
    commands["next_image"]()
    commands["ten_images_on"]()
    assert view.slice_number == 12
    commands["previous_image"]()
    commands["ten_images_back"]()
    assert view.slice_number == 1
    commands["last_image"]()
    assert view.slice_number == view.slice_count == 14


def test_number_keys_choose_the_presets_of_the_modality(area, commands):
    commands["preset_3"]()
    assert area.state.background.display.window.name == "CT lung"
    commands["full_range"]()
    volume = area.state.background.volume
    window = area.state.background.display.window
    assert (window.level - window.width / 2, window.level + window.width / 2) == (
        volume.array.min(),
        volume.array.max(),
    )
    commands["image_default"]()
    assert area.state.background.display.window.name == "CT soft tissue"


def test_a_number_for_which_there_is_no_preset_changes_nothing(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, made_volume("MR")) as area:
        before = area.state.background
        ViewCommands(area, area.state).choose_preset(9)
        assert area.state.background is before


def test_invert_exchanges_black_and_white_and_keeps_the_window(area, commands):
    commands["invert"]()
    display = area.state.background.display
    assert display.inverted
    assert display.window == WINDOW
    commands["invert"]()
    assert not area.state.background.display.inverted


def test_tab_goes_through_the_views_of_the_layout(area, commands):
    seen = []
    for _ in range(4):
        commands["next_view"]()
        seen.append(area.state.active_view)
    assert seen == ["3d", "coronal", "sagittal", "axial"]
    commands["previous_view"]()
    assert area.state.active_view == "sagittal"


def test_turn_and_flip_change_the_active_view_alone(area, commands):
    commands["turn_right"]()
    axial = area.state.orientation_of("axial")
    assert axial.up_lps == pytest.approx((-1.0, 0.0, 0.0), abs=1e-12)  # what was at the left is at the top
    commands["turn_left"]()
    commands["flip"]()
    assert area.state.orientation_of("axial").right_lps == pytest.approx((-1.0, 0.0, 0.0), abs=1e-12)
    assert area.state.orientation_of("coronal") == ORIENTATIONS["coronal"]


def test_space_goes_through_the_overlays_and_x_hides_them_and_brings_back_what_was_there(area, commands):
    commands["overlays"]()
    assert area.state.overlays == "minimal"
    commands["hide_overlays"]()
    assert area.state.overlays == "none"
    commands["hide_overlays"]()
    assert area.state.overlays == "minimal"


def test_reset_shows_everything_as_at_first(area, commands):
    view = area.slice_views["axial"]
    before = view.view_geometry
    drag(view, (50, 50), (70, 90), button=Qt.RightButton)
    drag(view, (50, 50), (70, 90), button=Qt.MiddleButton)
    commands["turn_right"]()
    commands["last_image"]()
    commands["reset_views"]()
    assert view.view_geometry.mm_per_pixel == pytest.approx(before.mm_per_pixel)
    assert view.view_geometry.center_lps_mm == pytest.approx(before.center_lps_mm)
    assert view.view_geometry.right_lps == before.right_lps


# -- cine


@pytest.mark.parametrize(
    ("back_and_forth", "numbers"),
    [(False, [3, 4, 1, 2, 3, 4, 1, 2]), (True, [3, 4, 3, 2, 1, 2, 3, 4])],
)
def test_cine_begins_again_or_turns_round_at_the_ends(back_and_forth, numbers):
    assert [due_index(2, 4, steps, back_and_forth=back_and_forth) + 1 for steps in range(8)] == numbers


def test_cine_leaves_out_slices_whose_time_has_gone_by(area):
    now = [100.0]
    cine = Cine(area.state, area.slice_views, lambda: now[0])
    cine.set_per_s(10)
    view = area.slice_views["axial"]
    view.show_slice(1)
    cine.start()
    now[0] += 0.1
    cine.advance()
    assert view.slice_number == 2
    now[0] += 0.4
    cine.advance()
    assert view.slice_number == 6
    view.show_slice(3)  # by hand: cine goes on from there
    cine.advance()
    now[0] += 0.1
    cine.advance()
    assert view.slice_number == 4
    cine.stop()
    now[0] += 1.0
    cine.advance()
    assert view.slice_number == 4


def test_cine_runs_by_its_timer_and_stops_when_the_volume_goes(area, qtbot):
    area.cine.set_per_s(60)
    area.cine.toggle()
    with qtbot.waitSignal(area.slice_views["axial"].slice_changed):
        pass
    area.state.scene.clear()
    assert not area.cine.running


# -- several volumes


def test_the_layer_bar_shows_itself_with_the_second_volume(area, qtbot):
    bar = LayerBar(area.viewer)
    qtbot.addWidget(bar)
    assert bar.isHidden()
    second = area.state.scene.add_volume(made_volume("MR"), "<b>second</b>", VolumeDisplay(WINDOW))
    assert not bar.isHidden()
    assert bar.foreground.itemText(1) == "<b>second</b>"
    assert bar.foreground.itemData(1, Qt.ToolTipRole) == "<p>&lt;b&gt;second&lt;/b&gt;</p>"
    bar.foreground.setCurrentIndex(1)
    bar.foreground.activated.emit(1)
    assert area.state.foreground is second
    assert bar.foreground.toolTip() == "<p>Volume above it: &lt;b&gt;second&lt;/b&gt;</p>"
    bar.opacity.setValue(30)
    assert area.state.foreground_opacity == 0.3
    bar.colors.setCurrentIndex(bar.colors.findData("hot"))
    bar.colors.activated.emit(1)
    assert area.state.foreground.display.color_table == "hot"
    area.state.scene.remove(second.id)
    assert bar.isHidden()


def test_a_new_background_is_taken_by_the_views_that_showed_the_old_one(area, qtbot):
    bar = LayerBar(area.viewer)
    qtbot.addWidget(bar)
    second = area.state.scene.add_volume(made_volume("MR"))
    third = area.state.scene.add_volume(made_volume("MR"))
    area.state.show_background(third.id, "coronal")
    bar.background.setCurrentIndex(bar.background.findData(second.id))
    bar.background.activated.emit(1)
    assert {name: area.state.background_of(name) for name in ("axial", "sagittal", "3d", "coronal")} == {
        "axial": second,
        "sagittal": second,
        "3d": second,
        "coronal": third,
    }


def test_left_and_right_go_through_the_loaded_volumes(area, commands):
    second = area.state.scene.add_volume(made_volume("MR"))
    commands["next_volume"]()
    assert area.state.background_of("sagittal") is second
    commands["next_volume"]()
    assert area.state.background is area.state.scene.nodes[0]
    commands["previous_volume"]()
    assert area.state.background is second


def test_studies_are_gone_through_as_they_were_loaded(area, commands):
    headers = [InstanceHeader(Path("a"), 1, 1, "1.2", {"StudyInstanceUID": uid}) for uid in ("1.1", "1.1", "1.2")]
    nodes = [area.state.scene.add_volume(replace(made_volume(), source=header)) for header in headers]
    area.state.show_background(nodes[1].id)
    commands["next_study"]()
    assert area.state.background is nodes[2]
    commands["next_study"]()
    assert area.state.background is area.state.scene.nodes[0]  # made without a header: a study of its own
    commands["previous_study"]()
    commands["previous_study"]()
    assert area.state.background is nodes[0]


def test_zoom_and_slice_stay_with_a_background_of_the_same_place_and_are_fitted_elsewhere(qtbot, tmp_path):
    first = made_volume(source_series_uids=("1",))
    matrix = first.ijk_to_lps.copy()
    matrix[:3, 3] += 1000.0
    elsewhere = replace(first, ijk_to_lps=matrix)
    with made_area(qtbot, tmp_path, first, replace(first, array=first.array + 1), elsewhere) as area:
        view, nodes = area.slice_views["axial"], area.state.scene.nodes
        drag(view, (50, 50), (60, 20), button=Qt.RightButton)
        wheel(view, -240)
        before = view.view_geometry
        area.state.show_background(nodes[1].id)
        assert view.view_geometry == before
        area.state.show_background(nodes[2].id)
        assert view.view_geometry.mm_per_pixel > before.mm_per_pixel
        assert view.view_geometry.center_lps_mm[0] > 900


def test_the_views_let_go_of_a_volume_that_leaves_the_scene(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, rendering=True) as area:
        scene, state = area.state.scene, area.state
        kept = scene.add_volume(made_volume())
        gone = scene.add_volume(made_volume())
        state.show_background(gone.id)
        area.grab()
        qtbot.waitUntil(lambda: area.volume_view.frame is not None)
        watched = weakref.ref(gone.volume)
        state.show_foreground(kept.id)
        area.grab()
        scene.remove(gone.id)
        del gone
        qtbot.waitUntil(lambda: area.is_settled)
        gc.collect()
        assert watched() is None


# -- tool bar


def test_the_tool_bar_follows_the_state_and_changes_it(area, qtbot):
    bar = QToolBar()
    qtbot.addWidget(bar)
    tools = ViewTools(area, ViewCommands(area, area.state), lambda name, text: f"{text} [{name}]")
    tools.add_to(bar)
    assert tools.tools["window"].isChecked()
    tools.tools["pan"].trigger()
    assert area.state.tool == "pan"
    area.state.set_active_view("3d")
    assert tools.tools["rotate"].isChecked()
    assert tools.tools["zoom"].toolTip().endswith("[tool_zoom]")
    area.state.set_active_view("axial")
    tools.invert.trigger()
    assert area.state.background.display.inverted
    preset = window_presets(area.state.background.volume)[-1]
    area.state.scene.set_display(area.state.background.id, replace(area.state.background.display, window=preset.window))
    assert tools.preset_button.text() == f"{preset.name} ▾"
    of_a_file = replace(preset.window, name="<i>A & B</i>")
    area.state.scene.set_display(area.state.background.id, replace(area.state.background.display, window=of_a_file))
    assert tools.preset_button.text() == "<i>A && B</i> ▾"
    assert "&lt;i&gt;A &amp; B" in tools.preset_button.toolTip()
