"""Twelve coin flips as circles in a row, heads gold and tails grey, with the number of heads
counted underneath.

topic: probability
level: basic
"""

import random

from manim import *


class CoinFlips(Scene):
    def construct(self):
        random.seed(1)
        flips = [random.choice("HT") for _ in range(12)]
        coins = VGroup(*[
            LabeledDot(Text(side, font_size=28, color=BLACK), radius=0.4, color=GOLD if side == "H" else GREY)
            for side in flips
        ]).arrange(RIGHT, buff=0.2)
        self.play(LaggedStart(*[SpinInFromNothing(coin) for coin in coins], lag_ratio=0.2))
        self.play(Write(Text(f"{flips.count('H')} heads", font_size=40).next_to(coins, DOWN, buff=0.8)))
        self.wait()
