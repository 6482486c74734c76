"""Simulate a Galton board with eight rows of pegs. Sixty balls bounce left or right at random
and pile up in nine bins; a smooth bell curve with the binomial's mean and deviation is laid
over the piles at the end.

topic: probability
level: advanced
"""

import random

from manim import *


class GaltonBoard(Scene):
    rows, balls = 8, 60
    gap = 0.6
    top = 3.2
    floor = -3.6
    ball_size = 0.14

    def peg(self, row, k):
        return np.array([(k - row / 2) * self.gap, self.top - row * 0.42, 0])

    def construct(self):
        random.seed(11)
        pegs = VGroup(*[
            Dot(self.peg(row, k), radius=0.05, color=GREY_B)
            for row in range(self.rows) for k in range(row + 1)
        ])
        walls = VGroup(*[
            Line([x, self.floor, 0], [x, self.floor + 2.6, 0], color=GREY, stroke_width=2)
            for x in ((k - self.rows / 2 - 0.5) * self.gap for k in range(self.rows + 2))
        ])
        ground = Line(walls[0].get_start(), walls[-1].get_start(), color=GREY)
        self.play(FadeIn(pegs, lag_ratio=0.05), Create(walls), Create(ground))

        counts = [0] * (self.rows + 1)
        drops = []
        for _ in range(self.balls):
            path, bin_number = self.random_path(counts)
            ball = Dot(path.get_start(), radius=self.ball_size / 2, color=YELLOW)
            drops.append(MoveAlongPath(ball, path, rate_func=linear, run_time=1.6))
            counts[bin_number] += 1
        self.play(LaggedStart(*drops, lag_ratio=0.08))

        mean = self.rows / 2
        deviation = np.sqrt(self.rows) / 2
        expected = lambda k: self.balls * np.exp(-((k - mean) / deviation) ** 2 / 2) / (deviation * np.sqrt(TAU))
        bell = ParametricFunction(
            lambda k: np.array([(k - mean) * self.gap, self.floor + self.pile_height(expected(k)), 0]),
            t_range=[-0.4, self.rows + 0.4, 0.1],
            color=RED,
        )
        label = MathTex(r"B\!\left(8, \tfrac12\right)", color=RED).next_to(bell, RIGHT).shift(UP)
        self.play(Create(bell), Write(label))
        self.wait()

    def pile_height(self, count):
        """Balls lie three abreast in a bin."""
        return count / 3 * self.ball_size

    def random_path(self, counts):
        k = 0
        points = [self.peg(0, 0) + 0.7 * UP, self.peg(0, 0) + 0.13 * UP]
        for row in range(1, self.rows + 1):
            k += random.random() < 0.5
            points.append(self.peg(row, k) + 0.13 * UP)
        rank = counts[k]
        resting = np.array([
            (k - self.rows / 2) * self.gap + (rank % 3 - 1) * self.ball_size,
            self.floor + (rank // 3 + 0.5) * self.ball_size,
            0,
        ])
        path = VMobject().set_points_as_corners([*points, resting])
        return path, k
