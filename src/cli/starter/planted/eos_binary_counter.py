"""Count from 0 to 9 and show each number in binary beneath it with four digits.

topic: algorithms
level: basic
"""

from manim import *


class BinaryCounter(Scene):
    def construct(self):
        number = Integer(0, font_size=120).shift(UP)
        bits = Text("0000", font="monospace", font_size=72).shift(DOWN)
        self.play(Write(number), Write(bits))
        for n in range(1, 10):
            new_bits = Text(f"{n:04b}", font="monospace", font_size=72).move_to(bits)
            number.set_value(n)
            self.play(Transform(bits, new_bits), run_time=0.5)
        self.wait()
