"""The tabs of the page, a folder each."""

TABS = (
    "longkeras.app.tabs.read.tab:ReadTab",
    "longkeras.app.tabs.key.tab:KeyTab",
)
"""The classes of the tabs, in the order in which they appear on the page."""
