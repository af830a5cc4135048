"""ZIP archives: every member is accounted for, the same again is no news, and no archive does harm."""

from __future__ import annotations

import io
import os
import random
import re
import shutil
import struct
import time
import zipfile
import zlib
from pathlib import Path

import factories
import pytest
from dicom_bytes import element, identity, meta
from importing import counts, edited, hashes, import_
from zip_kit import patched, stored, zipped

from DICOMModule.database import DicomDatabase, archive_unpacking
from DICOMModule.dicom import zip_directory
from DICOMModule.errors import DiskFullError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.verbs.history import file_of


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "made", slices=4, rows=4, columns=4)


@pytest.fixture
def archive(tmp_path, series):
    """The series in an archive, in a folder, beside a text and a folder's own entry."""
    members = {"CD/": b"", "CD/README.TXT": b"Dear colleague"}
    return zipped(tmp_path / "in" / "cd.zip", members | {f"CD/IM/{p.name}": p.read_bytes() for p in series.files})


def reasons(report):
    return {Path(row.where).name: row.reason for row in report.rejected}


def instance(uid: str, size: int = 0) -> bytes:
    """Return an instance without pixels, made larger by a private element."""
    return meta(uid=uid) + identity(uid=uid) + (element(0x00291010, "OB", bytes(size)) if size else b"")


# --- what is taken


@pytest.mark.parametrize("copy", [False, True])
def test_members_are_copied_and_counted_whether_the_archive_is_named_or_found(tmp_path, archive, series, copy):
    for root in (archive, archive.parent):
        with DicomDatabase.open(tmp_path / f"database-{root.name}") as database:
            report = import_(database, root, copy=copy)
            assert counts(report) == {"files_seen": 5, "added": 4, "not_dicom": 1}
            assert all(one.copied for one in database.instances())
            held = {Path(one.path).read_bytes() for one in database.instances()}
            assert held == {path.read_bytes() for path in series.files}
            assert len(database.headers_of_series(series.uid)) == 4
            assert not any((database.folder / "incoming").iterdir())
            audit = run_to_end(database.verify_job())
            assert (audit.missing, audit.damaged, audit.orphans) == ((), (), ())


def test_the_same_archive_again_is_unchanged_and_nothing_is_unpacked(database, archive, monkeypatch):
    import_(database, archive)

    def fail(*_arguments):
        raise AssertionError("unpacked again")

    monkeypatch.setattr(archive_unpacking.ArchiveUnpacker, "_write", fail)
    assert counts(import_(database, archive, copy=True)) == {"files_seen": 5, "unchanged": 4, "not_dicom": 1}


def test_a_touched_archive_is_read_again_and_still_unchanged_and_then_not_read(database, archive, monkeypatch):
    import_(database, archive)
    os.utime(archive, (1_700_000_000, 1_700_000_000))
    before = hashes(database.folder / "dicom")
    assert counts(import_(database, archive)) == {"files_seen": 5, "unchanged": 4, "not_dicom": 1}
    assert hashes(database.folder / "dicom") == before
    monkeypatch.setattr(archive_unpacking.ArchiveUnpacker, "_write", None)
    assert import_(database, archive).unchanged == 4


def test_another_content_in_an_archive_of_the_same_second_and_size_is_not_taken_for_the_first(database, tmp_path):
    path = tmp_path / "a.zip"
    for number, expected in ((1, {"added": 1}), (2, {"duplicates": 1})):
        content = instance("1.2.3.4") + element(0x00400275, "UT", f"{number}")
        zipped(path, {"one.dcm": content}, method=zipfile.ZIP_STORED)
        os.utime(path, (1_700_000_000, 1_700_000_000))
        assert counts(import_(database, path)) == {"files_seen": 1} | expected
    assert import_(database, path).duplicates[0].conflict


def test_a_copy_of_the_archive_holds_duplicates_and_plain_files_come_first(database, archive, series, tmp_path):
    import_(database, archive)
    shutil.copy(archive, tmp_path / "again.zip")
    report = import_(database, tmp_path / "again.zip")
    assert counts(report) == {"files_seen": 5, "duplicates": 4, "not_dicom": 1}
    assert not any(row.conflict for row in report.duplicates)
    assert report.duplicates[0].path == f"{tmp_path / 'again.zip'}/CD/IM/0001.dcm"


def test_a_plain_file_beside_the_archive_wins(database, archive, series):
    shutil.copytree(series.folder, archive.parent / "plain")  # sorts behind the archive
    report = import_(database, archive.parent)
    assert counts(report) == {"files_seen": 9, "added": 4, "not_dicom": 1, "duplicates": 4}
    assert not any(one.copied for one in database.instances())


def test_other_content_in_an_archive_is_set_aside_under_its_name_there(database, series, tmp_path):
    import_(database, series.folder)
    other = edited(series.files[0], tmp_path / "other.dcm", SeriesDescription="Other")
    report = import_(database, zipped(tmp_path / "o.zip", {"x/other.dcm": other.read_bytes()}))
    (row,) = report.duplicates
    assert (row.path, row.conflict) == (f"{tmp_path / 'o.zip'}/x/other.dcm", True)
    (path,) = run_to_end(database.verify_job()).quarantined
    assert other.read_bytes() == Path(getattr(path, "path", path)).read_bytes()


def test_a_file_that_is_both_is_dicom(database, tmp_path):
    content = b"PK\x03\x04" + bytes(124) + b"DICM" + instance("1.2.9")[132:]
    (tmp_path / "both.dcm").write_bytes(content)
    assert counts(import_(database, tmp_path / "both.dcm")) == {"files_seen": 1, "added": 1}
    assert counts(import_(database, zipped(tmp_path / "b.zip", {"both": content}))) == {
        "files_seen": 1, "duplicates": 1,
    }  # fmt: skip


def test_members_that_are_rejected_are_named_with_the_archive_and_tried_again(tmp_path, series):
    broken = series.files[0].read_bytes()[:-7]
    path = zipped(tmp_path / "in" / "cd.zip", {"IM/cut.dcm": broken, "IM/ok.dcm": series.files[1].read_bytes()})
    with DICOMModuleLogic(tmp_path / "database") as logic:
        report = run_to_end(logic.import_job([path]))
        assert [row.where for row in report.rejected] == [f"{path}/IM/cut.dcm"]
        assert "cut" in report.rejected[0].reason
        zipped(path, {"IM/cut.dcm": series.files[0].read_bytes(), "IM/ok.dcm": series.files[1].read_bytes()})
        again = run_to_end(logic.retry_job(report.event))
        assert (again.files_seen, again.added, again.unchanged) == (2, 1, 1)
        assert logic.import_problems(report.event)[0].path == f"{path}/IM/cut.dcm"


def test_another_try_of_a_name_that_leads_out_takes_the_archive_and_not_what_lies_there(tmp_path):
    path = zipped(tmp_path / "in" / "s.zip", {"../beside.dcm": instance("1.2.3")})
    (path.parent / "beside.dcm").write_bytes(instance("1.2.4"))
    with DICOMModuleLogic(tmp_path / "database") as logic:
        event = run_to_end(logic.import_job([path])).event
        assert file_of(logic.import_problems(event)[0].path) == path
        again = run_to_end(logic.retry_job(event))
        assert (again.files_seen, len(again.rejected)) == (1, 1)
        assert logic.database().instances() == []


def test_large_archives_go_in_by_batches_and_a_cancel_keeps_whole_ones(database, series, tmp_path, monkeypatch):
    path = zipped(tmp_path / "a.zip", {p.name: p.read_bytes() for p in series.files})
    monkeypatch.setattr(archive_unpacking, "BYTES_A_BATCH", 2 * series.files[0].stat().st_size - 10)
    monkeypatch.setattr(archive_unpacking, "MEMBERS_A_STEP", 1)
    job = database.import_job([path])
    most_kept = 0
    while next(job).done < 3:
        most_kept = max(most_kept, len(list((database.folder / "incoming").rglob("*.member"))))
    job.close()
    assert most_kept == 2
    assert len(database.instances()) == 2
    assert not any((database.folder / "incoming").iterdir())
    assert counts(import_(database, path)) == {"files_seen": 4, "added": 2, "unchanged": 2}


@pytest.mark.parametrize(
    "name", ["Größe/CT 1.dcm", "日本/画像", "a" * 250, "with\nline", "trailing./.x/./y", "a\\b\\c.dcm"]
)
def test_names_of_all_kinds_are_kept_as_text(database, tmp_path, name):
    path = zipped(tmp_path / "n.zip", {name: instance("1.2.3.5")})
    assert import_(database, path).added == 1
    assert import_(database, path).unchanged == 1


@pytest.mark.parametrize("raw", [b"\x81\x82.dcm", b"caf\xc3\xa9.dcm", b"\xff\xfe"])
def test_names_in_no_known_character_set_are_kept(database, tmp_path, raw):
    path = zipped(tmp_path / "n.zip", {"x" * len(raw): instance("1.2.3.5")})
    path.write_bytes(path.read_bytes().replace(b"x" * len(raw), raw))
    assert import_(database, path).added == 1
    assert import_(database, path).unchanged == 1


def test_zip64_and_stored_and_streamed_members_are_read(database, tmp_path):
    path, stream = tmp_path / "z.zip", io.BytesIO()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made, made.open("big.dcm", "w", force_zip64=True) as member:
        member.write(instance("1.2.3.6"))
    assert import_(database, path).added == 1

    class Pipe:  # cannot be sought: sizes come behind the data
        write, flush = stream.write, stream.flush

    with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("piped.dcm", instance("1.2.3.7"))
    (tmp_path / "p.zip").write_bytes(stream.getvalue())
    assert import_(database, tmp_path / "p.zip").added == 1


def test_a_directory_in_64_bits_is_read(database, tmp_path):
    content = zipped(tmp_path / "a.zip", {"a.dcm": instance("1.2.3.8")}).read_bytes()
    end = content.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack_from("<H2L", content, end + 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    (tmp_path / "a.zip").write_bytes(content[:end] + record + locator + tail)
    assert import_(database, tmp_path / "a.zip").added == 1


# --- what is none of our business


def test_an_archive_without_dicom_counts_its_members_and_an_empty_one_nothing(database, tmp_path):
    zipped(tmp_path / "in" / "texts.zip", {"a.txt": b"a", "b/c.txt": b"", "b/d.png": b"\x89PNG" + bytes(200)})
    zipped(tmp_path / "in" / "void.zip", {})
    assert counts(import_(database, tmp_path / "in")) == {"files_seen": 3, "not_dicom": 3}


@pytest.mark.parametrize("name", ["letter.docx", "viewer.jar", "unnamed"])
def test_documents_and_programs_that_are_packed_as_zip_are_not_dicom_whatever_they_hold(database, tmp_path, name):
    inner = zipped(tmp_path / "inner.zip", {"x": b"y"}).read_bytes()
    first = "META-INF/MANIFEST.MF" if name == "viewer.jar" else "[Content_Types].xml"
    members = {first: b"<x/>", "word/embedded.zip": inner, "word/document.xml": b"<w/>"}
    path = patched(zipped(tmp_path / "in" / name, members), 2, "flags", 1)
    assert counts(import_(database, path.parent)) == {"files_seen": 3, "not_dicom": 3}
    path.write_bytes(path.read_bytes()[:-30])
    assert counts(import_(database, path.parent)) == {"files_seen": 1, "not_dicom": 1}


def test_a_program_on_a_packed_cd_is_no_reason_for_alarm_and_a_zip_in_a_zip_is(database, tmp_path):
    jar = zipped(tmp_path / "v.jar", {"META-INF/MANIFEST.MF": b"x"}).read_bytes()
    inner = zipped(tmp_path / "i.zip", {"a.dcm": instance("1.2.3")}).read_bytes()
    report = import_(database, zipped(tmp_path / "cd.zip", {"viewer/viewer.jar": jar, "more.zip": inner}))
    assert counts(report) == {"files_seen": 2, "not_dicom": 1, "rejected": 1}
    assert "within a ZIP archive" in reasons(report)["more.zip"]


# --- hostile ones


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../slip.dcm", "leads out"),
        ("a/../../slip.dcm", "leads out"),
        ("/etc/slip.dcm", "leads out"),
        ("..\\slip.dcm", "leads out"),
        ("C:\\slip.dcm", "leads out"),
        ("\\\\server\\slip.dcm", "leads out"),
        (".", "none that a file could have"),
        ("x" * 256, "none that a file could have"),
        ("/".join(["deep"] * 300), "none that a file could have"),
    ],
)
def test_names_that_lead_elsewhere_are_rejected_and_write_nothing(database, tmp_path, name, reason):
    path = zipped(tmp_path / "s.zip", {name: instance("1.2.3"), "good.dcm": instance("1.2.4")})
    before = {p for p in tmp_path.rglob("*") if database.folder not in p.parents}
    report = import_(database, path)
    assert counts(report) == {"files_seen": 2, "added": 1, "rejected": 1}
    assert reason in report.rejected[0].reason
    assert report.rejected[0].where.startswith(f"{path}/")
    assert {p for p in tmp_path.rglob("*") if database.folder not in p.parents} == before


def test_a_name_with_a_nul_is_rejected(database, tmp_path):
    path = zipped(tmp_path / "s.zip", {"axb.dcm": instance("1.2.3")})
    path.write_bytes(path.read_bytes().replace(b"axb.dcm", b"a\0b.dcm"))
    (row,) = import_(database, path).rejected
    assert row.where == f"{path}/a\\x00b.dcm"


def test_links_devices_and_second_members_of_a_name_are_rejected(database, tmp_path):
    def special(name, mode):
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, mode << 16
        return info

    path = tmp_path / "l.zip"
    with pytest.warns(UserWarning, match="Duplicate"):
        zipped(path, [
            (special("link.dcm", 0o120777), b"/etc/passwd"), (special("pipe", 0o010644), b""),
            ("twice.dcm", instance("1.2.3")), ("twice.dcm", instance("1.2.4")),
        ])  # fmt: skip
    report = import_(database, path)
    assert counts(report) == {"files_seen": 4, "added": 1, "rejected": 3}
    assert "link" in reasons(report)["link.dcm"]
    assert "pipe" in reasons(report)["pipe"]
    assert "twice" in reasons(report)["twice.dcm"]
    assert database.instances()[0].sop_instance_uid == "1.2.3"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("flags", 1, "encrypted"),
        ("method", 14, "method \\(14\\)"),
        ("crc", 1, "checksum differ"),
        ("size", 100, "more bytes than"),
        ("size", 30_000, "checksum differ"),
        ("size", 200 << 20, "more than 200 times"),
        ("size", 0xFFFFFFFF, "does not tell its size"),
        ("compressed", 50, "checksum differ|damaged"),
        ("offset", 1, "overlap|contradicts"),
        ("offset", 0x7FFFFFFF, "cut or damaged"),
        ("compressed", 0x7FFFFFFF, "cut or damaged"),
    ],
)
def test_a_member_that_lies_is_rejected(database, tmp_path, field, value, reason):
    content = instance("1.2.3", 1000)
    path = patched(zipped(tmp_path / "liar.zip", {"liar.dcm": content}), 0, field, value)
    report = import_(database, path)
    assert counts(report) == {"files_seen": 1, "rejected": 1}
    assert re.search(reason, report.rejected[0].reason), report.rejected[0].reason
    assert database.instances() == []


def test_damaged_packed_bytes_are_rejected_alone(database, tmp_path):
    path = zipped(tmp_path / "d.zip", {"bad.dcm": instance("1.2.3", 5000), "ok.dcm": instance("1.2.4")})
    content = bytearray(path.read_bytes())
    content[60:70] = b"\xff" * 10
    path.write_bytes(content)
    report = import_(database, path)
    assert counts(report) == {"files_seen": 2, "added": 1, "rejected": 1}
    assert list(reasons(report)) == ["bad.dcm"]


def test_a_local_header_that_names_another_member_is_rejected(database, tmp_path):
    path = zipped(tmp_path / "d.zip", {"one.dcm": instance("1.2.3")})
    content = bytearray(path.read_bytes())
    content[30:37] = b"two.dcm"
    path.write_bytes(content)
    assert "contradicts" in import_(database, path).rejected[0].reason


@pytest.mark.parametrize("cut", [1, 10, 22, 60, 200])
def test_an_archive_that_is_cut_is_one_rejected_file(database, archive, cut):
    archive.write_bytes(archive.read_bytes()[:-cut])
    report = import_(database, archive)
    assert counts(report) == {"files_seen": 1, "rejected": 1}
    assert report.rejected[0].where == str(archive)
    assert "cut" in report.rejected[0].reason


def test_a_part_of_a_split_archive_and_a_directory_that_contradicts_itself_are_rejected(database, tmp_path):
    content = zipped(tmp_path / "a.zip", {"a.dcm": instance("1.2.3")}).read_bytes()
    end = content.rindex(b"PK\x05\x06")
    for at, value, reason in (
        (4, 3, "several parts"),
        (8, 7, "several parts"),
        (16, 5, "contradicts"),
        (12, 20, "contra"),
    ):
        code = "<L" if at >= 12 else "<H"
        (tmp_path / "a.zip").write_bytes(
            content[: end + at] + struct.pack(code, value) + content[end + at + struct.calcsize(code) :]
        )
        (row,) = import_(database, tmp_path / "a.zip").rejected
        assert reason in row.reason


def test_a_comment_that_looks_like_a_directory_does_not_mislead(database, tmp_path):
    path = tmp_path / "c.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("a.dcm", instance("1.2.3"))
        made.comment = b"PK\x05\x06" + bytes(18) + b"and more"
    assert counts(import_(database, path)) == {"files_seen": 1, "added": 1}
    path.write_bytes(path.read_bytes() + b"PK\x05\x06 trailing")  # now no comment goes to the end of the file
    assert "contradicts" in import_(database, path).rejected[0].reason  # the last record names no member


def test_a_broken_directory_in_64_bits_is_refused(database, tmp_path):
    content = zipped(tmp_path / "a.zip", {"a.dcm": instance("1.2.8")}).read_bytes()
    end = content.rindex(b"PK\x05\x06")
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    for at in (end, 1 << 62, 0):
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
        (tmp_path / "a.zip").write_bytes(content[:end] + locator + tail)
        assert "contradicts" in import_(database, tmp_path / "a.zip").rejected[0].reason
    (tmp_path / "a.zip").write_bytes(content[:end] + tail)
    assert "contradicts" in import_(database, tmp_path / "a.zip").rejected[0].reason


def test_a_directory_that_counts_wrongly_is_refused(database, tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.dcm": instance("1.2.8"), "b.dcm": instance("1.2.9")})
    content = path.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    path.write_bytes(content[: end + 8] + struct.pack("<2H", 5, 5) + content[end + 12 :])
    assert "contradicts" in import_(database, path).rejected[0].reason
    assert database.instances() == []


def test_the_sizes_of_a_large_member_are_found_behind_other_extra_fields(database, tmp_path):
    info = zipfile.ZipInfo("a.dcm")
    info.extra = struct.pack("<2HL", 0x5455, 4, 0)
    content = instance("1.2.8")
    path = zipped(tmp_path / "a.zip", [(info, content)], method=zipfile.ZIP_STORED)
    raw = path.read_bytes()
    entry = raw.index(b"PK\x01\x02")
    field = struct.pack("<2H2Q", 1, 16, len(content), len(content))
    head = bytearray(raw[entry : entry + 46])
    struct.pack_into("<2L", head, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", head, 30, 8 + len(field))
    end = bytearray(raw[-22:])
    struct.pack_into("<L", end, 12, 46 + 5 + 8 + len(field))
    path.write_bytes(raw[:entry] + head + raw[entry + 46 : -22] + field + end)
    assert import_(database, path).added == 1


def test_random_damage_never_does_more_than_reject(database, tmp_path):
    path = tmp_path / "a.zip"
    whole = zipped(
        path, {"a.dcm": instance("1.2.3", 900), "t.txt": b"text" * 9, "c/d.dcm": instance("1.2.4")}
    ).read_bytes()
    chance = random.Random(7)
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 2, 8))):
            content[-1 - chance.randrange(len(content))] = chance.choice((0, 1, 255, chance.randrange(256)))
        path.write_bytes(content)
        import_(database, path)
    held = {one.sop_instance_uid for one in database.instances()}
    assert held <= {"1.2.3", "1.2.4"}


def overlapping(kernel: bytes, names: int) -> bytes:
    """Return an archive whose members all are the same bytes, as in the bombs of overlapping files."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(kernel) + packer.flush()
    crc = zlib.crc32(kernel)
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0, crc, len(packed), len(kernel), 1, 0) + b"a" + packed
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, crc, len(packed), len(kernel), 1, 0, 0, 0, 0, 0, 0
    )
    directory = (entry + b"a") * names
    return local + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, names, names, len(directory), len(local), 0)


def test_members_that_share_bytes_are_refused_together(database, tmp_path):
    (tmp_path / "bomb.zip").write_bytes(overlapping(instance("1.2.3", 1 << 20), 1000))
    report = import_(database, tmp_path / "bomb.zip")
    assert counts(report) == {"files_seen": 1, "rejected": 1}
    assert "overlap" in report.rejected[0].reason


def test_a_member_that_unpacks_to_very_much_is_refused_before_it_is_unpacked(database, tmp_path, monkeypatch):
    monkeypatch.setattr(zip_directory, "ANY_TIMES_BYTES", 1 << 20)
    monkeypatch.setattr(archive_unpacking, "ANY_TIMES_BYTES", (5 << 19))
    empty = {f"{n}.dcm": instance(f"1.2.3.{n}", 900 << 10) for n in range(5)}  # allowed alone, not together
    path = zipped(tmp_path / "bomb.zip", empty | {"large.dcm": instance("1.2.4", 2 << 20)})
    report = import_(database, path)
    assert counts(report) == {"files_seen": 6, "added": 4, "rejected": 2}
    assert "claims to unpack to more than 200 times" in reasons(report)["large.dcm"]
    assert reasons(report)["4.dcm"] == archive_unpacking.TOO_MUCH


def test_a_bomb_of_zeros_is_not_even_unpacked_as_it_is_not_dicom(database, tmp_path, monkeypatch):
    path = zipped(tmp_path / "bomb.zip", {"zeros": bytes(64 << 20)})
    unpacked = []
    monkeypatch.setattr(zlib, "crc32", lambda piece, _before: unpacked.append(len(piece)) or 0)
    assert counts(import_(database, path)) == {"files_seen": 1, "not_dicom": 1}
    assert sum(unpacked) == 8192


def test_a_member_too_large_and_too_many_members_are_refused(database, tmp_path, monkeypatch):
    path = zipped(tmp_path / "a.zip", {"a.dcm": instance("1.2.3", 5000), "b.dcm": instance("1.2.4")})
    monkeypatch.setattr(zip_directory, "LARGEST_MEMBER_BYTES", 4000)
    assert list(reasons(import_(database, path))) == ["a.dcm"]
    monkeypatch.setattr(zip_directory, "MOST_MEMBERS", 1)
    assert "more than 1 members" in import_(database, path).rejected[0].reason


def test_very_many_members_are_counted_without_a_thought_for_each(database, tmp_path):
    path = stored(
        tmp_path / "many.zip", [(f"{n % 100}/{n}.txt", b"x") for n in range(30_000)] + [("one.dcm", instance("1.2.3"))]
    )
    started = time.monotonic()
    assert counts(import_(database, path)) == {"files_seen": 30_001, "added": 1, "not_dicom": 30_000}
    assert time.monotonic() - started < 20  # 2 s where nothing else runs


def test_a_full_disk_while_unpacking_is_said_and_leaves_nothing(database, archive, monkeypatch):
    write = os.fdopen

    class Full:
        def __init__(self, descriptor, *_arguments, **_options):
            self._file = write(descriptor, "wb", buffering=0)

        def __enter__(self):
            return self

        def __exit__(self, *_exception):
            self._file.close()

        def write(self, _bytes):
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(archive_unpacking.os, "fdopen", Full)
        with pytest.raises(DiskFullError, match="no room left"):
            run_to_end(database.import_job([archive]))
    assert database.instances() == []
    assert not any(path.is_dir() for path in (database.folder / "incoming").iterdir())
