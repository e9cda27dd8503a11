"""One recipe a file, each with a command line."""
