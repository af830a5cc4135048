"""The address book: which entries there can be, their order, its file, and the verb `servers`."""

from __future__ import annotations

import json
import sqlite3

import factories
import pytest

from DICOMModule.commands.main import main
from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import DatabaseError, DatabaseNotFoundError, SettingsError, UnknownServerError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic

PACS = ServerEntry("pacs", host="pacs.example.org", port=104, ae_title="PACS")
OTHER = ServerEntry("other", host="192.0.2.7", port=11112, ae_title="OTHER SCP", calling_ae="US", retrieve="move")
CLOUD = ServerEntry("cloud", kind="web", url="https://pacs.example.org/dicom-web", token_env="PACS_TOKEN")
CONTRACT = ["name", "kind", "host", "port", "ae_title", "calling_ae", "retrieve", "url", "tls"]


@pytest.fixture
def logic(tmp_path):
    with DICOMModuleLogic(tmp_path / "database") as logic:
        yield logic


@pytest.fixture
def run(capsys, tmp_path):
    def call(*words):
        capsys.readouterr()
        code = main(["--database", str(tmp_path / "database"), "servers", *map(str, words), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


def names(logic):
    return [entry.name for entry in logic.servers()]


def test_an_entry_says_what_it_is_by_default():
    assert (PACS.calling_ae, PACS.retrieve, PACS.tls) == ("DICOMMODULE", "get", False)
    tidied = ServerEntry("a  b ", host="[::1]", port=1, ae_title=" X ")
    assert (tidied.name, tidied.host, tidied.ae_title) == ("a b", "::1", "X")
    assert set(CONTRACT) <= set(PACS.document())
    assert set(CONTRACT) <= set(CLOUD.document())
    assert (CLOUD.document()["tls"], CLOUD.document()["port"], CLOUD.document()["host"]) == (True, None, None)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 65}, "64"),
        ({"name": "a:104"}, "colon"),
        ({"name": "-x"}, "begin with a -"),
        ({"name": "a\nb"}, "control characters"),
        ({"host": ""}, "host"),
        ({"host": "http://a"}, "without a scheme"),
        ({"host": "a b"}, "host"),
        ({"host": "x" * 254}, "host"),
        ({"port": 0}, "1 to 65535"),
        ({"port": 65536}, "1 to 65535"),
        ({"ae_title": ""}, "empty"),
        ({"ae_title": "   "}, "empty"),
        ({"ae_title": "SEVENTEEN LETTERS"}, "16 at most"),
        ({"ae_title": "A\\B"}, "backslash"),
        ({"ae_title": "Ä"}, "ASCII"),
        ({"calling_ae": "A\\B"}, "calling"),
        ({"retrieve": "wish"}, "get or move"),
        ({"url": "https://a"}, "does not belong"),
        ({"token_env": "A"}, "does not belong"),
        ({"tls_ca": "ca.pem"}, "with TLS only"),
        ({"tls": True, "tls_cert": "a.pem"}, "come together"),
        ({"kind": "ftp"}, "no kind"),
    ],
)
def test_a_dimse_entry_that_makes_no_sense_is_refused_with_a_sentence(fields, word):
    with pytest.raises(SettingsError, match=word):
        ServerEntry(**{"name": "x", "host": "h", "port": 104, "ae_title": "A", **fields})


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"url": ""}, "URL"),
        ({"url": "ftp://a"}, "URL"),
        ({"url": "https://a:x/b"}, "URL"),
        ({"url": "https:// a"}, "URL"),
        ({"url": "https://me:secret@a/b"}, "must not hold a user or password"),
        ({"url": "https://a/b?token=secret"}, "without \\? and #"),
        ({"token_env": "A B"}, "not the name"),
        ({"token_env": "A", "user": "me"}, "not both"),
        ({"host": "a"}, "does not belong"),
        ({"tls": True}, "does not belong"),
    ],
)
def test_a_web_entry_that_makes_no_sense_is_refused_with_a_sentence(fields, word):
    with pytest.raises(SettingsError, match=word) as refusal:
        ServerEntry(**{"name": "x", "kind": "web", "url": "https://a/b", **fields})
    assert "secret" not in str(refusal.value)


def test_servers_keep_the_users_order(logic):
    with pytest.raises(DatabaseNotFoundError):
        logic.servers()
    for entry in (PACS, OTHER, CLOUD):
        logic.add_server(entry)
    assert logic.servers() == (PACS, OTHER, CLOUD)
    logic.move_server("CLOUD", 1)
    assert names(logic) == ["cloud", "pacs", "other"]
    logic.move_server("cloud", 99)
    logic.remove_server("Pacs")
    assert names(logic) == ["other", "cloud"]
    logic.add_server(PACS)
    assert names(logic) == ["other", "cloud", "pacs"]


def test_a_name_is_taken_once_whatever_its_case(logic):
    logic.add_server(PACS)
    logic.add_server(OTHER)
    for name in ("PACS", " pacs "):
        with pytest.raises(SettingsError, match="already"):
            logic.add_server(ServerEntry(name, host="h", port=1, ae_title="A"))
    with pytest.raises(SettingsError, match="already"):
        logic.change_server("other", ServerEntry("Pacs", host="h", port=1, ae_title="A"))
    logic.change_server("pacs", ServerEntry("PACS", host="h", port=1, ae_title="A"))
    assert names(logic) == ["PACS", "other"]
    for act in (logic.server, logic.remove_server, lambda name: logic.move_server(name, 1)):
        with pytest.raises(UnknownServerError, match="It has: PACS, other"):
            act("nobody")
    assert names(logic) == ["PACS", "other"]


def test_what_a_test_learnt_stays_with_the_address_it_was_learnt_of(logic):
    logic.add_server(PACS)
    book = logic.database().servers
    book.learn("pacs", {"maximum_pdu": 16384})
    logic.change_server("pacs", ServerEntry("main", host=PACS.host, port=104, ae_title="PACS", retrieve="move"))
    assert book.learnt("main") == {"maximum_pdu": 16384}
    logic.change_server("main", ServerEntry("main", host=PACS.host, port=105, ae_title="PACS"))
    assert book.learnt("main") == {}


def test_the_file_brings_everything_to_another_machine_but_what_was_learnt(logic, tmp_path):
    for entry in (PACS, OTHER, CLOUD):
        logic.add_server(entry)
    logic.database().servers.learn("pacs", {"maximum_pdu": 16384})
    assert logic.export_servers(tmp_path / "servers.json") == 3
    assert "16384" not in (tmp_path / "servers.json").read_text()
    with DICOMModuleLogic(tmp_path / "there") as there:
        merged = there.import_servers(tmp_path / "servers.json")
        assert merged.added == ("pacs", "other", "cloud")
        assert there.servers() == logic.servers()
        changed = ServerEntry("other", host="elsewhere", port=1, ae_title="X")
        there.change_server("other", changed)
        merged = there.import_servers(tmp_path / "servers.json")
        assert (merged.unchanged, merged.kept) == (("pacs", "cloud"), ("other",))
        assert there.server("other") == changed
        assert there.import_servers(tmp_path / "servers.json", replacing=True).replaced == ("other",)
        assert there.servers() == logic.servers()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("no json", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no address book"),
        ('{"format": "dicommodule-servers", "version": 2, "servers": []}', "another version"),
        ('{"format": "dicommodule-servers", "version": 1, "servers": [1]}', "entry 1"),
        ('{"format": "dicommodule-servers", "version": 1, "servers": [{"name": "a", "password": "x"}]}', "no key"),
        ('{"format": "dicommodule-servers", "version": 1, "servers": [{"name": "a", "port": "104"}]}', "must be a int"),
        ('{"format": "dicommodule-servers", "version": 1, "servers": [{"host": "a"}]}', "must have a name"),
    ],
)
def test_a_file_that_is_no_address_book_changes_nothing(logic, tmp_path, content, word):
    logic.add_server(PACS)
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(SettingsError, match=word):
        logic.import_servers(tmp_path / "bad.json")
    assert logic.servers() == (PACS,)


def test_an_address_book_is_taken_in_whole_or_not_at_all(logic):
    twice = [OTHER, ServerEntry("OTHER", host="h", port=1, ae_title="A")]
    logic.add_server(PACS)
    with pytest.raises(SettingsError, match="twice"):
        logic.database().servers.merge(twice)
    assert logic.servers() == (PACS,)


def test_a_damaged_entry_is_told_and_can_be_removed(logic, tmp_path, run):
    logic.add_server(PACS)
    logic.add_server(OTHER)
    with sqlite3.connect(tmp_path / "database" / "dicommodule.sqlite") as raw:
        raw.execute("UPDATE server SET entry = '{\"port\": -1}' WHERE name = 'pacs'")
    raw.close()
    with pytest.raises(DatabaseError, match="damaged"):
        logic.servers()
    assert run("remove", "pacs") == (0, {"name": "pacs"})
    assert names(logic) == ["other"]


def test_servers_outlive_a_rebuild(logic, tmp_path):
    run_to_end(logic.import_job([factories.make_series(tmp_path / "files", slices=1).folder], copy=True))
    logic.add_server(PACS)
    logic.add_server(CLOUD)
    logic.move_server("cloud", 1)
    logic.close()
    with DICOMModuleLogic(tmp_path / "database") as other:
        run_to_end(other.rebuild_job())
        assert other.servers() == (CLOUD, PACS)


def test_the_verb_keeps_to_the_contract(run, tmp_path):
    code, error = run("list")
    assert (code, error["kind"]) == (1, "DatabaseNotFoundError")
    code, added = run("add", "pacs", "--host", "h", "--port", 104, "--ae-title", "P", "--retrieve", "move")
    assert code == 0
    assert {key: added[key] for key in CONTRACT} == {
        "name": "pacs",
        "kind": "dimse",
        "host": "h",
        "port": 104,
        "ae_title": "P",
        "calling_ae": "DICOMMODULE",
        "retrieve": "move",
        "url": None,
        "tls": False,
    }
    assert run("add", "web", "--web", "http://localhost:8042/dicom-web")[1]["tls"] is False
    code, listed = run()
    assert (code, [one["name"] for one in listed]) == (0, ["pacs", "web"])
    assert run("change", "PACS", "--port", 105, "--rename", "p")[1]["port"] == 105
    assert [one["name"] for one in run("move", "web", 1)[1]] == ["web", "p"]
    assert run("export", tmp_path / "s.json")[1]["servers"] == 2
    assert run("remove", "p")[1]["name"] == "p"
    assert run("import", tmp_path / "s.json")[1]["added"] == ["p"]
    assert run("remove", "nobody")[1]["kind"] == "UnknownServerError"


@pytest.mark.parametrize(
    "words", [["list", "x"], ["add"], ["move", "x"], ["remove", "x", "3"], ["remove", "x", "--port", "1"]]
)
def test_a_wrong_use_of_the_verb_is_told(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["servers", *words])
    assert ended.value.code == 2
