"""The data elements of a file as a tree: items numbered, private names, and the same rows as the list."""

from __future__ import annotations

import pytest
from factories import make_series
from pydicom.dataset import Dataset

from DICOMModule.dicom.tag_list import read_tag_tree, read_tags
from DICOMModule.widgets.dialogs.tag_nodes import searched, tag_nodes


def item(**attributes):
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


@pytest.fixture
def nested(tmp_path):
    """A file whose sequence has an item, an empty item, and an item with later tags and a sequence inside it."""

    def edit(dataset, _k):
        inner = item(CodeMeaning="Deep within")
        dataset.ConceptNameCodeSequence = [
            item(CodeValue="A"),
            Dataset(),
            item(CodeMeaning="third", ConceptCodeSequence=[inner]),
        ]
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0A, "US", 36)
        block = dataset.private_block(0x0099, "OUR OWN", create=True)
        block.add_new(0x01, "LO", "secret sauce")
        dataset.add_new(0x00091234, "LO", "without a creator")

    return make_series(tmp_path / "nested", "nested", slices=1, edit=edit).files[0]


def element(tree, tag):
    return next(one for one in tree if one.row.tag == tag)


def test_items_stay_apart_also_where_one_is_empty_or_the_next_goes_on_with_later_tags(nested):
    sequence = element(read_tag_tree(nested), "0040,A043")
    assert [[one.row.keyword for one in item] for item in sequence.items] == [
        ["CodeValue"], [], ["CodeMeaning", "ConceptCodeSequence"],
    ]  # fmt: skip
    assert sequence.items[2][1].items[0][0].row.value == "Deep within"
    assert sequence.items[2][1].items[0][0].row.depth == 2


def test_names_are_those_of_the_dictionaries(nested):
    tree = read_tag_tree(nested)
    assert element(tree, "0010,0010").name == "Patient's Name"
    assert element(tree, "0019,0010").name == "Private Creator"
    assert element(tree, "0019,100A").name == "[NumberOfImagesInMosaic]"
    assert element(tree, "0099,1001").name == ""
    assert element(tree, "0009,1234").name == ""
    assert element(tree, "0002,0000").name == "Group Length"


def test_the_list_is_the_tree_read_from_top_to_bottom(nested):
    rows = read_tags(nested)
    keywords = [row.keyword for row in rows]
    first = keywords.index("ConceptNameCodeSequence")
    assert keywords[first : first + 5] == [
        "ConceptNameCodeSequence", "CodeValue", "CodeMeaning", "ConceptCodeSequence", "CodeMeaning",
    ]  # fmt: skip
    assert [row.depth for row in rows[first : first + 5]] == [0, 1, 1, 1, 2]


def test_a_node_says_what_it_is_and_what_is_inside_it(nested):
    root = tag_nodes(read_tag_tree(nested))
    sequence = root.find(("0040,A043",))
    assert (sequence.tag, sequence.value) == ("(0040,A043)", "3 items")
    assert [(node.tag, node.name) for node in sequence.children] == [
        ("Item 1", "1 element"), ("Item 2", "0 elements"), ("Item 3", "2 elements"),
    ]  # fmt: skip
    assert root.find(("0040,A043", 3, "0040,A168", 1, "0008,0104")).value == "Deep within"
    assert root.find(("0040,A043", 4)) is None
    assert root.find(("0008,0016",)).value == "1.2.840.10008.5.1.4.1.1.2 (CT Image Storage)"
    assert root.find(("7FE0,0010",)).value == "160 bytes"
    assert root.find(("0099,1001",)).name == "Private element"


def test_a_search_keeps_what_hits_lie_in_and_what_a_hit_holds(nested):
    root = tag_nodes(read_tag_tree(nested))
    deep = searched(root, "deep WITHIN")
    assert [node.key for node in deep.walk() if node.is_hit] == [("0040,A043", 3, "0040,A168", 1, "0008,0104")]
    assert [node.tag for node in deep.walk()] == ["(0040,A043)", "Item 3", "(0040,A168)", "Item 1", "(0008,0104)"]
    whole = searched(root, "0040a043")
    assert [node.tag for node in whole.walk()][:3] == ["(0040,A043)", "Item 1", "(0008,0100)"]
    assert searched(root, "nowhere at all").children == []
    assert [node.value for node in searched(root, "sauce").walk()] == ["secret sauce"]
