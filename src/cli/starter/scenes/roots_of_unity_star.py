"""Mark the seven 7th roots of unity on the complex unit circle, join them to a heptagon, then
draw the star that visits every third root.

topic: complex-numbers
level: basic
"""

from manim import *


class RootsOfUnityStar(Scene):
    def construct(self):
        plane = ComplexPlane(x_range=[-2, 2], y_range=[-1.5, 1.5], x_length=9.6, y_length=7.2)
        plane.add_coordinates(font_size=24).set_opacity(0.5)
        roots = [plane.n2p(np.exp(2j * PI * k / 7)) for k in range(7)]
        self.play(FadeIn(plane), Create(Circle(2.4, color=GREY)))
        self.play(LaggedStart(*[FadeIn(Dot(r, color=YELLOW), scale=3) for r in roots]))
        heptagon = Polygon(*roots, color=BLUE)
        star = Polygon(*[roots[3 * k % 7] for k in range(7)], color=RED)
        self.play(Create(heptagon))
        self.play(Create(star), run_time=3)
        self.wait()
