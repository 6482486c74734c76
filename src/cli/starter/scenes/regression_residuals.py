"""Fit a line to eight points by least squares: tilt a trial line about the mean point with a
tracker, draw the squared residuals as real squares, and stop where their total area, printed
live, is smallest.

topic: statistics
level: advanced
"""

from manim import *


class RegressionResiduals(Scene):
    xs = np.array([1, 2, 3, 4, 5, 6, 7, 8.0])
    ys = np.array([2.1, 1.6, 3.4, 3.1, 4.6, 4.2, 5.9, 5.3])

    def construct(self):
        axes = Axes(x_range=[0, 9, 1], y_range=[0, 7, 1], x_length=7.7, y_length=6, tips=False)
        axes.to_edge(LEFT, buff=0.5)
        mean_x, mean_y = self.xs.mean(), self.ys.mean()
        spread = self.xs - mean_x
        best = np.dot(spread, self.ys - mean_y) / np.dot(spread, spread)
        slope = ValueTracker(0.05)

        def predict(x):
            return mean_y + slope.get_value() * (x - mean_x)

        def line():
            return Line(axes.c2p(0, predict(0)), axes.c2p(9, predict(9)), color=YELLOW)

        def squares():
            group = VGroup()
            for x, y in zip(self.xs, self.ys):
                top, bottom = axes.c2p(x, max(y, predict(x))), axes.c2p(x, min(y, predict(x)))
                side = top[1] - bottom[1]
                if side > 0.01:
                    box = Square(side, color=RED, stroke_width=1, fill_opacity=0.3)
                    # away from the line, so that it does not cover it
                    group.add(box.move_to(bottom, aligned_edge=DR if y > predict(x) else DL))
            return group

        def total():
            return float(np.sum((self.ys - predict(self.xs)) ** 2))

        dots = VGroup(*[Dot(axes.c2p(x, y), color=BLUE) for x, y in zip(self.xs, self.ys)])
        centre = Dot(axes.c2p(mean_x, mean_y), color=WHITE, radius=0.06)
        self.play(Create(axes), LaggedStart(*[FadeIn(d, scale=2) for d in dots], lag_ratio=0.1))

        fit, boxes = always_redraw(line), always_redraw(squares)
        number = DecimalNumber(total(), color=RED, font_size=54)
        number.add_updater(lambda m: m.set_value(total()))
        caption = VGroup(MathTex(r"\sum (y_i - \hat y_i)^2 ="), number)
        caption.arrange(RIGHT).scale(0.85).to_edge(RIGHT, buff=0.5)
        self.play(FadeIn(centre), Create(fit))
        self.play(FadeIn(boxes), FadeIn(caption))

        for target in (1.1, 0.3, best):
            self.play(slope.animate.set_value(target), run_time=2)
        verdict = MathTex(rf"\text{{slope}} = {best:.3f}", color=YELLOW)
        self.play(Write(verdict.next_to(caption, DOWN, buff=0.6)))
        self.wait()
