"""Halve a strip of paper five times and write the remaining length beside it after each cut.

topic: algebra
level: basic
"""

from manim import *


class HalvedStrip(Scene):
    def construct(self):
        strip = Rectangle(width=10, height=0.8, color=GOLD, fill_opacity=0.6)
        label = MathTex("1").next_to(strip, UP)
        self.play(FadeIn(strip), Write(label))
        for k in range(1, 6):
            new_label = MathTex(rf"\frac{{1}}{{{2 ** k}}}")
            self.play(strip.animate.stretch(0.5, 0, about_edge=LEFT))
            self.play(Transform(label, new_label.next_to(strip, UP)))
        self.wait()
