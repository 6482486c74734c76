instruction:/(derivative|integral)s? of/
