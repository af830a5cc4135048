"""The keys of the window, as the consensus of DICOM viewers has them; all can be bound anew in the keys dialog."""

from __future__ import annotations

from typing import Final

from DICOMModule.widgets.key_actions import KeyAction

PRESET_COUNT: Final = 9

IMAGES: Final = "Images"
VIEWS: Final = "Views"
TOOLS: Final = "Tools"
GREY: Final = "Window and level"
DISPLAY: Final = "Display"
BROWSER: Final = "Database browser"
WINDOW: Final = "Window"

KEY_ACTIONS: Final[tuple[KeyAction, ...]] = (
    KeyAction("previous_image", "Previous image", IMAGES, ("Up",)),
    KeyAction("next_image", "Next image", IMAGES, ("Down",)),
    KeyAction("ten_images_back", "10 images back", IMAGES, ("Shift+Up",)),
    KeyAction("ten_images_on", "10 images on", IMAGES, ("Shift+Down",)),
    KeyAction("first_image", "First image", IMAGES, ("Home",)),
    KeyAction("last_image", "Last image", IMAGES, ("End",)),
    KeyAction("back", "Previous time point, or loaded volume", IMAGES, ("Left",)),
    KeyAction("on", "Next time point, or loaded volume", IMAGES, ("Right",)),
    KeyAction("previous_time", "Previous time point", IMAGES, (",",)),
    KeyAction("next_time", "Next time point", IMAGES, (".",)),
    KeyAction("play_time", "Play or pause the time points", IMAGES, ("Shift+C",)),
    KeyAction("previous_volume", "Previous loaded volume", IMAGES, ("PgUp",)),
    KeyAction("next_volume", "Next loaded volume", IMAGES, ("PgDown",)),
    KeyAction("previous_study", "Previous loaded study", IMAGES, ("Ctrl+Left",)),
    KeyAction("next_study", "Next loaded study", IMAGES, ("Ctrl+Right",)),
    KeyAction("cine", "Start or stop cine", IMAGES, ("C",)),
    KeyAction("next_view", "Next view", VIEWS, ("Tab",)),
    KeyAction("previous_view", "Previous view", VIEWS, ("Shift+Tab",)),
    KeyAction("maximise_view", "Maximise or restore the view", VIEWS),
    KeyAction("fit_view", "Fit to the view", VIEWS, ("=",)),
    KeyAction("zoom_in", "Zoom in", VIEWS, ("+",)),
    KeyAction("zoom_out", "Zoom out", VIEWS, ("-",)),
    KeyAction("turn_right", "Turn 90° to the right", VIEWS, ("Alt+R",)),
    KeyAction("turn_left", "Turn 90° to the left", VIEWS, ("Alt+L",)),
    KeyAction("flip", "Flip left to right", VIEWS, ("Alt+F",)),
    KeyAction("reset_views", "Reset the views", VIEWS, ("Shift+Esc",)),
    KeyAction("volume_rendering", "Show or hide volume rendering", VIEWS, ("V",)),
    KeyAction("tool_window", "Window and level tool", TOOLS, ("W",)),
    KeyAction("tool_zoom", "Zoom tool", TOOLS, ("Z",)),
    KeyAction("tool_pan", "Pan tool", TOOLS, ("T",)),
    KeyAction("tool_scroll", "Scroll tool", TOOLS, ("S",)),
    KeyAction("tool_rotate", "Rotate tool", TOOLS, ("R",)),
    KeyAction("tool_crosshair", "Crosshair tool", TOOLS, ("H",)),
    KeyAction("default_tool", "Go back to the first tool", TOOLS, ("Esc",)),
    *(
        KeyAction(f"preset_{number}", f"Window preset {number} of the modality", GREY, (str(number),))
        for number in range(1, PRESET_COUNT + 1)
    ),
    KeyAction("full_range", "Full range", GREY, ("0",)),
    KeyAction("image_default", "As the image asks for", GREY, ("`",)),
    KeyAction("invert", "Invert", GREY, ("I",)),
    KeyAction("overlays", "Text over the views: all, least, none", DISPLAY, ("Space",)),
    KeyAction("hide_overlays", "Hide or show everything over the views", DISPLAY, ("X",)),
    KeyAction("crosshair", "Show or hide the crosshair", DISPLAY, ("Shift+H",)),
    KeyAction("anonymous", "Show or hide patient and study", DISPLAY),
    KeyAction("search", "Search the database", BROWSER, ("Ctrl+F",)),
    KeyAction("preview_back", "Previous image of what is selected", BROWSER, ("Alt+Up",)),
    KeyAction("preview_on", "Next image of what is selected", BROWSER, ("Alt+Down",)),
    KeyAction("label", "Label what is selected…", BROWSER, ("Ctrl+L",)),
    KeyAction("note", "Write a note about what is selected…", BROWSER, ("Ctrl+Shift+L",)),
    KeyAction("trash", "Trash…", BROWSER, ("Ctrl+T",)),
    KeyAction("history", "Import history…", BROWSER, ("Ctrl+H",)),
    KeyAction("query", "Query servers…", BROWSER, ("Ctrl+Shift+F",)),
    KeyAction("send", "Send what is selected…", BROWSER, ("Ctrl+Shift+S",)),
    KeyAction("spread", "Spread the browser over the window", BROWSER, ("F2",)),
    KeyAction("close_volume", "Close the volume of the active view", WINDOW, ("Ctrl+W",)),
    KeyAction("open", "Open…", WINDOW, ("Ctrl+O",)),
    KeyAction("import", "Import…", WINDOW, ("Ctrl+I",)),
    KeyAction("quick_look", "Quick look…", WINDOW, ("Ctrl+Shift+O",)),
    KeyAction("close_quick_look", "Close the quick look", WINDOW, ("Ctrl+Shift+W",)),
    KeyAction("export", "Export volume to study…", WINDOW, ("Ctrl+E",)),
    KeyAction("undo", "Undo deleting or removing", WINDOW, ("Ctrl+Z",)),
    KeyAction("redo", "Do again what was undone", WINDOW, ("Ctrl+Y", "Ctrl+Shift+Z")),
    KeyAction("picture", "Save a picture…", WINDOW, ("Ctrl+P",)),
    KeyAction("process", "Process the volume", WINDOW),
    KeyAction("panel", "Show or hide the panel", WINDOW, ("F9",)),
    KeyAction("scene", "Show or hide what is loaded", WINDOW, ("F10",)),
    KeyAction("next_part", "Next part of the window", WINDOW, ("F6",)),
    KeyAction("previous_part", "Previous part of the window", WINDOW, ("Shift+F6",)),
    KeyAction("full_screen", "Full screen", WINDOW, ("F11",)),
    KeyAction("keys", "Keys…", WINDOW, ("?",)),
    KeyAction("quit", "Quit", WINDOW, ("Ctrl+Q",)),
)
