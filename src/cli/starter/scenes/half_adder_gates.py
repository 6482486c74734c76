"""Build a half adder from an XOR and an AND gate: wires carry the inputs A and B to both gates,
and for each of the four input pairs the live wires light up and the outputs sum and carry are
shown.

topic: logic
level: advanced
"""

from manim import *


class HalfAdderGates(Scene):
    def construct(self):
        xor = self.gate("XOR").move_to([1.5, 1.5, 0])
        conj = self.gate("AND").move_to([1.5, -1.5, 0])
        a_in, b_in = np.array([-5, 1.8, 0]), np.array([-5, -1.8, 0])

        def pin(gate, upper):
            return gate[0].get_left() + (0.3 if upper else -0.3) * UP

        def wire(*points):
            return VMobject(stroke_width=5, color=GREY_D).set_points_as_corners(points)

        fork_a, fork_b = -2.5, -1.5
        wires_a = VGroup(
            wire(a_in, pin(xor, True)),
            wire([fork_a, 1.8, 0], [fork_a, -1.2, 0], pin(conj, True)),
        )
        wires_b = VGroup(
            wire(b_in, pin(conj, False)),
            wire([fork_b, -1.8, 0], [fork_b, 1.2, 0], pin(xor, False)),
        )
        outputs = VGroup(*[
            wire(g[0].get_right(), g[0].get_right() + 1.6 * RIGHT) for g in (xor, conj)
        ])
        joints = VGroup(Dot([fork_a, 1.8, 0]), Dot([fork_b, -1.8, 0])).set_color(GREY_B)
        labels = VGroup(
            Text("A", font_size=32).next_to(a_in, UP),
            Text("B", font_size=32).next_to(b_in, UP),
            Text("sum", font_size=28).next_to(outputs[0], UP),
            Text("carry", font_size=28).next_to(outputs[1], UP),
        )
        self.play(*[Create(w) for w in (*wires_a, *wires_b, *outputs)])
        self.play(FadeIn(joints, labels), DrawBorderThenFill(xor), DrawBorderThenFill(conj))

        digits = VGroup()
        for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
            values = [a, b, a ^ b, a & b]
            places = [a_in, b_in, outputs[0].get_end(), outputs[1].get_end()]
            new_digits = VGroup(*[
                Integer(v, color=YELLOW if v else GREY).next_to(p, LEFT if k < 2 else RIGHT)
                for k, (v, p) in enumerate(zip(values, places))
            ])
            self.play(FadeOut(digits), FadeIn(new_digits[:2]), run_time=0.4)
            self.play(self.power(wires_a, a), self.power(wires_b, b), run_time=0.6)
            self.play(
                self.power(outputs[0], a ^ b), self.power(outputs[1], a & b), FadeIn(new_digits[2:]), run_time=0.6
            )
            digits = new_digits
            self.wait(0.6)
        self.wait()

    def gate(self, name):
        body = RoundedRectangle(width=2, height=1.2, corner_radius=0.25, color=BLUE, fill_opacity=0.4)
        return VGroup(body, Text(name, font_size=30).move_to(body))

    def power(self, wires, on):
        return wires.animate.set_stroke(YELLOW if on else GREY_D)
