"""Qt: panels and dialogs around the verbs of Logic: import, examine, metadata, process, export, scene, settings."""
