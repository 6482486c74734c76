"""The electric field of a dipole: a red plus charge and a blue minus charge, arrows for the
field direction all around them, and then stream lines flowing from plus to minus for a few
seconds.

topic: physics
level: intermediate
"""

from manim import *


class DipoleField(Scene):
    def construct(self):
        charges = [(2 * LEFT, 1), (2 * RIGHT, -1)]

        def field(point):
            total = np.zeros(3)
            for place, charge in charges:
                offset = point - place
                distance = max(np.linalg.norm(offset), 0.35)
                total += charge * offset / distance ** 3
            return total

        bodies = VGroup()
        for place, charge in charges:
            disc = Circle(0.35, fill_opacity=1, color=RED if charge > 0 else BLUE).move_to(place)
            bodies.add(VGroup(disc, MathTex("+" if charge > 0 else "-").move_to(disc)))
        bodies.set_z_index(2)

        arrows = ArrowVectorField(
            field, x_range=[-6.5, 6.5, 0.75], y_range=[-3.5, 3.5, 0.75],
            length_func=lambda norm: 0.5 * sigmoid(6 * norm), colors=[BLUE_E, TEAL, YELLOW],
        )
        self.play(FadeIn(bodies, scale=2))
        self.play(LaggedStart(*[GrowArrow(a) for a in arrows], lag_ratio=0.005), run_time=3)
        self.play(arrows.animate.set_opacity(0.25))

        lines = StreamLines(
            field, x_range=[-6, 6, 0.6], y_range=[-3.4, 3.4, 0.6],
            virtual_time=4, max_anchors_per_line=25, stroke_width=2, color=WHITE,
        )
        self.add(lines)
        lines.start_animation(warm_up=True, flow_speed=1.5)
        self.wait(3)
