"""The seven bridges of Königsberg: sketch the river, two islands and the bridges, abstract them
to a multigraph with curved edges, write the degrees and explain why no walk crosses each bridge
once: all four land masses have odd degree.

topic: graph-theory
level: advanced
"""

from manim import *


class KonigsbergBridges(Scene):
    # land masses: north bank, Kneiphof island, south bank, east
    places = {"N": [0, 2.2, 0], "K": [-1.6, 0, 0], "S": [0, -2.2, 0], "E": [2.6, 0, 0]}
    bridges = [
        ("N", "K", 0.7), ("N", "K", -0.7), ("S", "K", 0.7), ("S", "K", -0.7),
        ("N", "E", 0), ("S", "E", 0), ("K", "E", 0),
    ]

    def construct(self):
        town = self.town()
        self.play(FadeIn(town[:3]))
        self.play(LaggedStart(*[GrowFromCenter(bridge) for bridge in town[3]], lag_ratio=0.2))
        self.wait()

        vertices = {name: Dot(p, radius=0.18, color=YELLOW) for name, p in self.places.items()}
        edges = VGroup(*[self.edge(*bridge) for bridge in self.bridges])
        self.play(
            FadeOut(town[:3]),
            *[ReplacementTransform(plank, edge) for plank, edge in zip(town[3], edges)],
            *[GrowFromCenter(dot) for dot in vertices.values()],
            run_time=2,
        )

        drawing = VGroup(edges, *vertices.values())
        self.play(drawing.animate.shift(4 * LEFT))
        labels = VGroup()
        for name, dot in vertices.items():
            degree = sum(name in bridge[:2] for bridge in self.bridges)
            touching = [e for e, b in zip(edges, self.bridges) if name in b[:2]]
            label = Integer(degree, color=RED).scale(1.2)
            side = {"N": UP, "S": DOWN, "K": LEFT, "E": RIGHT}[name]
            label.next_to(dot, side)
            labels.add(label)
            self.play(*[Indicate(e, color=RED) for e in touching], FadeIn(label))

        reasons = VGroup(
            Text("Every time a walk enters a land mass", font_size=26),
            Text("it must leave by another bridge.", font_size=26),
            Text("So odd degree only at start and end,", font_size=26),
            Text("but here four are odd.", font_size=26, color=RED),
        ).arrange(DOWN, aligned_edge=LEFT, buff=0.3).to_edge(RIGHT, buff=0.5)
        self.play(FadeIn(reasons, lag_ratio=0.6), run_time=4)
        self.wait()

    def town(self):
        river = Rectangle(width=config.frame_width, height=4, stroke_width=0, fill_color=BLUE_E, fill_opacity=1)
        kneiphof = Ellipse(width=2.6, height=1.5).move_to(self.places["K"])
        east = Ellipse(width=6, height=1.7).move_to([4.2, 0, 0])
        for land in (kneiphof, east):
            land.set_stroke(width=0).set_fill(GREEN_E, 1)
        spans = [
            ([-2.1, 0.6, 0], [-2.1, 2.2, 0]), ([-1.1, 0.6, 0], [-1.1, 2.2, 0]),
            ([-2.1, -0.6, 0], [-2.1, -2.2, 0]), ([-1.1, -0.6, 0], [-1.1, -2.2, 0]),
            ([3.4, 0.7, 0], [3.4, 2.2, 0]), ([3.4, -0.7, 0], [3.4, -2.2, 0]),
            ([-0.4, 0, 0], [1.4, 0, 0]),
        ]
        planks = VGroup(*[Line(*span, color=GOLD, stroke_width=14) for span in spans])
        return VGroup(river, kneiphof, east, planks)

    def edge(self, start, end, bend):
        points = self.places[start], self.places[end]
        if bend == 0:
            return Line(*points, color=GOLD)
        return ArcBetweenPoints(*points, angle=bend, color=GOLD)
