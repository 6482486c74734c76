"""Show the saddle z = (x² − y²)/3 over a square as a checkerboard surface in 3D axes and turn
the camera slowly around it.

topic: 3d
level: basic
"""

from manim import *


class SaddleSurface(ThreeDScene):
    def construct(self):
        axes = ThreeDAxes(x_range=[-3, 3], y_range=[-3, 3], z_range=[-2, 2], x_length=6, y_length=6, z_length=4)
        saddle = Surface(
            lambda u, v: axes.c2p(u, v, (u ** 2 - v ** 2) / 3),
            u_range=[-2.4, 2.4], v_range=[-2.4, 2.4], resolution=14,
            checkerboard_colors=[BLUE_D, BLUE_E], fill_opacity=0.8,
        )
        self.set_camera_orientation(phi=60 * DEGREES, theta=-70 * DEGREES, zoom=1.2)
        self.play(Create(axes), Create(saddle), run_time=2)
        self.begin_ambient_camera_rotation(rate=0.15)
        self.wait(3)
        self.stop_ambient_camera_rotation()
