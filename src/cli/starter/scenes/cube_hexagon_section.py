"""Cut a cube by the plane x + y + z = 0 through its centre: the six edge midpoints appear as
dots, the section they span is filled yellow, and the camera turns to look straight at it, so
that it is seen to be a regular hexagon.

topic: 3d
level: intermediate
"""

from manim import *


class CubeHexagonSection(ThreeDScene):
    def construct(self):
        self.set_camera_orientation(phi=70 * DEGREES, theta=-20 * DEGREES)
        cube = Cube(side_length=3, fill_opacity=0.15, stroke_color=WHITE, stroke_width=2)
        self.play(Create(cube))
        self.wait(0.5)

        # the midpoints whose coordinates add up to zero, in order around the section
        midpoints = 1.5 * np.array([
            [1, 0, -1], [1, -1, 0], [0, -1, 1], [-1, 0, 1], [-1, 1, 0], [0, 1, -1],
        ])
        dots = VGroup(*[Dot3D(p, color=RED, radius=0.08) for p in midpoints])
        self.play(LaggedStart(*[FadeIn(dot) for dot in dots], lag_ratio=0.2))
        section = Polygon(*midpoints, color=YELLOW, fill_opacity=0.6)
        self.play(Create(section), run_time=2)

        caption = MathTex("x + y + z = 0").to_corner(UL)
        self.add_fixed_in_frame_mobjects(caption)
        self.play(Write(caption))

        # the direction (1, 1, 1): theta = 45 degrees, phi = arccos(1 / sqrt 3)
        self.move_camera(phi=np.arccos(1 / np.sqrt(3)), theta=45 * DEGREES, run_time=3)
        self.play(cube.animate.set_stroke(opacity=0.4))
        self.wait()
