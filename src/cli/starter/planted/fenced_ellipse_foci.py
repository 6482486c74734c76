"""Draw an ellipse with its two foci and a point on it whose distances to the foci are joined as
one bent string.

topic: geometry
level: basic
"""

from manim import *


class EllipseFoci(Scene):
    def construct(self):
        ellipse = Ellipse(width=6, height=3.6, color=BLUE)
        c = np.sqrt(3.0 ** 2 - 1.8 ** 2)
        foci = VGroup(Dot(c * LEFT), Dot(c * RIGHT))
        p = ellipse.point_from_proportion(0.18)
        string = VMobject(color=YELLOW).set_points_as_corners([c * LEFT, p, c * RIGHT])
        self.play(Create(ellipse), FadeIn(foci))
        self.play(Create(string))
        self.wait()
