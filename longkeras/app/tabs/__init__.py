"""The tabs of the page, a file each."""

from longkeras.app.tabs.key import KeyTab
from longkeras.app.tabs.read import ReadTab

TABS = (ReadTab, KeyTab)
"""The tabs, in the order in which they stand."""
