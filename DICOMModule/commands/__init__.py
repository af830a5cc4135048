"""The command line: a file a group of verbs. Parses, calls Logic, prints; no DICOM, no SQL."""
