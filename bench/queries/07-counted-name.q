calls.play>=12 | sort -calls.play | take 50
