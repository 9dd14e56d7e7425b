"""The cases, a file for each program that people log in with."""
