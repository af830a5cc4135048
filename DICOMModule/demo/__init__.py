"""The demo data: phantoms with known geometry and landmarks, made here."""
