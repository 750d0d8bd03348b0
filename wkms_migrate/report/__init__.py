"""Reports for people and programs: each is one data object, rendered to HTML in Korean or English and to JSON.

The same data gives the same bytes: no clock, no network, no script. The day of a report is an argument.
"""
