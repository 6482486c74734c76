"""Show the five Platonic solids next to each other in 3D, each with its Euler count V − E + F =
2 written under it, while they all rotate once.

topic: 3d
level: intermediate
"""

from manim import *


class PlatonicSolidsRow(ThreeDScene):
    def construct(self):
        kinds = [
            (Tetrahedron, RED, (4, 6, 4)),
            (Cube, ORANGE, (8, 12, 6)),
            (Octahedron, YELLOW, (6, 12, 8)),
            (Dodecahedron, GREEN, (20, 30, 12)),
            (Icosahedron, BLUE, (12, 30, 20)),
        ]
        solids, captions = VGroup(), VGroup()
        for k, (kind, color, (v, e, f)) in enumerate(kinds):
            place = (k - 2) * 2.7 * RIGHT
            solid = kind()
            if isinstance(solid, Polyhedron):
                solid = solid.faces  # without the little spheres at the corners
            solid.set_color(color).set_fill(opacity=0.5)
            solid.scale_to_fit_height(1.6).move_to(place + 0.6 * UP)
            # a fixed tilt shows three faces of each
            solid.rotate(0.5, axis=RIGHT, about_point=solid.get_center())
            solids.add(solid)
            captions.add(MathTex(f"{v} - {e} + {f} = 2", font_size=30).move_to(place + 1.4 * DOWN))
        title = Text("V − E + F = 2", font_size=40).to_edge(UP)
        self.add_fixed_in_frame_mobjects(title)
        self.play(LaggedStart(*[FadeIn(s, scale=0.5) for s in solids], lag_ratio=0.2), Write(title))
        self.play(LaggedStart(*[Write(c) for c in captions], lag_ratio=0.2))
        self.play(*[Rotate(s, TAU, axis=UP + 0.3 * RIGHT, about_point=s.get_center()) for s in solids], run_time=5)
        self.wait()
