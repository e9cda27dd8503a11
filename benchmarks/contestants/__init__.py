"""The programs that are compared, one file a library; each has `prepare`."""
