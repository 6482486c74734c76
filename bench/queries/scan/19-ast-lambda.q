ast:"lambda $X: $E"
