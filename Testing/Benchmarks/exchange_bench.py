"""How long the window's event loop pauses while servers answer thousands of studies, much is sent, and much arrives.

    python Testing/Benchmarks/exchange_bench.py [query] [series] [send] [listen] [--studies N] [--series N] [--files N]

As `window_bench` measures it, in the real window, against a scripted peer in a process of its own:

* `query`: N studies (5,000) are answered; columns are sorted, all rows selected, patients hidden, the query asked again,
  cancelled in the midst, and the dialog closed while it is asked,
* `series`: one study with N series (5,000) is unfolded, sorted, selected and folded,
* `send`: N instances (10,000) are sent, of which the peer refuses every third; then only those are shown,
* `listen`: storescu brings N instances (2,000) to the listener of the window while the tree of the database is shown, unfolded.

Prints a table; asserts nothing. "longest worked" is what the thread of the window has computed between two ticks.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from window_bench import HEAD, measured, pause, settle, small_files, wait_for_drawing, wait_until

import peers  # isort: skip (window_bench has set the paths)
from scripted_peer import accept, command, find_answer, fragment, messages, raw_peer  # isort: skip

from DICOMModule.app import ViewerOptions, drawing_imported, viewer_window
from DICOMModule.database.servers import ServerEntry
from DICOMModule.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN
from DICOMModule.jobs import run_to_end
from DICOMModule.network.identifiers import identifier
from DICOMModule.widgets.exchange import query_form
from DICOMModule.widgets.exchange.query_dialog import QueryDialog
from DICOMModule.widgets.exchange.result_node import DATE, IMAGES, NAME
from DICOMModule.widgets.main_window import MainWindow
from DICOMModule.widgets.qt import Qt

PARTS = ("query", "series", "send", "listen")
C_STORE, C_FIND = 0x0001, 0x0020
AT_ONCE = 200  # answers in one call of the peer's
FAMILIES = ("Adams", "Çelik", "Díaz", "García", "Ivanov", "Kim", "Müller", "Nguyen", "Sato", "Zhang")


# -- the peer, a process of its own


def study_answer(number: int) -> bytes:
    """Return a study as a server would answer it."""
    said = {
        "QueryRetrieveLevel": "STUDY",
        "StudyInstanceUID": f"1.2.826.0.1.{number + 1}",
        "StudyDate": f"20{number % 27:02d}{number % 12 + 1:02d}{number % 28 + 1:02d}",
        "StudyTime": f"{number % 24:02d}1500",
        "AccessionNumber": f"A{number:07d}",
        "ModalitiesInStudy": "CT\\SR" if number % 3 else "MR",
        "StudyDescription": f"Study of region {number % 97}",
        "PatientName": f"{FAMILIES[number % len(FAMILIES)]}^Given{number:05d}",
        "PatientID": f"P{number // 2:07d}",
        "PatientBirthDate": f"19{number % 90 + 10:02d}0101",
        "PatientSex": "F",
        "StudyID": str(number),
        "NumberOfStudyRelatedSeries": str(number % 9 + 1),
        "NumberOfStudyRelatedInstances": str(number % 700 + 1),
    }
    return identifier(said, EXPLICIT_VR_LITTLE_ENDIAN, "ISO_IR 192")


def series_answer(number: int) -> bytes:
    """Return a series of the first study."""
    said = {
        "QueryRetrieveLevel": "SERIES",
        "StudyInstanceUID": "1.2.826.0.1.1",
        "SeriesInstanceUID": f"1.2.826.0.2.{number + 1}",
        "SeriesNumber": str(number + 1),
        "SeriesDate": "20260309",
        "Modality": "CT",
        "SeriesDescription": f"Series of kernel {number % 31}",
        "NumberOfSeriesRelatedInstances": str(number % 300 + 1),
    }
    return identifier(said, EXPLICIT_VR_LITTLE_ENDIAN, "ISO_IR 192")


def serve_for_ever(studies: int, series: int) -> None:
    """Answer queries, and take what is sent but every third, until standard input ends."""
    levels = {b"STUDY": [study_answer(n) for n in range(studies)], b"SERIES": [series_answer(n) for n in range(series)]}

    def serve(connection: object) -> None:
        accept(connection)
        taken = 0
        for context, said, data in messages(connection):
            if said[0x0100] == C_STORE:
                taken += 1
                status = 0 if taken % 3 else 0xA700
                values = {"e0100": 0x8001, "e0120": said[0x0110], "e0800": 0x0101, "e0900": status}
                connection.sendall(fragment(context, 3, command(**values)))
            elif said[0x0100] == C_FIND:
                answers = levels[b"SERIES" if b"SERIES" in data else b"STUDY"]
                for first in range(0, len(answers), AT_ONCE):
                    connection.sendall(b"".join(find_answer(context, one) for one in answers[first : first + AT_ONCE]))
                connection.sendall(find_answer(context, status=0))

    with raw_peer(serve) as port:
        print(port, flush=True)
        sys.stdin.read()


@contextmanager
def a_peer(studies: int, series: int) -> Iterator[int]:
    """Have the peer in a process of its own; give its port."""
    words = [sys.executable, __file__, "--serve", "--studies", str(studies), "--series", str(series)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


# -- the window


def dialog_of(window: MainWindow, port: int) -> QueryDialog:
    """Show the Query dialog with the peer as its only server."""
    networking = window.host.current.widget.networking
    if not networking.book.dimse_entries:
        networking.book.logic.add_server(ServerEntry("peer", host="127.0.0.1", port=port, ae_title="PEER"))
    networking.book.read()
    networking.show_query()
    dialog = networking.query
    wait_until(lambda: networking.book.is_settled and dialog.servers_list.count() == 1)
    dialog.servers_list.item(0).setCheckState(Qt.Checked)
    return dialog


def searched(dialog: QueryDialog) -> None:
    """Ask, and wait for the last answer."""
    dialog.search_button.click()
    wait_until(lambda: dialog.is_settled and dialog.viewer.jobs.is_idle)


def bench_query(window: MainWindow, _folder: Path, arguments: argparse.Namespace) -> list[str]:
    """Ask for many studies."""
    number = arguments.studies
    query_form.MOST_MATCHES = number
    views = window.viewer.views
    with a_peer(number, 1) as port:
        dialog = dialog_of(window, port)
        view = dialog.results_view
        rows = [measured(f"{number:,} studies are answered", lambda: searched(dialog))]
        if len(dialog.model.studies) != number:
            raise SystemExit(f"{len(dialog.model.studies)} of {number} came")
        acts: tuple[tuple[str, Callable[[], object]], ...] = (
            ("sorted by name", lambda: view.sortByColumn(NAME, Qt.AscendingOrder)),
            ("sorted by images", lambda: view.sortByColumn(IMAGES, Qt.DescendingOrder)),
            ("scrolled to the end", view.scrollToBottom),
            ("Ctrl-A", view.selectAll),
            ("sorted by date, all selected", lambda: view.sortByColumn(DATE, Qt.DescendingOrder)),
            ("patients hidden", lambda: views.set_anonymous(True)),
            ("patients shown", lambda: views.set_anonymous(False)),
            ("keys of all for Retrieve", lambda: dialog.selected),
        )
        for name, act in acts:
            rows.append(measured(f"… {name}", act))

        def ask_and_cancel() -> None:
            dialog.search_button.click()
            wait_until(lambda: bool(dialog.model.studies))
            dialog.search_button.click()
            wait_until(lambda: dialog.is_settled and dialog.viewer.jobs.is_idle)

        def ask_and_close() -> None:
            dialog.search_button.click()
            wait_until(lambda: bool(dialog.model.studies))
            dialog.close()
            wait_until(lambda: dialog.is_settled and dialog.viewer.jobs.is_idle)

        rows += [
            measured("… asked again", lambda: searched(dialog)),
            measured("… cancelled in the midst", ask_and_cancel),
        ]
        rows += [measured("… closed in the midst", ask_and_close)]
        dialog.present()
        searched(dialog)
        rows.append(measured("… closed when all are there", dialog.close))
    return rows


def bench_series(window: MainWindow, _folder: Path, arguments: argparse.Namespace) -> list[str]:
    """Unfold a study of many series."""
    query_form.MOST_MATCHES = 5000
    with a_peer(1, arguments.series) as port:
        dialog = dialog_of(window, port)
        searched(dialog)
        view, study = dialog.results_view, dialog.model.index(0, 0)

        def unfold() -> None:
            view.expand(study)
            wait_until(lambda: dialog.is_settled and dialog.viewer.jobs.is_idle)

        rows = [measured(f"{arguments.series:,} series are unfolded", unfold)]
        if dialog.model.rowCount(study) != arguments.series:
            raise SystemExit(f"{dialog.model.rowCount(study)} of {arguments.series} came")
        acts: tuple[tuple[str, Callable[[], object]], ...] = (
            ("sorted by name", lambda: view.sortByColumn(NAME, Qt.AscendingOrder)),
            ("Ctrl-A", view.selectAll),
            ("folded", lambda: view.collapse(dialog.model.index(0, 0))),
            ("unfolded again", lambda: view.expand(dialog.model.index(0, 0))),
            ("all here now", lambda: dialog.model.set_local(dialog.model.studies[0], "all")),
            ("searched again", lambda: searched(dialog)),
        )
        rows += [measured(f"… {name}", act) for name, act in acts]
        dialog.close()
    return rows


def bench_send(window: MainWindow, folder: Path, arguments: argparse.Namespace) -> list[str]:
    """Send many instances, every third in vain."""
    from DICOMModule.widgets.browser.selection import selection_of

    networking = window.host.current.widget.networking
    logic = networking.book.logic
    run_to_end(logic.import_job([small_files(folder / "sent", arguments.files)]))
    patients = [(one,) for one in logic.database().patients()]
    with a_peer(1, 1) as port:
        entry = ServerEntry("sink", host="127.0.0.1", port=port, ae_title="PEER")
        logic.add_server(entry)
        networking.book.read()
        wait_until(lambda: networking.book.is_settled)
        networking.send(logic, selection_of(patients))
        dialog = networking.sends[-1]
        wait_until(dialog.send_button.isEnabled)
        dialog.server_choice.setCurrentIndex([one.name for one in networking.book.dimse_entries].index("sink"))

        def send() -> None:
            dialog.send_button.click()
            wait_until(lambda: not dialog.is_sending and dialog.viewer.jobs.is_idle)

        rows = [measured(f"{arguments.files:,} instances are sent", send)]
        if len(dialog.rows.rows) != arguments.files or not dialog.rows.failed_uids:
            raise SystemExit(
                f"{len(dialog.rows.rows)} of {arguments.files} came, {len(dialog.rows.failed_uids)} failed"
            )
        rows += [
            measured("… only failures", lambda: dialog.only_box.setChecked(True)),
            measured("… all again", lambda: dialog.only_box.setChecked(False)),
            measured("… Ctrl-A", dialog.rows_view.selectAll),
            measured("… patients hidden", lambda: window.viewer.views.set_anonymous(True)),
        ]
        window.viewer.views.set_anonymous(False)

        def again() -> None:
            dialog.retry_button.click()
            wait_until(lambda: not dialog.is_sending and dialog.viewer.jobs.is_idle)

        rows += [measured("… failures once more", again), measured("… closed", dialog.close)]
    return rows


def bench_listen(window: MainWindow, folder: Path, arguments: argparse.Namespace) -> list[str]:
    """Have a sender bring much while the tree is shown."""
    networking = window.host.current.widget.networking
    networking.book.logic.add_server(ServerEntry("sender", host="127.0.0.1", port=104, ae_title=peers.OURS))
    made = small_files(folder / "arriving", arguments.arrivals)
    window.viewer.settings.change(listener_port=0)
    listener, tree = networking.listener, window.host.current.widget.browser.tree

    def listen() -> None:
        listener.start()
        wait_until(lambda: listener.kind in {"listening", "failed"})

    rows = [measured("the listener is started", listen)]
    title, _, port = listener.place

    def arrive() -> None:
        receiver = peers.Peer(title, port, folder, folder / "log")
        sender = threading.Thread(target=peers.store, args=(receiver, made))
        sender.start()
        while listener.arrivals.instances < arguments.arrivals // 2:
            pause(0.3)
            tree.expandAll()
        wait_until(lambda: not sender.is_alive() and listener.arrivals.instances >= arguments.arrivals)
        pause(4.0)  # it is examined
        settle(window)

    rows.append(measured(f"{arguments.arrivals:,} instances arrive", arrive))

    def stop() -> None:
        listener.stop()
        wait_until(lambda: listener.kind == "stopped")

    return [*rows, measured("the listener is stopped", stop)]


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--studies", type=int, default=5_000)
    parser.add_argument("--series", type=int, default=5_000)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--arrivals", type=int, default=2_000)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve_for_ever(arguments.studies, arguments.series)
        return
    benches = {"query": bench_query, "series": bench_series, "send": bench_send, "listen": bench_listen}
    rows: list[str] = []
    with tempfile.TemporaryDirectory(prefix="dicommodule-bench-") as name:
        folder = Path(name)
        for part in arguments.parts or PARTS:
            options = ViewerOptions(folder / f"database-{part}", settings_file=folder / f"settings-{part}.json")
            with viewer_window(options) as window:
                window.open((1600, 1000))
                with drawing_imported():
                    wait_for_drawing()
                    settle(window)
                    rows += benches[part](window, folder, arguments)
    print("\n".join([HEAD, *rows]))


if __name__ == "__main__":
    main()
