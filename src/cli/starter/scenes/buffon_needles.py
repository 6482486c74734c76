"""Buffon's needle as a running estimate of π: throw 160 needles onto ruled lines in batches of
forty, colour the ones that cross a line, and update the count and the estimate 2n/crossings
beside the board after each batch.

topic: probability
level: advanced
"""

from manim import *


class BuffonNeedles(Scene):
    spacing = 1.0  # also the length of a needle
    left, right = -6.5, 1.5
    bottom, top = -3.5, 3.5

    def construct(self):
        rng = np.random.default_rng(4)
        rules = VGroup(*[
            Line([self.left, y, 0], [self.right, y, 0], color=GREY, stroke_width=2)
            for y in np.arange(self.bottom, self.top + 0.1, self.spacing)
        ])
        self.play(Create(rules, lag_ratio=0.1))

        thrown = crossed = 0
        board = self.scoreboard(thrown, crossed)
        self.play(FadeIn(board))
        for _ in range(4):
            batch = VGroup()
            for _ in range(40):
                needle, crosses = self.throw(rng)
                batch.add(needle)
                thrown += 1
                crossed += crosses
            self.play(LaggedStart(*[FadeIn(n, shift=0.4 * DOWN) for n in batch], lag_ratio=0.03))
            new_board = self.scoreboard(thrown, crossed)
            self.play(FadeOut(board), FadeIn(new_board), run_time=0.5)
            board = new_board
            self.wait(0.3)
        truth = MathTex(r"\pi = 3.1416\ldots", color=YELLOW).next_to(board, DOWN, buff=0.6)
        self.play(Write(truth))
        self.wait()

    def throw(self, rng):
        """One needle, and whether it lies across a rule."""
        x = rng.uniform(self.left + 0.5, self.right - 0.5)
        y = rng.uniform(self.bottom + 0.5, self.top - 0.5)
        angle = rng.uniform(0, PI)
        half = self.spacing / 2 * np.array([np.cos(angle), np.sin(angle), 0])
        centre = np.array([x, y, 0])
        low, high = sorted(((centre - half)[1], (centre + half)[1]))
        crosses = np.floor((low - self.bottom) / self.spacing) != np.floor((high - self.bottom) / self.spacing)
        color = RED if crosses else BLUE_B
        return Line(centre - half, centre + half, color=color, stroke_width=3), int(crosses)

    def scoreboard(self, thrown, crossed):
        estimate = f"{2 * thrown / crossed:.3f}" if crossed else "?"
        return VGroup(
            Text(f"needles: {thrown}", font_size=30),
            Text(f"crossing: {crossed}", font_size=30, color=RED),
            MathTex(rf"\frac{{2n}}{{c}} = {estimate}"),
        ).arrange(DOWN, aligned_edge=LEFT, buff=0.45).move_to([4.4, 0.8, 0])
