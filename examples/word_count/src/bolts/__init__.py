"""The bolts of the word count topology."""
