"""Energy profile of an exothermic reaction: the curve climbs from the reactants over the
transition state to the products; double arrows mark the activation energy and the heat
released, and a dashed curve shows how a catalyst lowers the barrier.

topic: chemistry
level: intermediate
"""

from manim import *


class ReactionEnergyProfile(Scene):
    def construct(self):
        axes = Axes(x_range=[0, 10, 1], y_range=[0, 8, 1], x_length=10, y_length=6,
                    axis_config={"include_ticks": False})
        labels = axes.get_axis_labels(
            Text("progress", font_size=24), Text("energy", font_size=24)
        )
        start, end = 3.0, 1.0

        def profile(barrier):
            step = lambda x: start + (end - start) * smooth(np.clip((x - 3) / 4, 0, 1))
            return lambda x: step(x) + barrier * np.exp(-((x - 5) / 1.1) ** 2)

        plain = axes.plot(profile(4.5), x_range=[0.3, 9.5], color=YELLOW)
        helped = DashedVMobject(axes.plot(profile(2.4), x_range=[0.3, 9.5], color=GREEN), num_dashes=60)
        self.play(Create(axes), Write(labels))
        self.play(Create(plain), run_time=3)

        words = VGroup(
            Text("reactants", font_size=26).next_to(axes.c2p(1.3, start), DOWN),
            Text("products", font_size=26).next_to(axes.c2p(8.1, end), UP),
            Text("transition state", font_size=26).next_to(axes.c2p(5, profile(4.5)(5)), UP, buff=0.15),
        )
        self.play(FadeIn(words, lag_ratio=0.5))

        top = profile(4.5)(5)
        base = DashedLine(axes.c2p(0.3, start), axes.c2p(9.5, start), color=GREY, stroke_width=2)
        climb = DoubleArrow(axes.c2p(3, start), axes.c2p(3, top), buff=0, color=RED, tip_length=0.2)
        heat = DoubleArrow(axes.c2p(9.3, start), axes.c2p(9.3, end), buff=0, color=BLUE, tip_length=0.2)
        self.play(Create(base), GrowFromCenter(climb), GrowFromCenter(heat))
        self.play(
            Write(MathTex("E_a", color=RED).next_to(climb, LEFT)),
            Write(MathTex(r"\Delta H", color=BLUE).next_to(heat, RIGHT)),
        )
        note = Text("with catalyst", font_size=26, color=GREEN).next_to(axes.c2p(6.2, 4.6), RIGHT)
        self.play(Create(helped), FadeIn(note), run_time=2)
        self.wait()
