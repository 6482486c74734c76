"""Fill a unit square with 1/2, 1/4, 1/8, … of its area, each piece labelled, and end with the
sum of the geometric series written out as 1.

topic: algebra
level: basic
"""

from manim import *


class GeometricSeriesSquare(Scene):
    def construct(self):
        left_over = Square(5).to_edge(LEFT, buff=1)
        self.play(Create(left_over.copy()))
        colors = color_gradient([BLUE_D, GREEN_D, YELLOW_D], 6)
        for n in range(6):
            piece, left_over = left_over, left_over.copy()
            edge, axis = (LEFT, 0) if n % 2 == 0 else (UP, 1)
            piece.stretch(0.5, axis, about_edge=edge)
            left_over.stretch(0.5, axis, about_edge=-edge)
            piece.set_fill(colors[n], opacity=0.9)
            label = MathTex(rf"\frac{{1}}{{{2 ** (n + 1)}}}").scale(max(0.4, 1 - 0.15 * n)).move_to(piece)
            self.play(FadeIn(piece, label), run_time=0.6)
        series = MathTex(r"\sum_{n=1}^{\infty} \frac{1}{2^n} = 1", font_size=64).move_to(3.5 * RIGHT)
        self.play(Write(series))
        self.wait()
