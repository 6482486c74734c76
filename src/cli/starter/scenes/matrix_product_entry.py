"""Multiply two 2 by 2 matrices entry by entry: outline the row of the left factor and the
column of the right factor that meet, show the sum of products below, and let its value drop
into the result matrix.

topic: linear-algebra
level: intermediate
"""

from manim import *


class MatrixProductEntry(Scene):
    def construct(self):
        a = [[2, -1], [0, 3]]
        b = [[4, 1], [5, -2]]
        product = [[sum(a[i][k] * b[k][j] for k in range(2)) for j in range(2)] for i in range(2)]

        left, right, result = (IntegerMatrix(m) for m in (a, b, product))
        line = VGroup(left, right, MathTex("="), result).arrange(RIGHT, buff=0.4).shift(UP)
        cells = result.get_entries().set_opacity(0)
        self.play(Write(line))

        for i in range(2):
            for j in range(2):
                row = SurroundingRectangle(left.get_rows()[i], color=BLUE)
                column = SurroundingRectangle(right.get_columns()[j], color=RED)
                pairs = [rf"({a[i][k]}) \cdot ({b[k][j]})" for k in range(2)]
                work = MathTex(pairs[0], "+", pairs[1], "=", str(product[i][j])).shift(1.8 * DOWN)
                work[4].set_color(YELLOW)
                self.play(Create(row), Create(column), run_time=0.6)
                self.play(Write(work))
                cell = cells[2 * i + j]
                value = work[4].copy()
                self.play(value.animate.move_to(cell))
                cell.set_opacity(1)
                self.play(FadeOut(row, column, work, value), run_time=0.5)
        self.play(Circumscribe(result))
        self.wait()
