"""Find gcd(48, 18) geometrically: cut the largest possible squares off a 48 by 18 rectangle
again and again. Each division line of the Euclidean algorithm is written as its squares appear;
the last squares have side 6.

topic: number-theory
level: intermediate
"""

from manim import *


class EuclidSquares(Scene):
    def construct(self):
        width, height = 48, 18
        unit = 7.5 / width
        corner = 6.6 * LEFT + 1.6 * UP  # upper left
        frame = Rectangle(width=width * unit, height=height * unit).move_to(corner, aligned_edge=UL)
        self.play(Create(frame))

        lines = VGroup()
        palette = iter([BLUE, GREEN, YELLOW])
        x = y = 0  # how much has been cut off from the left and from the top
        while width and height:
            side, long = min(width, height), max(width, height)
            color = next(palette)
            quotient, remainder = divmod(long, side)
            text = MathTex(rf"{long} = {quotient} \cdot {side} + {remainder}", color=color)
            lines.add(text)
            lines.arrange(DOWN, aligned_edge=LEFT).move_to(4.2 * RIGHT + UP)
            squares = VGroup()
            for _ in range(quotient):
                square = Square(side * unit, color=color, fill_opacity=0.4)
                square.move_to(corner + (x * RIGHT + y * DOWN) * unit, aligned_edge=UL)
                squares.add(VGroup(square, Text(str(side), font_size=12 + side).move_to(square)))
                if width >= height:
                    x, width = x + side, width - side
                else:
                    y, height = y + side, height - side
            self.play(Write(text), LaggedStart(*[FadeIn(s, scale=0.7) for s in squares], lag_ratio=0.5))
            self.wait(0.5)
        answer = MathTex(r"\gcd(48, 18) = 6", color=YELLOW, font_size=60).to_edge(DOWN, buff=1)
        self.play(Write(answer))
        self.wait()
