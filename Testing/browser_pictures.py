"""States of the browser and its dialogs for `pictures.py`: what a person does with the pointer, labels, trash and so on."""

from __future__ import annotations


def take_browser(studio) -> None:
    """Take the pictures of the browser, each from a state of its own."""
    _scrub(studio)


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
