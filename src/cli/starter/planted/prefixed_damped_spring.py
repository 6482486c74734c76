"""Plot the displacement of a damped spring over ten seconds between its two exponential
envelopes.

topic: physics
level: basic
"""

from manim import *


class DampedSpring(Scene):
    def construct(self):
        axes = Axes(x_range=[0, 10], y_range=[-1.2, 1.2], x_length=11, y_length=5)
        motion = axes.plot(lambda t: np.exp(-0.3 * t) * np.cos(4 * t), color=TEAL)
        upper = axes.plot(lambda t: np.exp(-0.3 * t), color=GREY)
        lower = axes.plot(lambda t: -np.exp(-0.3 * t), color=GREY)
        self.play(Create(axes))
        self.play(Create(upper), Create(lower))
        self.play(Create(motion), run_time=4, rate_func=linear)
        self.wait()
