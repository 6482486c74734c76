"""Draw a graph on five labelled vertices, write each vertex's degree beside it, and show that
the degrees sum to twice the number of edges.

topic: graph-theory
level: basic
"""

from manim import *


class HandshakeLemma(Scene):
    def construct(self):
        edges = [("A", "B"), ("A", "C"), ("B", "C"), ("B", "D"), ("C", "D"), ("D", "E")]
        places = {"A": [-3, 1, 0], "B": [-1, 2, 0], "C": [-1, 0, 0], "D": [1, 1, 0], "E": [3, 1, 0]}
        graph = Graph(list("ABCDE"), edges, layout=places, labels=True)
        self.play(Create(graph))
        degrees = {v: sum(v in e for e in edges) for v in "ABCDE"}
        for v, degree in degrees.items():
            tag = Integer(degree, color=YELLOW).next_to(graph.vertices[v], UP if v == "B" else DOWN)
            self.play(
                *[Indicate(graph.edges[e]) for e in edges if v in e],
                FadeIn(tag), run_time=0.8,
            )
        total = " + ".join(str(d) for d in degrees.values())
        self.play(Write(MathTex(total, rf"= {2 * len(edges)} = 2 \cdot {len(edges)}").to_edge(DOWN, buff=1.2)))
        self.wait()
