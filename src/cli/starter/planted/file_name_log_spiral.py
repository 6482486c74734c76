"""A logarithmic spiral winds out from the centre for four turns while its tip glows.

topic: geometry
level: basic
"""

from manim import *


class LogSpiral(Scene):
    def construct(self):
        spiral = ParametricFunction(
            lambda t: 0.08 * np.exp(0.15 * t) * np.array([np.cos(t), np.sin(t), 0]),
            t_range=[0, 4 * TAU, 0.05], color=TEAL,
        )
        tip = Dot(spiral.get_start(), color=YELLOW)
        self.play(Create(spiral), MoveAlongPath(tip, spiral), run_time=6, rate_func=linear)
        self.play(Flash(tip))
        self.wait()
