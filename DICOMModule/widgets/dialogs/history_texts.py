"""What the import history says, in words; no Qt here."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from DICOMModule.database import ImportEvent
from DICOMModule.errors import plain_text
from DICOMModule.widgets.browser.anonymity import HIDDEN
from DICOMModule.widgets.dialogs.trash_texts import local_time
from DICOMModule.widgets.job_handle import duration_text
from DICOMModule.widgets.wording import counted

OUTCOMES: Final = {
    "finished": "Finished",
    "cancelled": "Cancelled",
    "failed": "Failed",
    "interrupted": "Interrupted",
    "running": "Running",
}
ICONS: Final = {
    "finished": "ok",
    "cancelled": "cancel",
    "failed": "error",
    "interrupted": "warning",
    "running": "play",
}
SOURCES: Final = {
    "import": "Import",
    "retry": "Another try",
    "inbox": "Inbox",
    "demo": "Demo",
    "export": "Export",
    "listener": "Listener",
    "retrieve": "Retrieve",
}


def outcome_icon(event: ImportEvent) -> str:
    """Return the icon of how an import ended; one that took not everything has a warning's."""
    if event.outcome == "finished" and (event.rejected or event.conflicts):
        return "warning"
    return ICONS.get(event.outcome, "unknown")


def event_cells(event: ImportEvent, *, anonymous: bool) -> tuple[str, ...]:
    """Return what the columns of the history say of an import."""
    return (
        local_time(event.started_at),
        OUTCOMES.get(event.outcome, plain_text(event.outcome)),
        source_text(event, anonymous=anonymous),
        f"{event.files_seen:,}",
        f"{event.added + event.updated:,}",
        f"{event.rejected:,}",
        f"{event.conflicts:,}",
    )


def source_text(event: ImportEvent, *, anonymous: bool) -> str:
    """Return what brought the files, and from where; folders are called after patients."""
    source = SOURCES.get(event.source, plain_text(event.source))
    if not event.roots:
        return source
    if anonymous:
        return f"{source}: {HIDDEN}"
    more = f" and {len(event.roots) - 1} more" if len(event.roots) > 1 else ""
    return f"{source}: {plain_text(event.roots[0])}{more}"


def event_sentence(event: ImportEvent) -> str:
    """Return what came of an import, and how long it took."""
    numbers = [
        (event.added, "added"),
        (event.updated, "updated"),
        (event.unchanged, "unchanged"),
        (event.duplicates, "there already"),
        (event.conflicts, "set aside"),
        (event.rejected, "rejected"),
        (event.not_dicom, "not DICOM"),
        (event.warnings, "taken with a warning"),
    ]
    told = ", ".join(f"{number:,} {what}" for number, what in numbers if number)
    how = "copied" if event.copied else "pointed to where they are"
    parts = [f"{counted(event.files_seen, 'file')} seen", told, how, _duration(event)]
    return " · ".join(part for part in parts if part)


def next_step(event: ImportEvent) -> str:
    """Return what can be done about an import: ``retry`` what it rejected, ``continue`` it, or nothing."""
    if event.outcome in {"cancelled", "failed", "interrupted"}:
        return "continue" if event.roots else ""
    return "retry" if event.outcome == "finished" and event.rejected else ""


def _duration(event: ImportEvent) -> str:
    if event.finished_at is None:
        return ""
    try:
        taken = datetime.fromisoformat(event.finished_at) - datetime.fromisoformat(event.started_at)
    except (ValueError, TypeError):
        return ""
    return duration_text(max(0.0, taken.total_seconds()))
