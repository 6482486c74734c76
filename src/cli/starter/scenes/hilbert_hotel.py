"""Hilbert's hotel is full, yet a new guest arrives: every guest moves from room n to room n +
1, shown by curved arrows, and the newcomer takes room 1.

topic: set-theory
level: intermediate
"""

from manim import *


class HilbertHotel(Scene):
    def construct(self):
        rooms = VGroup(*[
            VGroup(door := Rectangle(width=1.4, height=2), Text(str(n), font_size=28).next_to(door, DOWN))
            for n in range(1, 8)
        ]).arrange(RIGHT, buff=0.2).shift(1.2 * LEFT)
        more = MathTex(r"\cdots", font_size=72).next_to(rooms, RIGHT, buff=0.25)
        guests = VGroup(*[Circle(0.35, color=BLUE, fill_opacity=0.8).move_to(room[0]) for room in rooms])
        sign = Text("no vacancy", font_size=36, color=RED).to_edge(UP, buff=0.7)
        self.play(FadeIn(rooms, more, lag_ratio=0.1))
        self.play(FadeIn(guests, lag_ratio=0.2), Write(sign))

        newcomer = Circle(0.35, color=YELLOW, fill_opacity=0.9).move_to([-6.2, -2.9, 0])
        self.play(FadeIn(newcomer, shift=RIGHT))
        arrows = VGroup(*[
            CurvedArrow(a[0].get_top() + 0.05 * UP, b[0].get_top() + 0.05 * UP, angle=-PI / 2, tip_length=0.15)
            for a, b in zip(rooms, rooms[1:])
        ])
        rule = MathTex(r"n \longmapsto n + 1", color=GREEN).move_to(sign)
        self.play(Create(arrows, lag_ratio=0.2), FadeTransform(sign, rule))

        leaving = guests[-1]
        self.play(
            *[guest.animate.move_to(room[0]) for guest, room in zip(guests[:-1], rooms[1:])],
            leaving.animate.move_to(more).set_opacity(0),
            run_time=2,
        )
        self.play(newcomer.animate.move_to(rooms[0][0]), FadeOut(arrows))
        self.play(Circumscribe(rooms[0], color=YELLOW))
        self.wait()
