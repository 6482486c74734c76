# Good code that nobody has described yet.
is:valid is:scene -has:instruction | sort -quality
