"""What the places are drawn with, one widget per file."""
