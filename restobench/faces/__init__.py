"""Whole photographs: find the faces, align them, restore them, paste them back."""
