# Short geometry scenes that parse, easiest first.
is:valid is:scene topic:geometry complexity:basic lines:..60 | sort complexity.score lines
