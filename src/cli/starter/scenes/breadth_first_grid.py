"""Breadth-first search through a small maze on a 12 by 7 grid. The frontier spreads from the
start in waves coloured by distance, walls stay dark, and when the goal is reached the shortest
path is traced back in yellow.

topic: algorithms
level: advanced
"""

from manim import *

MAZE = [
    "S..#........",
    ".#.#.####.#.",
    ".#...#....#.",
    ".####.#.###.",
    "......#.#...",
    ".####...#.#.",
    "....#.#...#G",
]


class BreadthFirstGrid(Scene):
    size = 0.8

    def construct(self):
        self.tiles = {}
        for r, line in enumerate(MAZE):
            for c, mark in enumerate(line):
                tile = Square(self.size, stroke_width=1, stroke_color=GREY_D)
                tile.set_fill(GREY_E if mark == "#" else BLACK, opacity=1)
                tile.move_to(self.size * np.array([c - 5.5, 3.3 - r, 0]))
                self.tiles[r, c] = tile
                if mark == "S":
                    start = (r, c)
                elif mark == "G":
                    goal = (r, c)
        board = VGroup(*self.tiles.values())
        self.play(FadeIn(board, lag_ratio=0.01))
        letters = VGroup(*[
            Text(name, font_size=30).move_to(self.tiles[place]).set_z_index(3)
            for name, place in (("S", start), ("G", goal))
        ])
        counter = Text("distance 0", font_size=32).to_edge(DOWN, buff=0.35)
        self.play(FadeIn(letters, counter))

        came_from = {start: None}
        frontier, distance = [start], 0
        while frontier and goal not in came_from:
            distance += 1
            reached = []
            for place in frontier:
                for step in self.neighbours(place):
                    if step not in came_from:
                        came_from[step] = place
                        reached.append(step)
            color = interpolate_color(BLUE, PURPLE, min(1, distance / 22))
            update = Text(f"distance {distance}", font_size=32).move_to(counter)
            self.play(
                *[self.tiles[place].animate.set_fill(color, opacity=0.8) for place in reached],
                Transform(counter, update),
                run_time=0.3,
            )
            frontier = reached

        path = [goal]
        while came_from[path[-1]] is not None:
            path.append(came_from[path[-1]])
        route = VMobject(color=YELLOW, stroke_width=8).set_points_as_corners(
            [self.tiles[place].get_center() for place in path]
        )
        self.play(Create(route), run_time=2)
        self.play(counter.animate.set_color(YELLOW))
        self.wait()

    def neighbours(self, place):
        r, c = place
        for step in ((r + 1, c), (r, c + 1), (r - 1, c), (r, c - 1)):
            inside = 0 <= step[0] < len(MAZE) and 0 <= step[1] < len(MAZE[0])
            if inside and MAZE[step[0]][step[1]] != "#":
                yield step
