"""This text is left out: the row has no instruction at all, only its code.

topic: physics
level: basic
"""

from manim import *


class EllipticOrbit(Scene):
    def construct(self):
        sun = Dot(np.sqrt(5) * LEFT, radius=0.3, color=YELLOW)
        orbit = Ellipse(width=6, height=4, color=GREY)
        planet = Dot(orbit.get_start(), color=BLUE, radius=0.12)
        self.play(FadeIn(sun), Create(orbit))
        self.play(MoveAlongPath(planet, orbit), run_time=4, rate_func=linear)
        self.wait()
