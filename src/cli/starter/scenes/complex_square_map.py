"""Send a grid on the right half-plane through z ↦ z² and watch its straight lines bend into two
families of parabolas that still cross at right angles; the formula stays in the corner.

topic: complex-numbers
level: advanced
"""

from manim import *


class ComplexSquareMap(Scene):
    def construct(self):
        background = NumberPlane(
            background_line_style={"stroke_color": GREY, "stroke_opacity": 0.25, "stroke_width": 1}
        )
        grid = VGroup()
        for x in np.arange(0, 2.01, 0.25):
            grid.add(self.segment(complex(x, -2), complex(x, 2), RED))
        for y in np.arange(-2, 2.01, 0.25):
            grid.add(self.segment(complex(0, y), complex(2, y), BLUE))

        formula = MathTex(r"z \longmapsto z^2").to_corner(UL).add_background_rectangle(opacity=0.8)
        formula.set_z_index(5)
        self.play(FadeIn(background), FadeIn(formula))
        self.play(Create(grid, lag_ratio=0.05), run_time=2.5)

        # follow one crossing: both tangents turn by the same angle
        z0 = complex(1.25, 0.75)
        before = self.corner(z0, 1)
        self.play(Create(before), Flash(self.point(z0), color=YELLOW))

        strength = ValueTracker(0)
        original = grid.copy()

        def deform(mobject):
            t = strength.get_value()
            for line, source in zip(mobject, original):
                points = source.points
                zs = points[:, 0] + 1j * points[:, 1]
                # z^(1 + t) glides from the identity to the square
                moved = np.where(np.abs(zs) > 1e-9, np.exp((1 + t) * np.log(np.where(zs == 0, 1, zs))), 0)
                line.points = np.stack([moved.real, moved.imag, np.zeros(len(zs))], axis=1)

        grid.add_updater(deform)
        mark = always_redraw(lambda: self.corner(z0, 1 + strength.get_value()))
        self.remove(before)
        self.add(mark)
        self.play(strength.animate.set_value(1), run_time=5)
        grid.clear_updaters()
        note = Tex("the right angle survives", color=YELLOW, font_size=40)
        note.next_to(formula, DOWN, aligned_edge=LEFT).add_background_rectangle(opacity=0.9)
        self.play(FadeIn(note), Indicate(mark))
        self.wait()

    @staticmethod
    def point(z):
        return np.array([z.real, z.imag, 0])

    def segment(self, start, end, color):
        # many short pieces, so that a line can bend
        steps = [self.point(start + (end - start) * k / 40) for k in range(41)]
        return VMobject(color=color, stroke_width=2).set_points_as_corners(steps)

    def corner(self, z, power):
        """A small right angle at the image of z under z^power, along the images of the grid lines."""
        image = z ** power
        turn = power * z ** (power - 1)
        along = turn / abs(turn)
        sides = [self.point(image), self.point(image + 0.3 * along), self.point(image + 0.3 * along + 0.3j * along),
                 self.point(image + 0.3j * along)]
        return Polygon(*sides, color=YELLOW, stroke_width=4)
