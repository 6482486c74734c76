"""Free-body diagram of a block resting on a 25° slope: weight straight down, normal force
perpendicular to the slope, friction up along it.

topic: physics
level: basic
"""

from manim import *


class InclineForces(Scene):
    def construct(self):
        angle = 25 * DEGREES
        slope = Polygon([-4, -2, 0], [4, -2, 0], [4, -2 + 8 * np.tan(angle), 0], color=GREY)
        block = Square(1.2, color=BLUE, fill_opacity=0.8).rotate(angle)
        up_slope = np.array([np.cos(angle), np.sin(angle), 0])
        normal = rotate_vector(up_slope, PI / 2)
        block.move_to([-4, -2, 0] + 4.5 * up_slope + 0.6 * normal)
        self.play(Create(slope), FadeIn(block))
        centre = block.get_center()
        weight = 1.7
        for force, color, name in (
            (weight * DOWN, RED, "mg"),
            (weight * np.cos(angle) * normal, GREEN, "N"),
            (weight * np.sin(angle) * up_slope, YELLOW, "f"),
        ):
            arrow = Arrow(centre, centre + force, buff=0, color=color)
            self.play(GrowArrow(arrow), Write(MathTex(name, color=color).next_to(arrow.get_end(), normalize(force))))
        self.wait()
