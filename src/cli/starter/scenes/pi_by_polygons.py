"""Inscribe regular polygons with 4, 8, 16 and 32 sides in a circle, one after the other, and
print n · sin(180°/n) as the growing estimate of π.

topic: geometry
level: basic
"""

from manim import *


class PiByPolygons(Scene):
    def construct(self):
        circle = Circle(2.8, color=WHITE).shift(2.5 * LEFT)
        self.play(Create(circle))
        polygon = VMobject()
        text = VMobject()
        for n in (4, 8, 16, 32):
            new = RegularPolygon(n, radius=2.8).set_color(YELLOW).move_to(circle)
            estimate = MathTex(rf"{n} \cdot \sin\frac{{180^\circ}}{{{n}}} = {n * np.sin(PI / n):.4f}")
            estimate.move_to(3.6 * RIGHT)
            self.play(FadeOut(polygon, text), Create(new), FadeIn(estimate))
            polygon, text = new, estimate
            self.wait(0.5)
        self.play(Indicate(text))
        self.wait()
