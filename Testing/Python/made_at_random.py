"""Series made by chance: orientation, tilt, holes, a fourth dimension, slopes, syntaxes, numbers and lies in any combination."""

from __future__ import annotations

import numpy as np
from factories import AXIAL, CORONAL, SAGITTAL, ds, oblique
from made_catalogue import DIRECTIONS, diffusion, shuffled
from made_kit import Made, item, stacked

AXES = ("", "", "echo", "time", "trigger", "diffusion", "reference", "echo and time", "components", "clock")


def made_at_random(m: Made) -> str:
    """Fill a series by the random numbers of its name, and return what it is."""
    chance = m.random
    m.modality = chance.choice(("CT", "MR", "PT"))
    axis = chance.choice(AXES)
    if axis in ("echo", "trigger", "diffusion", "echo and time", "components"):
        m.modality = "MR"
    if axis == "reference":
        m.modality = "PT"
    enhanced = m.modality != "PT" and axis not in ("reference", "clock") and chance.random() < 0.35
    iop = chance.choice(
        (AXIAL, CORONAL, SAGITTAL, oblique(chance.uniform(-80, 80), chance.uniform(-80, 80)), (0, -1, 0, -1, 0, 0))
    )
    step, count, lean, places, holes = _stack(chance, iop)
    scout, copy = chance.random() < 0.15, not enhanced and chance.random() < 0.1
    told = []
    if holes:
        told.append("missing")
    if lean.any():
        told.append("tilt|shifted|lean|deviate")
    volumes = _volumes(axis, chance)
    frames = [(part, told_of, k) for part, told_of in volumes for k in range(count) if k not in holes]
    numbered = (
        chance.choice(("shuffled", "in order", "backwards"))
        if axis == "clock" or copy
        else chance.choice(("shuffled", "in order", "backwards", "none", "same"))
    )
    slopes = chance.choice(("one", "one", "each", "first one"))
    frames = shuffled(m, frames)
    syntaxes = chance.choice((("",), ("rle",), ("", "rle", "jpeg-ls", "big-endian")))
    if enhanced:
        _write_enhanced(m, frames, places, iop=iop, slopes=slopes, chance=chance)
    else:
        for n, (part, told_of, k) in enumerate(frames):
            lies = {"SliceLocation": ds(chance.uniform(-99, 99)), "SpacingBetweenSlices": ds(chance.uniform(-9, 9))}
            lies |= _number(numbered, n, len(frames))
            _add(m, places[k], part, told_of, iop, _slope(slopes, k, n), lies, syntaxes[n % len(syntaxes)])
    if copy:
        part, told_of, k = frames[0]
        original = next(
            key
            for key, truth in m.frames.items()
            if truth.part == part and np.allclose(truth.position, places[k], atol=1e-6)
        )
        stored = (m.frames[original].values - 5.0) / _slope(slopes, k, 0)
        _add(
            m,
            places[k],
            part,
            told_of,
            iop,
            _slope(slopes, k, 0),
            _number(numbered, 0, len(frames)),
            "",
            np.rint(stored).astype("int16"),
        )
        m.copies |= {original, (m.key(), 1, 0)}
        told.append("duplicate")
    if scout and not enhanced:
        turned = oblique(chance.uniform(81, 89), 40)
        m.add((0, 0, 0), ("scout", 0), iop=turned, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
        m.aside = {"scout"}
        told.append("1 localizer")
    if axis == "components":
        told.append("Phase")
    m.clean = not told
    m.says = "(?s)" + "".join(f"(?=.*(?:{one}))" for one in told) if told else ""
    return f"{m.modality} {axis or '3D'} {'enhanced' if enhanced else 'single'} {step=} {count=} {holes=} numbers {numbered}, slopes {slopes}, {told}"


def _stack(chance, iop):
    """Return step, number of places, what each step leans by, the places, and those of them that are left out."""
    step = chance.choice((0.05, 0.3, 1.0, 2.5, 3.27, 8.0))
    count = chance.randrange(4, 9)
    lean = np.array(iop[:3]) * chance.choice((0, 0, 0, 0.1, -0.4)) * step
    if chance.random() < 0.2:
        lean = lean + np.array(iop[3:]) * chance.choice((0.3, -0.05)) * step
    places = stacked(count, step, iop, [chance.uniform(-300, 300) for _ in range(3)], lean)
    holes = set(chance.sample(range(1, count - 1), chance.choice((0, 0, 0, 1, 2))))
    if count - len(holes) < 4:
        holes = set()
    return step, count, lean, places, holes


def _volumes(axis, chance):
    """Return for each volume its part and what its frames say of it."""
    times = chance.randrange(2, 5)
    if axis == "":
        return [(("", 0), {})]
    if axis == "echo":
        return [(("", t), {"EchoTime": 3.5 + 4.1 * t}) for t in range(times)]
    if axis == "time":
        return [(("", t), {"TemporalPositionIdentifier": t + 1}) for t in range(times)]
    if axis == "trigger":
        return [(("", t), {"TriggerTime": 33.3 * t}) for t in range(times)]
    if axis == "diffusion":
        directions = shuffled_directions(chance)
        return [
            (("", 0), {"b": (0.0, None)}),
            *((("", 1 + n), {"b": (400.0 * (n + 1), d)}) for n, d in enumerate(directions)),
        ]
    if axis == "reference":
        return [(("", t), {"FrameReferenceTime": 1000.0 * (2**t)}) for t in range(times)]
    if axis == "echo and time":
        return [
            ((f"{e}", t), {"EchoTime": 3.0 + e, "TemporalPositionIdentifier": t + 1})
            for e in range(2) for t in range(times)
        ]  # fmt: skip
    if axis == "components":
        return [((c, e), {"EchoTime": 3.0 + e, "component": c}) for c in ("MAGNITUDE", "PHASE") for e in range(times)]
    return [(("", t), {"AcquisitionTime": f"1016{10 * t:02d}"}) for t in range(times)]


def shuffled_directions(chance):
    return chance.sample(DIRECTIONS, 3)


def _slope(kind, k, n):
    return {"one": 1.0, "each": 0.25 * (k + 1) + n, "first one": 1.0 if n == 0 else 0.5 + k}[kind]


def _number(kind, n, count):
    return {
        "shuffled": {"InstanceNumber": str((n * 7919) % 10007)}, "in order": {"InstanceNumber": str(n + 1)},
        "backwards": {"InstanceNumber": str(count - n)}, "none": {"InstanceNumber": None}, "same": {"InstanceNumber": "1"},
    }[kind]  # fmt: skip


def _add(  # noqa: PLR0917
    m, place, part, told_of, iop, slope, lies, syntax, stored=None
):  # fmt: skip
    attributes = {keyword: ds(value) if isinstance(value, float) else str(value) for keyword, value in told_of.items()
                  if keyword not in ("b", "component")}  # fmt: skip
    if "component" in told_of:
        attributes["ImageType"] = ["ORIGINAL", "PRIMARY", told_of["component"][0]]
    edit = (lambda one: diffusion(one, *told_of["b"])) if "b" in told_of else None
    m.add(
        place,
        part,
        iop=iop,
        slope=slope,
        intercept=5.0,
        syntax=syntax,
        edit=edit,
        stored=stored,
        **{**lies, **attributes},
    )


def _write_enhanced(m, frames, places, *, iop, slopes, chance):
    made = []
    for n, (part, told_of, k) in enumerate(frames):
        content, groups = {}, {}
        if "TemporalPositionIdentifier" in told_of:
            content["TemporalPositionIndex"] = told_of["TemporalPositionIdentifier"]
        if "EchoTime" in told_of:
            groups["MREchoSequence"] = item(EffectiveEchoTime=told_of["EchoTime"])
        if "TriggerTime" in told_of:
            groups["CardiacSynchronizationSequence"] = item(NominalCardiacTriggerDelayTime=told_of["TriggerTime"])
        if "component" in told_of:
            c = told_of["component"]
            kind = item(ComplexImageComponent=c, FrameType=["ORIGINAL", "PRIMARY", c[0], "NONE"])
            groups["MRImageFrameTypeSequence"] = kind
        if "b" in told_of:
            b, d = told_of["b"]
            groups["MRDiffusionSequence"] = item(
                DiffusionBValue=b, DiffusionDirectionality="DIRECTIONAL" if d else "NONE"
            )
            if d:
                groups["MRDiffusionSequence"].DiffusionGradientDirectionSequence = [
                    item(DiffusionGradientOrientation=list(d))
                ]
        made.append(
            {
                "position": places[k], "part": part, "iop": iop, "slope": _slope(slopes, k, n), "intercept": 5.0,
                "content": content or None, "groups": groups,
            }
        )  # fmt: skip
    files = chance.choice((1, 1, 2))
    for number in range(files):
        m.enhanced(made[number::files], syntax=chance.choice(("", "", "rle")))
