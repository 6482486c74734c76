"""Compare a cone and a cylinder of equal base and height by writing V = πr²h/3 under one and V
= πr²h under the other.

topic: geometry
level: basic
"""

from manim import *


class ConeVolume(Scene):
    def construct(self):
        cone = Polygon([-1, 0, 0], [1, 0, 0], [0, 2.5, 0], color=RED, fill_opacity=0.5)
        cylinder = Rectangle(width=2, height=2.5, color=BLUE, fill_opacity=0.5)
        pair = VGroup(cone, cylinder).arrange(RIGHT, buff=3, aligned_edge=DOWN)
        small = MathTex(r"V = \tfrac13 \pi r^2 h").next_to(cone, DOWN)
        large = MathTex(r"V = \pi r^2 h").next_to(cylinder, DOWN)
        self.play(DrawBorderThenFill(pair))
        self.play(Write(small), Write(large))
        self.wait()
