topic:(calculus or geometry) -topic:physics
