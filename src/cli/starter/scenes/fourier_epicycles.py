"""Draw a square wave with rotating circles: chain the first four odd harmonics of its Fourier
series as epicycles, let the tip of the chain feed a curve that scrolls off to the right, and
connect both with a thin line.

topic: calculus
level: advanced
"""

from manim import *


class FourierEpicycles(Scene):
    harmonics = [1, 3, 5, 7]
    origin = 4.2 * LEFT
    curve_start = 0.2 * LEFT

    def radius(self, n):
        return 1.4 * 4 / (n * PI)

    def joints(self, t):
        points = [self.origin]
        for n in self.harmonics:
            step = self.radius(n) * np.array([np.cos(n * t), np.sin(n * t), 0])
            points.append(points[-1] + step)
        return points

    def chain(self, t):
        points = self.joints(t)
        parts = VGroup()
        for n, centre, tip in zip(self.harmonics, points, points[1:]):
            parts.add(Circle(self.radius(n), color=BLUE_D, stroke_width=1.5).move_to(centre))
            parts.add(Line(centre, tip, stroke_width=3))
        return parts.add(Dot(points[-1], color=YELLOW, radius=0.05))

    def construct(self):
        clock = ValueTracker(0)
        heights = [self.joints(0)[-1][1]]

        def scroll():
            trail = VMobject(color=YELLOW, stroke_width=3)
            newest = heights[::-1]
            trail.set_points_as_corners([
                [self.curve_start[0] + 0.05 * k, y, 0] for k, y in enumerate(newest[:140])
            ] or [ORIGIN])
            return trail

        def remember(_, dt):
            if dt > 0:
                heights.append(self.joints(clock.get_value())[-1][1])

        chain = always_redraw(lambda: self.chain(clock.get_value()))
        link = always_redraw(lambda: DashedLine(
            self.joints(clock.get_value())[-1],
            [self.curve_start[0], heights[-1], 0],
            stroke_width=1.5, color=GREY_B,
        ))
        series = MathTex(
            r"\frac{4}{\pi}\left(\sin t + \frac{\sin 3t}{3} + \frac{\sin 5t}{5} + \frac{\sin 7t}{7}\right)",
            font_size=36,
        ).to_edge(UP, buff=0.3).shift(2.5 * RIGHT)
        baseline = Line(self.curve_start, self.curve_start + 7 * RIGHT, color=GREY, stroke_width=1)

        self.play(FadeIn(self.chain(0)), Write(series), Create(baseline))
        self.clear()
        recorder = Mobject().add_updater(remember)
        self.add(series, baseline, recorder, chain, link, always_redraw(scroll))
        self.play(clock.animate.set_value(2 * TAU), run_time=10, rate_func=linear)
        recorder.clear_updaters()
        self.wait()
