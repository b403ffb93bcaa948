"""Widgets that draw their own lines, since stock ones repaint far more than changed."""
