"""Kruskal's algorithm on a weighted graph with seven vertices: list the edges by weight, take
the lightest that closes no cycle, colour accepted edges green and rejected ones red, and add up
the weight of the tree.

topic: graph-theory
level: advanced
"""

from manim import *


class KruskalSpanningTree(Scene):
    places = {
        "A": [-5.6, 1.8, 0], "B": [-3.2, 2.6, 0], "C": [-0.6, 1.9, 0], "D": [-5.2, -1.2, 0],
        "E": [-2.9, 0.2, 0], "F": [-0.4, -0.9, 0], "G": [-2.6, -2.6, 0],
    }
    weights = {
        ("A", "B"): 7, ("A", "D"): 5, ("B", "C"): 8, ("B", "E"): 9, ("C", "E"): 6,
        ("D", "E"): 15, ("D", "G"): 11, ("E", "F"): 4, ("E", "G"): 10, ("F", "G"): 3, ("B", "D"): 12,
    }

    def construct(self):
        self.draw_graph()
        order = sorted(self.weights, key=self.weights.get)
        rows = VGroup(*[Text(f"{a}{b}  {self.weights[a, b]}", font_size=24) for a, b in order])
        rows.arrange(DOWN, aligned_edge=LEFT, buff=0.18).move_to([2.6, 0, 0])
        self.play(FadeIn(rows, lag_ratio=0.1))

        total = 0
        sum_label = Text("weight 0", font_size=34).move_to([5, 2.5, 0])
        self.play(FadeIn(sum_label))
        parent = {v: v for v in self.places}

        def root(v):
            while parent[v] != v:
                v = parent[v]
            return v

        for (a, b), row in zip(order, rows):
            line = self.lines[a, b]
            pointer = SurroundingRectangle(row, color=YELLOW, buff=0.06)
            self.play(Create(pointer), line.animate.set_color(YELLOW), run_time=0.4)
            if root(a) == root(b):
                self.play(
                    line.animate.set_stroke(RED, opacity=0.35),
                    row.animate.set_color(RED).set_opacity(0.5),
                    FadeOut(pointer),
                    run_time=0.5,
                )
                continue
            parent[root(a)] = root(b)
            total += self.weights[a, b]
            new_label = Text(f"weight {total}", font_size=34).move_to(sum_label)
            self.play(
                line.animate.set_stroke(GREEN, width=9),
                row.animate.set_color(GREEN),
                Transform(sum_label, new_label),
                FadeOut(pointer),
                run_time=0.6,
            )
        self.play(Circumscribe(sum_label, color=GREEN))
        self.wait()

    def draw_graph(self):
        self.lines = {}
        tags = VGroup()
        for (a, b), weight in self.weights.items():
            line = Line(self.places[a], self.places[b], color=GREY_B, stroke_width=4)
            tag = Text(str(weight), font_size=20).move_to(line.get_center())
            tags.add(tag.add_background_rectangle(opacity=1, buff=0.06))
            self.lines[a, b] = line
        dots = VGroup()
        for name, place in self.places.items():
            dot = Circle(0.28, color=WHITE, fill_color=BLUE_E, fill_opacity=1).move_to(place)
            dots.add(VGroup(dot, Text(name, font_size=24).move_to(place)))
        tags.set_z_index(2)
        dots.set_z_index(3)
        self.play(*[Create(line) for line in self.lines.values()], FadeIn(dots))
        self.play(FadeIn(tags))
