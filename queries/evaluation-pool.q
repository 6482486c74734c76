# Rows that a source holds out.
split.given:(test or validation) is:valid
