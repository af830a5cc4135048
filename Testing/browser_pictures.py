"""States of the browser and its dialogs for `pictures.py`: what a person does with the pointer, labels, trash and so on."""

from __future__ import annotations


def take_browser(studio) -> None:
    """Take the pictures of the browser, each from a state of its own."""
    _scrub(studio)
    _metadata(studio)
    _labels(studio)
    _trash_and_history(studio)
    _quick_look(studio)


def _scrub(studio) -> None:
    from PyQt5.QtCore import QPoint
    from window_hand import QtHand

    browser, hand = studio.panel.browser, QtHand()
    study = studio.panel.logic.database().studies(search="phantom chest")[0]
    series = studio.panel.logic.database().series(study=study.study_instance_uid)
    browser.select((series[0].series_instance_uid,))
    studio.settle()
    tree = browser.tree
    box = tree.thumbnail_at(tree.visualRect(tree.currentIndex()).topLeft() + QPoint(20, 28))[1]
    hand.move(tree.viewport().mapToGlobal(box.topLeft() + QPoint(36, 20)))
    studio.settle()
    studio.take("scrub", studio.window.panel_dock.widget())
    studio.viewer.views.set_spread(True)
    studio.settle()
    cards = browser.spread.cards
    hand.move(cards.viewport().mapToGlobal(QPoint(60, 60)))
    studio.settle()
    studio.take("scrub-spread")
    studio.viewer.views.set_spread(False)
    studio.settle()


def _metadata(studio) -> None:
    panel = studio.panel
    series = panel.logic.database().series(search="knee")[0]
    panel.browser.select((series.series_instance_uid,))
    studio.settle()
    panel.dialogs.show_comparison(panel.browser.selection)
    comparison = panel.dialogs.comparison
    studio.settle()
    studio.take("dialog-comparison", comparison)
    comparison.differences_box.setChecked(True)
    comparison.search_field.setText("position")
    studio.settle()
    studio.take("dialog-comparison-differences", comparison)
    comparison.close()
    panel.dialogs.show_varying(panel.browser.selection)
    studio.settle()
    varying = panel.dialogs.varying
    varying.table.selectRow(2)
    studio.take("dialog-varying", varying)
    varying.close()


def _labels(studio) -> None:
    panel, browser = studio.panel, studio.panel.browser
    study = panel.logic.database().studies(search="phantom chest")[0]
    series = panel.logic.database().series(study=study.study_instance_uid)
    uids = [row.series_instance_uid for row in series]
    panel.logic.label(
        [study.study_instance_uid, uids[0]], ["teaching", "to do", "a rather long label of several words"]
    )
    panel.logic.label(uids[1:], ["to do"])
    panel.logic.set_note(uids[0], "Ask for the former images.")
    panel.logic.save_search("Chests of this year", "chest date:2026")
    browser.refresh(deep=True)
    browser.select((uids[0],))
    studio.settle()
    studio.take("labels", studio.window.panel_dock.widget())
    panel.annotator.ask_labels(browser.selection)
    studio.settle()
    studio.take("dialog-labels", panel.annotator.form)
    panel.annotator.form.close()
    panel.annotator.ask_note(browser.selection)
    studio.settle()
    studio.take("dialog-note", panel.annotator.form)
    panel.annotator.form.close()
    menu = browser.search_menu.menu()
    menu.ensurePolished()
    menu.resize(menu.sizeHint())
    studio.take("menu-searches", menu)
    panel.annotator.show_searches(browser.search_for)
    studio.settle()
    studio.take("dialog-searches", panel.annotator.searches)
    panel.annotator.searches.close()
    studio.viewer.views.set_spread(True)
    studio.settle()
    studio.take("labels-spread")
    studio.viewer.views.set_spread(False)
    studio.settle()


def _trash_and_history(studio) -> None:
    from DICOMModule.jobs import run_to_end

    panel = studio.panel
    database = panel.logic.database()
    for search in ("knee", "gap"):
        run_to_end(panel.logic.delete_job([database.studies(search=search)[0].study_instance_uid]))
    several = [row.study_instance_uid for row in database.studies(search="id-")][:2]
    report = run_to_end(panel.logic.delete_job(several))
    panel.dialogs.show_trash()
    studio.settle()
    trash = panel.dialogs.trash
    trash.tree.expandAll()
    studio.take("dialog-trash", trash)
    trash.ask_purge(trash.selected)
    studio.settle()
    studio.take("dialog-purge", trash.question)
    trash.question.close()
    trash.close()
    for entry in panel.logic.trash_entries():
        run_to_end(panel.logic.undo_delete_job(entry.trash_id))
    assert report.instances
    cut = studio.base / "cut"
    cut.mkdir()
    for number, path in enumerate(sorted((studio.base / "data").rglob("*.dcm"))[:5]):
        (cut / f"{number}.dcm").write_bytes(path.read_bytes()[: 600 + 50 * number])
    run_to_end(panel.logic.import_job([cut]))
    job = panel.logic.import_job([studio.base / "data"])
    next(job)
    job.close()
    panel.dialogs.show_history()
    studio.settle()
    panel.dialogs.history.table.selectRow(1)
    studio.settle()
    studio.take("dialog-history", panel.dialogs.history)
    panel.dialogs.history.close()
    panel.browser.refresh(deep=True)
    studio.settle()


def _quick_look(studio) -> None:
    from window_hand import wait_until

    panel = studio.panel
    studio.viewer.quick_look_requested.emit((studio.base / "data" / "patient2",))
    wait_until(lambda: panel.quick_look.is_on)
    studio.settle()
    studio.take("quick-look")
    panel.quick_look.end()
    wait_until(lambda: not panel.quick_look.is_on)
    studio.settle()
    studio.viewer.banners.clear()
