"""The tabs of the page, a file each.

A tab has `key` (its title in `strings.json`), `build`, `parts` (its components by
name), `states` (names of those that hold what a session has made), `retitled` and
`retold` (the same tab in another language).
"""

from longkeras.app.tabs.key import KeyTab
from longkeras.app.tabs.read import ReadTab

TABS = (ReadTab, KeyTab)
"""The tabs, in the order in which they stand."""
