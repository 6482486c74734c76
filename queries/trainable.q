# What a trainer can take as it is: valid ManimCE with an instruction and a Scene that does something.
is:valid is:scene has:instruction dialect:(ce or mixed) -issue:(unknown-api or empty-construct)
