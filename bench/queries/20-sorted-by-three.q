is:valid is:scene | sort complexity.score lines -duration | take 20
