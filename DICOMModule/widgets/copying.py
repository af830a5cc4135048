"""Copies out of the database from the window: the job, and the banner that tells what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from DICOMModule.errors import Problem, plain_text
from DICOMModule.export.copy_report import CopyReport
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.dialogs.copy_request import CopyRequest
from DICOMModule.widgets.job_runner import JobHandle
from DICOMModule.widgets.qt import QApplication, QDesktopServices, QUrl
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import bytes_text, counted

MOST_LISTED: Final = 1000


def copy_to_disk(viewer: Viewer, logic: DICOMModuleLogic, request: CopyRequest) -> JobHandle:
    """Copy what was asked for in a job; a banner tells what came of it, lists what was skipped, and opens the folder."""
    is_folder = request.destination.suffix.lower() != ".zip" or request.destination.is_dir()

    def tell(report: CopyReport) -> None:
        sentence = report_sentence(report, request.destination)
        folder = request.destination if is_folder else request.destination.parent
        opening = [("Open folder", lambda: open_folder(viewer, folder))] if report.files else []
        if report.skipped or report.warnings:
            viewer.banners.show_warning(sentence, listed(report), opening)
        else:
            viewer.banners.show_info(sentence, actions=opening)

    def tell_cancelled() -> None:
        left = (
            "What is there is whole; export again to go on."
            if is_folder
            else "There is no ZIP file, unless it was whole already."
        )
        viewer.banners.show_info(f"The export to disk was cancelled. {left}")

    return viewer.jobs.run(
        f"Exporting {request.text} to disk",
        lambda: logic.copy_job(request.targets, request.destination, request.options),
        on_success=tell,
        on_failure=viewer.banners.show_failure,
        on_cancelled=tell_cancelled,
        owner=logic,
    )


def report_sentence(report: CopyReport, destination: Path) -> str:
    """Return in a sentence or two what came of a copy."""
    sentences = ["Nothing was exported."]
    if report.files:
        files = f"{counted(report.files, 'file')}, {bytes_text(report.bytes)},"
        sentences = [f"Exported {files} to {plain_text(str(destination))}; every copy was read again."]
    if report.already_there:
        were = "was" if report.already_there == 1 else "were"
        sentences.append(f"{counted(report.already_there, 'file')} {were} there already.")
    if report.skipped:
        were = "was" if len(report.skipped) == 1 else "were"
        sentences.append(f"{counted(len(report.skipped), 'file')} {were} skipped.")
    if report.warnings:
        sentences.append(f"{counted(len(report.warnings), 'warning')}.")
    return " ".join(sentences)


def listed(report: CopyReport) -> str:
    """Return what was skipped and warned of, a line each."""
    lines = [*_lines("Skipped", report.skipped), *_lines("Warning", report.warnings)]
    more = len(lines) - MOST_LISTED
    return "\n".join([*lines[:MOST_LISTED], *([f"… and {more:,} more"] if more > 0 else [])])


def _lines(word: str, problems: tuple[Problem, ...]) -> list[str]:
    return [plain_text(f"{word}: {problem.where}: {problem.reason}") for problem in problems]


def open_folder(viewer: Viewer, folder: Path) -> None:
    """Show a folder in the file manager; where there is none, its path is copied."""
    if QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
        return
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(str(folder))
    viewer.banners.show_warning(
        f"No file manager could be opened. The path of the folder was copied: {plain_text(str(folder))}"
    )
