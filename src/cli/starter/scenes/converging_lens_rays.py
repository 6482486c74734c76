"""Image formation by a converging lens: draw the parallel, central and focal ray from the tip
of an upright arrow, let them meet on the other side, and place the inverted image there.

topic: physics
level: intermediate
"""

from manim import *


class ConvergingLensRays(Scene):
    def construct(self):
        f, distance, height = 2.0, 4.5, 1.5
        image_distance = 1 / (1 / f - 1 / distance)
        image_height = -height * image_distance / distance

        axis = Line(7 * LEFT, 7 * RIGHT, color=GREY)
        lens = Ellipse(width=0.5, height=5.5, color=BLUE, fill_opacity=0.3)
        foci = VGroup(*[
            VGroup(Dot(s * f * RIGHT, radius=0.06), Text("F", font_size=24).next_to(s * f * RIGHT, DOWN))
            for s in (-1, 1)
        ])
        thing = Arrow(distance * LEFT, distance * LEFT + height * UP, buff=0, color=GREEN)
        tip = thing.get_end()
        image_tip = np.array([image_distance, image_height, 0])
        self.play(Create(axis), Create(lens), FadeIn(foci))
        self.play(GrowArrow(thing))

        knees = [height * UP, ORIGIN, image_height * UP]  # where each ray meets the lens
        colors = [RED, YELLOW, ORANGE]
        for knee, color in zip(knees, colors):
            onward = image_tip + 0.6 * normalize(image_tip - knee)
            ray = VMobject(color=color, stroke_width=3).set_points_as_corners([tip, knee, onward])
            self.play(Create(ray), run_time=1.5, rate_func=linear)
        image = Arrow([image_distance, 0, 0], image_tip, buff=0, color=GREEN_B)
        self.play(GrowArrow(image))
        law = MathTex(r"\frac{1}{f} = \frac{1}{d_o} + \frac{1}{d_i}").to_corner(UR)
        self.play(Write(law))
        self.wait()
