duration:10..30 is:scene | sort -quality duration | take 20
