"""Bohr model of hydrogen: the electron circles on the third orbit, drops to the second and
sends out a red photon, drawn as a short wavy arrow labelled 656 nm, while an energy ladder at
the right shows the same jump.

topic: chemistry
level: advanced
"""

from manim import *


class BohrHydrogenPhoton(Scene):
    def construct(self):
        nucleus_at = 3.3 * LEFT
        radii = {1: 0.9, 2: 1.9, 3: 3.0}
        nucleus = LabeledDot(Text("p", font_size=24), radius=0.25, color=RED).move_to(nucleus_at)
        orbits = VGroup(*[
            DashedVMobject(Circle(r, color=GREY), num_dashes=60).move_to(nucleus_at) for r in radii.values()
        ])

        radius, angle = ValueTracker(radii[3]), ValueTracker(PI / 2)
        electron = always_redraw(lambda: Dot(
            nucleus_at + radius.get_value() * np.array([np.cos(angle.get_value()), np.sin(angle.get_value()), 0]),
            color=BLUE, radius=0.12,
        ))
        self.play(FadeIn(nucleus), Create(orbits), FadeIn(electron))

        ladder, level_y = self.energy_ladder()
        self.play(FadeIn(ladder))
        marker = Dot([3.0, level_y[3], 0], color=BLUE)
        self.play(FadeIn(marker))
        self.play(angle.animate.increment_value(TAU), run_time=3, rate_func=linear)

        photon = self.photon().next_to(nucleus_at + radii[3] * RIGHT, RIGHT, buff=-0.6)
        wavelength = Text("656 nm", font_size=26, color=RED).next_to(photon, UP)
        drop = Arrow([3.0, level_y[3], 0], [3.0, level_y[2], 0], buff=0, color=RED, stroke_width=4)
        self.play(
            radius.animate.set_value(radii[2]),
            angle.animate.increment_value(PI / 2),
            marker.animate.set_y(level_y[2]),
            GrowArrow(drop),
        )
        self.play(Create(photon), FadeIn(wavelength), run_time=0.7)
        self.play(
            VGroup(photon, wavelength).animate.shift(1.1 * RIGHT),
            angle.animate.increment_value(TAU),
            run_time=2, rate_func=linear,
        )
        self.wait()

    def energy_ladder(self):
        """Levels at -13.6 eV / n²; the axis is squeezed so that n = 2 and 3 stay apart."""
        heights = {n: -3 + 5.6 * (1 - 1 / n ** 2) ** 2 for n in (1, 2, 3)}
        group = VGroup()
        for n, y in heights.items():
            line = Line([2.3, y, 0], [3.7, y, 0])
            text = MathTex(rf"n={n}:\ {-13.6 / n ** 2:.2f}\,\mathrm{{eV}}", font_size=28)
            group.add(VGroup(line, text.next_to(line, RIGHT, buff=0.15)))
        return group, heights

    def photon(self):
        wave = FunctionGraph(lambda x: 0.15 * np.sin(5 * TAU * x / 1.5), x_range=[0, 1.5], color=RED)
        tip = Triangle(color=RED, fill_opacity=1).scale(0.12).rotate(-PI / 2).next_to(wave, RIGHT, buff=0)
        return VGroup(wave, tip)
