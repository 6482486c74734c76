"""Three circles that touch one another pairwise, with the triangle of their centres drawn on
top.

topic: geometry
level: basic
"""

from manim import *


class TangentCircles(Scene):
    def construct(self):
        a, b, c = LEFT * 1.5, RIGHT * 1.5, UP * 1.5 * np.sqrt(3)
        circles = VGroup(*[Circle(1.5).move_to(p) for p in (a, b, c)]).set_color(BLUE)
        triangle = Polygon(a, b, c, color=YELLOW)
        group = VGroup(circles, triangle).center()
        self.play(Create(circles), run_time=2)
        self.play(Create(triangle))
        self.play(Rotate(group, TAU / 3))
        self.wait()
