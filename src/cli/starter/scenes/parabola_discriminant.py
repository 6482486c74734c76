"""Slide the constant term of y = x² − 2x + c from −2 up to 2 and watch the parabola leave the
x-axis: two real roots, one double root, none. Print c and the discriminant 4 − 4c as they
change, and put red dots on the roots while they exist.

topic: algebra
level: intermediate
"""

from manim import *


class ParabolaDiscriminant(Scene):
    def construct(self):
        axes = Axes(
            x_range=[-2, 4, 1], y_range=[-4, 6, 2],
            x_length=7, y_length=6, tips=False,
        ).to_edge(LEFT)
        c = ValueTracker(-2)

        def parabola():
            return axes.plot(lambda x: x ** 2 - 2 * x + c.get_value(), x_range=[-1.2, 3.2], color=BLUE)

        def roots():
            disc = 4 - 4 * c.get_value()
            if disc < 0:
                return VGroup()
            xs = [(2 + s * np.sqrt(disc)) / 2 for s in (-1, 1)]
            return VGroup(*[Dot(axes.c2p(x, 0), color=RED) for x in xs])

        def panel():
            value = c.get_value()
            disc = 4 - 4 * value
            count = "two roots" if disc > 0.005 else "no real root" if disc < -0.005 else "a double root"
            color = {"two roots": GREEN, "no real root": RED}.get(count, YELLOW)
            return VGroup(
                Text(f"c = {value:.2f}", font_size=32),
                Text(f"4 − 4c = {disc:.2f}", font_size=32),
                Text(count, font_size=36, color=color),
            ).arrange(DOWN, aligned_edge=LEFT, buff=0.4).move_to(4.2 * RIGHT)

        formula = MathTex("y = x^2 - 2x + c").move_to(4.2 * RIGHT + 2.5 * UP)
        self.play(Create(axes), Write(formula))
        self.play(Create(curve := parabola()))
        self.remove(curve)
        self.add(always_redraw(parabola), always_redraw(roots), always_redraw(panel))
        self.play(c.animate.set_value(1), run_time=3)
        self.wait(0.5)
        self.play(c.animate.set_value(2), run_time=1.5)
        self.wait()
