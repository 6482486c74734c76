"""Two carts collide elastically on a track: a 3 kg cart at 2 m/s hits a 1 kg cart at rest.
Animate the motion before and after with velocity labels, and check at the end that momentum and
energy agree.

topic: physics
level: intermediate
"""

from manim import *


def cart(mass, color):
    body = Rectangle(width=0.8 + 0.35 * mass, height=0.7, color=color, fill_opacity=0.7)
    wheels = VGroup(*[Circle(0.14, color=WHITE, fill_color=BLACK, fill_opacity=1) for _ in range(2)])
    wheels.arrange(RIGHT, buff=body.width - 0.8).next_to(body, DOWN, buff=-0.12)
    return VGroup(body, wheels, Text(f"{mass} kg", font_size=24).move_to(body))


class ElasticCollision(Scene):
    def construct(self):
        m1, m2, u1 = 3, 1, 2.0
        v1 = (m1 - m2) / (m1 + m2) * u1
        v2 = 2 * m1 / (m1 + m2) * u1

        track = Line(7 * LEFT, 7 * RIGHT).shift(DOWN)
        first = cart(m1, BLUE).next_to(track, UP, buff=0).shift(5.2 * LEFT)
        second = cart(m2, RED).next_to(track, UP, buff=0)
        self.play(Create(track), FadeIn(first, second))

        def speed(body, value):
            label = MathTex(rf"{value:g}\ \mathrm{{m/s}}", font_size=34)
            return label.add_updater(lambda m: m.next_to(body, UP))

        labels = [speed(first, u1), speed(second, 0)]
        self.play(*[FadeIn(label.update()) for label in labels])

        gap = second.get_left()[0] - first.get_right()[0]
        self.play(first.animate.shift(gap * RIGHT), run_time=gap / u1, rate_func=linear)
        self.remove(*labels)
        self.add(speed(first, v1), speed(second, v2))
        self.play(Flash(first.get_right(), color=YELLOW, run_time=0.4))
        time = 1.6
        self.play(
            first.animate.shift(v1 * time * RIGHT),
            second.animate.shift(v2 * time * RIGHT),
            run_time=time, rate_func=linear,
        )
        checks = VGroup(
            MathTex(rf"p:\quad 3 \cdot 2 = 3 \cdot {v1:g} + 1 \cdot {v2:g}"),
            MathTex(rf"E:\quad \tfrac12 \cdot 3 \cdot 2^2 = \tfrac12 \cdot 3 \cdot {v1:g}^2 + \tfrac12 \cdot 1 \cdot {v2:g}^2"),
        ).arrange(DOWN, aligned_edge=LEFT).to_edge(UP)
        self.play(Write(checks))
        self.wait()
