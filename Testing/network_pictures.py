"""States of the network's panel and dialogs for `pictures.py`: servers, their form and test, the listener, query and send."""

from __future__ import annotations


def take_network(studio) -> None:
    """Take the pictures of the network, against an Orthanc where that is installed."""
    import shutil

    import peers

    if shutil.which("Orthanc", path=peers.PLACES) is None:
        print("Orthanc is not installed: no pictures of the network")
        return
    with peers.orthanc(studio.base / "orthanc") as orthanc:
        peers.store(orthanc, *(studio.base / "data" / f"patient{number}" for number in range(5)))
        _servers(studio, orthanc)
        _query(studio)
        _send(studio)
    studio.panel.sections["Servers"].set_folded(True)


def _servers(studio, orthanc) -> None:
    from window_hand import wait_until

    from DICOMModule.database.servers import ServerEntry

    network, logic = studio.panel.networking, studio.panel.logic
    for entry in (
        orthanc.entry("Radiology"),
        ServerEntry("Archive of the whole university hospital", host="pacs.neuro.example.org", port=11112, ae_title="ARCHIVE"),
        ServerEntry("Cloud", kind="web", url="https://cloud.example.org/dicom-web"),
        ServerEntry("Down", host="127.0.0.1", port=1, ae_title="DOWN"),
    ):  # fmt: skip
        logic.add_server(entry)
    studio.panel.sections["Servers"].set_folded(False)
    network.book.read()
    studio.settle()
    for name in ("Down", "Radiology"):
        entry = next(row.entry for row in network.book.rows if row.entry.name == name)
        network.test(entry)
        wait_until(lambda: not network.doctor.is_running, 60)
        studio.settle()
        studio.take(f"dialog-doctor-{name.lower()}", network.doctor)
    network.doctor.close()
    studio.viewer.settings.change(listener_port=peers_port())
    network.listener.start()
    wait_until(lambda: network.listener.kind in {"listening", "failed"}, 60)
    studio.settle()
    studio.take("servers-listening")
    network.listener.stop()
    wait_until(lambda: network.listener.kind == "stopped", 60)
    network.edit(None)
    studio.take("dialog-server", network.form)
    for field, text in (
        ("name_field", "Radio:logy"),
        ("host_field", "http://x/y"),
        ("ae_field", "WAYTOOLONGTITLEFORDICOM"),
    ):
        getattr(network.form, field).setText(text)
    studio.take("dialog-server-errors", network.form)
    network.form.reject()


def peers_port() -> int:
    """Return a port that is free."""
    import peers

    return peers.free_port()


def _query(studio) -> None:
    from PyQt5.QtCore import Qt
    from window_hand import wait_until

    network = studio.panel.networking
    network.show_query()
    dialog = network.query
    studio.settle()
    for row in range(dialog.servers_list.count()):
        dialog.servers_list.item(row).setCheckState(Qt.Checked if row != 1 else Qt.Unchecked)
    studio.take("dialog-query", dialog)
    dialog.search()
    wait_until(lambda: dialog.is_settled, 60)
    dialog.results_view.expand(dialog.model.index(1, 0))
    wait_until(lambda: dialog.is_settled, 60)
    studio.settle()
    studio.take("dialog-query-found", dialog)
    dialog.close()


def _send(studio) -> None:
    from window_hand import wait_until

    from DICOMModule.network.sending import SentInstance

    network, panel = studio.panel.networking, studio.panel
    study = panel.logic.database().studies(search="phantom chest")[0]
    panel.browser.select((study.study_instance_uid,))
    studio.settle()
    network.send(panel.logic, panel.browser.selection)
    dialog = network.sends[-1]
    studio.settle()
    studio.take("dialog-send", dialog)
    dialog.send()
    wait_until(lambda: not dialog.is_sending, 120)
    studio.settle()
    studio.take("dialog-send-done", dialog)
    reasons = ("", "out of resources (0xA700), with the comment: the disk is full", "elements were discarded (0xB006)")
    dialog.rows.put(
        SentInstance(
            row.sop_instance_uid, row.name, ("sent", "failed", "warned")[place % 3], "0xA700", reasons[place % 3]
        )
        for place, row in enumerate(list(dialog.rows.rows)[:40])
    )
    dialog.server_choice.setCurrentIndex(dialog.server_choice.count() - 1)
    studio.take("dialog-send-other", dialog)
    dialog.close()
    studio.viewer.banners.clear()
