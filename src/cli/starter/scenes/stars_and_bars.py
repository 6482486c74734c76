"""Explain stars and bars: seven stars in a row, two bars that hop between three positions and
split the stars into x + y + z = 7; write the three numbers each time.

topic: combinatorics
level: basic
"""

from manim import *


class StarsAndBars(Scene):
    def construct(self):
        stars = VGroup(*[Star(color=YELLOW, fill_opacity=1).scale(0.3) for _ in range(7)])
        stars.arrange(RIGHT, buff=0.6)
        bars = VGroup(*[Line(0.8 * DOWN, 0.8 * UP, color=RED, stroke_width=8) for _ in range(2)])
        gap = stars[1].get_x() - stars[0].get_x()
        x_of = lambda count: stars[0].get_x() + (count - 0.5) * gap
        sums = Text("")
        self.play(FadeIn(stars, lag_ratio=0.2))
        for first, second in ((2, 5), (3, 4), (1, 6)):
            new = MathTex(f"{first} + {second - first} + {7 - second} = 7", font_size=60).shift(2 * DOWN)
            self.play(
                bars[0].animate.set_x(x_of(first)), bars[1].animate.set_x(x_of(second)),
                FadeOut(sums), FadeIn(new),
            )
            sums = new
            self.wait(0.7)
        self.play(Write(MathTex(r"\binom{7 + 2}{2} = 36").to_edge(UP)))
        self.wait()
