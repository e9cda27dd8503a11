"""The *Find a key* tab: an encoder looks for a number in a long text."""
