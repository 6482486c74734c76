//! Small projects of ours, one rule each.

use std::path::{Path, PathBuf};

use scenery::ingest::recipe::Recipe;
use scenery::ingest::row::RawRow;
use scenery::sample::{DescriptionKind, Dialect, RejectedRow};

use super::{Read, read};

/// A folder of our own making, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Folder {
        let path = std::env::temp_dir().join(format!("scenery-repos-{}-{name}", std::process::id()));
        let folder = Folder(path);
        for (file, text) in files {
            folder.write(file, text.as_bytes());
        }
        folder
    }

    fn write(&self, file: &str, bytes: &[u8]) {
        let at = self.0.join(file);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, bytes).unwrap();
    }

    fn read(&self, reader: &str, options: &str) -> Read {
        read(&recipe(reader, options), &self.0).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn recipe(reader: &str, options: &str) -> Recipe {
    let text = format!("name = \"own\"\nlicence = \"MIT\"\nrank = 1\nreader = \"{reader}\"\n{options}");
    Recipe::from_toml(&text, "own").unwrap()
}

impl Read {
    fn row(&self, key: &str) -> &RawRow {
        let found = self.rows.iter().find(|row| row.key.as_deref() == Some(key));
        found.unwrap_or_else(|| panic!("{key} is not in {:?}", self.keys()))
    }

    fn keys(&self) -> Vec<&str> {
        self.rows.iter().map(|row| row.key.as_deref().unwrap()).collect()
    }

    fn rejections(&self) -> Vec<(&str, &str)> {
        self.rejected.iter().map(|row| (row.reason.as_str(), row.locator.as_str())).collect()
    }
}

const SCENE: &str = "class Only(Scene):\n    def construct(self):\n        self.wait()\n";

/// Issues of a row, which are none where all is well.
fn issues(row: &RawRow) -> Vec<&str> {
    row.issues.iter().map(String::as_str).collect()
}

#[test]
fn what_a_scene_needs_comes_through_packages_and_star_imports_in_an_order_that_runs() {
    let shapes = "\
from manim import *

ACCENT = RED
_SECRET = 3


class Badge(VGroup):
    tint = ACCENT

    def secret(self):
        return _SECRET


class Unused(VGroup):
    pass
";
    let bases = "\
from manim import *
from .shapes import Badge


class Stage(Scene):
    def badge(self):
        return Badge()


class Finished(Stage):
    def construct(self):
        self.add(self.badge())
";
    let intro = "\
import sys
sys.path.append('..')
import numpy as np
import os
from units import *


class Opening(Stage):
    def construct(self):
        self.wait(np.pi)


class Again(Finished):
    pass


if __name__ == '__main__':
    Opening().render()
";
    let folder = Folder::new(
        "layers",
        &[
            ("units/__init__.py", "from .shapes import *\nfrom .bases import *\n"),
            ("units/shapes.py", shapes),
            ("units/bases.py", bases),
            ("scenes/intro.py", intro),
        ],
    );
    let read = folder.read("python", "");
    assert_eq!(read.keys(), ["scenes/intro.py#Opening", "scenes/intro.py#Again", "units/bases.py#Finished"]);
    let opening = read.row("scenes/intro.py#Opening");
    let expected = "\
from manim import *
import numpy as np

ACCENT = RED
_SECRET = 3


class Badge(VGroup):
    tint = ACCENT

    def secret(self):
        return _SECRET


class Stage(Scene):
    def badge(self):
        return Badge()


class Opening(Stage):
    def construct(self):
        self.wait(np.pi)
";
    assert_eq!(opening.code, expected);
    assert!(issues(opening).is_empty());
    assert_eq!(opening.locator, "scenes/intro.py#Opening");
    assert_eq!(opening.dialect, Some(Dialect::Ce));
    let again = &read.row("scenes/intro.py#Again").code;
    assert!(
        again.contains("class Finished(Stage)") && again.ends_with("class Again(Finished):\n    pass\n"),
        "{again}"
    );
    assert!(!again.contains("import numpy") && !again.contains("units") && !again.contains("__main__"), "{again}");
    // `Stage` has no construct: it is a base, and a rejected row; `Again` has its base's.
    let without: Vec<&RejectedRow> = read.rejected.iter().filter(|row| row.reason == "no-construct").collect();
    assert_eq!(without.len(), 1);
    assert!(without[0].locator.ends_with("#Stage") && without[0].detail.starts_with("line "), "{:?}", without[0]);
    assert_eq!(read.summary.counts["files"], 4);
}

#[test]
fn scenes_that_stand_inside_something_are_rejected_rows() {
    let text = "\
from manim import *
if True:
    class InBlock(Scene):
        def construct(self):
            self.wait()
class Outer:
    class InClass(MovingCameraScene):
        pass
    class Plain:
        pass
def make():
    class InFunction(Scene):
        pass
class Top(Scene):
    def construct(self):
        self.wait()
";
    let folder = Folder::new("nested", &[("n.py", text)]);
    let read = folder.read("python", "");
    assert_eq!(read.keys(), ["n.py#Top"]);
    assert_eq!(
        read.rejections(),
        [
            ("nested-scene", "n.py:3#InBlock"),
            ("nested-scene", "n.py:7#InClass"),
            ("nested-scene", "n.py:12#InFunction")
        ]
    );
}

#[test]
fn names_given_by_as_and_modules_used_as_names_are_taken_apart() {
    let tools = "\
from manim import *


def paint(mob):
    return mob.set_color(RED)


def size():
    return 2
";
    let main = "\
from manim import *
import tools
import tools as t
from tools import size as how_big


class Only(Scene):
    def construct(self):
        dot = tools.paint(Dot())
        size = t.size() + how_big()
        self.add(dot, f'{tools.size()}')
";
    let read = Folder::new("aliases", &[("tools.py", tools), ("main.py", main)]).read("python", "");
    let row = read.row("main.py#Only");
    assert!(issues(row).is_empty());
    // `size` is a local of `construct`, so the function is reached by its other name there.
    let expected = "\
from manim import *


def paint(mob):
    return mob.set_color(RED)


def size():
    return 2


size_t = size


how_big = size


class Only(Scene):
    def construct(self):
        dot = paint(Dot())
        size = size_t() + how_big()
        self.add(dot, f'{size_t()}')
";
    assert_eq!(row.code, expected);
}

#[test]
fn helpers_of_one_name_in_two_modules_are_kept_apart() {
    let main = "\
from manim import *
from left import left, make
from right import right
from dots import point


class Dot(Dot):
    own = True


class Only(Scene):
    def construct(self):
        self.add(Dot(), point(), left(), right(), make())
";
    let folder = Folder::new(
        "conflicts",
        &[
            ("left.py", "def make():\n    return 'left'\n\n\ndef left():\n    return make()\n"),
            ("right.py", "def make():\n    return 'right'\n\n\ndef right():\n    global make\n    return make()\n"),
            ("dots.py", "from manim import *\n\n\ndef point():\n    return Dot()\n"),
            ("main.py", main),
        ],
    );
    let read = folder.read("python", "");
    let row = read.row("main.py#Only");
    assert!(issues(row).is_empty());
    for part in [
        "def make():\n    return 'left'",
        "def left():\n    return make()",
        "def make_right():\n    return 'right'",
        "def right():\n    global make_right\n    return make_right()",
        // The library's `Dot` is what the helper means, so the scene's own class has another name.
        "def point():\n    return Dot()",
        "class Dot_main(Dot):",
        "self.add(Dot_main(), point(), left(), right(), make())",
    ] {
        assert!(row.code.contains(part), "{part}\nis not in\n{}", row.code);
    }
}

#[test]
fn statements_that_change_what_is_needed_come_along_and_others_do_not() {
    let table = "\
import os
TABLE = {}
TABLE['a'] = 1
OTHER = []
OTHER.append(2)
print('loaded')
os.makedirs('out', exist_ok=True)
";
    let main = "\
from manim import *
import random
from table import TABLE, OTHER
config.frame_width = 9
random.seed(3)
TABLE.update(b=2)
STEP = 1
STEP += 1
for key in TABLE:
    TABLE[key] += STEP


class Only(Scene):
    def construct(self):
        self.wait(TABLE['a'])
";
    let expected = "\
from manim import *
import random

TABLE = {}
TABLE['a'] = 1

config.frame_width = 9
random.seed(3)
TABLE.update(b=2)
STEP = 1
STEP += 1
for key in TABLE:
    TABLE[key] += STEP


class Only(Scene):
    def construct(self):
        self.wait(TABLE['a'])
";
    let read = Folder::new("effects", &[("table.py", table), ("main.py", main)]).read("python", "");
    assert_eq!(read.rows[0].code, expected);
}

#[test]
fn imports_inside_functions_guarded_imports_and_cycles_are_followed() {
    let main = "\
from manim import *
try:
    from .a import first
except ImportError:
    from a import first
try:
    import cupy as xp
except ImportError:
    import numpy as xp


class Only(Scene):
    def construct(self):
        from .b import second as two
        import math
        self.add(first(), two(), xp.zeros(math.ceil(1)))
";
    let folder = Folder::new(
        "inner",
        &[
            ("pkg/__init__.py", ""),
            ("pkg/a.py", "from . import b\n\n\ndef first():\n    return b.second()\n"),
            ("pkg/b.py", "from .a import first\n\n\ndef second():\n    return first\n"),
            ("pkg/main.py", main),
        ],
    );
    let expected = "\
from manim import *


def second():
    return first


two = second


def first():
    return second()


try:
    import cupy as xp
except ImportError:
    import numpy as xp


class Only(Scene):
    def construct(self):
        pass
        import math
        self.add(first(), two(), xp.zeros(math.ceil(1)))
";
    let read = folder.read("python", "");
    let row = read.row("pkg/main.py#Only");
    assert_eq!(row.code, expected);
    assert!(issues(row).is_empty(), "{:?}", row.issues);
}

#[test]
fn files_that_cannot_be_read_are_rejected_rows_with_a_place() {
    let folder = Folder::new("broken", &[("a.py", "x = 1\nclass A(Scene:\n    pass\n"), ("ok.py", SCENE)]);
    folder.write("latin.py", b"# caf\xe9\nx = 1\n");
    folder.write("newer.py", format!("x = f'{{d['a']}}'\n{SCENE}").as_bytes());
    folder.write("deep.py", format!("x = {}1\n{SCENE}", "1 + ".repeat(15_000)).as_bytes());
    let read = folder.read("python", "");
    assert_eq!(read.rejections(), [("syntax", "a.py:2:14"), ("not-utf8", "latin.py")]);
    assert_eq!(read.keys(), ["deep.py#Only", "newer.py#Only", "ok.py#Only"]);
    assert_eq!(read.summary.counts["unparsable"], 2);
    assert_eq!(read.rejected[1].detail, "byte 5, line 1 is not UTF-8");
}

#[test]
fn code_of_others_is_no_source_but_says_what_is_a_scene() {
    let folder = Folder::new(
        "vendored",
        &[
            ("manimlib/scene/extra.py", "class Quote(Scene):\n    def construct(self):\n        pass\n"),
            (".venv/x.py", SCENE),
            ("lib/site-packages/x.py", SCENE),
            ("node_modules/x.py", SCENE),
            ("helper.py", "from manimlib.imports import *\nEDGE = 2\n"),
            (
                "main.py",
                "from helper import *\n\n\nclass Said(Quote):\n    def construct(self):\n        self.wait(EDGE)\n",
            ),
        ],
    );
    let read = folder.read("python", "");
    assert_eq!(read.keys(), ["main.py#Said"]);
    // The helper re-exports manimlib, so its user is ManimGL.
    assert_eq!(read.rows[0].dialect, Some(Dialect::Gl));
    assert!(read.rows[0].code.starts_with("from manimlib.imports import *\n\nEDGE = 2\n"), "{}", read.rows[0].code);
    assert_eq!(read.summary.files, ["helper.py", "main.py"]);
    assert!(read.summary.notes[0].starts_with("3 files"), "{:?}", read.summary.notes);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let outside = Folder::new("outside", &[("secret.py", SCENE)]);
    let folder = Folder::new("links", &[("main.py", SCENE)]);
    std::os::unix::fs::symlink(&outside.0, folder.0.join("link")).unwrap();
    std::os::unix::fs::symlink(outside.0.join("secret.py"), folder.0.join("other.py")).unwrap();
    assert_eq!(folder.read("python", "").keys(), ["main.py#Only"]);
}

#[test]
fn repeated_names_get_numbers_and_each_its_own_class() {
    let text = "\
from manim import *
class A(Scene):
    def construct(self):
        self.wait(1)
class A(Scene):
    def construct(self):
        self.wait(2)
class B(A):
    pass
";
    let read = Folder::new("repeated", &[("main.py", text)]).read("python", "");
    assert_eq!(read.keys(), ["main.py#A", "main.py#A~2", "main.py#B"]);
    let waits: Vec<(bool, bool)> =
        read.rows.iter().map(|row| (row.code.contains("wait(1)"), row.code.contains("wait(2)"))).collect();
    assert_eq!(waits, [(true, false), (false, true), (false, true)]);
}

#[test]
fn assets_and_names_that_nothing_defines_are_issues() {
    let text = "\
from manim import *
import lost_helpers
from .gone import away


class Only(Scene):
    def construct(self):
        self.add(ImageMobject('cat.png'), SVGMobject(file_name='a/b.svg'), blub, away, lost_helpers.x)
        self.add_sound(f'{1}.mp3')
        open('out.txt', 'w')
";
    let read = Folder::new("issues", &[("main.py", text)]).read("python", "");
    let expected = [
        "asset:a/b.svg",
        "asset:cat.png",
        "asset:f'{1}.mp3'",
        "unknown-package:lost_helpers",
        "unresolved:away",
        "unresolved:blub",
    ];
    assert_eq!(issues(&read.rows[0]), expected);
}

#[test]
fn packages_that_the_recipe_names_stay_imports() {
    let mobs = "\
class Thing:
    '''A thing.

    .. manim:: Shown

        class Shown(Scene):
            def construct(self):
                self.add(Thing())
    '''
";
    let main = "\
from manim import *
from own_lib import Thing


class Only(Scene):
    def construct(self):
        self.add(Thing())
";
    let files = [
        ("src/own_lib/__init__.py", "from .mobs import Thing\n"),
        ("src/own_lib/mobs.py", mobs),
        ("examples/main.py", main),
    ];
    let folder = Folder::new("plugin", &files);
    let read = folder.read("python", "[options]\nexternal = ['own_lib']\nwith = ['docs']\ndocstrings = true\n");
    assert_eq!(read.keys(), ["examples/main.py#Only", "src/own_lib/mobs.py#Shown"]);
    assert!(read.rows[0].code.starts_with("from manim import *\nfrom own_lib import Thing\n"), "{}", read.rows[0].code);
    assert!(issues(&read.rows[0]).is_empty());
    assert_eq!(issues(&read.rows[1]), ["unimported:own_lib"]);
    assert_eq!(read.rows[1].locator, "src/own_lib/mobs.py:4#Shown");
    assert_eq!(read.rows[1].code, "class Shown(Scene):\n    def construct(self):\n        self.add(Thing())\n");
    let inlined = folder.read("python", "");
    assert!(inlined.rows[0].code.contains("class Thing:"), "{}", inlined.rows[0].code);
}

#[test]
fn descriptions_are_prose_of_the_class_or_none() {
    let text = "\
'''Many words about all of this module here.'''
from manim import *


# Moves a dot along the edge of a circle.
class A(Scene):
    def construct(self):
        pass


# self.play(Create(x)) was here once upon a time
class B(Scene):
    '''Turns a square into a circle, slowly.'''
    def construct(self):
        pass


# ------------
class C(Scene):
    def construct(self):
        pass
";
    let one = format!("'''Explains the waiting for a second.'''\n{SCENE}");
    let folder = Folder::new("prose", &[("main.py", text), ("one.py", &one)]);
    let read = folder.read("python", "description_kind = 'llm'\n");
    let told: Vec<_> = read.rows.iter().map(|row| row.instruction.as_deref().unwrap_or("none")).collect();
    let expected = [
        "Moves a dot along the edge of a circle.",
        "Turns a square into a circle, slowly.",
        "none",
        "Explains the waiting for a second.",
    ];
    assert_eq!(told, expected);
    assert_eq!(read.rows[0].description_kind, Some(DescriptionKind::Llm));
    assert_eq!(read.rows[2].description_kind, Some(DescriptionKind::None));
}

#[test]
fn recipes_choose_files_dialects_and_metadata() {
    let folder = Folder::new(
        "options",
        &[
            ("2_Two_Things.py", &format!("from manim import *\n{SCENE}")),
            ("gl.py", &format!("from manimlib import *\n{SCENE}")),
            ("tests/x.py", SCENE),
        ],
    );
    let options = r"exclude = ['tests/**']
[options]
needs_description = true
only_dialect = 'ce'
meta = { playlist = 'P' }
path_meta = '(?:(?P<episode>\d+)_)?(?P<video>[^/]+)\.py$'
scene_meta = { Only = { part = '1' } }
";
    let read = folder.read("python", options);
    assert_eq!(read.keys(), ["2_Two_Things.py#Only"]);
    let row = &read.rows[0];
    let meta = serde_json::Value::Object(row.meta.clone());
    let expected =
        serde_json::json!({"playlist": "P", "episode": "2", "video": "Two Things", "part": "1", "scene": "Only"});
    assert_eq!(meta, expected);
    assert_eq!((row.instruction.as_deref(), issues(row)), (None, vec!["needs-description"]));
    assert_eq!(read.rejections(), [("filtered", "gl.py#Only")]);
    let wrong = super::read(&recipe("python", "[options]\nexternl = []\n"), &folder.0).err().unwrap();
    assert!(wrong.to_string().contains("unknown option `externl`; there are: external"), "{wrong}");
}

#[test]
fn a_single_file_finds_its_helpers_beside_it() {
    let main = "\
from manim import *
from helper import TIME


class Only(Scene):
    def construct(self):
        self.wait(TIME)
";
    let folder = Folder::new("single", &[("helper.py", "TIME = 2\n"), ("main.py", main), ("more.py", SCENE)]);
    let read = read(&recipe("python", ""), &folder.0.join("main.py")).unwrap();
    assert_eq!(read.keys(), ["main.py#Only"]);
    assert!(read.rows[0].code.contains("TIME = 2\n"), "{}", read.rows[0].code);
    assert_eq!(read.summary.files, ["main.py"]);
}

#[test]
fn notebooks_bring_what_earlier_cells_define() {
    let cell = |source: &str| serde_json::json!({"cell_type": "code", "source": source});
    let cells = serde_json::json!({"cells": [
        cell("%load_ext manim\nfrom manim import *\nfrom helper import TIME\n!pip list"),
        cell("def mark():\n    return Dot()"),
        cell("%%manim -ql Intro\nclass Intro(Scene):\n    def construct(self):\n        self.add(mark())\n        self.wait(TIME)"),
        {"cell_type": "markdown", "source": ["text"]},
        cell("def mark():\n    return Square()"),
        cell("class Later(Scene):\n    def construct(self):\n        self.add(mark())"),
        cell("%manim -ql Later"),
        cell("def broken(:"),
        cell("%%bash\nls"),
    ]});
    let files =
        [("nb.ipynb", cells.to_string()), ("empty.ipynb", String::new()), ("helper.py", "TIME = 2\n".to_owned())];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let folder = Folder::new("notebook", &files);
    let read = folder.read("notebook", "");
    assert_eq!(read.keys(), ["nb.ipynb#Intro", "nb.ipynb#Later"]);
    assert_eq!(read.rows[0].locator, "nb.ipynb#cell3/Intro");
    let expected = "\
from manim import *

TIME = 2


def mark():
    return Dot()


class Intro(Scene):
    def construct(self):
        self.add(mark())
        self.wait(TIME)
";
    assert_eq!(read.rows[0].code, expected);
    let later = &read.rows[1].code;
    assert!(later.contains("Square()") && !later.contains("Dot()"), "{later}");
    assert_eq!(read.rejections(), [("empty", "empty.ipynb"), ("syntax", "nb.ipynb#cell8:1:12")]);
}

#[test]
fn documents_give_directives_and_blocks_with_a_scene() {
    let rst = "\
.. manim:: A
   :quality: low

   class A(Scene):
       def construct(self):
           pass

.. manim:: A

   class A(Scene):
       def construct(self):
           blub

.. manim:: Nothing

.. manim:: Bad

   class Bad(:
";
    let md = "\
```python
x = 1
```

```py
from manim import *

# Shows nothing at all for a while.
class B(Scene):
    def construct(self):
        pass
```
";
    let read = Folder::new("docs", &[("a.rst", rst), ("b.md", md)]).read("docs", "");
    assert_eq!(read.keys(), ["a.rst#A", "a.rst#A~2", "b.md#B"]);
    assert_eq!(read.rows[0].code, "class A(Scene):\n    def construct(self):\n        pass\n");
    assert_eq!(read.rows[0].dialect, Some(Dialect::Ce));
    assert!(issues(&read.rows[0]).is_empty());
    assert_eq!(issues(&read.rows[1]), ["unresolved:blub"]);
    assert_eq!(read.rows[1].locator, "a.rst:8#A~2");
    assert_eq!(read.rows[2].instruction.as_deref(), Some("Shows nothing at all for a while."));
    assert_eq!(read.rejections(), [("no-code", "a.rst:14#Nothing"), ("syntax", "a.rst:18:11#Bad")]);
}

#[test]
fn reading_twice_gives_the_same_rows_in_the_same_order() {
    let folder = Folder::new("twice", &[("b.py", SCENE), ("a/c.py", SCENE), ("a/b.py", SCENE)]);
    let (first, second) = (folder.read("python", ""), folder.read("python", ""));
    assert_eq!(first.rows, second.rows);
    assert_eq!(first.keys(), ["a/b.py#Only", "a/c.py#Only", "b.py#Only"]);
}

#[test]
fn a_path_that_is_not_there_is_an_error() {
    assert!(read(&recipe("python", ""), Path::new("/no/such/folder")).is_err());
}
