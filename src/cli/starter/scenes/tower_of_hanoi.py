"""Solve the Tower of Hanoi with four discs recursively. Each move lifts a disc, carries it over
and lowers it onto the new peg, and a counter in the corner ends at 15 = 2⁴ − 1.

topic: algorithms
level: advanced
"""

from manim import *


class TowerOfHanoi(Scene):
    count = 4
    disc_height = 0.45

    def construct(self):
        self.base = -2.5
        self.x = [-4, 0, 4]
        pegs = VGroup(*[
            Line([x, self.base, 0], [x, self.base + 2.8, 0], color=GREY_BROWN, stroke_width=10) for x in self.x
        ])
        table = Line([-6, self.base, 0], [6, self.base, 0], color=GREY_BROWN, stroke_width=12)
        self.towers = [[], [], []]
        colors = color_gradient([RED, ORANGE, YELLOW, GREEN], self.count)
        for k in range(self.count):
            disc = RoundedRectangle(
                width=3 - 0.6 * k, height=self.disc_height, corner_radius=0.18,
                fill_color=colors[k], fill_opacity=1, stroke_color=BLACK, stroke_width=2,
            )
            disc.move_to(self.seat(0))
            self.towers[0].append(disc)
        self.moves = Integer(0, font_size=64).to_corner(UR, buff=0.8)
        caption = Text("moves", font_size=32).next_to(self.moves, LEFT)
        self.play(Create(table), Create(pegs), FadeIn(caption, self.moves))
        self.play(LaggedStart(*[FadeIn(d, shift=DOWN) for d in self.towers[0]], lag_ratio=0.3))

        self.solve(self.count, 0, 2, 1)
        formula = MathTex("15 = 2^4 - 1", color=YELLOW).to_corner(UL, buff=0.8)
        self.play(Write(formula))
        self.wait()

    def seat(self, peg):
        """Where the next disc on this peg comes to lie."""
        level = len(self.towers[peg]) + 0.5
        return np.array([self.x[peg], self.base + level * self.disc_height, 0])

    def solve(self, n, source, target, spare):
        if n == 0:
            return
        self.solve(n - 1, source, spare, target)
        self.carry(source, target)
        self.solve(n - 1, spare, target, source)

    def carry(self, source, target):
        disc = self.towers[source].pop()
        above = 1.2
        goal = self.seat(target)
        path = VMobject().set_points_as_corners([
            disc.get_center(),
            [self.x[source], above, 0],
            [self.x[target], above, 0],
            goal,
        ])
        self.moves.set_value(self.moves.get_value() + 1)
        self.play(MoveAlongPath(disc, path), run_time=0.7)
        self.towers[target].append(disc)
