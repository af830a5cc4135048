"""The search: whatever script a name is in, as one types, in step with what is there, and whatever is typed."""

from __future__ import annotations

import random

import pytest
from row_kit import assert_in_step, header, names, write

from DICOMModule.database.rows import BatchWriter, NewRow
from DICOMModule.dicom.search_folding import fold_search, joined_words, word_starts
from DICOMModule.jobs import run_to_end


def found(database, text):
    """Return the patients that a search finds; every level finds the same, a page of them too."""
    patients = names(database.patients(search=text))
    assert names(database.patients(search=text, limit=50)) == patients
    for limit in (None, 50):
        assert names(database.studies(search=text, limit=limit)) == patients
    assert database.count_studies(search=text) == len(database.studies(search=text))
    return patients


NAMES = {
    "japanese": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "old japanese": "=髙﨑^眞理子=ﾀｶｻｷ^ﾏﾘｺ",
    "korean": "Hong^Gildong=洪^吉洞=홍^길동",
    "korean, one word": "박수근",
    "chinese, one word": "王小明",
    "greek": "Παπαδόπουλος^Γιώργος",
    "cyrillic": "Королёв^Сергей",
    "arabic": "أحمد^محمّد",
    "persian": "کریمی^علی",
    "hebrew": "כהן^מרים",
    "german": "Müller-Lüdenscheidt^Jürgen",
    "capitals without umlauts": "SCHROEDER^JOERG",
    "turkish": "IŞIK^İnci",
    "vietnamese": "Nguyễn^Thị Đức",
    "polish": "Łukasiewicz^Żaneta",
    "danish": "Sørensen^Åse",
    "icelandic": "Þórsson^Æsa",
    "irish": "O’Brien^Siobhán",
    "five components": "Adams^John Robert Quincy^^Rev.^B.A. M.Div.",
}


@pytest.fixture
def people(database):
    """A patient for each of NAMES, told apart by that, and one whose name is none of them."""
    write(database, *(header(number, PatientName=name) for number, name in NAMES.items()), header("nobody"))
    return database


TYPED = {
    "japanese": "山田太郎 山田 太郎 郎 山 やまだ ヤマダ ﾔﾏﾀﾞ たろ た yamada tarou^yamada 太郎^山田 YAMADA=山田",
    "old japanese": "高崎 髙﨑 真理子 眞理 たかさき タカサキ まり",
    "korean": "홍길동 홍 길동 길 동 홍길 홍ㄱ 기 hong 洪 吉洞 ㅎ",
    "korean, one word": "박수근 박 수근 근 밗 박ㅅ 수ㄱ",
    "chinese, one word": "王小明 王 小明 明 王小",
    "greek": "παπαδοπουλος ΠΑΠΑΔΌΠΟΥΛΟΣ γιωργοσ Γιώργ π",
    "cyrillic": "королев КОРОЛЁВ сергей серг^кор",
    "arabic": "احمد أحمد آحمد محمد محـمد اح",
    "persian": "كريمي کریمی علي علی",
    "hebrew": "כהן כהנ מרים מרימ",
    "german": "müller muller MUELLER mueller lüdenscheidt luedenscheidt lu lü jürgen jurgen juergen mü",
    "capitals without umlauts": "schröder schroeder jörg jö joe",
    "turkish": "ışık IŞIK isik işık inci İNCİ INCI",
    "vietnamese": "nguyen Nguyễn NGUYỄN đức duc thị thi",
    "polish": "łukasiewicz lukasiewicz ŁUK żaneta zaneta",
    "danish": "sørensen sorensen soerensen SØ åse ase aase",
    "icelandic": "þórsson thorsson aesa æsa",
    "irish": "o'brien O’BRIEN o´brien brien br siobhan",
    "five components": "adams quincy john robert rev. b.a. m.div.",
}


def test_a_name_is_found_however_it_is_typed(people):
    assert TYPED.keys() == NAMES.keys()
    for who, texts in TYPED.items():
        for text in texts.split():
            for typed in (text,) if "^" in text or "=" in text else (text, f"name:{text}"):  # a token is one text
                assert NAMES[who] in found(people, typed), typed


def test_every_beginning_of_a_name_finds_it_and_its_components_in_any_order(people):
    for name in NAMES.values():
        components = [part for part in name.replace("=", "^").replace(" ", "^").split("^") if part]
        for component in components:
            for end in range(1, len(component) + 1):
                assert name in names(people.patients(search=component[:end])), component[:end]
        assert names(people.patients(search=" ".join(reversed(components)))) == [name]


def test_one_or_two_letters_begin_a_word_and_more_are_anywhere(database):
    write(
        database,
        header("1", PatientName="Blau^Anna", StudyDescription="PET/CT 100%"),
        header("2", PatientName="Anders^Bea-Lu", StudyDescription="Knee_left"),
    )
    for text, expected in (
        ("a", ["Anders^Bea-Lu", "Blau^Anna"]),
        ("an", ["Anders^Bea-Lu", "Blau^Anna"]),
        ("la", []),
        ("lau", ["Blau^Anna"]),
        ("lu", ["Anders^Bea-Lu"]),
        ("%", ["Blau^Anna"]),
        ("_", ["Anders^Bea-Lu"]),
        ("_l", ["Anders^Bea-Lu"]),
        ("/c", ["Blau^Anna"]),
        ("ee", []),
        ("ee_", ["Anders^Bea-Lu"]),
        ("name:l", ["Anders^Bea-Lu"]),
        ("id:1", ["Blau^Anna"]),
        ("name:1", []),
    ):
        assert found(database, text) == expected, text


def test_words_may_stand_on_different_levels_but_those_in_quotes_are_one_text(database):
    common = {"StudyInstanceUID": "1.2.3", "PatientID": "X", "PatientName": "Blau^Anna"}
    write(
        database,
        header("a", **common, StudyDescription="Left knee", SeriesDescription="Scout", Modality="CT"),
        header("b", **common, StudyDescription="Left knee", SeriesDescription="Axial 2 mm", Modality="SR"),
        header("c", **common | {"StudyInstanceUID": "1.2.4"}, StudyDescription="Chest", Modality="MR"),
    )
    assert [one.study_description for one in database.studies(search="blau axial knee sr")] == ["Left knee"]
    assert [one.study_description for one in database.studies(search='"left knee"')] == ["Left knee"]
    assert database.studies(search='"knee left"') == database.studies(search='"knee scout"') == []
    assert len(database.series(search="left knee")) == 2
    assert [one.modality for one in database.series(search="axial knee")] == ["SR"]
    assert len(database.patients(search="chest knee")) == 1  # one study each; no study has both
    assert database.studies(search="chest knee") == []
    assert len(database.patients(search="mod:CT mod:SR")) == 1
    assert database.patients(search="mod:CT mod:MR") == []  # of one study


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("SØRENSEN^Łucja=さくら", "sorensen lucja サクラ"),
        ("IŞIK İnci", "isik inci"),
        ("Straße", "strasse"),
        ("Ｙａｍａｄａ　ﾀﾛｳ", "yamada タロウ"),
        ("o´brien", "o'brien"),
        ("a\0b\x1b\u200bc\u00ad\u202e\ud800", "a b c"),
        ("葛\U000e0100城", "葛城"),
        ("١٢٣ ۴۵ ७", "123 45 7"),
        ("ﷺ", "صلي الله عليه وسلم"),
    ],
)
def test_text_is_folded_to_the_plainest_there_is_and_stays_so(text, folded):
    assert fold_search(text) == folded
    assert fold_search(folded) == folded


def test_what_begins_inside_a_word_and_words_that_may_be_one():
    assert word_starts("pet/ct") == [0, 3, 4]
    assert word_starts("山田2") == [0, 1]
    assert joined_words(["yamada", "山田", "太郎", "x", "홍"]) == ["山田太郎"]


# --- in step with what is there


def test_what_is_searched_follows_what_is_there(database):
    write(database, header("a", PatientName="Before^Anna"), header("b", StudyDescription="Second"))
    first = database.series(search="before")[0].series_instance_uid
    assert found(database, "second") == ["b"]
    database.delete([first])
    assert found(database, "before") == found(database, "anna") == []
    database.restore([first])
    assert found(database, "before") == ["Before^Anna"]
    # what its file holds now
    with database._catalogue.transaction() as connection:
        (row,) = connection.execute("SELECT id FROM instance WHERE series = (SELECT min(id) FROM series)").fetchone()
        changed = header("a", PatientName="After^Anna")
        BatchWriter(connection).write([NewRow(changed, changed.path, replaces=row)])
    assert found(database, "before") == []
    assert found(database, "after") == found(database, "anna") == ["After^Anna"]
    assert_in_step(database)


def test_a_series_of_a_study_that_is_in_the_trash_is_not_found_by_what_is_only_there(database):
    common = {"StudyInstanceUID": "1.2.3", "PatientID": "X", "PatientName": "Blau"}
    write(
        database,
        header("a", **common, SeriesDescription="Scout", Modality="CT"),
        header("b", **common, SeriesDescription="Axial", Modality="SR"),
    )
    database.delete([header("b").series_instance_uid])
    for text in ("axial", "sr", "mod:SR", "ax"):
        assert found(database, text) == []
        assert database.series(search=text) == database.instances(search=text) == []
    assert found(database, "scout mod:ct") == ["Blau"]
    assert_in_step(database)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_comes_and_goes_documents_index_and_totals_keep_in_step(database, seed):
    dice = random.Random(seed)
    acts = []
    for step in range(60):
        shown = [row.series_instance_uid for row in database.series()]
        act = dice.choice(("write", "write", "delete", "undo", "label", "note"))
        if act == "write" or not shown:
            patient, study = dice.randrange(3), dice.randrange(3)
            common = {
                "PatientName": f"Name{patient}",
                "PatientID": f"{patient}",
                "StudyInstanceUID": f"1.{patient}.{study}",
            }
            words = {"StudyDescription": f"study{dice.randrange(4)}", "SeriesDescription": f"series{dice.randrange(4)}"}
            write(database, header(f"{step}", **common, **words, Modality=dice.choice(("CT", "MR"))))
        elif act == "delete":
            acts.append(database.delete([dice.choice(shown)]).trash_id)
        elif act == "undo" and acts:
            database.undo_delete(acts.pop(dice.randrange(len(acts))))
        elif act == "label":
            database.annotations.add_label([dice.choice(shown)], f"label{dice.randrange(3)}")
        elif act == "note":
            database.annotations.set_note(dice.choice(database.patients()).patient, dice.choice(("", "one", "two")))
        if step % 6 == 5:
            assert_in_step(database)
    assert_in_step(database)
    assert database._catalogue.integrity() == "ok"


def test_a_repair_mends_what_is_out_of_step(database):
    write(database, header("Adams"), header("Brown"))
    run_to_end(database.verify_job(repair=True))
    for damage in (
        "UPDATE search_document SET text = 'x' WHERE patient = 1",
        "DELETE FROM search_document WHERE patient = 2",
    ):
        with database._catalogue.transaction() as connection:
            connection.execute(damage)
        assert len(run_to_end(database.verify_job(repair=True)).repaired) == 1
        assert found(database, "adams") == ["Adams"]
        assert found(database, "brown") == ["Brown"]
        assert_in_step(database)
    assert run_to_end(database.verify_job(repair=True)).repaired == ()


def test_labels_and_notes_are_searched_where_they_stand(database):
    write(
        database,
        header("a", PatientID="X", StudyInstanceUID="1.2.3"),
        header("b", PatientID="X", PatientName="a", StudyInstanceUID="1.2.4"),
        header("c"),
    )
    first, second, _ = (study.study_instance_uid for study in database.studies())
    patient = database.studies()[0].patient
    database.annotations.add_label([first], "Für die Lehre")
    database.annotations.set_note(second, "Compare with\nthe teaching file.")
    database.annotations.add_label([patient], "VIP")

    def studies(text):
        return [study.study_instance_uid for study in database.studies(search=text)]

    for text, expected in (
        ("label:für", [first]),
        ("label:fuer", [first]),
        ('label:"fur die"', [first]),
        ("label:lehre", []),
        ("lehre", [first]),
        ("label:v", [first, second]),
        ("label:vip lehre", [first]),
        ("label:compare", []),
        ("teaching", [second]),
        ('"with the"', [second]),
        ("label:nothing", []),
        ("label:", []),
    ):
        assert studies(text) == expected, text
        assert bool(database.patients(search=text)) == bool(expected), text
        assert len(database.series(search=text)) == len(expected), text
    database.annotations.remove_label([first], "für die lehre")
    database.annotations.set_note(second, "")
    assert studies("lehre") == studies("teaching") == studies("label:für") == []
    assert_in_step(database)


def test_lists_say_labels_and_notes(database):
    write(database, header("a"), header("b"))
    patient, study, series = database.patients()[0], database.studies()[0], database.series()[0]
    names_of = (patient.patient, study.study_instance_uid, series.series_instance_uid)
    database.annotations.add_label(names_of, "one")
    database.annotations.add_label(names_of, "a second")
    for name in names_of:
        database.annotations.set_note(name, "to be kept")
    for rows in (database.patients(), database.studies(), database.series()):
        assert [(row.labels, row.note) for row in rows] == [(("a second", "one"), "to be kept"), ((), None)]


# --- whatever is typed

NOTHING = ['"', '""', "^", "=", "\\", "^=^", "\0", "\n", "\x02\x02", "\x05", "\ud800", "\u0301", "\u200b", '"' * 9999]
HOSTILE = [
    '"a', "*", "a*", "AND", "OR NOT", "NEAR(a b, 3)", "-a", "+a", "^a", "(", ")", "a)", "{a}", "a:b", "text:a", "'", "%", "_",
    "search_index:a", "''; DROP TABLE patient; --", "?", "?1", ":a", "@a", "$a", "a\0b", "\U0001f600", "x" * 10_000, "ü" * 5000,
    "ab " * 3000, " ".join(map(str, range(5000))), " ".join(f"no{n}" for n in range(200)), "label:\x02", "label:%", "mod:'",
    "name:\"'", "date:\0", "id:%", "(" * 5000, "name:a " * 2000, "Nobody " + "x" * 10_000, "no*", "nob_dy", "n%dy", "no\\w",
]  # fmt: skip


def test_no_text_is_an_error_and_signs_stand_for_themselves(database):
    write(database, header("Nobody", StudyDescription="Zzz"))
    for text in (*NOTHING, *HOSTILE):
        for limit in (None, 10):
            for rows in (database.patients, database.studies, database.series, database.instances):
                assert len(rows(search=text, limit=limit)) == (text in NOTHING), text[:20]


def test_signs_are_found_as_they_are(database):
    texts = ["100%", "a_b", "it's", "(old)", "f(x)*2", "A&B", "-5", "q?", "50°", "c#", "😀 good"]
    write(database, *(header(str(number), PatientName=text) for number, text in enumerate(texts)))
    for text in texts:
        assert found(database, text) == [text]
