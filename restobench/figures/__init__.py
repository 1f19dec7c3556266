"""Figures for papers: pictures of runs beside each other, from what is stored."""
