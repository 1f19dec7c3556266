"""Restormer (Zamir et al., CVPR 2022): restoration by attention across channels."""
