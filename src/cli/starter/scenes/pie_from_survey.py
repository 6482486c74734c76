"""Turn a survey's four answers into a pie chart: sectors sweep in one after the other, each
with its percentage inside and a legend at the right, and the largest sector is pulled out at
the end.

topic: data-charts
level: intermediate
"""

from manim import *


class PieFromSurvey(Scene):
    def construct(self):
        answers = {"by bike": 42, "on foot": 27, "by bus": 21, "by car": 10}
        colors = [GREEN, BLUE, GOLD, RED]
        total = sum(answers.values())
        centre, radius = 2.5 * LEFT, 2.6

        legend = VGroup()
        sectors = []
        start = PI / 2
        title = Text("How do you come to school?", font_size=34).to_edge(UP, buff=0.3)
        self.play(Write(title))
        for (answer, votes), color in zip(answers.items(), colors):
            sweep = -TAU * votes / total  # clockwise from the top
            piece = Sector(
                radius=radius, start_angle=start, angle=sweep, arc_center=centre + 0.3 * DOWN,
                fill_color=color, fill_opacity=0.9, stroke_color=BLACK, stroke_width=2,
            )
            middle = rotate_vector(RIGHT, start + sweep / 2)
            share = Text(f"{100 * votes / total:.0f} %", font_size=26, color=BLACK)
            share.move_to(centre + 0.3 * DOWN + 0.65 * radius * middle)
            key = VGroup(Square(0.35, color=color, fill_opacity=0.9), Text(answer, font_size=28)).arrange(RIGHT)
            legend.add(key)
            legend.arrange(DOWN, aligned_edge=LEFT, buff=0.35).move_to(3.8 * RIGHT)
            sectors.append((VGroup(piece, share), middle))
            self.play(Create(piece), FadeIn(key), run_time=0.8)
            self.play(FadeIn(share), run_time=0.3)
            start += sweep
        votes = list(answers.values())
        largest, direction = sectors[votes.index(max(votes))]
        self.play(largest.animate.shift(0.4 * direction))
        self.wait()
