"""Ten squares, each turned and shrunk a little against the one before, appear from the outside
in.

topic: geometry
level: basic
"""

from manim import *


class SquareSpiral(Scene):
    def construct(self):
        squares = VGroup()
        for k in range(10):
            square = Square(6 * 0.82 ** k).rotate(k * 10 * DEGREES)
            squares.add(square)
        squares.set_color_by_gradient(PURPLE, ORANGE)
        self.play(LaggedStart(*[Create(s) for s in squares], lag_ratio=0.4))
        self.wait()
