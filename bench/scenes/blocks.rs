//! The blocks that a program is made of.

use std::fmt::Write as _;

use super::Rng;
use super::words::{
    ADJECTIVES, COLOURS, DIRECTIONS, ENTRANCES, EXITS, FORMULAS, FUNCTIONS, GLUE, LETTERS, NOUNS, RATES, SYLLABLES,
    VERBS,
};

/// A program in the making.
pub struct Program {
    head: String,
    helpers: String,
    methods: String,
    body: String,
    class: String,
    base: &'static str,
    /// Names of mobjects on the screen.
    shown: Vec<String>,
    taken: Vec<String>,
    told: Vec<String>,
    plots: bool,
    numpy: bool,
}

type Block = fn(&mut Program, &mut Rng);

const BLOCKS: &[Block] = &[
    Program::title,
    Program::shape,
    Program::shape,
    Program::formula,
    Program::formula,
    Program::plot,
    Program::dots,
    Program::line,
    Program::tracker,
    Program::table,
    Program::chart,
    Program::arrows,
    Program::helper_method,
    Program::helper_function,
    Program::lagged,
    Program::sorting,
    Program::network,
    Program::motion,
    Program::transform,
    Program::transform,
    Program::steps,
    Program::settings,
    Program::remark,
    Program::tidy,
    Program::group,
    Program::polygon,
    Program::branch,
];

impl Program {
    /// Begins a program.
    pub fn new(rng: &mut Rng) -> Self {
        let base =
            rng.pick(&["Scene", "Scene", "Scene", "Scene", "Scene", "MovingCameraScene", "ThreeDScene", "ZoomedScene"]);
        let class =
            format!("{}{}{}", capital(rng.pick(VERBS)), capital(rng.pick(ADJECTIVES)), capital(rng.pick(NOUNS)));
        let mut program = Program {
            head: String::new(),
            helpers: String::new(),
            methods: String::new(),
            body: String::new(),
            class,
            base,
            shown: Vec::new(),
            taken: Vec::new(),
            told: Vec::new(),
            plots: false,
            numpy: false,
        };
        if rng.chance(12) {
            let about = sentence(rng, 9);
            let _ = writeln!(program.head, "\"\"\"{about}.\"\"\"\n");
        }
        program.numpy = rng.chance(50);
        if base == "ThreeDScene" {
            let (phi, theta) = (rng.between(50, 80), rng.between(-60, 60));
            program.put(&format!("self.set_camera_orientation(phi={phi} * DEGREES, theta={theta} * DEGREES)"));
        }
        program
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.head.len() + self.helpers.len() + self.methods.len() + self.body.len() + 90
    }

    /// Adds a block.
    pub fn block(&mut self, rng: &mut Rng) {
        if rng.chance(40) {
            let note = sentence(rng, 6);
            self.put(&format!("# {note}"));
        }
        BLOCKS[rng.below(BLOCKS.len())](self, rng);
        if rng.chance(35) {
            self.body.push('\n');
        }
    }

    /// The program and what it shows.
    pub fn finish(mut self, rng: &mut Rng) -> (String, String) {
        if self.shown.is_empty() {
            self.shape(rng);
        }
        let wait = rng.between(1, 4);
        self.put(&format!("self.wait({wait})"));
        let mut code = self.head;
        code.push_str("from manim import *\n");
        if self.numpy || self.plots {
            code.push_str("import numpy as np\n");
        }
        code.push('\n');
        if !self.helpers.is_empty() {
            code.push('\n');
            code.push_str(&self.helpers);
        }
        let _ = write!(code, "\nclass {}({}):\n", self.class, self.base);
        code.push_str(&self.methods);
        code.push_str("    def construct(self):\n");
        code.push_str(&self.body);
        let mut said = format!(
            "{} an animation that will {}",
            rng.pick(&["Create", "Make", "Write", "Generate"]),
            sentence(rng, 6).to_lowercase()
        );
        for told in self.told.iter().take(2) {
            said.push_str(rng.pick(&[", then ", " and ", ", after that "]));
            said.push_str(told);
        }
        said.push('.');
        (code, said)
    }

    fn put(&mut self, line: &str) {
        let _ = writeln!(self.body, "        {line}");
    }

    fn name(&mut self, rng: &mut Rng) -> String {
        loop {
            let name = match rng.below(10) {
                0..=3 => rng.pick(NOUNS).to_owned(),
                4..=6 => format!("{}_{}", rng.pick(ADJECTIVES), rng.pick(NOUNS)),
                7 => format!("{}_{}", rng.pick(NOUNS), rng.below(9) + 1),
                8 => format!("{}{}{}", rng.pick(SYLLABLES), rng.pick(SYLLABLES), rng.pick(SYLLABLES)),
                _ => format!("{}_{}{}", rng.pick(NOUNS), rng.pick(SYLLABLES), rng.pick(SYLLABLES)),
            };
            if !self.taken.contains(&name) {
                self.taken.push(name.clone());
                return name;
            }
        }
    }

    fn any(&mut self, rng: &mut Rng) -> String {
        if self.shown.is_empty() {
            self.shape(rng);
        }
        self.shown[rng.below(self.shown.len())].clone()
    }

    fn show(&mut self, name: &str, rng: &mut Rng) {
        let entrance = rng.pick(ENTRANCES);
        if rng.chance(45) {
            let time = rng.decimal(0.4, 3.5);
            self.put(&format!("self.play({entrance}({name}), run_time={time})"));
        } else {
            self.put(&format!("self.play({entrance}({name}))"));
        }
        if rng.chance(30) {
            let time = rng.decimal(0.2, 2.5);
            self.put(&format!("self.wait({time})"));
        }
        self.shown.push(name.to_owned());
    }

    fn title(&mut self, rng: &mut Rng) {
        let name = self.name(rng);
        let words = sentence(rng, 3);
        let size = rng.between(24, 64);
        self.put(&format!("{name} = Text(\"{words}\", font_size={size})"));
        if rng.chance(70) {
            let edge = rng.pick(DIRECTIONS);
            self.put(&format!("{name}.to_edge({edge}, buff={})", rng.decimal(0.2, 1.0)));
        }
        self.told.push(format!("write the title \"{words}\""));
        self.show(&name, rng);
    }

    fn shape(&mut self, rng: &mut Rng) {
        let name = self.name(rng);
        let colour = rng.pick(COLOURS);
        let size = rng.decimal(0.3, 2.8);
        let (what, call) = match rng.below(9) {
            0 => ("circle", format!("Circle(radius={size}, color={colour})")),
            1 => (
                "square",
                format!("Square(side_length={size}, color={colour}, fill_opacity={})", rng.decimal(0.1, 1.0)),
            ),
            2 => ("dot", format!("Dot(point={} * {size}, color={colour})", rng.pick(DIRECTIONS))),
            3 => ("rectangle", format!("Rectangle(width={size}, height={}, color={colour})", rng.decimal(0.5, 3.0))),
            4 => ("triangle", format!("Triangle(color={colour}).scale({size})")),
            5 => ("ellipse", format!("Ellipse(width={size}, height={}, color={colour})", rng.decimal(0.5, 2.0))),
            6 => ("star", format!("Star(n={}, outer_radius={size}, color={colour})", rng.between(4, 9))),
            7 => (
                "ring",
                format!("Annulus(inner_radius={}, outer_radius={size}, color={colour})", rng.decimal(0.1, 0.3)),
            ),
            _ => {
                ("arc", format!("Arc(radius={size}, start_angle=0, angle=PI / {}, color={colour})", rng.between(2, 6)))
            }
        };
        self.put(&format!("{name} = {call}"));
        if rng.chance(50) {
            let (x, y) = (rng.decimal(-5.0, 5.0), rng.decimal(-3.0, 3.0));
            self.put(&format!("{name}.move_to([{x}, {y}, 0])"));
        } else if rng.chance(50) && !self.shown.is_empty() {
            let other = self.any(rng);
            self.put(&format!("{name}.next_to({other}, {}, buff={})", rng.pick(DIRECTIONS), rng.decimal(0.1, 1.0)));
        }
        self.told.push(format!("draw a {what} as the {}", name.replace('_', " ")));
        self.show(&name, rng);
    }

    fn formula(&mut self, rng: &mut Rng) {
        let name = self.name(rng);
        let tex = formula(rng);
        if rng.chance(30) {
            self.put(&format!(
                "{name} = MathTex(r\"{tex}\", font_size={}, color={})",
                rng.between(30, 60),
                rng.pick(COLOURS)
            ));
        } else {
            self.put(&format!("{name} = MathTex(r\"{tex}\")"));
        }
        if rng.chance(40) {
            self.put(&format!(
                "{name}.set_color_by_tex(\"{}\", {})",
                rng.pick(&["x", "y", "n", "=", "a"]),
                rng.pick(COLOURS)
            ));
        }
        if rng.chance(40) {
            self.put(&format!("{name}.shift({} * {})", rng.decimal(0.5, 3.0), rng.pick(DIRECTIONS)));
        }
        self.put(&format!("self.play(Write({name}))"));
        if rng.chance(50) {
            let frame = self.name(rng);
            self.put(&format!(
                "{frame} = SurroundingRectangle({name}, color={}, buff={})",
                rng.pick(COLOURS),
                rng.decimal(0.1, 0.4)
            ));
            self.put(&format!("self.play(Create({frame}))"));
            self.shown.push(frame);
        }
        self.told.push(format!("state the formula for the {}", name.replace('_', " ")));
        self.shown.push(name);
    }

    fn plot(&mut self, rng: &mut Rng) {
        let (axes, graph, label) = (self.name(rng), self.name(rng), self.name(rng));
        let (a, b) = (rng.decimal(0.3, 3.0), rng.decimal(0.5, 4.0));
        let (python, tex) = FUNCTIONS[rng.below(FUNCTIONS.len())];
        let fill = |text: &str| text.replace("{a}", &a).replace("{b}", &b);
        let (low, high) = (rng.between(-6, 0), rng.between(2, 9));
        let colour = rng.pick(COLOURS);
        self.put(&format!("{axes} = Axes("));
        self.put(&format!("    x_range=[{low}, {high}, {}],", rng.between(1, 2)));
        self.put(&format!("    y_range=[{}, {}, 1],", rng.between(-5, 0), rng.between(2, 8)));
        self.put(&format!("    x_length={},", rng.between(5, 11)));
        self.put(&format!(
            "    axis_config={{\"color\": {}, \"include_tip\": {}}},",
            rng.pick(COLOURS),
            rng.pick(&["True", "False"])
        ));
        self.put(")");
        self.put(&format!("{graph} = {axes}.plot(lambda x: {}, color={colour})", fill(python)));
        self.put(&format!(
            "{label} = {axes}.get_graph_label({graph}, label=MathTex(r\"{}\"), x_val={})",
            fill(tex),
            rng.decimal(1.0, 2.0)
        ));
        self.put(&format!("self.play(Create({axes}), run_time={})", rng.decimal(0.8, 2.5)));
        self.put(&format!("self.play(Create({graph}), Write({label}))"));
        if rng.chance(40) {
            let area = self.name(rng);
            self.put(&format!(
                "{area} = {axes}.get_area({graph}, x_range=({}, {}), color={colour}, opacity={})",
                rng.decimal(0.0, 0.9),
                rng.decimal(1.0, 2.0),
                rng.decimal(0.1, 0.7)
            ));
            self.put(&format!("self.play(FadeIn({area}))"));
            self.shown.push(area);
        }
        self.plots = true;
        self.told.push(format!("plot the {} on axes from {low} to {high}", graph.replace('_', " ")));
        self.shown.extend([axes, graph, label]);
    }

    fn dots(&mut self, rng: &mut Rng) {
        let (group, each) = (self.name(rng), self.name(rng));
        let count = rng.between(3, 24);
        self.put(&format!("{group} = VGroup()"));
        self.put(&format!("for i in range({count}):"));
        match rng.below(3) {
            0 => self.put(&format!("    {each} = Dot(radius={}, color={})", rng.decimal(0.05, 0.2), rng.pick(COLOURS))),
            1 => self.put(&format!(
                "    {each} = Square(side_length={}).set_fill({}, opacity={})",
                rng.decimal(0.1, 0.5),
                rng.pick(COLOURS),
                rng.decimal(0.2, 0.9)
            )),
            _ => self.put(&format!(
                "    {each} = Text(str(i * {}), font_size={})",
                rng.between(1, 12),
                rng.between(16, 36)
            )),
        }
        self.put(&format!(
            "    {each}.move_to({} * i * RIGHT + {} * {})",
            rng.decimal(0.2, 0.9),
            rng.decimal(0.5, 3.0),
            rng.pick(DIRECTIONS)
        ));
        if rng.chance(40) {
            self.put(&format!("    if i % {} == 0:", rng.between(2, 5)));
            self.put(&format!("        {each}.set_color({})", rng.pick(COLOURS)));
        }
        self.put(&format!("    {group}.add({each})"));
        self.put(&format!("self.play(LaggedStartMap(FadeIn, {group}, lag_ratio={}))", rng.decimal(0.05, 0.5)));
        self.told.push(format!("lay out {count} marks in a row"));
        self.shown.push(group);
    }

    fn line(&mut self, rng: &mut Rng) {
        let (line, dot) = (self.name(rng), self.name(rng));
        let (low, high) = (rng.between(-9, 0), rng.between(3, 12));
        self.put(&format!(
            "{line} = NumberLine(x_range=[{low}, {high}, 1], length={}, include_numbers={})",
            rng.between(6, 12),
            rng.pick(&["True", "False"])
        ));
        self.put(&format!("{dot} = Dot({line}.n2p({}), color={})", rng.between(low, high), rng.pick(COLOURS)));
        self.put(&format!("self.play(Create({line}), FadeIn({dot}))"));
        for _ in 0..rng.below(4) {
            self.put(&format!(
                "self.play({dot}.animate.move_to({line}.n2p({})), rate_func={})",
                rng.between(low, high),
                rng.pick(RATES)
            ));
        }
        self.told.push(format!("move a dot on a number line from {low} to {high}"));
        self.shown.extend([line, dot]);
    }

    fn tracker(&mut self, rng: &mut Rng) {
        let (value, shown, number) = (self.name(rng), self.name(rng), self.name(rng));
        let colour = rng.pick(COLOURS);
        self.put(&format!("{value} = ValueTracker({})", rng.decimal(-2.0, 2.0)));
        match rng.below(3) {
            0 => self.put(&format!("{shown} = always_redraw(lambda: Line(ORIGIN, {} * RIGHT, color={colour}).rotate({value}.get_value(), about_point=ORIGIN))", rng.decimal(1.0, 3.0))),
            1 => {
                self.put(&format!("{shown} = Dot(color={colour})"));
                self.put(&format!("{shown}.add_updater(lambda m: m.move_to({value}.get_value() * {}))", rng.pick(DIRECTIONS)));
            }
            _ => self.put(&format!("{shown} = always_redraw(lambda: Circle(radius=abs({value}.get_value()) + {}, color={colour}))", rng.decimal(0.1, 0.5))),
        }
        self.put(&format!("{number} = DecimalNumber({value}.get_value(), num_decimal_places={})", rng.between(1, 3)));
        self.put(&format!("{number}.add_updater(lambda d: d.set_value({value}.get_value()))"));
        self.put(&format!("self.add({shown}, {number})"));
        for _ in 0..=rng.below(3) {
            self.put(&format!(
                "self.play({value}.animate.set_value({}), run_time={}, rate_func={})",
                rng.decimal(-3.0, 6.0),
                rng.decimal(0.5, 4.0),
                rng.pick(RATES)
            ));
        }
        self.told.push(format!("follow the {} as a number changes", shown.replace('_', " ")));
        self.shown.extend([shown, number]);
    }

    fn table(&mut self, rng: &mut Rng) {
        let name = self.name(rng);
        let (rows, columns) = (rng.between(2, 4), rng.between(2, 4));
        let matrix = rng.chance(50);
        self.put(&format!("{name} = {}(", if matrix { "Matrix" } else { "Table" }));
        self.put("    [");
        for _ in 0..rows {
            let cells: Vec<String> = (0..columns)
                .map(|_| if matrix { rng.between(-9, 99).to_string() } else { format!("\"{}\"", rng.pick(NOUNS)) })
                .collect();
            self.put(&format!("        [{}],", cells.join(", ")));
        }
        self.put("    ],");
        self.put(&format!(").scale({})", rng.decimal(0.3, 0.9)));
        self.told.push(format!("fill a {rows} by {columns} {}", if matrix { "matrix" } else { "table" }));
        self.show(&name, rng);
    }

    fn chart(&mut self, rng: &mut Rng) {
        let name = self.name(rng);
        let values: Vec<String> = (0..rng.between(3, 7)).map(|_| rng.decimal(0.5, 9.0)).collect();
        let names: Vec<String> = values.iter().map(|_| format!("\"{}\"", rng.pick(NOUNS))).collect();
        self.put(&format!("{name} = BarChart("));
        self.put(&format!("    values=[{}],", values.join(", ")));
        self.put(&format!("    bar_names=[{}],", names.join(", ")));
        self.put(&format!("    y_range=[0, 10, {}],", rng.between(1, 5)));
        self.put(&format!("    bar_colors=[{}, {}],", rng.pick(COLOURS), rng.pick(COLOURS)));
        self.put(")");
        self.put(&format!("self.play(Create({name}), run_time={})", rng.decimal(1.0, 3.0)));
        self.told.push(format!("compare {} values in a bar chart", values.len()));
        self.shown.push(name);
    }

    fn arrows(&mut self, rng: &mut Rng) {
        let (from, to) = (self.any(rng), self.any(rng));
        let (arrow, label) = (self.name(rng), self.name(rng));
        self.put(&format!(
            "{arrow} = Arrow({from}.get_center(), {to}.get_center(), buff={}, color={})",
            rng.decimal(0.1, 0.5),
            rng.pick(COLOURS)
        ));
        self.put(&format!(
            "{label} = {}",
            if rng.chance(50) {
                format!("Tex(r\"${}$\")", formula(rng))
            } else {
                format!("Text(\"{}\", font_size={})", sentence(rng, 2), rng.between(18, 32))
            }
        ));
        self.put(&format!("{label}.next_to({arrow}, {})", rng.pick(DIRECTIONS)));
        self.put(&format!("self.play(GrowArrow({arrow}), FadeIn({label}, shift={}))", rng.pick(DIRECTIONS)));
        self.shown.extend([arrow, label]);
    }

    fn helper_method(&mut self, rng: &mut Rng) {
        let (noun, made) = (rng.pick(NOUNS).to_owned(), self.name(rng));
        let method = format!("{}_{noun}_{}", rng.pick(VERBS), rng.below(90));
        let _ = writeln!(self.methods, "    def {method}(self, {noun}, scale={}):", rng.decimal(0.4, 1.6));
        if rng.chance(50) {
            let _ = writeln!(self.methods, "        \"\"\"{}.\"\"\"", sentence(rng, 7));
        }
        let _ = writeln!(self.methods, "        {made} = {noun}.copy().scale(scale).set_color({})", rng.pick(COLOURS));
        if rng.chance(50) {
            let _ =
                writeln!(self.methods, "        {made}.shift({} * {})", rng.decimal(0.3, 2.5), rng.pick(DIRECTIONS));
        }
        let _ = writeln!(
            self.methods,
            "        self.play(TransformFromCopy({noun}, {made}), run_time={})",
            rng.decimal(0.5, 2.0)
        );
        let _ = writeln!(self.methods, "        return {made}\n");
        let (given, result) = (self.any(rng), self.name(rng));
        self.put(&format!("{result} = self.{method}({given})"));
        self.shown.push(result);
    }

    fn helper_function(&mut self, rng: &mut Rng) {
        let function = format!("{}_{}", rng.pick(VERBS), self.name(rng));
        let (low, high) = (rng.decimal(0.1, 1.0), rng.decimal(1.0, 4.0));
        let result = self.name(rng);
        match rng.below(3) {
            0 => {
                let _ = writeln!(self.helpers, "def {function}(n, start={low}):");
                let _ = writeln!(self.helpers, "    values = [start]");
                let _ = writeln!(self.helpers, "    while len(values) < n:");
                let _ = writeln!(self.helpers, "        values.append(values[-1] * {high} - {low})");
                let _ = writeln!(self.helpers, "    return values\n\n");
                self.put(&format!(
                    "{result} = VGroup(*[Text(f\"{{value:.1f}}\", font_size={}) for value in {function}({})])",
                    rng.between(16, 30),
                    rng.between(3, 8)
                ));
                self.put(&format!("{result}.arrange({}, buff={})", rng.pick(DIRECTIONS), rng.decimal(0.1, 0.6)));
            }
            1 => {
                let _ = writeln!(self.helpers, "def {function}(x):");
                let _ = writeln!(self.helpers, "    if x < {low}:");
                let _ = writeln!(self.helpers, "        return x ** {}", rng.between(2, 4));
                let _ = writeln!(self.helpers, "    return {high} * x + {low}\n\n");
                self.put(&format!(
                    "{result} = FunctionGraph({function}, x_range=[{}, {}], color={})",
                    rng.between(-4, 0),
                    rng.between(1, 5),
                    rng.pick(COLOURS)
                ));
            }
            _ => {
                let _ = writeln!(self.helpers, "def {function}(text, color={}):", rng.pick(COLOURS));
                let _ =
                    writeln!(self.helpers, "    label = Text(text, color=color, font_size={})", rng.between(18, 40));
                let _ = writeln!(
                    self.helpers,
                    "    box = SurroundingRectangle(label, buff={low}, corner_radius={})",
                    rng.decimal(0.0, 0.4)
                );
                let _ = writeln!(self.helpers, "    return VGroup(box, label)\n\n");
                self.put(&format!("{result} = {function}(\"{}\")", sentence(rng, 3)));
            }
        }
        self.show(&result, rng);
    }

    fn lagged(&mut self, rng: &mut Rng) {
        let name = self.name(rng);
        let call = match rng.below(3) {
            0 => format!("Circle(radius={} * (k + 1))", rng.decimal(0.1, 0.4)),
            1 => format!("Square(side_length={}).rotate(k * PI / {})", rng.decimal(0.5, 2.0), rng.between(6, 24)),
            _ => format!(
                "Line(ORIGIN, {} * UP).rotate(k * TAU / {}, about_point=ORIGIN)",
                rng.decimal(1.0, 3.0),
                rng.between(6, 16)
            ),
        };
        self.put(&format!("{name} = VGroup(*[{call} for k in range({})])", rng.between(3, 16)));
        self.put(&format!("{name}.set_color_by_gradient({}, {})", rng.pick(COLOURS), rng.pick(COLOURS)));
        self.put(&format!(
            "self.play(LaggedStart(*[Create(m) for m in {name}], lag_ratio={}), run_time={})",
            rng.decimal(0.05, 0.6),
            rng.decimal(1.0, 4.0)
        ));
        self.shown.push(name);
    }

    fn sorting(&mut self, rng: &mut Rng) {
        let (values, bars) = (self.name(rng), self.name(rng));
        let list: Vec<String> = (0..rng.between(4, 9)).map(|_| rng.between(1, 40).to_string()).collect();
        self.put(&format!("{values} = [{}]", list.join(", ")));
        self.put(&format!(
            "{bars} = VGroup(*[Rectangle(width={}, height=v / {}) for v in {values}])",
            rng.decimal(0.2, 0.7),
            rng.between(6, 14)
        ));
        self.put(&format!("{bars}.arrange(RIGHT, aligned_edge=DOWN, buff={})", rng.decimal(0.05, 0.3)));
        self.put(&format!("self.play(FadeIn({bars}))"));
        self.put(&format!("for i in range(len({values})):"));
        self.put(&format!("    for j in range(len({values}) - i - 1):"));
        self.put(&format!("        if {values}[j] > {values}[j + 1]:"));
        self.put(&format!("            {values}[j], {values}[j + 1] = {values}[j + 1], {values}[j]"));
        self.put(&format!("            self.play(Swap({bars}[j], {bars}[j + 1]), run_time={})", rng.decimal(0.1, 0.6)));
        self.told.push(format!("sort {} bars by swapping neighbours", list.len()));
        self.shown.push(bars);
    }

    fn network(&mut self, rng: &mut Rng) {
        let name = self.name(rng);
        let count = rng.between(3, 7);
        let vertices: Vec<String> = (1..=count).map(|v| v.to_string()).collect();
        let edges: Vec<String> = (2..=count).map(|v| format!("({}, {v})", rng.between(1, v - 1))).collect();
        self.put(&format!("{name} = Graph("));
        self.put(&format!("    [{}],", vertices.join(", ")));
        self.put(&format!("    [{}],", edges.join(", ")));
        self.put(&format!("    layout=\"{}\",", rng.pick(&["circular", "spring", "kamada_kawai", "tree"])));
        self.put(&format!("    labels={},", rng.pick(&["True", "False"])));
        self.put(&format!(
            "    vertex_config={{\"radius\": {}, \"color\": {}}},",
            rng.decimal(0.1, 0.4),
            rng.pick(COLOURS)
        ));
        self.put(")");
        self.told.push(format!("connect {count} vertices to a network"));
        self.show(&name, rng);
    }

    fn motion(&mut self, rng: &mut Rng) {
        let (ball, path) = (self.name(rng), self.name(rng));
        let (gravity, speed) = (rng.decimal(1.0, 9.9), rng.decimal(0.5, 6.0));
        self.put(&format!("{ball} = Dot(radius={}, color={})", rng.decimal(0.08, 0.3), rng.pick(COLOURS)));
        self.put(&format!(
            "{path} = TracedPath({ball}.get_center, stroke_width={}, stroke_color={})",
            rng.between(1, 6),
            rng.pick(COLOURS)
        ));
        self.put(&format!("self.add({path}, {ball})"));
        self.put(&format!("velocity = np.array([{speed}, {}, 0])", rng.decimal(1.0, 5.0)));
        self.put(&format!("for step in range({}):", rng.between(5, 40)));
        self.put(&format!("    velocity = velocity + np.array([0, -{gravity}, 0]) * {}", rng.decimal(0.01, 0.2)));
        self.put(&format!(
            "    self.play({ball}.animate.shift(velocity * {}), run_time={}, rate_func=linear)",
            rng.decimal(0.01, 0.2),
            rng.decimal(0.05, 0.3)
        ));
        self.numpy = true;
        self.told.push(format!("let the {} fly under gravity", ball.replace('_', " ")));
        self.shown.push(ball);
    }

    fn transform(&mut self, rng: &mut Rng) {
        let name = self.any(rng);
        match rng.below(6) {
            0 => self.put(&format!(
                "self.play({name}.animate.shift({} * {}), run_time={})",
                rng.decimal(0.3, 3.0),
                rng.pick(DIRECTIONS),
                rng.decimal(0.3, 3.0)
            )),
            1 => self.put(&format!(
                "self.play(Rotate({name}, angle={} * PI), rate_func={})",
                rng.decimal(0.1, 2.0),
                rng.pick(RATES)
            )),
            2 => self.put(&format!(
                "self.play(Indicate({name}, color={}, scale_factor={}))",
                rng.pick(COLOURS),
                rng.decimal(1.05, 1.6)
            )),
            3 => self.put(&format!(
                "self.play({name}.animate.scale({}).set_opacity({}))",
                rng.decimal(0.4, 2.0),
                rng.decimal(0.2, 1.0)
            )),
            4 => self.put(&format!("self.play(Circumscribe({name}, color={}, fade_out=True))", rng.pick(COLOURS))),
            _ => {
                let target = self.name(rng);
                self.put(&format!(
                    "{target} = {}(color={}).scale({}).to_edge({})",
                    rng.pick(&["Circle", "Square", "Triangle", "RegularPolygon", "Star"]),
                    rng.pick(COLOURS),
                    rng.decimal(0.4, 1.8),
                    rng.pick(DIRECTIONS)
                ));
                self.put(&format!(
                    "self.play({}({name}, {target}), run_time={})",
                    rng.pick(&["Transform", "ReplacementTransform"]),
                    rng.decimal(0.5, 2.5)
                ));
            }
        }
    }

    fn steps(&mut self, rng: &mut Rng) {
        let list = self.name(rng);
        self.put(&format!("{list} = ["));
        for _ in 0..rng.between(2, 5) {
            if rng.chance(50) {
                self.put(&format!("    \"{}\",", sentence(rng, 6)));
            } else {
                self.put(&format!("    r\"{}\",", formula(rng)));
            }
        }
        self.put("]");
        let line = self.name(rng);
        self.put(&format!("for index, {line} in enumerate({list}):"));
        self.put(&format!(
            "    entry = Tex({line}, font_size={}).shift((index - {}) * {} * DOWN)",
            rng.between(20, 40),
            rng.between(1, 3),
            rng.decimal(0.4, 1.1)
        ));
        self.put(&format!(
            "    self.play({}(entry), run_time={})",
            rng.pick(&["Write", "FadeIn", "AddTextLetterByLetter"]),
            rng.decimal(0.4, 1.5)
        ));
        self.told.push(format!("walk through the steps of the {}", line.replace('_', " ")));
    }

    fn settings(&mut self, rng: &mut Rng) {
        let name = self.name(rng);
        self.put(&format!("{name} = {{"));
        self.put(&format!("    \"stroke_width\": {},", rng.between(1, 9)));
        self.put(&format!("    \"stroke_color\": {},", rng.pick(COLOURS)));
        if rng.chance(60) {
            self.put(&format!("    \"fill_opacity\": {},", rng.decimal(0.1, 1.0)));
        }
        self.put("}");
        let styled = self.name(rng);
        self.put(&format!("{styled} = RoundedRectangle(corner_radius={}, **{name})", rng.decimal(0.1, 0.6)));
        self.show(&styled, rng);
    }

    fn remark(&mut self, rng: &mut Rng) {
        for _ in 0..rng.between(1, 3) {
            let words = rng.between(6, 11) as usize;
            let note = sentence(rng, words);
            self.put(&format!("# {note}."));
        }
    }

    fn tidy(&mut self, rng: &mut Rng) {
        if self.shown.len() < 3 {
            return self.shape(rng);
        }
        let gone: Vec<String> = (0..2).map(|_| self.shown.swap_remove(rng.below(self.shown.len()))).collect();
        if rng.chance(50) {
            self.put(&format!("self.play({}({}), {}({}))", rng.pick(EXITS), gone[0], rng.pick(EXITS), gone[1]));
        } else {
            self.put(&format!("self.play(*[FadeOut(mob) for mob in ({}, {})])", gone[0], gone[1]));
        }
    }

    fn group(&mut self, rng: &mut Rng) {
        let (group, one, two) = (self.name(rng), self.any(rng), self.any(rng));
        let brace = self.name(rng);
        self.put(&format!("{group} = VGroup({one}, {two})"));
        self.put(&format!(
            "{brace} = Brace({group}, direction={}, color={})",
            rng.pick(&["UP", "DOWN", "LEFT", "RIGHT"]),
            rng.pick(COLOURS)
        ));
        self.put(&format!("self.play(GrowFromCenter({brace}), Write({brace}.get_text(\"{}\")))", sentence(rng, 2)));
        self.shown.push(brace);
    }

    fn polygon(&mut self, rng: &mut Rng) {
        let name = self.name(rng);
        self.put(&format!("{name} = Polygon("));
        for _ in 0..rng.between(3, 6) {
            self.put(&format!("    [{}, {}, 0],", rng.decimal(-4.0, 4.0), rng.decimal(-3.0, 3.0)));
        }
        self.put(&format!("    color={},", rng.pick(COLOURS)));
        self.put(")");
        self.told.push(format!("outline the {}", name.replace('_', " ")));
        self.show(&name, rng);
    }

    fn branch(&mut self, rng: &mut Rng) {
        let (name, other) = (self.any(rng), self.any(rng));
        self.put(&format!("if {name}.get_{}() > {}:", rng.pick(&["x", "y", "z"]), rng.decimal(-2.0, 2.0)));
        self.put(&format!("    self.play({name}.animate.set_color({}))", rng.pick(COLOURS)));
        if rng.chance(50) {
            self.put("else:");
            self.put(&format!("    self.play(Wiggle({other}), run_time={})", rng.decimal(0.5, 2.0)));
        }
    }
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

/// Words that read like a phrase, the first capitalised; about `words` of them.
fn sentence(rng: &mut Rng, words: usize) -> String {
    let mut out = capital(rng.pick(VERBS));
    let mut count = 1;
    while count < words {
        if count > 1 {
            out.push(' ');
            out.push_str(rng.pick(GLUE));
            count += 2;
        } else {
            out.push_str(" the");
            count += 1;
        }
        if rng.chance(60) {
            out.push(' ');
            out.push_str(rng.pick(ADJECTIVES));
        }
        out.push(' ');
        out.push_str(rng.pick(NOUNS));
        count += 1;
    }
    out
}

fn formula(rng: &mut Rng) -> String {
    let (n, m) = (rng.between(2, 30).to_string(), rng.between(2, 12).to_string());
    let (v, w) = (rng.pick(LETTERS), rng.pick(LETTERS));
    let mut out = rng.pick(FORMULAS).replace("{n}", &n).replace("{m}", &m).replace("{v}", v).replace("{w}", w);
    if rng.chance(25) {
        let _ = write!(out, " + {}", rng.between(1, 99));
    }
    out
}
