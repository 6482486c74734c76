"""Add a wave running right and an equal one running left: plot both faintly and their sum
boldly for a few periods, so that the standing wave's nodes, marked with red dots, stay put.

topic: physics
level: intermediate
"""

from manim import *


class StandingWaveNodes(Scene):
    def construct(self):
        k, omega = PI / 2, 2.0
        axes = Axes(x_range=[0, 12, 1], y_range=[-2.5, 2.5, 1], x_length=13, y_length=5, tips=False)
        axes.shift(0.4 * DOWN)
        time = ValueTracker(0)

        def wave(direction, color, width, both=False):
            def height(x):
                phase = omega * time.get_value()
                value = np.sin(k * x - direction * phase)
                return value + np.sin(k * x + direction * phase) if both else value
            return axes.plot(height, color=color, stroke_width=width)

        right = always_redraw(lambda: wave(1, BLUE, 2))
        left = always_redraw(lambda: wave(-1, GREEN, 2))
        total = always_redraw(lambda: wave(1, YELLOW, 6, both=True))
        formula = MathTex(
            r"\sin(kx - \omega t)", "+", r"\sin(kx + \omega t)", "=", r"2\sin(kx)\cos(\omega t)"
        ).to_edge(UP)
        for index, color in ((0, BLUE), (2, GREEN), (4, YELLOW)):
            formula[index].set_color(color)

        self.play(Create(axes), Write(formula[:3]))
        self.play(Create(right), Create(left))
        self.play(time.animate.set_value(PI), run_time=3, rate_func=linear)
        self.play(FadeIn(total), Write(formula[3:]))
        nodes = VGroup(*[Dot(axes.c2p(x, 0), color=RED) for x in range(0, 13, 2)])
        self.play(FadeIn(nodes, scale=2))
        self.play(time.animate.increment_value(2 * PI + 0.5), run_time=6, rate_func=linear)
        self.wait()
