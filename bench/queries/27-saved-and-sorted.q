@beginner-geometry
