"""Verify De Morgan's law with two Venn diagrams side by side: shade the complement of A ∪ B on
the left, overlay the complements of A and of B on the right, and show that the region covered
twice is the same.

topic: set-theory
level: intermediate
"""

from manim import *


class DeMorganVenn(Scene):
    def construct(self):
        left = self.diagram(3.4 * LEFT)
        right = self.diagram(3.4 * RIGHT)
        self.play(*[Create(part) for part in (*left, *right)])

        frame, a, b = left
        outside = Difference(frame, Union(a, b), color=GREEN, fill_opacity=0.6, stroke_width=0)
        law_left = MathTex(r"(A \cup B)^c", color=GREEN).next_to(frame, UP)
        self.play(FadeIn(outside), Write(law_left))

        frame, a, b = right
        not_a = Difference(frame, a, color=BLUE, fill_opacity=0.4, stroke_width=0)
        not_b = Difference(frame, b, color=YELLOW, fill_opacity=0.4, stroke_width=0)
        law_right = MathTex("A^c", r"\cap", "B^c").next_to(frame, UP)
        law_right[0].set_color(BLUE)
        law_right[2].set_color(YELLOW)
        self.play(FadeIn(not_a), Write(law_right[0]))
        self.play(FadeIn(not_b), Write(law_right[2]))
        both = Intersection(not_a, not_b, color=GREEN, fill_opacity=0.9, stroke_width=0)
        self.play(FadeIn(both), Write(law_right[1]), FadeOut(not_a, not_b))
        self.play(Indicate(outside, scale_factor=1.03), Indicate(both, scale_factor=1.03))
        self.play(Write(MathTex(r"(A \cup B)^c = A^c \cap B^c").to_edge(DOWN)))
        self.wait()

    def diagram(self, place):
        frame = Rectangle(width=5.6, height=3.8).move_to(place)
        a = Circle(1.25, color=WHITE).move_to(place + 0.7 * LEFT)
        b = Circle(1.25, color=WHITE).move_to(place + 0.7 * RIGHT)
        return frame, a, b
