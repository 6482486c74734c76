"""A wave packet with a Gaussian envelope travels once from left to right.

topic: physics
level: intermediate
"""

from manim import *


class WavePacket(Scene):
    def construct(self):
        axes = Axes(x_range=[-6, 6], y_range=[-1.5, 1.5], x_length=12, y_length=4)
        centre = ValueTracker(-4)
        packet = always_redraw(lambda: axes.plot(
            lambda x: np.exp(-((x - centre.get_value()) ** 2)) * np.cos(8 * (x - centre.get_value())),
            x_range=[-6, 6, 0.02], color=YELLOW,
        ))
        self.add(axes, packet)
        self.play(centre.animate.set_value(4), run_time=4, rate_func=linear)
        self.wait()
