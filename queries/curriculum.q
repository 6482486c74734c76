# A balanced hundred: the same share of each complexity, easiest first.
@trainable | sample 100 seed 1 by complexity | sort complexity.score
