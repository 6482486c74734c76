"""A probability tree for tossing a biased coin twice (heads 0.6): grow the branches level by
level with their probabilities on them, then write the four products at the leaves.

topic: probability
level: basic
"""

from manim import *


class CoinTreeDiagram(Scene):
    def construct(self):
        p = {"H": 0.6, "T": 0.4}
        root = 5 * LEFT
        self.add(Dot(root))
        for first, y in (("H", 1.8), ("T", -1.8)):
            node = 1.2 * LEFT + y * UP
            self.branch(root, node, first, p[first])
            for second, dy in (("H", 0.9), ("T", -0.9)):
                leaf = 2.6 * RIGHT + (y + dy) * UP
                self.branch(node, leaf, second, p[second])
                product = p[first] * p[second]
                result = Text(f"{first}{second}: {product:.2f}", font_size=30, color=YELLOW)
                self.play(Write(result.next_to(leaf, RIGHT, buff=0.25)), run_time=0.5)
        self.wait()

    def branch(self, start, end, side, chance):
        line = Line(start, end, color=BLUE if side == "H" else RED)
        label = Text(str(chance), font_size=24).move_to(line.get_center() + 0.3 * UP)
        self.play(Create(line), FadeIn(label, Text(side, font_size=28).next_to(end, UP, buff=0.12)), run_time=0.6)
