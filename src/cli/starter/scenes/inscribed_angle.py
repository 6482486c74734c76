"""A circle with a fixed chord AB: let a point P wander along the major arc while its inscribed
angle and the central angle over the same chord are both printed live. The reader should see
that the inscribed angle never changes and is always half of the central one.

topic: geometry
level: intermediate
"""

from manim import *


class InscribedAngle(Scene):
    def construct(self):
        radius = 2.5
        centre = 2 * LEFT

        def on_circle(theta):
            return centre + radius * np.array([np.cos(theta), np.sin(theta), 0])

        a, b = on_circle(-150 * DEGREES), on_circle(-30 * DEGREES)
        theta = ValueTracker(100 * DEGREES)

        circle = Circle(radius, color=WHITE).move_to(centre)
        central = VGroup(Line(centre, a), Line(centre, b)).set_color(ORANGE)
        central_arc = Angle(central[0], central[1], radius=0.5, color=ORANGE)
        dots = VGroup(Dot(a), Dot(b), Dot(centre))
        labels = VGroup(
            MathTex("A").next_to(a, DL, buff=0.1),
            MathTex("B").next_to(b, DR, buff=0.1),
            MathTex("O").next_to(centre, UP, buff=0.15),
        )

        def inscribed():
            p = on_circle(theta.get_value())
            sides = VGroup(Line(p, a), Line(p, b)).set_color(BLUE)
            mark = Angle(sides[0], sides[1], radius=0.6, color=BLUE)
            name = MathTex("P", color=BLUE).next_to(p, p - centre, buff=0.1)
            return VGroup(sides, mark, Dot(p, color=BLUE), name)

        def readout():
            p = on_circle(theta.get_value())
            angle = angle_between_vectors(a - p, b - p) / DEGREES
            lines = VGroup(
                MathTex(r"\angle AOB = 120^\circ", color=ORANGE),
                MathTex(rf"\angle APB = {angle:.0f}^\circ", color=BLUE),
            )
            return lines.arrange(DOWN, aligned_edge=LEFT).move_to(4 * RIGHT)

        self.play(Create(circle), FadeIn(dots, labels))
        self.play(Create(central), Create(central_arc))
        moving, numbers = always_redraw(inscribed), always_redraw(readout)
        self.play(FadeIn(moving, numbers))
        for target in (190, 0, 75):
            self.play(theta.animate.set_value(target * DEGREES), run_time=2)
        self.wait()
