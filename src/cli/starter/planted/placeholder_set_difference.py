"""Shade the difference of two overlapping circles and name it with the set notation.

topic: set-theory
level: basic
"""

from manim import *


class SetDifference(Scene):
    def construct(self):
        left = Circle(1.6, color=BLUE).shift(LEFT)
        right = Circle(1.6, color=RED).shift(RIGHT)
        part = Difference(left, right, fill_color=BLUE, fill_opacity=0.7, stroke_width=0)
        self.play(Create(left), Create(right))
        self.play(FadeIn(part))
        self.play(Write(MathTex(r"A \setminus B").next_to(left, UP).shift(0.5 * LEFT)))
        self.wait()
