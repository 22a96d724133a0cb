"""Estimates from the tables: pairs, intervals, tuning, sizes, overlaps, costs. No drawing.

Import the module that you need; none is imported here.
"""
