"""Add the vectors (2, 1) and (1, 2) tip to tail on a number plane and draw their sum in yellow.

topic: linear-algebra
level: basic
"""

from manim import *


class VectorSum(Scene):
    def construct(self):
        self.add(NumberPlane().set_opacity(0.4))
        first = Arrow(ORIGIN, [2, 1, 0], buff=0, color=RED)
        second = Arrow([2, 1, 0], [3, 3, 0], buff=0, color=GREEN)
        total = Arrow(ORIGIN, [3, 3, 0], buff=0, color=YELLOW)
        self.play(GrowArrow(first))
        self.play(GrowArrow(second))
        self.play(GrowArrow(total))
        self.wait()
