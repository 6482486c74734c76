/#.*\bgraph\b/
