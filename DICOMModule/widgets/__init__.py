"""Qt: what shows the pixels of a view and paints text, letters, rulers and crosshair over them."""
