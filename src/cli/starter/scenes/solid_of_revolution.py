"""Volume of revolution: draw y = √x from 0 to 4 in the plane, spin it once around the x-axis to
sweep out a paraboloid, then stack eight discs with midpoint radii in its place, whose volumes
add up to the 8π of the integral.

topic: 3d
level: advanced
"""

from manim import *


class SolidOfRevolution(ThreeDScene):
    def construct(self):
        axes = ThreeDAxes(
            x_range=[0, 5, 1], y_range=[-2.5, 2.5, 1], z_range=[-2.5, 2.5, 1],
            x_length=7, y_length=5, z_length=5,
        ).shift(RIGHT)
        unit = axes.get_x_unit_size()
        profile = axes.plot(np.sqrt, x_range=[0, 4, 0.05], color=YELLOW)
        self.set_camera_orientation(phi=0, theta=-90 * DEGREES)
        formula = MathTex(r"V = \pi \int_0^4 (\sqrt{x})^2\,dx = 8\pi", font_size=38).to_corner(UL)
        self.add_fixed_in_frame_mobjects(formula)
        self.play(Create(axes), Create(profile), Write(formula))
        self.move_camera(phi=65 * DEGREES, theta=-60 * DEGREES, run_time=2)

        turn = ValueTracker(0.01)

        def swept():
            return Surface(
                lambda x, phi: axes.c2p(x, np.sqrt(x) * np.cos(phi), np.sqrt(x) * np.sin(phi)),
                u_range=[0.01, 4], v_range=[0, turn.get_value()], resolution=(8, 16),
                fill_opacity=0.45, checkerboard_colors=[BLUE_D, BLUE_E], stroke_width=0.5,
            )

        skin = always_redraw(swept)
        self.add(skin)
        self.play(turn.animate.set_value(TAU), run_time=3, rate_func=linear)
        skin.clear_updaters()
        self.play(FadeOut(skin))

        count = 8
        width = 4 / count
        discs = VGroup()
        volume = 0
        for k in range(count):
            x = (k + 0.5) * width
            radius = np.sqrt(x)
            disc = Cylinder(
                radius=radius * axes.get_y_unit_size(), height=width * unit, direction=RIGHT,
                resolution=(2, 16), fill_color=ORANGE, fill_opacity=0.7, stroke_width=0.3,
                checkerboard_colors=[ORANGE, GOLD],
            )
            discs.add(disc.move_to(axes.c2p(x, 0, 0)))
            volume += radius ** 2 * width
        self.play(LaggedStart(*[FadeIn(disc) for disc in discs], lag_ratio=0.3), run_time=2)
        total = MathTex(rf"\sum \pi r_k^2 \,\Delta x = {volume:g}\pi", color=ORANGE, font_size=38)
        total.next_to(formula, DOWN, aligned_edge=LEFT)
        self.add_fixed_in_frame_mobjects(total)
        self.play(Write(total))
        self.move_camera(theta=-30 * DEGREES, run_time=2)
        self.wait()
