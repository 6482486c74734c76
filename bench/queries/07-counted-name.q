calls.play>=12 | sort -plays | take 50
