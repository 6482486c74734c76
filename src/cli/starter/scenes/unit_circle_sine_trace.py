"""A point runs once around the unit circle while its height is carried over by a horizontal
line to draw the sine curve beside it; mark the quarter turns on the axis of angles.

topic: trigonometry
level: advanced
"""

from manim import *


class UnitCircleSineTrace(Scene):
    def construct(self):
        radius = 1.6
        centre = 4.6 * LEFT
        axes = Axes(
            x_range=[0, TAU, PI / 2], y_range=[-1.3, 1.3, 1],
            x_length=8.4, y_length=2.6 * radius, tips=False,
        )
        axes.shift(2.2 * LEFT - axes.c2p(0, 0))
        ticks = VGroup(*[
            MathTex(text, font_size=32).next_to(axes.c2p(k * PI / 2, 0), UP if k == 3 else DOWN)
            for k, text in enumerate(
                [r"\tfrac{\pi}{2}", r"\pi", r"\tfrac{3\pi}{2}", r"2\pi"], start=1
            )
        ])
        circle = Circle(radius, color=WHITE).move_to(centre)
        cross = VGroup(
            Line(centre + 1.9 * LEFT, centre + 1.9 * RIGHT), Line(centre + 1.9 * DOWN, centre + 1.9 * UP)
        ).set_stroke(GREY, 1)
        self.play(Create(cross), Create(circle), Create(axes), FadeIn(ticks))

        theta = ValueTracker(0)

        def rim():
            return centre + radius * np.array([np.cos(theta.get_value()), np.sin(theta.get_value()), 0])

        def pen():
            return axes.c2p(theta.get_value(), np.sin(theta.get_value()))

        spoke = always_redraw(lambda: Line(centre, rim(), color=BLUE))
        height = always_redraw(lambda: Line([rim()[0], centre[1], 0], rim(), color=RED, stroke_width=5))
        sweep = always_redraw(lambda: Arc(0.4, 0, theta.get_value(), arc_center=centre, color=YELLOW))
        carry = always_redraw(lambda: DashedLine(rim(), pen() + 1e-3 * RIGHT, color=GREY_B, stroke_width=2))
        tip = always_redraw(lambda: Dot(pen(), color=RED))
        trace = TracedPath(tip.get_center, stroke_color=RED, stroke_width=4)
        reading = always_redraw(lambda: Text(
            f"sin {theta.get_value() / DEGREES:.0f}° = {round(np.sin(theta.get_value()), 2) + 0:.2f}",
            font_size=40,
        ).to_edge(UP))

        self.add(spoke, height, sweep, carry, trace, tip, reading)
        for _ in range(4):
            self.play(theta.animate.increment_value(PI / 2), run_time=2, rate_func=linear)
            mark = DashedLine(axes.c2p(theta.get_value(), 0), pen() + 1e-3 * UP, color=YELLOW, stroke_width=2)
            self.add(mark)
        self.wait()
