"""Illustrate the ε–δ definition for f(x) = x²/4 at x = 2: shrink a horizontal band of
half-width ε around the limit 1 and let the matching vertical δ band follow, so that the curve
never leaves the box they form.

topic: calculus
level: advanced
"""

from manim import *


class EpsilonDelta(Scene):
    a, limit = 2.0, 1.0

    @staticmethod
    def f(x):
        return x ** 2 / 4

    def delta(self, eps):
        """The largest delta that works: the right side of the box decides."""
        return np.sqrt(4 * (self.limit + eps)) - self.a

    def construct(self):
        axes = Axes(
            x_range=[0, 4, 1], y_range=[0, 3, 1], x_length=8, y_length=6, tips=False,
            axis_config={"include_numbers": True, "font_size": 28},
        ).to_edge(LEFT)
        curve = axes.plot(self.f, x_range=[0, 3.4], color=WHITE)
        centre = Dot(axes.c2p(self.a, self.limit), color=YELLOW)
        self.play(Create(axes), Create(curve), run_time=2)
        self.play(FadeIn(centre, scale=2))

        eps = ValueTracker(0.9)

        def band(x0, x1, y0, y1, color):
            corners = [axes.c2p(*p) for p in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
            return Polygon(*corners, stroke_width=0, fill_color=color, fill_opacity=0.3)

        def epsilon_band():
            e = eps.get_value()
            return band(0, 4, self.limit - e, self.limit + e, BLUE)

        def delta_band():
            d = self.delta(eps.get_value())
            return band(self.a - d, self.a + d, 0, 3, RED)

        values = VGroup()
        for name, color, read in (
            (r"\varepsilon =", BLUE, eps.get_value),
            (r"\delta =", RED, lambda: self.delta(eps.get_value())),
        ):
            number = DecimalNumber(read(), num_decimal_places=3, color=color)
            number.add_updater(lambda m, read=read: m.set_value(read()))
            values.add(VGroup(MathTex(name, color=color), number).arrange(RIGHT))
        values.arrange(DOWN, aligned_edge=LEFT, buff=0.5).to_edge(RIGHT, buff=1.2)

        horizontal = always_redraw(epsilon_band)
        vertical = always_redraw(delta_band)
        self.play(FadeIn(horizontal), FadeIn(values[0]))
        self.play(FadeIn(vertical), FadeIn(values[1]))
        for target in (0.5, 0.25, 0.08):
            self.play(eps.animate.set_value(target), run_time=1.5)
            self.wait(0.3)
        statement = MathTex(
            r"|x - 2| < \delta", r"\;\Rightarrow\;", r"|f(x) - 1| < \varepsilon", font_size=36
        ).to_corner(UR)
        statement[0].set_color(RED)
        statement[2].set_color(BLUE)
        self.play(Write(statement))
        self.wait()
