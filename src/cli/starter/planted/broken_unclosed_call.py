"""Two arrows of a right angle with a little square between them and the word "perpendicular"
below.

topic: geometry
level: basic
"""

from manim import *


class Perpendicular(Scene):
    def construct(self):
        across = Arrow(2 * LEFT, 2 * RIGHT, buff=0)
        upward = Arrow(ORIGIN, 2.5 * UP, buff=0)
        square = Square(0.3, color=YELLOW).move_to(0.15 * UR)
        self.play(GrowArrow(across), GrowArrow(upward))
        self.play(Create(square))
        self.play(Write(Text("perpendicular", font_size=36).shift(DOWN)))
        self.wait()
