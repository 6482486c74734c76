state:kept source:generated | sort -complexity.score | take 10
