ast:"for $I in range($N): $$$"
