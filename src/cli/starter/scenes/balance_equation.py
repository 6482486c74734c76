"""Treat 2x + 3 = 11 as a beam balance: boxes marked x and unit weights lie on the pans. Take
three weights from both pans, then half of what is left, writing each new equation above, until
one box balances four weights.

topic: algebra
level: intermediate
"""

from manim import *


class BalanceEquation(Scene):
    def construct(self):
        beam = Line(4.5 * LEFT, 4.5 * RIGHT, stroke_width=8).shift(1.5 * DOWN)
        stand = Triangle(color=GREY, fill_opacity=1).scale(0.7).next_to(beam, DOWN, buff=0)
        pans = VGroup(*[Line(1.8 * LEFT, 1.8 * RIGHT, stroke_width=6, color=GOLD) for _ in range(2)])
        pans[0].move_to(beam.get_start() + RIGHT + 0.3 * UP)
        pans[1].move_to(beam.get_end() + LEFT + 0.3 * UP)
        hangers = VGroup(*[Line(p.get_center(), p.get_center() + 0.3 * DOWN) for p in pans])

        boxes = VGroup(*[self.box() for _ in range(2)]).arrange(RIGHT, buff=0.15)
        boxes.next_to(pans[0].get_left(), UR, buff=0.05)
        left_units = self.units(3).next_to(boxes, RIGHT, buff=0.2, aligned_edge=DOWN)
        right_units = self.units(11).next_to(pans[1], UP, buff=0.05)

        equation = MathTex("2x + 3 = 11", font_size=60).to_edge(UP)
        self.play(Create(beam), FadeIn(stand), Create(pans), Create(hangers))
        self.play(FadeIn(boxes, left_units, right_units, shift=0.5 * DOWN), Write(equation))
        self.wait(0.5)

        def rewrite(text, note):
            nonlocal equation
            reason = Text(note, font_size=28, color=YELLOW).next_to(equation, DOWN)
            self.play(FadeIn(reason))
            after = MathTex(text, font_size=60).move_to(equation)
            animations = [FadeOut(equation, shift=UP), FadeIn(after, shift=UP)]
            equation = after
            return animations, reason

        animations, reason = rewrite("2x = 8", "take 3 from both pans")
        self.play(
            FadeOut(left_units, shift=2 * UP),
            FadeOut(right_units[-3:], shift=2 * UP),
            *animations,
        )
        self.play(FadeOut(reason))

        animations, reason = rewrite("x = 4", "keep half of each pan")
        self.play(
            FadeOut(boxes[1], shift=2 * UP),
            FadeOut(right_units[4:8], shift=2 * UP),
            *animations,
        )
        self.play(FadeOut(reason), Circumscribe(equation))
        self.wait()

    def box(self):
        crate = Square(0.9, fill_color=BLUE_E, fill_opacity=1)
        return VGroup(crate, MathTex("x").move_to(crate))

    def units(self, count):
        weights = VGroup(*[Circle(0.17, color=RED, fill_opacity=0.9) for _ in range(count)])
        return weights.arrange_in_grid(cols=4, buff=0.08, flow_order="ru")
