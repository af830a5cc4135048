"""Values become DICOM series and files; every DICOM export is proved by reading it again."""
