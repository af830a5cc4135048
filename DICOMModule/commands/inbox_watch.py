"""`import --watch`: takes what arrives in a folder until it is told to end; a line of JSON an event."""

from __future__ import annotations

from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING

from DICOMModule.commands import interrupts
from DICOMModule.commands.import_output import import_document, import_sentence
from DICOMModule.commands.output import OK
from DICOMModule.commands.text_table import counted
from DICOMModule.commands.verb import Context
from DICOMModule.errors import plain_text

if TYPE_CHECKING:
    from DICOMModule.verbs.inbox import InboxProgress


def watch(context: Context) -> int:
    """Watch the one folder that is named until SIGINT or SIGTERM comes, which ends it cleanly."""
    from DICOMModule.verbs.inbox import InboxProgress

    given, output = context.arguments, context.output
    if len(given.paths) != 1:
        given.refuse("--watch needs one folder")
    if given.reference or given.report is not None:
        given.refuse("what arrives in a watched folder is copied, and told as it comes: no --reference, no --report")
    (folder,) = given.paths
    with (
        interrupts.noted() as interrupted,
        context.logic() as logic,
        closing(logic.inbox_job(folder, remove=given.remove, settle_s=given.settle)) as job,
    ):
        first = next(job)  # a folder that cannot be watched is refused before anything is said
        output.json_line({"watching": {"folder": folder}})
        output.text(f"watching {plain_text(str(folder))}; Ctrl-C ends it")
        output.flush()
        problem = ""
        for progress in chain((first,), job):
            if isinstance(progress, InboxProgress):
                _tell(context, progress)
                if progress.problem != problem:
                    problem = progress.problem
                    output.message(problem or "the inbox can be looked into again")
            if interrupted():
                break
    return OK


def _tell(context: Context, progress: InboxProgress) -> None:
    output = context.output
    if progress.error is not None:
        output.json_line({"failed": {"error": progress.text, "kind": type(progress.error).__name__}})
        output.message(f"{progress.text} It is tried again later.")
    if progress.taken is not None:
        report, removed = progress.taken.report, progress.taken.removed
        output.json_line({"imported": {**import_document(report), "removed": removed}})
        output.text(
            import_sentence(report) + (f"; {counted(removed, 'file')} removed from the folder" if removed else "")
        )
    output.flush()
