"""Build the first 16 rows of Pascal's triangle as small hexagons, let the odd entries light up
and the even ones go dark, and reveal the Sierpinski pattern.

topic: combinatorics
level: intermediate
"""

from math import comb

from manim import *


class PascalSierpinski(Scene):
    def construct(self):
        rows, radius = 16, 0.26
        step = radius * np.sqrt(3)
        triangle = VGroup()
        for n in range(rows):
            row = VGroup()
            for k in range(n + 1):
                tile = RegularPolygon(6, radius=radius, start_angle=PI / 2, stroke_width=1, color=GREY_B)
                cell = VGroup(tile.move_to([(k - n / 2) * step, 3.2 - n * radius * 1.5, 0]))
                cell.odd = comb(n, k) % 2 == 1
                if n < 7:
                    cell.add(Text(str(comb(n, k)), font_size=14).move_to(tile))
                row.add(cell)
            triangle.add(row)
        triangle.shift(2 * LEFT)

        rule = MathTex(r"\binom{n}{k} = \binom{n-1}{k-1} + \binom{n-1}{k}", font_size=40)
        rule.to_corner(UR)
        self.play(Write(rule))
        for row in triangle:
            self.play(FadeIn(row, shift=0.2 * DOWN), run_time=0.25)

        odd = [cell for row in triangle for cell in row if cell.odd]
        even = [cell for row in triangle for cell in row if not cell.odd]
        legend = Text("odd entries", font_size=32, color=TEAL).next_to(rule, DOWN, buff=0.8)
        self.play(
            LaggedStart(*[cell[0].animate.set_fill(TEAL, opacity=0.9) for cell in odd], lag_ratio=0.02),
            FadeIn(legend),
            run_time=3,
        )
        self.play(*[cell.animate.set_opacity(0.1) for cell in even])
        self.wait()
