"""Cantor's diagonal argument on a list of six binary sequences: box the diagonal digits one
after the other, flip each into a new row below, and conclude that this new sequence is not in
the list.

topic: set-theory
level: intermediate
"""

from manim import *


class CantorDiagonal(Scene):
    def construct(self):
        rows = ["010011", "110100", "001101", "111000", "000110", "101011"]
        table = VGroup(*[
            VGroup(*[Text(d, font="monospace", font_size=34) for d in row]).arrange(RIGHT, buff=0.45)
            for row in rows
        ]).arrange(DOWN, buff=0.28).move_to(0.9 * UP)
        names = VGroup(*[
            MathTex(rf"s_{k} =").next_to(row, LEFT, buff=0.5) for k, row in enumerate(table, start=1)
        ])
        dots = VGroup(*[MathTex(r"\cdots").next_to(row, RIGHT, buff=0.4) for row in table])
        self.play(LaggedStart(*[FadeIn(VGroup(n, r, d)) for n, r, d in zip(names, table, dots)], lag_ratio=0.2))

        new_name = MathTex("t =", color=YELLOW).next_to(names[-1], DOWN, buff=0.7)
        self.play(Write(new_name))
        for k, row in enumerate(rows):
            digit = table[k][k]
            box = SurroundingRectangle(digit, color=RED, buff=0.08)
            flipped = Text("1" if row[k] == "0" else "0", font="monospace", font_size=34, color=YELLOW)
            flipped.move_to([digit.get_x(), new_name.get_y(), 0])
            self.play(Create(box), digit.animate.set_color(RED), run_time=0.4)
            self.play(TransformFromCopy(digit, flipped), run_time=0.5)
        claim = MathTex(r"t \neq s_n \text{ for every } n:\ \text{they differ in digit } n", font_size=40)
        self.play(Write(claim.to_edge(DOWN, buff=0.4)))
        self.wait()
