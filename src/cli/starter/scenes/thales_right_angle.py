"""Draw a semicircle on its diameter AB, pick a point P on the arc and join it to both ends.
Mark the angle at P with a small square to show that it is a right angle, and caption it
"Thales' theorem".

topic: geometry
level: basic
"""

from manim import *


class ThalesRightAngle(Scene):
    def construct(self):
        a, b = 3 * LEFT + DOWN, 3 * RIGHT + DOWN
        p = 3 * np.array([np.cos(1.9), np.sin(1.9), 0]) + DOWN
        arc = Arc(radius=3, angle=PI, arc_center=DOWN, color=GREY_B)
        diameter = Line(a, b)
        pa, pb = Line(p, a, color=TEAL), Line(p, b, color=TEAL)
        square = RightAngle(pa, pb, length=0.3, color=YELLOW)
        names = VGroup(*[
            Text(s, font_size=30).next_to(q, d)
            for s, q, d in [("A", a, DL), ("B", b, DR), ("P", p, UP)]
        ])
        self.play(Create(diameter), Create(arc))
        self.play(Create(pa), Create(pb), FadeIn(names))
        self.play(Create(square))
        self.play(Write(Text("Thales' theorem", font_size=40).to_edge(UP)))
        self.wait()
