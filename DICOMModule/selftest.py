"""DICOMModuleTest: the module's own tests, run by Reload and Test, ctest and ``dicommodule selftest``.

Quick checks of every main verb on a small phantom that is drawn here; nothing but the program itself is needed.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np

from DICOMModule.demo.catalogue import Phantom
from DICOMModule.demo.drawing import draw_job, draw_mr_job
from DICOMModule.demo.series import write_phantom_job
from DICOMModule.errors import DICOMModuleError, NoImageError
from DICOMModule.export import ExportOptions, read_volume_file, write_volume_file
from DICOMModule.export.copy_report import CopyOptions
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.module_tests import ScriptedModuleTest
from DICOMModule.volume.volume import Voxels

SMALL = Phantom("selftest", "Small chest phantom", 1, (44, 32, 14), (8.0, 8.0, 16.0))
SMALL_OBLIQUE = Phantom("selftest-oblique", "Small oblique phantom", 2, (40, 30, 12), (8.5, 8.0, 16.0), 20.0, 12.0)
SMALL_BOLUS = Phantom(
    "selftest-bolus", "Self-test, bolus", 3, (24, 18, 6), (16.0, 16.0, 36.0), kind="mr", times_s=(0.0, 8.0, 16.0)
)


class DICOMModuleTest(ScriptedModuleTest):
    """Every main verb, once, on a small phantom in a private database."""

    def setUp(self) -> None:
        """Make an empty private database, and a folder with two phantoms and a text file."""
        self.folder = tempfile.TemporaryDirectory(prefix="dicommodule-selftest-")
        self.addCleanup(self.folder.cleanup)
        self.data = Path(self.folder.name) / "data"
        self.data.mkdir()
        for name, content in _phantom_files():
            path = self.data / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (self.data / "notes.txt").write_text("not an image\n")
        self.logic = DICOMModuleLogic.private()
        self.addCleanup(self.logic.close)

    def _import(self) -> None:
        run_to_end(self.logic.import_job([self.data], copy=True))

    def test_import_accounts_for_every_file(self) -> None:
        """Every file is added once; a second import finds all of it unchanged."""
        first = run_to_end(self.logic.import_job([self.data]))
        self.assertEqual((first.files_seen, first.added, first.not_dicom), (27, 26, 1))
        self.assertEqual((first.patients, first.studies, first.series), (1, 1, 2))
        second = run_to_end(self.logic.import_job([self.data]))
        self.assertEqual((second.added, second.unchanged, second.not_dicom), (0, 26, 1))

    def test_list_and_search(self) -> None:
        """The study is listed with its counts and found by its patient's name in any order."""
        self._import()
        (study,) = self.logic.database().studies(search="chest phantom")
        self.assertEqual((study.series, study.instances, study.study_date), (2, 26, "2026-01-01"))
        self.assertEqual(len(self.logic.database().studies(search="nobody")), 0)

    def test_tags(self) -> None:
        """A series' elements are listed as they were written."""
        self._import()
        rows = {row.keyword: row.value for row in self.logic.tags(SMALL.series_instance_uid)}
        self.assertEqual((rows["Modality"], rows["KVP"], rows["StudyDate"]), ("CT", 120.0, "2026-01-01"))

    def test_load_is_exact(self) -> None:
        """Values and geometry are those that were drawn, on an axial and on an oblique grid, without a warning."""
        self._import()
        for phantom in (SMALL, SMALL_OBLIQUE):
            volume = run_to_end(self.logic.load_job(phantom.series_instance_uid)).volume
            np.testing.assert_array_equal(volume.array, _drawn(phantom))
            np.testing.assert_allclose(volume.ijk_to_lps, phantom.ijk_to_lps, atol=1e-6)
            self.assertEqual((volume.units, volume.warnings), ("HU", ()))

    def test_a_sequence_is_exact(self) -> None:
        """A series of several volumes is one sequence with the values that were drawn, along the times of its headers."""
        folder = Path(self.folder.name) / "bolus"
        folder.mkdir()
        run_to_end(write_phantom_job(SMALL_BOLUS, folder))
        loaded = run_to_end(self.logic.load_job(str(folder)))
        sequence = loaded.sequence
        if sequence is None:
            self.fail("it was not loaded as a sequence")
        np.testing.assert_array_equal(sequence.array, np.rint(run_to_end(draw_mr_job(SMALL_BOLUS))))
        self.assertEqual(sequence.axis.values, SMALL_BOLUS.times_s)
        np.testing.assert_allclose(loaded.volume.ijk_to_lps, SMALL_BOLUS.ijk_to_lps, atol=1e-6)

    def test_load_refuses_what_is_ambiguous(self) -> None:
        """A folder of two series is no one volume, and the sentence says so."""
        with self.assertRaisesRegex(NoImageError, "2 volumes"):
            run_to_end(self.logic.load_job(str(self.data)))

    def test_volume_files_keep_values_and_geometry(self) -> None:
        """A volume that was written to a file and read again is the same."""
        self._import()
        volume = run_to_end(self.logic.load_job(SMALL_OBLIQUE.series_instance_uid)).volume
        path = Path(self.folder.name) / "volume.nrrd"
        write_volume_file(volume, path)
        again = read_volume_file(path)
        np.testing.assert_array_equal(again.array, volume.array)
        np.testing.assert_allclose(again.ijk_to_lps, volume.ijk_to_lps, atol=1e-9)

    def test_process_and_export(self) -> None:
        """A filtered volume comes back from the database within its stated bound, as a new series of its study."""
        self._import()
        source = run_to_end(self.logic.load_job(SMALL.series_instance_uid)).volume
        filtered = run_to_end(self.logic.process_job("gaussian", source, {"sigma_mm": "8"}))
        options = ExportOptions(series_description="Smoothed")
        study = self.logic.database().studies()[0].study_instance_uid
        report = run_to_end(self.logic.export_job(filtered, options, study))
        self.assertLessEqual(report.max_abs_error, report.error_bound)
        again = run_to_end(self.logic.load_job(report.series_instance_uid)).volume
        self.assertLessEqual(float(np.abs(again.array - filtered.array).max()), report.error_bound)
        np.testing.assert_allclose(again.ijk_to_lps, source.ijk_to_lps, atol=1e-9)

    def test_copies_are_byte_for_byte(self) -> None:
        """What is copied out, and what is copied out again, is what came in."""
        self._import()
        study = self.logic.database().studies()[0].study_instance_uid
        folder = Path(self.folder.name) / "copies"
        for already_there in (0, 26):
            report = run_to_end(self.logic.copy_job([study], folder, CopyOptions()))
            self.assertEqual((report.files, report.already_there, report.skipped), (26, already_there, ()))
        copies = sorted(path.read_bytes() for path in folder.rglob("*.dcm"))
        self.assertEqual(copies, sorted(content for _, content in _phantom_files()))

    def test_verify_finds_a_damaged_copy(self) -> None:
        """A fresh database is clean; a stored file that changes is found."""
        self._import()
        self.assertEqual(run_to_end(self.logic.verify_job()).damaged, ())
        stored = Path(self.logic.database().instances(series=SMALL.series_instance_uid)[0].path)
        content = bytearray(stored.read_bytes())
        content[-1] ^= 0xFF
        stored.write_bytes(content)
        self.assertEqual([Path(path) for path in run_to_end(self.logic.verify_job()).damaged], [stored])

    def test_bad_targets_are_refused_with_a_sentence(self) -> None:
        """What does not exist, and what is no image, is named."""
        self._import()
        for target in ("1.2.3.4.5", str(self.data / "missing"), str(self.data / "notes.txt")):
            with self.assertRaises(DICOMModuleError):
                run_to_end(self.logic.load_job(target))


@functools.cache
def _phantom_files() -> tuple[tuple[str, bytes], ...]:
    """Draw the phantoms, which takes seconds, once for all tests; each test writes files of its own."""
    with tempfile.TemporaryDirectory(prefix="dicommodule-selftest-") as name:
        folder = Path(name)
        for phantom in (SMALL, SMALL_OBLIQUE):
            run_to_end(write_phantom_job(phantom, folder))
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return tuple((str(path.relative_to(folder)), path.read_bytes()) for path in files)


@functools.cache
def _drawn(phantom: Phantom) -> Voxels:
    return run_to_end(draw_job(phantom))
