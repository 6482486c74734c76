"""Open the angle γ between two sides of length 3 and 2 from 40° to 150°. The opposite side is
redrawn, and c² = 13 − 12 cos γ is computed live, with the special value 13 called out as the
hinge passes 90°.

topic: trigonometry
level: intermediate
"""

from manim import *


class LawOfCosinesHinge(Scene):
    def construct(self):
        a, b = 3.0, 2.0
        c_corner = 4 * LEFT + 1.5 * DOWN
        gamma = ValueTracker(40)

        def triangle():
            angle = gamma.get_value() * DEGREES
            tip_a = c_corner + 1.4 * a * RIGHT
            tip_b = c_corner + 1.4 * b * np.array([np.cos(angle), np.sin(angle), 0])
            side_a = Line(c_corner, tip_a, color=BLUE)
            side_b = Line(c_corner, tip_b, color=GREEN)
            side_c = Line(tip_a, tip_b, color=RED)
            return VGroup(
                side_a, side_b, side_c,
                Angle(side_a, side_b, radius=0.6, color=YELLOW),
                MathTex("a = 3", color=BLUE, font_size=36).next_to(side_a, DOWN),
                MathTex("b = 2", color=GREEN, font_size=36).move_to(
                    side_b.get_center() + 0.65 * rotate_vector(side_b.get_unit_vector(), PI / 2)
                ),
                MathTex("c", color=RED, font_size=36).next_to(side_c.get_center(), UR, buff=0.15),
            )

        angle_value = Integer(40, unit=r"^\circ", color=YELLOW)
        angle_value.add_updater(lambda m: m.set_value(gamma.get_value()))
        c_squared = DecimalNumber(0, color=RED)
        c_squared.add_updater(
            lambda m: m.set_value(a * a + b * b - 2 * a * b * np.cos(gamma.get_value() * DEGREES))
        )
        panel = VGroup(
            MathTex(r"c^2 = a^2 + b^2 - 2ab\cos\gamma", font_size=40),
            VGroup(MathTex(r"\gamma ="), angle_value).arrange(RIGHT),
            VGroup(MathTex("c^2 =", color=RED), c_squared).arrange(RIGHT),
        ).arrange(DOWN, aligned_edge=LEFT, buff=0.5).to_corner(UR)

        figure = always_redraw(triangle)
        self.play(Create(figure), FadeIn(panel))
        self.play(gamma.animate.set_value(90), run_time=2.5)
        pythagoras = MathTex("a^2 + b^2 = 13", color=YELLOW).next_to(panel, DOWN, buff=0.7, aligned_edge=LEFT)
        self.play(Write(pythagoras))
        self.wait(0.5)
        self.play(FadeOut(pythagoras), gamma.animate.set_value(150), run_time=2.5)
        self.wait()
