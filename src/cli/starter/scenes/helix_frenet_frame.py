"""A bead runs up a helix and carries its Frenet frame: tangent red, normal green, binormal
blue. The scene is in 3D with the camera drifting, the three names fixed on the screen.

topic: 3d
level: advanced
"""

from manim import *


class HelixFrenetFrame(ThreeDScene):
    radius, pitch = 1.8, 0.35

    def point(self, t):
        return np.array([self.radius * np.cos(t), self.radius * np.sin(t), self.pitch * (t - TAU)])

    def frame_vectors(self, t):
        speed = np.hypot(self.radius, self.pitch)
        tangent = np.array([-self.radius * np.sin(t), self.radius * np.cos(t), self.pitch]) / speed
        normal = np.array([-np.cos(t), -np.sin(t), 0])
        return tangent, normal, np.cross(tangent, normal)

    def construct(self):
        self.set_camera_orientation(phi=68 * DEGREES, theta=-35 * DEGREES)
        axes = ThreeDAxes(x_range=[-3, 3], y_range=[-3, 3], z_range=[-3, 3], x_length=6, y_length=6, z_length=6)
        axes.set_opacity(0.4)
        helix = ParametricFunction(lambda t: self.point(t), t_range=[0, 2 * TAU, 0.05], color=YELLOW)
        self.play(Create(axes), run_time=1)
        self.play(Create(helix), run_time=2)

        t = ValueTracker(0.5)
        colors = [RED, GREEN, BLUE]

        def frame():
            base = self.point(t.get_value())
            arrows = VGroup(Dot3D(base, radius=0.09))
            for vector, color in zip(self.frame_vectors(t.get_value()), colors):
                arrows.add(Line(base, base + 1.1 * vector, color=color, stroke_width=6))
            return arrows

        names = VGroup(*[
            Text(word, font_size=28, color=color) for word, color in zip(("tangent", "normal", "binormal"), colors)
        ]).arrange(DOWN, aligned_edge=LEFT).to_corner(UR)
        self.add_fixed_in_frame_mobjects(names)
        moving = always_redraw(frame)
        self.play(FadeIn(names), FadeIn(moving))
        self.begin_ambient_camera_rotation(rate=0.12)
        self.play(t.animate.set_value(2 * TAU - 0.5), run_time=7, rate_func=linear)
        self.stop_ambient_camera_rotation()
        self.wait()
