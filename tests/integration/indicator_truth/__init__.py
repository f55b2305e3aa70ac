"""Indicators a second time, from the true facts of the synthetic city and the written definitions alone.

Each module has `figures(connection)`, which gives SQL whose rows are (indicator_code, period, area_level, area_id, stage,
breakdown, breakdown_value, value); `value` is null where the figure cannot be said.
"""
