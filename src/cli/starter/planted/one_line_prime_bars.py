"""Five bars whose heights are the first five primes grow from a base line, with each prime
written on top.

topic: number-theory
level: basic
"""

from manim import *


class PrimeBars(Scene):
    def construct(self):
        bars = VGroup(*[Rectangle(width=0.8, height=0.5 * p, fill_opacity=0.7, color=GREEN) for p in (2, 3, 5, 7, 11)])
        bars.arrange(RIGHT, buff=0.3, aligned_edge=DOWN)
        self.play(LaggedStart(*[GrowFromEdge(bar, DOWN) for bar in bars]))
        self.play(*[Write(Integer(p).next_to(bar, UP)) for p, bar in zip((2, 3, 5, 7, 11), bars)])
        self.wait()
