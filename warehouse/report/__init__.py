"""The yearly statistical tables (教育事业统计) of schools, counties and the city as workbooks, with their checks."""
