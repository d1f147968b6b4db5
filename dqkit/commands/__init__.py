"""Commands of the shell that work on a workbench, each with its options."""
