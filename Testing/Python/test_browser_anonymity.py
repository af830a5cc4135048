"""With patient and study hidden in the views, the browser and what is made of its selection do not tell them either."""

from __future__ import annotations

import factories
import pytest
from browser_kit import filled_logic, is_quiet, row, shown_browser, viewer_of

from DICOMModule.widgets.browser.anonymity import anonymised
from DICOMModule.widgets.dialogs.export_dialog import ExportDialog
from DICOMModule.widgets.dialogs.import_dialog import ImportProgress, ImportRequest
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.importing import Importer
from DICOMModule.widgets.qt import QLabel, QModelIndex, Qt

ANN = "adams, Ann"
SECRETS = ("adams", "P2")


@pytest.fixture
def viewer(tmp_path):
    with viewer_of(tmp_path) as made:
        yield made


@pytest.fixture
def logic(tmp_path):
    with filled_logic(tmp_path) as made:
        yield made


@pytest.fixture
def browser(qtbot, logic, viewer):
    with shown_browser(qtbot, logic, viewer) as made:
        qtbot.waitUntil(lambda: made.model.rowCount() == 3 and is_quiet(made))
        yield made


def texts(model, parent=None):
    """Return all that a model says."""
    parent = parent or QModelIndex()
    said = []
    for number in range(model.rowCount(parent)):
        for column in range(model.columnCount(parent)):
            index = model.index(number, column, parent)
            said += [str(index.data(role) or "") for role in (Qt.DisplayRole, Qt.ToolTipRole, Qt.AccessibleTextRole)]
        first = model.index(number, 0, parent)
        if hasattr(model, "path"):
            said += texts(model, first)
    return said


def tells(said):
    return [text for text in said if any(secret in text for secret in SECRETS)]


def test_the_tree_and_its_selection_hide_who_it_is_and_show_it_again(qtbot, browser, viewer):
    browser.tree.setCurrentIndex(row(browser, ANN))
    chosen = browser.selection
    assert ANN in chosen.text
    assert tells(texts(browser.model))
    with qtbot.waitSignal(browser.selection_changed):
        viewer.views.set_anonymous(True)
    assert tells(texts(browser.model)) == []
    hidden = browser.selection
    assert hidden.targets == chosen.targets
    number = chosen.patients[0].patient
    assert hidden.text.startswith(f"Patient Anonymous {number} (")
    qtbot.waitUntil(lambda: is_quiet(browser))
    viewer.views.set_anonymous(False)
    assert browser.selection == chosen


def test_the_table_of_studies_hides_it_too(qtbot, browser, viewer):
    browser.set_spread(True)
    studies = browser.spread.studies
    qtbot.waitUntil(lambda: studies.rowCount() > 0 and is_quiet(browser))
    assert tells(texts(studies))
    viewer.views.set_anonymous(True)
    assert tells(texts(studies)) == []
    assert [studies.index(number, 5).data() for number in range(studies.rowCount())] == [
        row.texts[5] for row in studies.rows
    ]
    viewer.views.set_anonymous(False)
    assert tells(texts(studies))


def test_a_browser_that_is_made_later_is_anonymous_from_the_beginning(qtbot, logic, viewer):
    viewer.views.set_anonymous(True)
    with shown_browser(qtbot, logic, viewer) as browser:
        qtbot.waitUntil(lambda: browser.model.rowCount() == 3 and is_quiet(browser))
        assert tells(texts(browser.model)) == []


def test_the_form_of_an_export_does_not_tell_the_patient(qtbot, logic, viewer):
    viewer.views.set_anonymous(True)
    dialog = ExportDialog(logic, viewer, logic.database().studies(search="adams")[0])
    qtbot.addWidget(dialog)
    assert tells([label.text() for label in dialog.findChildren(QLabel)]) == []
    assert any("Anonymous" in label.whole_text for label in dialog.findChildren(ElidedLabel))
    dialog.reject()


@pytest.mark.parametrize("anonymous", [False, True])
def test_an_import_is_called_after_its_folder_unless_patients_are_hidden(qtbot, logic, viewer, tmp_path, anonymous):
    folder = tmp_path / "adams"
    factories.make_series(folder, "one", slices=1)
    viewer.views.set_anonymous(anonymous)
    progress = ImportProgress()
    qtbot.addWidget(progress)
    importer = Importer(logic, viewer, progress)
    with qtbot.waitSignal(viewer.jobs.ended):
        handle = importer.start(ImportRequest((folder,), copy=False))
    assert handle.title == ("Importing 1 file or folder" if anonymous else "Importing adams")
    importer.close()


def test_labels_and_notes_are_hidden_on_every_level(logic):
    database = logic.database()
    patient = database.patients(search="adams")[0].patient
    study = database.studies(patient=patient)[0].study_instance_uid
    series = database.series(study=study)[0].series_instance_uid
    database.annotations.add_label([patient, study, series], "adams again")
    for name in (patient, study, series):
        database.annotations.set_note(name, "P2 is adams")
    for shown, *_ in (
        database.patients(patient=patient),
        database.studies(study=study),
        database.series(series=series),
    ):
        assert tells([str(shown.labels), str(shown.note)])
        hidden = anonymised(shown)
        assert (hidden.labels, hidden.note) == ((), None)
