# The code-only view of the source thanks: its descriptions are ignored, the code counts.
source:thanks is:valid is:scene
