"""Colour the Petersen graph with three colours, vertex by vertex, each time taking the first
colour no neighbour has. Keep a caption with the chromatic number for the end.

topic: graph-theory
level: intermediate
"""

from manim import *


class PetersenThreeColours(Scene):
    def construct(self):
        outer, inner = list(range(5)), list(range(5, 10))
        edges = (
            [(k, (k + 1) % 5) for k in outer]
            + [(k, k + 5) for k in outer]
            + [(k + 5, (k + 2) % 5 + 5) for k in outer]
        )
        layout = {}
        for k in outer:
            direction = rotate_vector(UP, k * TAU / 5)
            layout[k], layout[k + 5] = 2.6 * direction, 1.3 * direction
        graph = Graph(
            outer + inner, edges, layout=layout,
            vertex_config={"radius": 0.25, "fill_color": GREY_D, "stroke_color": WHITE, "stroke_width": 2},
            edge_config={"stroke_color": GREY_B},
        ).shift(0.5 * DOWN)
        self.play(Create(graph), run_time=3)

        neighbours = {v: set() for v in outer + inner}
        for a, b in edges:
            neighbours[a].add(b)
            neighbours[b].add(a)

        palette = [RED, GREEN, BLUE]
        chosen = {}
        for v in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]:
            used = {chosen[n] for n in neighbours[v] if n in chosen}
            chosen[v] = next(c for c in range(3) if c not in used)
            self.play(
                Flash(graph[v], color=palette[chosen[v]], flash_radius=0.4),
                graph[v].animate.set_fill(palette[chosen[v]], opacity=1),
                run_time=0.6,
            )
        caption = MathTex(r"\chi(\text{Petersen}) = 3").to_edge(UP)
        self.play(Write(caption))
        self.wait()
