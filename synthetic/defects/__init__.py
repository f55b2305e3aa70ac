"""Injects the defects of the catalogue, each at a known place, and says what must become of it."""

from synthetic.defects.forms import workbooks_needed
from synthetic.defects.inject import CLASSES, Injector
from synthetic.defects.plan import CityTooSmallError, Effects, FilePlan, LedgerEntry
from synthetic.defects.spoil import OTHER_SHEET, DirtyFile, spoil

__all__ = [
    "CLASSES",
    "OTHER_SHEET",
    "CityTooSmallError",
    "DirtyFile",
    "Effects",
    "FilePlan",
    "Injector",
    "LedgerEntry",
    "spoil",
    "workbooks_needed",
]
