/\bUP \* \d/
