"""The spouts of the word count topology."""
