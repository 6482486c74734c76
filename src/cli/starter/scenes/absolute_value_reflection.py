"""Draw the line y = x − 1 and fold the part below the x-axis upwards, so that the graph becomes
y = |x − 1|.

topic: algebra
level: basic
"""

from manim import *


class AbsoluteValueReflection(Scene):
    def construct(self):
        axes = Axes(x_range=[-3, 5], y_range=[-4, 4], x_length=8, y_length=7)
        below = axes.plot(lambda x: x - 1, x_range=[-3, 1], color=BLUE)
        above = axes.plot(lambda x: x - 1, x_range=[1, 5], color=BLUE)
        label = MathTex("y = x - 1", color=BLUE).to_corner(UR)
        self.play(Create(axes))
        self.play(Create(below), Write(label))
        self.play(Create(above))
        ghost = below.copy().set_stroke(opacity=0.3)
        folded = axes.plot(lambda x: 1 - x, x_range=[-3, 1], color=YELLOW)
        self.add(ghost)
        self.play(Transform(below, folded), Transform(label, MathTex("y = |x - 1|", color=YELLOW).to_corner(UR)))
        self.play(above.animate.set_color(YELLOW))
        self.wait()
