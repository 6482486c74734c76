"""Show the truth table of p → q as a table with four rows, then highlight the single row in
which the implication is false.

topic: logic
level: basic
"""

from manim import *


class ImplicationTruthTable(Scene):
    def construct(self):
        rows = [["T", "T", "T"], ["T", "F", "F"], ["F", "T", "T"], ["F", "F", "T"]]
        table = Table(
            rows,
            col_labels=[MathTex("p"), MathTex("q"), MathTex(r"p \to q")],
            include_outer_lines=True,
        ).scale(0.8)
        self.play(table.create(), run_time=3)
        for r, row in enumerate(rows, start=2):
            color = GREEN if row[2] == "T" else RED
            self.play(table.get_entries((r, 3)).animate.set_color(color), run_time=0.4)
        self.play(Create(SurroundingRectangle(table.get_rows()[2], color=RED)))
        self.wait()
