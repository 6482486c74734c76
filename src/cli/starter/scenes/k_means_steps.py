"""Run k-means with three centres on sixty random points. Alternate between colouring each point
like its nearest centre and moving each centre to the mean of its points, leaving dotted trails,
until nothing changes.

topic: machine-learning
level: advanced
"""

from manim import *


class KMeansSteps(Scene):
    def construct(self):
        rng = np.random.default_rng(21)
        blobs = [([-3.5, 1.2], 0.8), ([2.8, 1.6], 0.9), ([0.5, -2.0], 0.7)]
        data = np.vstack([rng.normal(mean, width, size=(20, 2)) for mean, width in blobs])
        data = np.clip(data, [-6.5, -3.4], [6.5, 2.9])
        centres = np.array([[-1.0, 2.2], [0.0, 1.5], [1.2, 2.4]])
        colors = [RED, GREEN, BLUE]

        dots = VGroup(*[Dot([x, y, 0], color=GREY_B, radius=0.07) for x, y in data])
        stars = VGroup(*[
            Star(5, outer_radius=0.25, color=WHITE, fill_color=color, fill_opacity=1, stroke_width=2)
            .move_to([*centre, 0])
            for centre, color in zip(centres, colors)
        ])
        stars.set_z_index(2)
        status = Text("start", font_size=30).to_corner(UL, buff=0.3)
        self.play(FadeIn(dots, lag_ratio=0.02))
        self.play(FadeIn(stars, scale=3), FadeIn(status))

        assignment = None
        for iteration in range(1, 20):
            distances = np.linalg.norm(data[:, None] - centres[None], axis=2)
            nearest = distances.argmin(axis=1)
            if assignment is not None and np.array_equal(nearest, assignment):
                break
            assignment = nearest
            status = self.say(status, f"round {iteration}: assign")
            self.play(*[dot.animate.set_color(colors[k]) for dot, k in zip(dots, nearest)], run_time=0.8)

            moved = np.array([data[nearest == k].mean(axis=0) for k in range(3)])
            status = self.say(status, f"round {iteration}: average")
            trails = [
                DashedLine([*old, 0], [*new, 0], color=color, stroke_width=2)
                for old, new, color in zip(centres, moved, colors)
                if np.linalg.norm(new - old) > 0.05
            ]
            self.play(
                *[star.animate.move_to([*new, 0]) for star, new in zip(stars, moved)],
                *[Create(trail) for trail in trails],
                run_time=1.2,
            )
            centres = moved
        self.say(status, "no point changes its cluster: done")
        hulls = VGroup(*[
            ConvexHull(*[[*p, 0] for p in data[assignment == k]], color=colors[k], fill_opacity=0.12, stroke_width=1)
            for k in range(3)
        ])
        self.play(Create(hulls))
        self.wait()

    def say(self, old, text):
        new = Text(text, font_size=30).move_to(old, aligned_edge=LEFT)
        self.play(FadeOut(old), FadeIn(new), run_time=0.3)
        return new
