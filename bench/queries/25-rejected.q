state:rejected | sort -lines | take 20
