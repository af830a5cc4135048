"""Pictures of what is no plain grey volume: a sequence, a quantity, images without a place, uneven slices."""

from __future__ import annotations

from pathlib import Path


def take_kinds(studio) -> None:
    """Load one of each kind after the other and take its picture."""
    from DICOMModule.widgets.dialogs.examine_panel import ExaminePanel

    data = made_kinds(studio.base / "kinds")
    views, scene, area = studio.viewer.views, studio.viewer.scene, studio.window.area

    def load(name):
        before = {node.id for node in scene.nodes}
        studio.panel._loader.open_targets([str(data / name)], name)
        studio.settle()
        (node,) = (node for node in scene.nodes if node.id not in before)
        return node

    node = load("mr4d")
    scene.set_index(node.id, 4)
    studio.settle()
    studio.take("time")
    node = load("pet")
    views.quantity_requested.emit(node.id, "SUVbw")
    studio.settle()
    area.slice_views["axial"].point_at(120.0, 120.0)
    studio.take("quantity")
    load("shots")
    studio.take("images")
    load("uneven")
    studio.take("uneven")
    dialog = ExaminePanel(studio.panel.logic, studio.viewer, studio.window)
    dialog.show_targets([str(data / name) for name in ("mr4d", "shots", "uneven")], "three kinds")
    studio.settle()
    studio.take("dialog-examine-kinds", dialog)
    dialog.close()
    dialog.deleteLater()
    for node in tuple(scene.nodes):
        scene.remove(node.id)
    studio.settle()


def made_kinds(folder: Path) -> Path:
    """Make a folder a kind."""
    import factories
    import numpy as np

    from DICOMModule.demo.catalogue import phantoms
    from DICOMModule.demo.series import write_phantom_job
    from DICOMModule.jobs import run_to_end

    for phantom in phantoms(("mr4d", "pet")):
        (folder / phantom.name).mkdir(parents=True)
        run_to_end(write_phantom_job(phantom, folder / phantom.name))
    j, i = np.indices((120, 160))
    for number in range(4):
        dataset = factories.base_dataset(
            "shots", "SC", InstanceNumber=number + 1, ConversionType="WSD", FrameOfReferenceUID=None,
            SeriesDescription="Screenshots", PatientOrientation=["L", "F"],
        )  # fmt: skip
        dataset.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.77.{number + 1}"
        pixels = np.stack((i + 20 * number, 2 * j, 255 - i), axis=-1).clip(0, 255).astype(np.uint8)
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 120, 160, 3
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
        dataset.PixelData = pixels.tobytes()
        factories.write(dataset, folder / "shots" / f"{number}.dcm")
    factories.make_series(
        folder / "uneven", "uneven", slices=7, rows=64, columns=64, spacing_mm=(0.8, 0.8, 2.5),
        along_normal_mm=(0.0, 2.5, 5.0, 13.0, 15.5, 21.0, 23.5), SeriesDescription="Unevenly spaced",
    )  # fmt: skip
    return folder
