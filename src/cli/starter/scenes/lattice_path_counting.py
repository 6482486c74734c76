"""Count the shortest lattice paths from the lower left to the upper right of a 4 by 3 grid:
fill every crossing with the sum of its left and lower neighbour up to 35, then draw three
random paths in different colours.

topic: combinatorics
level: intermediate
"""

import random
from math import comb

from manim import *


class LatticePathCounting(Scene):
    def construct(self):
        columns, rows, step = 4, 3, 1.5

        def node(i, j):
            return np.array([(i - columns / 2) * step - 1.5, (j - rows / 2) * step, 0])

        lines = VGroup(
            *[Line(node(0, j), node(columns, j)) for j in range(rows + 1)],
            *[Line(node(i, 0), node(i, rows)) for i in range(columns + 1)],
        ).set_stroke(GREY, 2)
        self.play(Create(lines))

        # one diagonal after the other: what it needs is already there
        for total in range(columns + rows + 1):
            numbers = VGroup()
            for i in range(columns + 1):
                j = total - i
                if 0 <= j <= rows:
                    value = Integer(comb(i + j, i), font_size=34, color=YELLOW)
                    value.add_background_rectangle(opacity=1, buff=0.08)
                    numbers.add(value.move_to(node(i, j)))
            numbers.set_z_index(2)
            self.play(FadeIn(numbers, scale=1.5), run_time=0.5)

        count = MathTex(r"\binom{7}{3} = 35", font_size=60).to_edge(RIGHT, buff=0.8)
        self.play(Write(count))

        random.seed(2)
        for color in (RED, GREEN, BLUE):
            moves = [RIGHT] * columns + [UP] * rows
            random.shuffle(moves)
            points = [node(0, 0)]
            for move in moves:
                points.append(points[-1] + step * move)
            path = VMobject(color=color, stroke_width=10, stroke_opacity=0.7).set_points_as_corners(points)
            self.play(Create(path), run_time=1.5, rate_func=linear)
        self.wait()
