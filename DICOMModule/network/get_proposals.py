"""What is proposed for C-GET: of which SOP classes and in which transfer syntaxes instances may come, round by round.

An association has 128 presentation contexts, and a server sends an instance as it has it only where its class was accepted
in its transfer syntax: so each of them has a context of its own, and there are as many associations as that takes. Where a
server does not say what it has, it is guessed from the modality of the series; then all classes are proposed uncompressed. Some
servers send by the uncompressed context of a class whatever they have, and fail where they cannot decode it: so last come
classes of images compressed only, as long as something is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from DICOMModule.dicom.uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN
from DICOMModule.network.accepted_services import KEPT_SYNTAXES
from DICOMModule.network.pdus import MOST_CONTEXTS, Proposed
from DICOMModule.network.retrieve_plan import Part
from DICOMModule.network.services import PLAIN, STUDY_FIND, STUDY_GET
from DICOMModule.network.storage_classes import (
    PROPOSED_IN_ORDER,
    generic_classes,
    image_classes,
    likely_classes,
)

MOST_FOR_STORAGE: Final = MOST_CONTEXTS - 2
_SELDOM_UNCOMPRESSED: Final[tuple[str, ...]] = (DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN)
_UNCOMPRESSED: Final = frozenset((*PLAIN, *_SELDOM_UNCOMPRESSED))
_COMPRESSED: Final = tuple(one for one in PROPOSED_IN_ORDER if one not in _UNCOMPRESSED)
_SELDOM: Final = tuple(sorted(KEPT_SYNTAXES.difference(PROPOSED_IN_ORDER)))

Classes = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Round:
    """One association: SOP classes, each with its transfer syntaxes, and of which parts something may come with them.

    Where `has_more`, parts that the server does not list are still to be asked for with other classes.
    """

    classes: Classes
    parts: list[Part]
    has_more: bool = False

    def proposed(self) -> list[Proposed]:
        """Propose to get, and to be sent each class in each transfer syntax by a context of its own: it comes as it is."""
        get_it = [Proposed(STUDY_GET, PLAIN), Proposed(STUDY_FIND, PLAIN)]  # some refuse the one without the other
        return get_it + [
            Proposed(one, (syntax,), as_scp=True) for one, syntaxes in self.classes.items() for syntax in syntaxes
        ]


def rounds(parts: Sequence[Part], lacks: Callable[[Part], bool]) -> Iterator[Round]:
    """Yield what to propose, one association after the other; what has come by one is not asked for by the next.

    Parameters
    ----------
    lacks : callable
        Returns whether something of a part may still come.
    """
    told = {id(part): _classes_told(part) for part in parts}
    yield from _guesses([part for part in parts if lacks(part) and not told[id(part)]], lacks)
    known = [(part, told[id(part)]) for part in parts if told[id(part)]]
    yield from _packed(known, lacks)
    failed = [(part, _compressed(classes)) for part, classes in known if part.has_failed]
    yield from _packed(failed, lacks, is_filled=False)


def _guesses(parts: list[Part], lacks: Callable[[Part], bool]) -> Iterator[Round]:
    likely = {id(part): (*_some_told(part), *likely_classes(part.modality)) for part in parts}
    proposed: dict[int, set[str]] = {id(part): set() for part in parts}
    for one in _packed([(part, dict.fromkeys(likely[id(part)], PROPOSED_IN_ORDER)) for part in parts], lacks):
        for part in one.parts:
            proposed[id(part)].update(one.classes)
        yield replace(one, has_more=True)
    # Of what is not listed nobody knows how much there is: a success says nothing of classes that were not proposed.
    left = [part for part in parts if lacks(part) or not part.is_known]
    if not left:
        return
    asked = set.intersection(*(proposed[id(part)] for part in left))
    others = [one for one in generic_classes() if one not in asked]
    step = MOST_FOR_STORAGE // len(PLAIN)
    for start in range(0, len(others), step):
        still = [part for part in left if lacks(part) or not part.is_known]
        if still:
            yield Round(dict.fromkeys(others[start : start + step], PLAIN), still, start + step < len(others))
    images = [(part, dict.fromkeys((*likely[id(part)], *image_classes()), _COMPRESSED)) for part in left if lacks(part)]
    yield from _packed(images, lacks, is_filled=False)
    seldom = [(part, dict.fromkeys(generic_classes(), _SELDOM_UNCOMPRESSED)) for part in left if lacks(part)]
    yield from _packed(seldom, lacks, is_filled=False)


def _compressed(classes: Classes) -> Classes:
    """Return classes with those of their transfer syntaxes that are compressed."""
    return {one: tuple(s for s in syntaxes if s not in _UNCOMPRESSED) for one, syntaxes in classes.items()}


def _packed(
    wanted: Iterable[tuple[Part, Classes]], lacks: Callable[[Part], bool], *, is_filled: bool = True
) -> Iterator[Round]:
    """Divide the classes of all parts so that each association has room for their transfer syntaxes.

    Where `is_filled`, room that is left is for transfer syntaxes that are seldom.
    """
    merged: Classes = {}
    parts: dict[str, list[Part]] = {}
    for part, its_classes in wanted:
        for sop_class, syntaxes in its_classes.items():
            known = merged.get(sop_class, ())
            if known != syntaxes:
                merged[sop_class] = tuple(dict.fromkeys((*known, *syntaxes)))
            parts.setdefault(sop_class, []).append(part)
    classes: Classes = {}
    for sop_class, syntaxes in merged.items():
        if sum(map(len, classes.values())) + len(syntaxes) > MOST_FOR_STORAGE:
            yield from _round(_filled(classes) if is_filled else classes, parts, lacks)
            classes = {}
        classes[sop_class] = syntaxes
    yield from _round(_filled(classes) if is_filled else classes, parts, lacks)


def _round(classes: Classes, parts: dict[str, list[Part]], lacks: Callable[[Part], bool]) -> Iterator[Round]:
    """Yield a round for what is lacking."""
    lacking = {id(part): part for one in classes for part in parts[one] if lacks(part)}
    if lacking:
        yield Round(classes, list(lacking.values()))


def _filled(classes: Classes) -> Classes:
    room = MOST_FOR_STORAGE - sum(map(len, classes.values()))
    filled: Classes = {}
    for sop_class, syntaxes in classes.items():
        more = tuple(one for one in _SELDOM if one not in syntaxes)[:room]
        filled[sop_class] = syntaxes + more
        room -= len(more)
    return filled


def _classes_told(part: Part) -> Classes:
    """Return the classes of what is missing, each with the transfer syntaxes in which it may come, the announced first.

    Empty where the server does not say of what class each is.
    """
    found: Classes = {}
    for uid in part.missing:
        one = part.announced[uid]
        if not one.sop_class_uid:
            return {}
        told = (syntax for syntax in one.transfer_syntax_uids if syntax in KEPT_SYNTAXES)
        found[one.sop_class_uid] = tuple(dict.fromkeys((*found.get(one.sop_class_uid, ()), *told, *PROPOSED_IN_ORDER)))
    return found


def _some_told(part: Part) -> Iterable[str]:
    """Return the classes of which the server says that some of what is missing is."""
    return dict.fromkeys(filter(None, (part.announced[uid].sop_class_uid for uid in sorted(part.missing))))
