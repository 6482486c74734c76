"""A swinging pendulum beside its phase portrait: integrate θ'' = −(g/ℓ) sin θ − 0.15 θ' frame
by frame, move the bob, and trace the point (θ, θ') as it spirals into the origin because of the
damping.

topic: physics
level: advanced
"""

from manim import *


class PendulumPhaseSpace(Scene):
    gravity, length, damping = 9.8, 2.6, 0.15

    def construct(self):
        pivot = 4 * LEFT + 2.2 * UP
        state = np.array([2.0, 0.0])  # angle from the vertical, angular velocity

        def derivative(s):
            theta, omega = s
            return np.array([omega, -self.gravity / self.length * np.sin(theta) - self.damping * omega])

        def runge_kutta(s, dt):
            k1 = derivative(s)
            k2 = derivative(s + dt / 2 * k1)
            k3 = derivative(s + dt / 2 * k2)
            k4 = derivative(s + dt * k3)
            return s + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

        def bob_place():
            return pivot + self.length * np.array([np.sin(state[0]), -np.cos(state[0]), 0])

        ceiling = Line(LEFT, RIGHT).move_to(pivot)
        plumb = DashedLine(pivot, pivot + 3.2 * DOWN, color=GREY, stroke_width=2)
        rod = always_redraw(lambda: Line(pivot, bob_place(), stroke_width=4))
        bob = Dot(bob_place(), radius=0.22, color=YELLOW)

        axes = Axes(x_range=[-3, 3, 1], y_range=[-4, 4, 1], x_length=6, y_length=6).to_edge(RIGHT)
        names = axes.get_axis_labels(MathTex(r"\theta"), MathTex(r"\dot\theta"))
        marker = Dot(axes.c2p(*state), color=YELLOW, radius=0.07)
        trail = TracedPath(marker.get_center, stroke_color=BLUE, stroke_width=3)

        self.play(Create(ceiling), Create(plumb), Create(rod), FadeIn(bob))
        self.play(Create(axes), Write(names), FadeIn(marker))

        def swing(mobject, dt):
            nonlocal state
            for _ in range(4):
                state = runge_kutta(state, dt / 4)
            mobject.move_to(bob_place())
            marker.move_to(axes.c2p(*state))

        self.add(trail)
        bob.add_updater(swing)
        self.wait(12)
        bob.remove_updater(swing)
        equation = MathTex(r"\ddot\theta = -\tfrac{g}{\ell}\sin\theta - 0.15\,\dot\theta", font_size=36)
        self.play(Write(equation.next_to(plumb, DOWN, buff=0.6)))
        self.wait()
