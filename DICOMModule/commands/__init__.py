"""The command line: a file a group of verbs. Parses, calls Logic, prints; no DICOM, no SQL.

`main` is the way in; `output` is where text, JSON and progress go; `verb` is what all verbs have in common. The contract
(verbs, options, JSON keys, exit codes) is kept: scripts outside rely on it.
"""
