"""Dialogs with thousands of rows: what is done in one turn of the event loop does not grow with them, counted in calls of Python."""

from __future__ import annotations

import os
import random
import sys
import threading

import browser_kit
import factories
import pytest
from pydicom.dataset import Dataset
from pynetdicom import evt
from scripted_peer import STUDY_FIND, scripted

from DICOMModule.database.servers import ServerEntry
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.network.matches import Match
from DICOMModule.network.sending import SentInstance
from DICOMModule.widgets.exchange import query_dialog
from DICOMModule.widgets.exchange.result_delegate import ResultDelegate
from DICOMModule.widgets.exchange.result_model import ResultModel
from DICOMModule.widgets.exchange.result_node import HERE, IMAGES, NAME, ResultNode
from DICOMModule.widgets.exchange.send_rows import SentRows
from DICOMModule.widgets.qt import QApplication, QItemSelectionModel, Qt, QTableView, QTreeView

FEW, MANY = 500, 10_000


def match(number, server="peer"):
    values = {
        "study_instance_uid": f"1.2.{number + 1}",
        "patient_name": f"Name{number * 7919 % MANY:05d}",
        "instances": number % 97,
    }
    return Match(server, "study", values, "none")


def series_of(node, count):
    values = {"study_instance_uid": node.study_instance_uid}
    return [Match("peer", "series", {**values, "series_number": n, "instances": n}, "none") for n in range(count)]


def calls_of(act, part=""):
    """Return how many calls of Python's functions, of one part of the program, are made in `act` and right after it."""
    count = 0

    def note(frame, event, _argument):
        nonlocal count
        count += event == "call" and part in frame.f_code.co_filename

    QApplication.processEvents()
    sys.setprofile(note)
    try:
        act()
        QApplication.processEvents()
    finally:
        sys.setprofile(None)
    return count


@pytest.fixture
def a_view(qtbot):
    """Return a function that shows so many studies as the Query dialog does."""

    def made(count):
        view = QTreeView()
        qtbot.addWidget(view)
        model = ResultModel(view)
        view.setUniformRowHeights(True)
        view.setSelectionMode(QTreeView.ExtendedSelection)
        view.setModel(model)
        view.setItemDelegate(ResultDelegate(view))
        view.resize(900, 300)
        view.show()
        model.add([match(number) for number in range(count)])
        QApplication.processEvents()
        return view, model

    return made


@pytest.mark.parametrize("act", ["more", "select", "scroll", "hide", "one here"])
def test_what_a_view_of_answers_does_at_once_does_not_grow_with_their_number(a_view, act):
    def calls(count):
        view, model = a_view(count)
        more = [ResultNode(match(number)) for number in range(count, count + 20)]
        acts = {
            "more": lambda: model.add_nodes(more),
            "select": view.selectAll,
            "scroll": view.scrollToBottom,
            "hide": lambda: model.set_anonymous(True),
            "one here": lambda: model.set_local(model.studies[3], "all"),
        }
        return calls_of(acts[act])

    few = calls(FEW)
    assert few > 0
    assert calls(MANY) <= 1.5 * few


def test_sorting_asks_each_row_for_what_it_is_sorted_by_and_for_nothing_else(a_view):
    view, model = a_view(FEW)
    visible = calls_of(view.viewport().update)
    view, model = a_view(MANY)
    view.selectAll()
    # the key, and what makes it
    assert calls_of(lambda: model.sort(IMAGES, Qt.DescendingOrder)) <= 2 * MANY + 3 * visible + 200


def answering(count):
    def found(_event):
        for number in range(count):
            one = Dataset()
            one.QueryRetrieveLevel, one.StudyInstanceUID = "STUDY", f"1.2.{number + 1}"
            yield 0xFF00, one
        yield 0x0000, None

    return scripted([STUDY_FIND], [(evt.EVT_C_FIND, found)])


def test_answers_are_put_in_some_at_a_time_and_made_ready_in_the_thread_of_the_job(qtbot, networking, monkeypatch):
    makers, steps = set(), []
    take = ResultNode._take
    monkeypatch.setattr(
        ResultNode, "_take", lambda node, one: (makers.add(threading.current_thread().name), take(node, one))[1]
    )
    monkeypatch.setattr(query_dialog, "AT_ONCE", 40)
    with answering(300) as port:
        networking.book.logic.add_server(ServerEntry("peer", host="127.0.0.1", port=port, ae_title="PEER"))
        networking.book.read()
        networking.show_query()
        dialog = networking.query
        qtbot.waitUntil(lambda: networking.book.is_settled and dialog.servers_list.count() == 1)
        dialog.servers_list.item(0).setCheckState(Qt.Checked)
        dialog.model.rowsInserted.connect(lambda _parent, first, last: steps.append(last - first + 1))
        dialog.search_button.click()
        qtbot.waitUntil(lambda: dialog.is_settled and dialog.viewer.jobs.is_idle, timeout=20_000)
    assert (len(dialog.model.studies), sum(steps)) == (300, 300)
    assert max(steps) <= 40
    assert makers
    assert threading.main_thread().name not in makers
    dialog.results_view.selectAll()
    assert len(dialog.selected) == 300


def shape_of(model, parent=None):
    """Return what the model tells Qt: texts, and those below."""
    parent = parent if parent is not None else model.invisibleRootItem().index()
    rows = []
    for row in range(model.rowCount(parent)):
        index = model.index(row, 0, parent)
        assert model.parent(index) == parent
        rows.append((index.data(), model.index(row, IMAGES, parent).data(), shape_of(model, index)))
    return rows


@pytest.mark.parametrize("seed", range(6))
def test_rows_keep_what_lies_below_them_what_is_selected_and_what_is_unfolded(a_view, seed):
    """Items stay in their rows while the studies change theirs: whatever is unfolded, selected, told or sorted."""
    chance = random.Random(seed)
    view, model = a_view(40)
    for _ in range(60):
        study = chance.choice(model.studies)
        index = model.index_of(study)
        act = chance.randrange(6)
        if act == 0:
            model.set_children(study, series_of(study, chance.randrange(1, 6)))
            view.expand(index)
        elif act == 1:
            model.set_note(study, f"note of {study.text(NAME)}")
            view.expand(index)
        elif act == 2 and study.children is not None:
            model.forget_children(study)
        elif act == 3:
            model.set_local(chance.choice([study, *(study.children or ())]), chance.choice(["all", "part"]))
        elif act == 4:
            chosen = chance.choice([study, *(study.children or ())])
            flags = QItemSelectionModel.Select | QItemSelectionModel.Rows
            view.selectionModel().select(model.index_of(chosen), flags)
        else:
            selected = {model.node_of(one) for one in view.selectionModel().selectedRows()}
            unfolded = {one for one in model.studies if view.isExpanded(model.index_of(one))}
            column = chance.choice([NAME, IMAGES, HERE])
            model.sort(column, chance.choice([Qt.AscendingOrder, Qt.DescendingOrder]))
            assert {model.node_of(one) for one in view.selectionModel().selectedRows()} == selected
            assert {one for one in model.studies if view.isExpanded(model.index_of(one))} == unfolded
        wanted = [
            (one.text(NAME), one.text(IMAGES), [(c.text(NAME), c.text(IMAGES), []) for c in one.children or ()])
            for one in model.studies
        ]
        assert shape_of(model) == wanted
        for one in model.studies:
            assert model.hasChildren(model.index_of(one))
            for child in one.children or ():
                assert bool(model.index_of(child).flags() & Qt.ItemIsSelectable) == (not child.is_line)


# -- what was sent


def sent(number, state="sent"):
    return SentInstance(f"1.2.{number + 1}", f"/files/{number}.dcm", state, "0x0000", "")


@pytest.mark.parametrize("act", ["more", "again", "select", "hide"])
def test_what_a_view_of_what_was_sent_does_at_once_does_not_grow_with_it(qtbot, act):
    def calls(count):
        view, model = QTableView(), SentRows()
        qtbot.addWidget(view)
        view.setModel(model)
        view.setSelectionBehavior(QTableView.SelectRows)
        view.horizontalHeader().setSelectionModel(QItemSelectionModel(model, view))
        view.show()
        model.put(sent(number) for number in range(count))
        acts = {
            "more": lambda: model.put([sent(number) for number in range(count, count + 20)]),
            "again": lambda: model.put([sent(number, "failed") for number in range(0, count, count // 20)]),
            "select": view.selectAll,
            "hide": lambda: model.set_anonymous(True),
        }
        return calls_of(acts[act])

    few = calls(FEW)
    assert calls(MANY) <= 1.5 * few


@pytest.mark.parametrize("seed", range(4))
def test_only_what_needs_a_word_is_shown_whatever_becomes_of_it(qtmodeltester, seed):
    chance = random.Random(seed)
    model, known = SentRows(), {}
    changes = []
    model.modelReset.connect(lambda: changes.append("reset"))
    for step in range(80):
        if step % 20 == 10:
            model.set_only(step % 40 == 10)
            changes.clear()
        rows = [sent(chance.randrange(60), chance.choice(["sent", "warned", "failed"])) for _ in range(8)]
        known.update({row.sop_instance_uid: row.state for row in rows})
        model.put(rows)
        only = step >= 10 and (step - 10) // 20 % 2 == 0
        wanted = [uid for uid, state in known.items() if not only or state != "sent"]
        assert [model.index(row, 2).data() for row in range(model.rowCount())] == wanted
        assert {state: model.count(state) for state in ("sent", "warned", "failed")} == {
            state: list(known.values()).count(state) for state in ("sent", "warned", "failed")
        }
        assert model.has_failed == ("failed" in known.values())
        assert not changes
    qtmodeltester.check(model)


# -- the tree of the database while the listener brings more


@pytest.mark.parametrize("what", ["instances of a series", "series of a study"])
def test_what_arrives_is_shown_with_little_more_work_where_much_is_there(qtbot, tmp_path, what):
    """Of a refresh, which comes twice a second while something arrives: the window's own part, counted in calls."""

    def calls(name, count):
        folder = tmp_path / name
        slices, number = (count, 1) if what == "instances of a series" else (1, count)
        parts = [part_of(folder, f"{name}{n}", n, slices) for n in range(number)]
        later = [part_of(folder, f"{name}-later{n}", 0, 1) for n in range(3)]
        with DICOMModuleLogic(folder / "database") as logic, browser_kit.viewer_of(folder) as viewer:
            run_to_end(logic.import_job(parts))
            with browser_kit.shown_browser(qtbot, logic, viewer) as browser:

                def settle():
                    qtbot.waitUntil(lambda: browser_kit.is_quiet(browser) and viewer.jobs.is_idle, timeout=20_000)

                qtbot.waitUntil(lambda: browser.model.rowCount() == 1)
                browser.tree.expandAll()
                settle()
                browser.tree.expandAll()
                settle()
                counts = []
                for one in later:  # a refresh may be followed by another, as something was examined meanwhile
                    run_to_end(logic.import_job([one]))
                    counts.append(calls_of(lambda: (browser.refresh(), settle()), f"browser{os.sep}tree_"))
                return min(counts)

    few = calls("few", 12)
    assert few > 0
    # an unfolded series more is a row more to compare; an instance more is nothing
    assert calls("many", 240) <= few + (20 if what == "instances of a series" else 10 * (240 - 12))


def part_of(folder, name, series, slices):
    """Make a part of a series of the one study."""

    def edit(dataset, _k):
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = factories.uid("arriving"), factories.uid("one", series)
        dataset.SeriesNumber = str(series)

    return factories.make_series(folder / name, name, edit=edit, slices=slices, rows=4, columns=4).folder
