# Scenes about calculus, by how hard they are.
is:valid topic:calculus | sort complexity.score
