"""The Query dialog: what its fields ask for, answers that fill it, series on demand, failures beside answers, cancelling."""

from __future__ import annotations

import socket
import threading
from datetime import date

import peers
import pytest
from dialog_kit import banner_texts
from factories import base_dataset, set_pixels, uid, write
from importing import import_
from numpy import zeros
from pydicom.dataset import Dataset
from pynetdicom import evt
from scripted_peer import STUDY_FIND, scripted

from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import SettingsError
from DICOMModule.jobs import call_job
from DICOMModule.network.matches import Match
from DICOMModule.widgets.exchange.query_fields import parsed_date, parsed_modalities, preset_range
from DICOMModule.widgets.exchange.result_model import ResultModel
from DICOMModule.widgets.exchange.result_node import DATE, HERE, NAME, SERVER
from DICOMModule.widgets.job_runner import Lane
from DICOMModule.widgets.qt import QPushButton, Qt

PEOPLE = {
    "one": {"PatientName": "Doe^Jane", "StudyDate": "20260105", "StudyDescription": "CT THORAX"},
    "two": {"PatientName": "Müller^Jörg", "StudyDate": "20260201", "modality": "MR"},
    "three": {"PatientName": "Yamada^Tarou=山田^太郎=", "StudyDate": "20260301", "modality": "PT"},
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory, orthanc):
    """Orthanc with the people above, one image each but two of the first; the folder of their files."""
    folder = tmp_path_factory.mktemp("people")
    for name, attributes in PEOPLE.items():
        for number in range(2 if name == "one" else 1):
            made = base_dataset(name, **{"modality": "CT", "SpecificCharacterSet": "ISO_IR 192", **attributes})
            made.SOPInstanceUID, made.InstanceNumber = uid(name, number), str(number + 1)
            set_pixels(made, zeros((2, 2), "int16"))
            write(made, folder / f"{name}{number}.dcm")
    orthanc.empty()
    peers.store(orthanc, folder)
    return orthanc, folder


def shown(qtbot, networking, *entries):
    """Show the dialog with these servers, all ticked."""
    for one in entries:
        networking.book.logic.add_server(one)
    networking.book.read()
    networking.show_query()
    dialog = networking.query
    qtbot.waitUntil(lambda: networking.book.is_settled and dialog.servers_list.count() == len(entries))
    for row in range(len(entries)):
        dialog.servers_list.item(row).setCheckState(Qt.Checked)
    return dialog


def searched(qtbot, dialog):
    dialog.search_button.click()
    settled(qtbot, dialog)


def settled(qtbot, dialog):
    qtbot.waitUntil(lambda: dialog.is_settled and dialog.viewer.jobs.is_idle, timeout=20_000)


def column(dialog, number):
    model = dialog.model
    return [model.index(row, number).data() for row in range(model.rowCount())]


def study(number, **values):
    found = Dataset()
    found.QueryRetrieveLevel = "STUDY"
    found.StudyInstanceUID = f"1.2.{number}"
    found.StudyDate = "20260101"
    for name, value in values.items():
        setattr(found, name, value)
    return found


def answering(*answers):
    def found(_event):
        for one in answers:
            yield 0xFF00, one
        yield 0x0000, None

    return scripted([STUDY_FIND], [(evt.EVT_C_FIND, found)])


def at(port, name="peer"):
    return ServerEntry(name, host="127.0.0.1", port=port, ae_title="PEER")


# -- the fields


@pytest.mark.parametrize(
    ("preset", "days"),
    [
        ("Any date", (None, None)),
        ("Today", (date(2026, 3, 31), date(2026, 3, 31))),
        ("Yesterday", (date(2026, 3, 30), date(2026, 3, 30))),
        ("Last 7 days", (date(2026, 3, 25), date(2026, 3, 31))),
        ("Last month", (date(2026, 2, 28), date(2026, 3, 31))),
    ],
)
def test_presets_of_dates(preset, days):
    assert preset_range(preset, date(2026, 3, 31)) == days


@pytest.mark.parametrize("text", ["2026-03-09", "20260309", " 2026-3-9 ", "2026.03.09"])
def test_dates_as_people_type_them(text):
    assert parsed_date(text, "From") == date(2026, 3, 9)


@pytest.mark.parametrize("text", ["9 March", "2026-02-30", "2026", "٢٠٢٦-03-09"])
def test_what_is_no_date_is_refused_with_how_to_write_it(text):
    with pytest.raises(SettingsError, match="write it as 2026-03-09"):
        parsed_date(text, "From")


def test_modalities_are_typed_with_anything_between():
    assert parsed_modalities("ct, MR;pt  ct") == ("CT", "MR", "PT")


def test_the_fields_ask_for_what_they_say(qtbot, networking):
    dialog = shown(qtbot, networking, at(104))
    fields = dialog.fields
    for field, text in (
        (fields.name_field, "Doe"),
        (fields.id_field, "ID 7"),
        (fields.from_field, "2026-03-01"),
        (fields.modalities_field, "ct"),
        (fields.accession_field, "A1"),
        (fields.description_field, "thorax"),
    ):
        field.setFocus()
        qtbot.keyClicks(field, text)
    query = fields.query
    assert (query.patient_name, query.patient_id, query.accession_number) == ("Doe", "ID 7", "A1")
    assert (query.study_date_from, query.study_date_to) == (date(2026, 3, 1), None)
    assert (query.modalities, query.study_description) == (("CT",), "thorax")
    dialog.clear_button.click()
    assert (fields.query.patient_name, fields.query.study_date_from) == ("", None)


def test_a_preset_fills_the_dates_and_typing_leaves_it(qtbot, networking):
    fields = shown(qtbot, networking, at(104)).fields
    fields.preset_choice.setCurrentText("Last 7 days")
    fields.preset_choice.activated.emit(fields.preset_choice.currentIndex())
    assert (date.fromisoformat(fields.to_field.text()) - date.fromisoformat(fields.from_field.text())).days == 6
    fields.to_field.clear()
    qtbot.keyClicks(fields.to_field, "2030-01-01")
    assert fields.preset_choice.currentText() == "From … to …"
    assert fields.query.study_date_to == date(2030, 1, 1)


def test_what_makes_no_sense_is_said_and_nobody_is_asked(qtbot, networking):
    dialog = shown(qtbot, networking, at(104))
    qtbot.keyClicks(dialog.fields.from_field, "soon")
    dialog.search_button.click()
    assert dialog.state_text.text() == "From soon is no date; write it as 2026-03-09."
    assert dialog.viewer.jobs.is_idle


def test_without_a_ticked_server_nothing_can_be_asked(qtbot, networking):
    dialog = shown(qtbot, networking)
    assert dialog.state_text.text() == "There is no server yet: add one first."
    networking.book.logic.add_server(at(104, "a"))
    networking.book.logic.add_server(at(105, "b"))
    networking.book.read()
    qtbot.waitUntil(lambda: dialog.servers_list.count() == 2)
    assert not dialog.search_button.isEnabled()
    assert dialog.state_text.text() == "Tick the servers that are to be asked."
    dialog.servers_list.item(1).setCheckState(Qt.Checked)
    assert dialog.search_button.isEnabled()
    assert dialog.servers.ticked == ("b",)


def test_the_ticks_are_remembered(qtbot, networking):
    shown(qtbot, networking, at(104, "a"), at(105, "b")).servers_list.item(0).setCheckState(Qt.Unchecked)
    networking.close_dialogs()
    networking.show_query()
    assert networking.query.servers.ticked == ("b",)


def test_our_listener_is_set_here_and_what_it_cannot_be_is_said(qtbot, networking):
    dialog = shown(qtbot, networking)
    fields, settings = dialog.listener_fields, networking.book.viewer.settings
    fields.title_field.setText("HERE")
    fields.title_field.editingFinished.emit()
    fields.port_field.setValue(1104)
    fields.port_field.editingFinished.emit()
    fields.bind_choice.setCurrentIndex(1)
    fields.bind_choice.activated.emit(1)
    value = settings.value
    assert (value.listener_ae_title, value.listener_port, value.listener_bind) == ("HERE", 1104, "0.0.0.0")
    fields.title_field.setText("MUCH TOO LONG A TITLE")
    fields.title_field.editingFinished.emit()
    assert settings.value.listener_ae_title == "HERE"
    assert "must be 1 to 16 letters" in fields.note.text()
    fields.port_field.setValue(104)
    fields.port_field.editingFinished.emit()
    assert "administrator" in fields.note.text()


# -- what servers answer


def test_a_real_archive_is_asked_and_what_is_here_is_marked(qtbot, networking, archive):
    orthanc, folder = archive
    logic = networking.book.logic
    import_(logic, folder / "one0.dcm")
    import_(logic, folder / "two0.dcm")
    dialog = shown(qtbot, networking, orthanc.entry("Orthanc"))
    searched(qtbot, dialog)
    assert column(dialog, NAME) == ["Yamada, Tarou", "Müller, Jörg", "Doe, Jane"]
    assert column(dialog, HERE) == ["", "all", "in part"]
    assert set(column(dialog, SERVER)) == {"Orthanc"}
    assert dialog.state_text.text().startswith("3 studies in ")
    qtbot.waitUntil(lambda: dialog.selection_label.text() == "1 study, 1 image")
    dialog.fields.modalities_field.setText("mr, pt")
    dialog.fields.name_field.setText("jörg")
    searched(qtbot, dialog)
    assert column(dialog, NAME) == ["Müller, Jörg"]


def test_series_are_asked_for_when_a_study_is_unfolded(qtbot, networking, archive):
    dialog = shown(qtbot, networking, archive[0].entry("Orthanc"))
    dialog.fields.name_field.setText("Doe")
    searched(qtbot, dialog)
    index = dialog.model.index(0, 0)
    assert dialog.model.rowCount(index) == 0
    dialog.results_view.expand(index)
    assert dialog.model.index(0, 0, index).data() == "Asking for the series…"
    settled(qtbot, dialog)
    assert dialog.model.rowCount(index) == 1
    series = dialog.model.index(0, 0, index)
    assert series.data().startswith("Series")
    dialog.results_view.setCurrentIndex(series)
    qtbot.waitUntil(lambda: dialog.selection_label.text() == "1 series, 2 images")


def test_series_that_could_not_be_had_are_asked_for_again_when_the_study_is_unfolded_again(qtbot, networking):
    fails = [True]

    def found(event):
        if event.identifier.QueryRetrieveLevel == "STUDY":
            yield 0xFF00, study(1)
        elif fails:
            yield 0xC001, None
            return
        else:
            series = Dataset()
            series.QueryRetrieveLevel = "SERIES"
            series.StudyInstanceUID, series.SeriesInstanceUID, series.SeriesNumber = "1.2.1", "1.2.1.7", 7
            yield 0xFF00, series
        yield 0x0000, None

    with scripted([STUDY_FIND], [(evt.EVT_C_FIND, found)]) as port:
        dialog = shown(qtbot, networking, at(port))
        searched(qtbot, dialog)
        index = dialog.model.index(0, 0)
        dialog.results_view.expand(index)
        settled(qtbot, dialog)
        line = dialog.model.index(0, 0, index)
        assert "0xC001" in line.data()
        assert not line.flags() & Qt.ItemIsSelectable
        fails.clear()
        dialog.results_view.collapse(index)
        dialog.results_view.expand(index)
        settled(qtbot, dialog)
    assert dialog.model.index(0, 0, index).data() == "Series 7"


def test_several_servers_answer_beside_one_that_is_down(qtbot, networking, archive):
    with socket.socket() as free, answering(study(1, PatientName="<b>Bold</b>")) as port:
        free.bind(("127.0.0.1", 0))
        dialog = shown(
            qtbot, networking, archive[0].entry("Orthanc"), at(port, "scripted"), at(free.getsockname()[1], "down")
        )
        searched(qtbot, dialog)
    assert len(column(dialog, NAME)) == 4
    assert "<b>Bold</b>" in column(dialog, NAME)
    place = column(dialog, NAME).index("<b>Bold</b>")
    assert "&lt;b&gt;" in dialog.model.index(place, NAME).data(Qt.ToolTipRole)
    assert [banner.text.startswith("down: ") for banner in dialog.banners.shown] == [True]


def test_a_single_server_that_is_down_says_what_to_change(qtbot, networking):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dialog = shown(qtbot, networking, at(free.getsockname()[1]))
        searched(qtbot, dialog)
    assert dialog.state_text.text() == "The query failed."
    assert "nobody listens on its port" in dialog.banners.shown[0].text
    assert banner_texts(dialog.viewer) == []


def test_rows_fill_while_answers_come_and_cancel_keeps_what_came(qtbot, networking):
    go_on = threading.Event()

    def found(event):
        for number in range(1, 4):
            yield 0xFF00, study(number)
        go_on.wait(20)
        yield (0xFE00, None) if event.is_cancelled else (0x0000, None)

    try:
        with scripted([STUDY_FIND], [(evt.EVT_C_FIND, found)]) as port:
            dialog = shown(qtbot, networking, at(port))
            dialog.search_button.click()
            qtbot.waitUntil(lambda: len(dialog.model.studies) == 3)
            assert dialog.search_button.text() == "Cancel"
            dialog.search_button.click()
            qtbot.waitUntil(lambda: dialog.search_button.text() == "Search")
            assert dialog.state_text.text() == "Cancelled: 3 studies came before."
            go_on.set()
            settled(qtbot, dialog)
    finally:
        go_on.set()


def test_a_limit_that_was_hit_is_a_banner(qtbot, networking, monkeypatch):
    monkeypatch.setattr("DICOMModule.widgets.exchange.query_form.MOST_MATCHES", 2)
    with answering(*map(study, range(1, 6))) as port:
        dialog = shown(qtbot, networking, at(port))
        searched(qtbot, dialog)
    assert len(dialog.model.studies) == 2
    assert len(dialog.banners.shown) == 1
    assert dialog.banners.shown[0].kind == "warning"


def test_columns_are_sorted_and_what_is_selected_stays_so(qtbot, networking):
    answers = [
        study(n, PatientName=f"N{n}", NumberOfStudyRelatedInstances=count) for n, count in ((1, 9), (2, 100), (3, 20))
    ]
    with answering(*answers) as port:
        dialog = shown(qtbot, networking, at(port))
        searched(qtbot, dialog)
    dialog.results_view.sortByColumn(NAME, Qt.AscendingOrder)
    dialog.results_view.setCurrentIndex(dialog.model.index(1, 0))
    dialog.results_view.sortByColumn(6, Qt.DescendingOrder)
    assert column(dialog, NAME) == ["N2", "N3", "N1"]
    assert dialog.results_view.currentIndex().row() == 0


@pytest.mark.parametrize("order", [Qt.AscendingOrder, Qt.DescendingOrder])
def test_what_has_no_date_is_last_either_way(qtbot, order):
    model = ResultModel()
    dates = ("", "2026-01-05", "", "2026-03-09", "1999-12-31")
    model.add(
        [
            Match("s", "study", {"study_instance_uid": f"1.{n}", "study_date": day}, "none")
            for n, day in enumerate(dates)
        ]
    )
    model.sort(DATE, order)
    shown = [node.text(DATE) for node in model.studies]
    assert shown[3:] == ["", ""]
    assert shown[:3] == sorted(filter(None, dates), reverse=order == Qt.DescendingOrder)


# -- retrieving


def retrieved(qtbot, dialog, networking):
    qtbot.waitUntil(dialog.retrieve_button.isEnabled)
    dialog.retrieve_button.click()
    qtbot.waitUntil(lambda: not networking.retriever.is_busy and dialog.viewer.jobs.is_idle, timeout=40_000)


@pytest.mark.parametrize("way", ["get", "move"])
def test_what_is_selected_is_retrieved_and_marked(qtbot, networking, archive, way):
    orthanc, _ = archive
    logic, viewer = networking.book.logic, networking.book.viewer
    viewer.settings.change(listener_port=orthanc.move_port)
    grown = []
    networking.retriever.ended.connect(lambda: grown.append(1))
    dialog = shown(qtbot, networking, orthanc.entry("Orthanc", retrieve=way))
    dialog.fields.name_field.setText("e")
    searched(qtbot, dialog)
    assert column(dialog, NAME) == ["Müller, Jörg", "Doe, Jane"]
    dialog.results_view.selectAll()
    qtbot.waitUntil(lambda: dialog.selection_label.text() == "2 studies, 3 images")
    retrieved(qtbot, dialog, networking)
    assert banner_texts(viewer) == ["Retrieved 3 images and objects from Orthanc."]
    assert sorted(study.patient_name for study in logic.database().studies()) == ["Doe^Jane", "Müller^Jörg"]
    assert column(dialog, HERE) == ["all", "all"]
    assert grown
    assert {row.health for row in logic.database().series()} <= {"ok", "warned", "refused"}
    retrieved(qtbot, dialog, networking)
    assert banner_texts(viewer)[0] == "Nothing new came from Orthanc. 3 were here already."
    assert [handle.title for handle in viewer.jobs.handles] == ["Retrieving 2 studies from Orthanc"] * 2


def test_a_series_alone_is_retrieved(qtbot, networking, archive):
    dialog = shown(qtbot, networking, archive[0].entry("Orthanc"))
    dialog.fields.name_field.setText("Doe")
    searched(qtbot, dialog)
    dialog.results_view.expand(dialog.model.index(0, 0))
    settled(qtbot, dialog)
    dialog.results_view.setCurrentIndex(dialog.model.index(0, 0, dialog.model.index(0, 0)))
    retrieved(qtbot, dialog, networking)
    assert banner_texts(dialog.viewer) == ["Retrieved 2 images and objects from Orthanc."]
    assert column(dialog, HERE) == ["all"]


def test_a_server_that_gives_nothing_is_a_banner_that_stays(qtbot, networking):
    with answering(study(1, NumberOfStudyRelatedInstances=1)) as port:
        dialog = shown(qtbot, networking, at(port))
        searched(qtbot, dialog)
        retrieved(qtbot, dialog, networking)
    (banner,) = dialog.viewer.banners.shown
    assert banner.kind == "error"
    assert "Try again" in [button.text() for button in banner.findChildren(QPushButton)]
    assert column(dialog, HERE) == [""]


def test_what_a_server_calls_a_uid_and_is_none_is_not_asked_for(qtbot, networking):
    dialog = shown(qtbot, networking, at(104, "peer"))
    dialog.model.add([Match("peer", "study", {"study_instance_uid": "../../etc"}, "none")])
    dialog.results_view.setCurrentIndex(dialog.model.index(0, 0))
    qtbot.waitUntil(dialog.retrieve_button.isEnabled)
    dialog.retrieve_button.click()
    dialog.results_view.expand(dialog.model.index(0, 0))
    assert "is no UID" in dialog.banners.shown[0].text
    assert "is no UID" in dialog.model.index(0, 0, dialog.model.index(0, 0)).data()
    assert dialog.viewer.jobs.is_idle


def test_patients_are_hidden_where_the_views_hide_them(qtbot, networking, archive):
    dialog = shown(qtbot, networking, archive[0].entry("Orthanc"))
    searched(qtbot, dialog)
    networking.book.viewer.views.set_anonymous(True)
    assert set(column(dialog, NAME)) == {"(hidden)"}


def test_the_model_is_sound_with_series_and_notes(qtbot, qtmodeltester):
    model = ResultModel()
    model.add(
        [Match("s", "study", {"study_instance_uid": f"1.{n}", "patient_name": f"N{n}"}, "none") for n in range(3)]
    )
    model.set_children(model.studies[1], [Match("s", "series", {"series_number": n}, "none") for n in range(2)])
    model.set_note(model.studies[2], "none")
    model.sort(NAME, Qt.DescendingOrder)
    qtmodeltester.check(model)
    assert [node.text(NAME) for node in model.studies] == ["N2", "N1", "N0"]


def test_a_study_is_all_here_once_its_series_are(qtbot):
    model = ResultModel()
    model.add([Match("s", "study", {"study_instance_uid": "1.1"}, "none")])
    (node,) = model.studies
    model.set_children(node, [Match("s", "series", {"series_number": n}, "none") for n in range(2)])
    model.set_local(node.children[0], "all")
    assert node.local == "part"
    model.set_local(node.children[1], "all")
    assert node.local == "all"


def test_servers_that_are_stuck_hold_up_no_other_work_of_the_window(qtbot, networking):
    go_on, done = threading.Event(), []

    def found(_event):
        go_on.wait(20)
        yield 0x0000, None

    try:
        with scripted([STUDY_FIND], [(evt.EVT_C_FIND, found)]) as port:
            dialog = shown(qtbot, networking, at(port, "stuck"))
            dialog.model.add([Match("stuck", "study", {"study_instance_uid": f"1.2.{n}"}, "none") for n in range(6)])
            for row in range(6):
                dialog.results_view.expand(dialog.model.index(row, 0))
            for lane in (Lane.QUIET, Lane.WORK, Lane.PICTURE):
                dialog.viewer.jobs.run(
                    "other", lambda lane=lane: call_job(lambda: lane), on_success=done.append, lane=lane
                )
            qtbot.waitUntil(lambda: len(done) == 3, timeout=3000)
            assert not dialog.is_settled
            go_on.set()
            settled(qtbot, dialog)
    finally:
        go_on.set()
