"""Three friends swap seats through all 3! = 6 orders. After each swap along curved paths, the
current order of letters is added to a growing list.

topic: combinatorics
level: basic
"""

from itertools import permutations

from manim import *


class SeatingPermutations(Scene):
    def construct(self):
        seats = [2 * LEFT, ORIGIN, 2 * RIGHT]
        friends = {
            name: LabeledDot(Text(name, font_size=36, color=BLACK), radius=0.6, color=color)
            for name, color in zip("ABC", (RED, GREEN, BLUE))
        }
        listing = VGroup()
        for order in permutations("ABC"):
            places = dict(zip(order, seats))
            if not listing:
                self.play(*[FadeIn(friends[n].move_to(p)) for n, p in places.items()])
            else:
                self.play(*[friends[n].animate(path_arc=PI / 2).move_to(p) for n, p in places.items()])
            listing.add(Text("".join(order), font_size=36))
            listing.arrange(RIGHT, buff=0.6).to_edge(DOWN, buff=1)
            self.play(FadeIn(listing[-1]), run_time=0.4)
        self.play(Write(MathTex("3! = 6").scale(1.5).to_edge(UP)))
        self.wait()
