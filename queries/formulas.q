# Scenes that typeset mathematics.
is:valid mathtex>=1 | sort -mathtex
